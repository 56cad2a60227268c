"""What the traversal study fits: targets, starts, and ways to travel between them.

All of Gray-Scott on one grid; pictures of v. A start is named after the regime that
fresh patterns end in there, which the study measures too.
"""

import dataclasses
import functools
import itertools

import numpy as np

import rdtf
from benchmarks import inverse_peers
from benchmarks.inverse_cases import EVERY, FRAMES
from rdtf import initial_conditions, inverse, losses, patterns
from rdtf.inverse import Problem

NAMES = ("Du", "Dv", "F", "k")
INITIAL = "discs"  # a central square of a small domain dies out where spots live

TARGETS = {
    "spots": (0.16, 0.08, 0.035, 0.065),
    "stripes": (0.16, 0.08, 0.035, 0.060),
    "chaos": (0.16, 0.08, 0.018, 0.051),
}
STARTS = {
    "dead": (0.127, 0.127, 0.05, 0.07),
    "excited": (0.126928, 0.126928, 0.05, 0.05),  # of the published experiment
    "steady": (0.15, 0.075, 0.039, 0.058),
    "oscillatory": (0.2, 0.2, 0.005, 0.02256),
    "chaotic": (0.1, 0.05, 0.02, 0.051),
    "boundary": (0.2, 0.1, 0.04, 0.06),  # 4 (F + k)² = F
}
WAYS = {
    "sgd": "backpropagation, SGD with the adaptive rate, as published",
    "adam": "backpropagation, Adam on logarithms, the last 200 steps",
    "lm": "Levenberg-Marquardt on the steady residual",
    "windows": "the same, then windows of 50 steps",
    "auto": "the default route; of chaos a movie",
}
MOVING = "chaos"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What answers depend on.

    Attributes:
      side: cells a side.
      samples: pictures of a target.
      max_steps: of a simulation until steady.
      batch, iterations: of backpropagation.
      seconds: after which an unfinished fit is stopped.
      path_points: of a path whose regimes and distances are told.
      seed: of everything.
    """

    side: int = 64
    samples: int = 2
    max_steps: int = 20_000
    batch: int = 8
    iterations: int = 300
    seconds: float = 600.0
    path_points: int = 12
    seed: int = 0


def names(parts=()) -> list[str]:
    """TARGET/START/WAY of all rows, or of those that hold one of the parts.

    Raises:
      ValueError: if a part is in no name.
    """
    every = ["/".join(row) for row in itertools.product(TARGETS, STARTS, WAYS)]
    for part in parts:
        if not any(part in name for name in every):
            raise ValueError(f"Expected parts of rows such as {every[0]}, got {part}.")
    return [n for n in every if not parts or any(part in n for part in parts)]


def simulation(settings: Settings) -> rdtf.Simulation:
    """A time step of 1 on cells of 1."""
    return _simulation(settings.side)


@functools.cache
def _simulation(side):
    return rdtf.Simulation(rdtf.models.GRAY_SCOTT, rdtf.Grid((side, side)), 1.0)


def params_of(values) -> dict[str, float]:
    """Values in the order of `NAMES` as parameters."""
    return dict(zip(NAMES, values, strict=True))


def fresh_state(settings: Settings):
    """What regimes are told from."""
    sim = simulation(settings)
    return initial_conditions.create(INITIAL, sim.model, sim.grid, 1, settings.seed)


def problem(target: str, start: str, way: str, settings: Settings) -> Problem:
    """What is fitted, from where."""
    movie = way == "auto" and target == MOVING
    return Problem(
        simulation=simulation(settings),
        observe="v",
        fields=_movie(target, settings)
        if movie
        else _stills(target, settings).fields["v"],
        start=params_of(STARTS[start]),
        seed=settings.seed,
        fresh=inverse.FreshPatterns(INITIAL, max_steps=settings.max_steps),
        truth=params_of(TARGETS[target]),
        times=float(EVERY) * np.arange(FRAMES) if movie else None,
    )


@functools.cache
def _stills(target, settings):
    tolerance = None if target == MOVING else 1e-5
    return patterns.make(
        simulation(settings),
        params_of(TARGETS[target]),
        settings.samples,
        patterns.Settings(
            initial_condition=INITIAL,
            seed=settings.seed + 1,
            tolerance=tolerance,
            max_steps=settings.max_steps,
        ),
    )


def _movie(target, settings):
    """v of one pattern, `[1, FRAMES, y, x]`."""
    made = _stills(target, settings)
    state = tuple(field[:1] for field in made.fields.values())
    sim, steps = simulation(settings), (FRAMES - 1) * EVERY
    return sim.rollout(state, params_of(TARGETS[target]), steps, EVERY)[1].numpy()


def prepared(
    way: str, given: Problem, settings: Settings
) -> tuple[Problem, inverse.Settings]:
    """The problem and the settings of a way."""
    if way == "sgd":
        given, chosen = inverse_peers.published(given, settings.iterations)
        windows = dataclasses.replace(chosen.windows, batch=settings.batch)
        return given, dataclasses.replace(chosen, windows=windows)
    if way == "adam":
        windows = inverse.WindowSettings(window=200, batch=settings.batch)
        optimizer = inverse.OptimizerSettings(iterations=settings.iterations)
        loss = losses.LOSSES["power_spectrum"]
        return given, inverse.Settings(
            route="bptt", loss=loss, windows=windows, optimizer=optimizer
        )
    return given, inverse.Settings(route="residual" if way == "lm" else way)
