"""Which model? The same pictures fitted by several, ranked by what each leaves over.

Every model is tried with each of its species as the one that is seen, if the others are
linear in turn given it, and from several starts, for the length scale of a picture is not that of a
model's defaults. The best fits are then asked to make such patterns from fresh noise.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from rdtf import schemes
from rdtf.grids import Grid
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.problem import Problem
from rdtf.inverse.simulated.checks import check
from rdtf.inverse.steady import gains, stills
from rdtf.inverse.structure.elimination import Linear, eliminate
from rdtf.models import ReactionDiffusion
from rdtf.simulation import Simulation
from rdtf.status import InputError

LENGTHS = (1.0, 0.3, 3.0)  # length scales tried, times that of the defaults
PLAUSIBLE = 3.0  # a model that leaves so many times more than the best is refuted
ASKED = 3  # how many of the best are simulated


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A model, seen as one of its species, and how well it explains the pictures.

    Attributes:
      model, observe: names.
      params: the best found; gain and offset too if they were unknown.
      relative: what the integrated equation leaves over, |w - o| / |o - mean(o)|.
      undetermined: directions that the pictures leave open.
      looks_alike: whether new patterns have the spectrum of the pictures; None if it
        was not asked.
    """

    model: str
    observe: str
    params: dict[str, float]
    relative: float
    undetermined: int
    looks_alike: bool | None = None


def rank(
    models: Sequence[ReactionDiffusion],
    grid: Grid,
    pictures: np.ndarray,
    observation: Observation,
    laplacian: str = "second_order",
    seed: int = 0,
    callback: Callable[[str], None] = lambda name: None,
) -> list[Candidate]:
    """The candidates, the one that leaves least over first.

    Args:
      models: to try, in any order.
      grid, pictures, observation: as of `rdtf.inverse.Problem`; stills that are not
        cropped, of which the first is fitted.
      laplacian: of all fits.
      seed: of random starts and of the simulations.
      callback: called with what is tried next.

    Raises:
      InputError: if no model can be tried.
    """
    found, chosen = [], {}
    for model in models:
        for observe in model.species:
            callback(f"{model.name}, seen as {observe}")
            fit = _fit(model, grid, observe, pictures, observation, laplacian, seed)
            if fit is not None:
                found.append(fit)
                chosen[fit.model] = model
    if not found:
        raise InputError(
            f"Expected a model whose hidden species can be eliminated, got "
            f"{', '.join(model.name for model in models)}."
        )
    found.sort(key=lambda fit: fit.relative)
    for i, fit in enumerate(found[:ASKED]):
        if fit.undetermined and observation.unknown_gain:
            continue  # it cannot be simulated
        callback(f"{fit.model}: new patterns")
        alike = _looks_alike(chosen[fit.model], grid, fit, pictures, observation, seed)
        found[i] = dataclasses.replace(fit, looks_alike=alike)
    return found


def verdict(candidates: Sequence[Candidate]) -> str:
    """One line: which models remain."""
    best = candidates[0]
    if best.relative > stills.POOR:
        return (
            f"none explains the pictures: the best, {best.model}, leaves "
            f"{100.0 * best.relative:.2g} % over"
        )
    rest = [c for c in candidates if c.relative < PLAUSIBLE * best.relative]
    if len(rest) == 1:
        margin = candidates[1].relative / best.relative if len(candidates) > 1 else 0.0
        more = f"; the next leaves {margin:.3g} times as much over" if margin else ""
        return f"{best.model}, seen as {best.observe}{more}"
    names = ", ".join(f"{c.model} ({c.observe})" for c in rest)
    return f"the pictures cannot tell these apart: {names}"


def _fit(model, grid, observe, pictures, observation, laplacian, seed):
    """The best of several starts, or None if the model cannot be tried."""
    try:
        if not isinstance(eliminate(model, observe), Linear):
            return None
        prepared = stills.Stills(
            model, grid, observe, pictures[:1], _first(observation)
        )
        starts = _starts(prepared, model, seed)
    except InputError:
        return None
    fits = [
        stills.fit_residual(prepared, laplacian, start, "integral", max_iterations=25)
        for start in starts
    ]
    fits = [fit for fit in fits if np.isfinite(fit.relative)]
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit.relative)
    best = stills.fit_residual(prepared, laplacian, best.params, "integral")
    return Candidate(
        model.name,
        observe,
        best.params,
        best.relative,
        len(best.minimum.undetermined),
    )


def _first(observation):
    """The observation of the first picture alone."""
    mask = observation.mask
    return dataclasses.replace(observation, mask=None if mask is None else mask[:1])


def _starts(prepared, model, seed):
    """Defaults at several length scales, and around them; gains where unknown."""
    starts = []
    for length in LENGTHS:
        start = dict(model.defaults)
        for name in model.diffusivities:
            start[name] *= length**2
        starts.append(start)
    starts += stills.other_starts(prepared, model.defaults, seed, 3)
    if prepared.observation.unknown_gain:
        return [s for start in starts[:3] for s in gains.starts(prepared, start)]
    return starts


def _looks_alike(model, grid, fit, pictures, observation, seed):
    params = {name: fit.params[name] for name in model.parameters}
    step = schemes.default_time_step(model, params, grid)
    problem = Problem(
        Simulation(model, grid, step),
        fit.observe,
        pictures,
        params,
        seed=seed,
        observation=observation,
    )
    return check(problem, fit.params).passed
