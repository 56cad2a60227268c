"""Which model? The same pictures fitted by several, ranked by their residuals.

Every model is tried with each of its species as the observed one, if the others are
linear in turn given it, and from several starts, for the length scale of a picture is
not that of a model's defaults. The best fits are then asked to make such patterns from
fresh noise.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from rdtf import models as built_in
from rdtf import schemes
from rdtf.grids import Grid
from rdtf.inverse import pictures as inputs
from rdtf.inverse import starts
from rdtf.inverse.fits import Fit
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.problem import Problem
from rdtf.inverse.settings import Settings
from rdtf.inverse.simulated.checks import check
from rdtf.inverse.steady import stage, stills
from rdtf.inverse.structure.elimination import Linear, eliminate
from rdtf.models import ReactionDiffusion
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.storage import Targets

LENGTHS = (1.0, 0.3, 3.0)  # length scales tried, times that of the defaults
PLAUSIBLE = 3.0  # a model whose residual is so many times the least is refuted
ASKED = 3  # how many of the best are simulated


def rank_models(
    pictures: inputs.Pictures,
    models: Sequence[str | ReactionDiffusion] | None = None,
    *,
    scale=None,
    grid: Grid | None = None,
    observation: Observation | None = None,
    laplacian: str = "second_order",
    seed: int = 0,
    callback: Callable[[str], None] = lambda name: None,
) -> list[Fit]:
    """Fits several models to the same stills; the smallest residual comes first.

        ranked = rdtf.rank_models("photo.png", ["gray_scott", "brusselator"])
        print(ranked[0].problem.model.name, ranked[0].params)

    Args:
      pictures: stills that are not cropped, as of `rdtf.fit`; the first is fitted.
      models: names or models; default: the built-in ones of several species that can
        make steady patterns.
      scale: as of `rdtf.fit`.
      grid: of the models; default: that of the pictures, periodic.
      observation: as of `rdtf.fit`.
      laplacian: of all fits.
      seed: of random starts and of the simulations.
      callback: called with what is tried next.

    Returns:
      one fit for each model and observed species that could be tried, with a single
      stage, "residual"; the first three have a `check`.

    Raises:
      InputError: if no model can be tried, or the pictures cannot be used.
    """
    names = built_in.pattern_forming() if models is None else models
    chosen = [built_in.get(m) if isinstance(m, str) else m for m in names]
    targets = _stills(pictures, chosen, scale)
    if len(targets.fields) > 1:
        raise InputError(
            f"Expected pictures of one species, got {', '.join(targets.fields)}: give "
            "the array of the one that is observed."
        )
    ((observed, fields),) = targets.fields.items()
    observation = inputs.observation_of(targets, observation)
    validate(targets, observation)
    if grid is None:
        pixels = inputs.pixel_grid(targets, observed)
        grid = inputs.model_grid(pixels, observation)
    return rank(
        chosen,
        grid,
        fields,
        observation,
        laplacian=laplacian,
        seed=seed,
        callback=callback,
    )


def validate(targets: Targets, observation: Observation) -> None:
    """Raises InputError unless models can be ranked by these pictures."""
    if targets.times is not None or observation.cropped:
        raise InputError(
            "Expected whole stills to rank models, got a movie or cropped pictures: "
            "choose a frame with --frame."
        )


def rank(
    models: Sequence[ReactionDiffusion],
    grid: Grid,
    fields: np.ndarray,
    observation: Observation,
    laplacian: str = "second_order",
    seed: int = 0,
    callback: Callable[[str], None] = lambda name: None,
) -> list[Fit]:
    """`rank_models` of stills as arrays.

    Args:
      models: to try, in any order.
      grid: of the models.
      fields: stills `[n, *pixels]`, of which the first is fitted.
      observation: how they show the pattern.
      laplacian, seed, callback: as of `rank_models`.
    """
    for model in models:
        model.check_plain("leave it out")
    found = []
    for model in models:
        for observe in model.species:
            callback(f"{model.name}, observed as {observe}")
            fit = _fit((model, observe), grid, fields, observation, (laplacian, seed))
            found += [] if fit is None else [fit]
    if not found:
        raise InputError(
            f"Expected a model whose hidden species can be eliminated, got "
            f"{', '.join(model.name for model in models)}."
        )
    found.sort(key=_residual)
    for i, fit in enumerate(found[:ASKED]):
        if fit.stages[-1].undetermined and observation.unknown_gain:
            continue  # it cannot be simulated
        callback(f"{fit.problem.model.name}: new patterns")
        found[i] = dataclasses.replace(fit, check=check(fit.problem, fit.params))
    return found


def verdict(ranked: Sequence[Fit]) -> str:
    """One line: which models remain."""
    best, least = ranked[0], _residual(ranked[0])
    name = best.problem.model.name
    if least > stills.POOR:
        return (
            f"none explains the pictures: the residual of the best, {name}, is "
            f"{100.0 * least:.2g} %"
        )
    rest = [fit for fit in ranked if _residual(fit) < PLAUSIBLE * least]
    if len(rest) == 1:
        margin = _residual(ranked[1]) / least if len(ranked) > 1 else 0.0
        more = f"; the residual of the next is {margin:.3g} times larger"
        return f"{name}, observed as {best.problem.observe}{more if margin else ''}"
    names = ", ".join(f"{f.problem.model.name} ({f.problem.observe})" for f in rest)
    return f"the pictures cannot tell these apart: {names}"


def to_json(ranked: Sequence[Fit]) -> list[dict]:
    """What `ranking.json` holds: one row per fit."""
    return [
        {
            "model": fit.problem.model.name,
            "observe": fit.problem.observe,
            "params": fit.params,
            "relative": _residual(fit),
            "undetermined": len(fit.stages[-1].undetermined),
            "looks_alike": None if fit.check is None else fit.check.passed,
        }
        for fit in ranked
    ]


def _residual(fit):
    return fit.stages[-1].relative_residual


def _stills(pictures, chosen, scale):
    """The targets, of one species; its name does not matter, as all are tried."""
    if isinstance(pictures, Targets):
        return pictures
    how = inputs.Reading(scale=scale)
    return inputs.as_targets(pictures, chosen[0], chosen[0].species[-1], how)


def _fit(candidate, grid, fields, observation, choices):
    """The best of several starts, or None if the model cannot be tried."""
    (model, observe), (laplacian, seed) = candidate, choices
    first = _first(observation)
    try:
        if not isinstance(eliminate(model, observe), Linear):
            return None
        prepared = stills.Stills(model, grid, observe, fields[:1], observation=first)
        begin = _starts(prepared, model, seed)
    except InputError:
        return None
    fits = [
        stills.fit_residual(prepared, laplacian, start, "integral", max_iterations=25)
        for start in begin
    ]
    best = min(fits, key=lambda fit: fit.unexplained)
    if not np.isfinite(best.unexplained):
        return None
    best = stills.fit_residual(prepared, laplacian, best.params, "integral")
    params = {name: best.params[name] for name in model.parameters}
    problem = Problem(
        simulation=Simulation(
            model, grid, schemes.default_time_step(model, params, grid)
        ),
        observe=observe,
        fields=fields,
        start=params,
        seed=seed,
        observation=observation,
        laplacian=laplacian,
    )
    return Fit(problem=problem, settings=Settings(), stages=(best,))


def _first(observation):
    """The observation of the first picture alone."""
    mask = observation.mask
    return dataclasses.replace(observation, mask=None if mask is None else mask[:1])


def _starts(prepared, model, seed):
    """Defaults at several length scales, and around them; gains where unknown."""
    begin = starts.at_lengths(model, model.defaults, LENGTHS)
    if prepared.observation.unknown_gain:
        gains = (stage.gain_starts(prepared, start) for start in begin)
        return list(itertools.chain.from_iterable(gains))
    return begin + stage.other_starts(prepared, model.defaults, seed, 3)
