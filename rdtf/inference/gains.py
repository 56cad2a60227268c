"""Where to start if a picture's grey levels are concentrations but for gain and offset.

A still fixes neither on its own (`rdtf.inference.structure.scalings`), but a fit has to start with
a gain at which the parameters can have their signs: ranges of the model's own patterns.
"""

import functools
from collections.abc import Mapping

import numpy as np

from rdtf import initial_conditions, schemes
from rdtf.grids import Grid
from rdtf.inference.stills import ResidualFit, Stills, fit_residual
from rdtf.models import ReactionDiffusion
from rdtf.simulation import Simulation
from rdtf.status import InputError, Status


@functools.lru_cache(maxsize=16)
def typical_ranges(model: ReactionDiffusion, observe: str) -> tuple:
    """(lowest, highest) of a species in patterns of the model's first presets.

    On 48 x 48 cells after 8,000 steps of forward Euler; runs that are sick or uniform
    are left out.
    """
    sets = [model.preset(name) for name in list(model.presets)[:8]] or [model.defaults]
    grid = Grid((48, 48))
    params = {n: np.array([s[n] for s in sets]) for n in model.parameters}
    largest = max(params[n].max() for n in model.diffusivity.values())
    step = schemes.suggest_time_step(schemes.get("forward_euler"), grid, largest)
    simulation = Simulation(model, grid, step)
    state = initial_conditions.create(None, model, grid, 1, 0, model.defaults)
    state = tuple(np.repeat(field, len(sets), axis=0) for field in state)
    run = simulation.run_until_steady(state, params, 0.0, 8000)
    fields = run.state[model.species.index(observe)].numpy()
    sick = (Status.LEFT_VALID_RANGE, Status.NOT_FINITE)
    return tuple(
        (float(field.min()), float(field.max()))
        for field, status in zip(fields, run.status, strict=True)
        if status not in sick and field.std() > 1e-3 * max(1e-12, np.abs(field).max())
    )


def starts(stills: Stills, start: Mapping[str, float]) -> list[dict[str, float]]:
    """Gains and offsets that give the levels the range of the model's patterns."""
    ranges = typical_ranges(stills.model, stills.observe)
    if not ranges:
        raise InputError(
            f"Expected presets of {stills.model.name} that make patterns, to guess the "
            "gain of the pictures: give the concentrations with --scale=LOW:HIGH."
        )
    lows, highs = np.array(ranges).T
    spans = highs - lows
    bottom, top = stills.smooth.min(), stills.smooth.max()
    found = []
    for span in np.geomspace(0.8 * spans.min(), 1.2 * spans.max(), 4):
        for low in sorted({lows.min(), lows.max()}):
            gain = span / (top - bottom)
            found.append({**start, "gain": gain, "offset": low - gain * bottom})
    return found


def scan(stills: Stills, laplacian: str, start: Mapping[str, float]) -> ResidualFit:
    """A few steps from every start, then the best two to their end."""
    short = [
        fit_residual(stills, laplacian, begin, "integral", max_iterations=8)
        for begin in starts(stills, start)
    ]
    ranked = sorted(short, key=lambda fit: np.nan_to_num(fit.relative, nan=np.inf))
    ends = [fit_residual(stills, laplacian, fit.params) for fit in ranked[:2]]
    return min(ends, key=lambda fit: fit.relative)
