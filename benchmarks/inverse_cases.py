"""What the inverse benchmark is measured on: parameters and starts drawn from a seed.

Candidate i is drawn by a generator keyed by seed and i, so the first truths of a seed
are the same however many are asked for. Every candidate is kept or rejected for a
stated reason (`benchmarks.inverse_truths` counts them).
"""

import dataclasses
import math
import zlib

import numpy as np

import rdtf
from rdtf import schemes
from rdtf.status import Status

GRAY_SCOTT = rdtf.models.GRAY_SCOTT
FREE = dataclasses.replace(GRAY_SCOTT, valid_range={})  # resampling rings below 0
BOX = {"F": (0.02, 0.055), "k": (0.053, 0.067)}  # around the steady patterns
DIFFUSIVITY, RATIO = (0.08, 0.2), (1.7, 2.3)  # of Du, and Du / Dv
STARTS = {
    "Du": (0.02, 0.24),
    "Dv": (0.02, 0.24),
    "F": (0.005, 0.09),
    "k": (0.03, 0.075),
}
DEFAULT_START = {"Du": 0.127, "Dv": 0.127, "F": 0.05, "k": 0.05}
MODELS = {
    "schnakenberg": "u",
    "brusselator": "u",
    "fitzhugh_nagumo": "u",
    "gierer_meinhardt": "a",
    "lengyel_epstein": "u",
}
REGIMES = (
    "spirals",
    "waves",
    "chaos",
    {"Du": 0.16, "Dv": 0.08, "F": 0.026, "k": 0.051},
)
JITTER = {"F": 0.05, "k": 0.02}  # of the regimes, either way
PATTERN = 0.05  # least std(v) of a still; of other models, over their rms
STEADY, SETTLING = 1e-4, 1e-3  # largest change per step: settled; still a still
MODEL_STEADY, MODEL_SETTLING = 1e-5, 1e-2  # per unit of time; the second over std
FRAMES, EVERY = 40, 10  # of movies
LIVELY, MOVING = 0.02, 0.02  # least std(v) of movies; rms change per frame over that
# Resolution, time step, largest change per unit of time, share of max_steps.
REFINEMENTS = ((1, 4.0, 1e-5, 1.0), (2, 1.0, 2e-5, 0.2))
BATCH = 16


@dataclasses.dataclass(frozen=True)
class Settings:
    """What defines a measurement, JSON-able. `cases` is the number of truths per row."""

    seed: int
    cases: int = 30
    starts: int = 8
    side: int = 128
    max_steps: int = 40_000
    warmup: int = 3000
    model_time: float = 2000.0
    route_cases: int = 4
    draws: int = 100
    bptt_iterations: int = 200
    cma_evaluations: int = 300
    cache: str = ""


def generator(seed: int, *labels) -> np.random.Generator:
    """A generator of its own for every seed and labels (texts and counts)."""
    key = [seed, *(zlib.crc32(str(label).encode()) for label in labels)]
    return np.random.default_rng(key)


def candidate(seed: int, index: int) -> dict[str, float]:
    """Gray-Scott parameters from the box of steady patterns."""
    rng = generator(seed, "still", index)
    largest = rng.uniform(*DIFFUSIVITY)
    params = {"Du": largest, "Dv": largest / rng.uniform(*RATIO)}
    return params | {name: rng.uniform(*BOX[name]) for name in BOX}


def moving_candidate(seed: int, index: int) -> dict[str, float]:
    """Gray-Scott parameters around a regime that does not come to rest."""
    rng = generator(seed, "movie", index)
    regime = REGIMES[rng.integers(len(REGIMES))]
    params = GRAY_SCOTT.preset(regime) if isinstance(regime, str) else dict(regime)
    return params | {
        n: params[n] * rng.uniform(1 - r, 1 + r) for n, r in JITTER.items()
    }


def model_candidate(name: str, seed: int, index: int) -> dict[str, float]:
    """The model's defaults, each times .85 to 1.15."""
    rng = generator(seed, name, index)
    defaults = rdtf.models.get(name).defaults
    return {n: value * rng.uniform(0.85, 1.15) for n, value in defaults.items()}


def random_start(seed: int, case: int, start: int) -> dict[str, float]:
    """Gray-Scott parameters from the box of starts."""
    rng = generator(seed, "start", case, start)
    return {name: rng.uniform(*STARTS[name]) for name in STARTS}


def random_factors(params: dict, seed: int, *labels) -> dict[str, float]:
    """Parameters, each up to a factor of three away."""
    rng, reach = generator(seed, "factors", *labels), math.log(3.0)
    return {n: v * math.exp(rng.uniform(-reach, reach)) for n, v in params.items()}


def simulation(name: str, side: int) -> rdtf.Simulation:
    """Forward Euler on a periodic square, by steps of 1."""
    return rdtf.Simulation(rdtf.models.get(name), rdtf.Grid((side, side)), 1.0)


def model_simulation(name: str, side: int) -> rdtf.Simulation:
    """With a time step that is stable for every candidate of the model."""
    model, grid = rdtf.models.get(name), rdtf.Grid((side, side))
    faster = {d: 1.15 * model.defaults[d] for d in model.diffusivities}
    step = schemes.default_time_step(model, model.defaults | faster, grid)
    return rdtf.Simulation(model, grid, step)


def verdict(status: Status, change: float, contrast: float, limit=SETTLING) -> str:
    """Why a candidate is kept ("settled", "taken at the end"), or why not."""
    if status.is_invalid:
        return status.label
    if not contrast > PATTERN:
        return "uniform"
    if status is Status.CONVERGED:
        return "settled"
    return "taken at the end" if change < limit else "still moving"


def moving_verdict(status: Status, frames: np.ndarray) -> str:
    """Whether a movie `[time, y, x]` is "moving" from its first frame to its last."""
    if status.is_invalid:
        return status.label
    std = frames.std(axis=(1, 2))
    if not std.min() > LIVELY:
        return "uniform"
    steps = np.sqrt(np.mean(np.diff(frames, axis=0) ** 2, axis=(1, 2))) / std[1:]
    return "moving" if min(steps[0], steps[-1]) > MOVING else "at rest"


KEPT = ("settled", "taken at the end", "moving")


def sets_per_model(settings: Settings) -> int:
    """How many truths each of the other models has."""
    return max(1, settings.cases // len(MODELS))
