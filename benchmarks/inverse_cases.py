"""What the inverse benchmark is measured on: truths drawn from a seed, and their fields.

Candidate i of a seed is one draw of a counter-based generator, so the first truths of a
seed are the same however many are asked for. Every candidate is kept or rejected for a
stated reason; both are counted. Made truths are kept in `Settings.cache`.
"""

import collections
import dataclasses
import functools
import hashlib
import json
import math
import pathlib
import zlib

import numpy as np

import rdtf
from rdtf import files, initial_conditions, schemes
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


@dataclasses.dataclass(frozen=True)
class Truths:
    """Parameters and fields of the truths kept, and how the candidates fared.

    Attributes:
      params: name -> `[n]`.
      fields: `[species, n, y, x]`.
      notes: per truth, why it was kept.
      rejects: reason -> how many candidates.
      time_step: that made them.
    """

    params: dict[str, np.ndarray]
    fields: np.ndarray
    notes: list[str]
    rejects: dict[str, int]
    time_step: float = 1.0

    def of(self, case: int) -> dict[str, float]:
        """The parameters of one truth."""
        return {name: float(values[case]) for name, values in self.params.items()}

    def summary(self) -> str:
        """One line: how many were kept and rejected, and why."""
        kept = ", ".join(f"{n} {r}" for r, n in _count(self.notes).items())
        lost = ", ".join(f"{n} {r}" for r, n in self.rejects.items()) or "none"
        return f"kept: {kept}; rejected: {lost}"


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


def stills(settings: Settings) -> Truths:
    """Gray-Scott patterns by forward Euler, dt = 1, from the default start."""
    return _cached(settings, "stills", _make_stills, ("side", "max_steps", "cases"))


def movies(settings: Settings) -> Truths:
    """States from which Gray-Scott patterns go on moving."""
    return _cached(settings, "movies", _make_movies, ("side", "warmup", "cases"))


def patterns(settings: Settings, name: str) -> Truths:
    """Steady patterns of another model, on half as many cells a side."""
    make = functools.partial(_make_patterns, name=name)
    return _cached(settings, name, make, ("side", "model_time", "cases"))


def simulation(name: str, side: int, largest: float | None = None) -> rdtf.Simulation:
    """Forward Euler on a periodic square; the time step follows the diffusivity."""
    model, grid, step = rdtf.models.get(name), rdtf.Grid((side, side)), 1.0
    if largest is not None:
        scheme = schemes.get("forward_euler")
        step = schemes.suggest_time_step(scheme, grid, largest)
    return rdtf.Simulation(model, grid, step)


def model_simulation(name: str, side: int) -> rdtf.Simulation:
    """With a time step that is stable for every candidate of the model."""
    model = rdtf.models.get(name)
    largest = max(model.defaults[d] for d in model.diffusivity.values())
    return simulation(name, side, 1.15 * largest)


def upsample(fields: np.ndarray, factor: int = 2) -> np.ndarray:
    """Fourier interpolation of `[..., n, n]`; every factor-th value is kept."""
    import scipy.signal

    for axis in (-2, -1):
        count = factor * fields.shape[axis]
        fields = scipy.signal.resample(fields, count, axis=axis)
    return fields


def refined(settings: Settings, case: int, tolerance=2e-4, max_steps=10_000):
    """(v by spectral ETDRK4 at twice the resolution, sampled at `side`; largest change).

    First on the cells of the truth, then from there on twice as many a side.
    """
    path = _path(settings, f"spectral{case}", ("side", "max_steps", "cases"))
    if not path.exists():
        truths = stills(settings)
        state = truths.fields[:, case : case + 1]
        for factor in (1, 2):
            grid = rdtf.Grid((factor * settings.side,) * 2, (1.0 / factor,) * 2)
            made = rdtf.Simulation(FREE, grid, 1.0, "etdrk4", laplacian="spectral")
            state = state if factor == 1 else upsample(state)
            run = made.run_until_steady(
                tuple(state), truths.of(case), tolerance, max_steps
            )
            state = np.stack([s.numpy() for s in run.state])
        with files.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, v=state[1, 0, ::2, ::2], change=run.last_change[0])
    with np.load(path) as saved:
        return saved["v"], float(saved["change"])


def preset(settings: Settings, name: str, draw: int) -> np.ndarray:
    """v of a new pattern of a Gray-Scott preset, for every draw another."""
    sim, params = simulation("gray_scott", settings.side), GRAY_SCOTT.preset(name)
    state = tuple(_start(sim, settings.seed, f"{name} {draw}", params))
    run = sim.run_until_steady(state, params, STEADY, settings.max_steps)
    return run.state[1].numpy()[0]


def verdict(status: Status, change: float, contrast: float, limit=SETTLING) -> str:
    """Why a candidate is kept ("settled", "taken at the end"), or why not."""
    if status in (Status.LEFT_VALID_RANGE, Status.NOT_FINITE):
        return status.label
    if not contrast > PATTERN:
        return "uniform"
    if status is Status.CONVERGED:
        return "settled"
    return "taken at the end" if change < limit else "still moving"


def moving_verdict(status: Status, frames: np.ndarray) -> str:
    """Whether a movie `[time, y, x]` is "moving" from its first frame to its last."""
    if status in (Status.LEFT_VALID_RANGE, Status.NOT_FINITE):
        return status.label
    std = frames.std(axis=(1, 2))
    if not std.min() > LIVELY:
        return "uniform"
    steps = np.sqrt(np.mean(np.diff(frames, axis=0) ** 2, axis=(1, 2))) / std[1:]
    return "moving" if min(steps[0], steps[-1]) > MOVING else "at rest"


KEPT = ("settled", "taken at the end", "moving")


def _make_stills(settings):
    sim = simulation("gray_scott", settings.side)

    def judge(params, state):
        run = sim.run_until_steady(state, params, STEADY, settings.max_steps)
        fields = np.stack([s.numpy() for s in run.state])
        contrast = fields[1].std(axis=(1, 2))
        rows = zip(run.status, run.last_change, contrast, strict=True)
        return fields, [verdict(*row) for row in rows]

    return _collect(settings, sim, functools.partial(candidate, settings.seed), judge)


def _make_movies(settings):
    sim = simulation("gray_scott", settings.side)

    def judge(params, state):
        run = sim.run_until_steady(state, params, 0.0, settings.warmup)
        fields = np.stack([s.numpy() for s in run.state])
        frames = sim.rollout(run.state, params, FRAMES * EVERY, EVERY)[1].numpy()
        rows = zip(run.status, frames, strict=True)
        return fields, [moving_verdict(*row) for row in rows]

    draw = functools.partial(moving_candidate, settings.seed)
    return _collect(settings, sim, draw, judge)


def _make_patterns(settings, name):
    sim = model_simulation(name, settings.side // 2)
    index = sim.model.species.index(MODELS[name])
    steps, step = round(settings.model_time / sim.time_step), sim.time_step

    def judge(params, state):
        run = sim.run_until_steady(state, params, MODEL_STEADY * step, steps)
        fields = np.stack([s.numpy() for s in run.state])
        seen = fields[index]
        std = seen.std(axis=(1, 2))
        contrast = std / np.sqrt(np.mean(seen**2, axis=(1, 2)))
        limits = MODEL_SETTLING * std * step
        rows = zip(run.status, run.last_change, contrast, limits, strict=True)
        return fields, [verdict(*row) for row in rows]

    few = dataclasses.replace(settings, cases=sets_per_model(settings))
    draw = functools.partial(model_candidate, name, settings.seed)
    return _collect(few, sim, draw, judge)


def sets_per_model(settings: Settings) -> int:
    """How many truths each of the other models has."""
    return max(1, settings.cases // len(MODELS))


def _collect(settings, sim, draw, judge) -> Truths:
    """Candidates in batches until enough are kept."""
    kept, fields, notes, rejects = [], [], [], []
    for first in range(0, 100 * settings.cases, BATCH):
        drawn = [draw(index) for index in range(first, first + BATCH)]
        states = [_start(sim, settings.seed, first + i, p) for i, p in enumerate(drawn)]
        state = tuple(np.concatenate(s) for s in zip(*states, strict=True))
        params = {n: np.array([p[n] for p in drawn]) for n in sim.model.parameters}
        found, reasons = judge(params, state)
        for i, reason in enumerate(reasons):
            if reason not in KEPT:
                rejects.append(reason)
                continue
            kept.append(drawn[i])
            fields.append(found[:, i])
            notes.append(reason)
            if len(kept) == settings.cases:
                params = {n: np.array([p[n] for p in kept]) for n in params}
                stack = np.stack(fields, axis=1)
                return Truths(params, stack, notes, _count(rejects), sim.time_step)
    raise RuntimeError(f"Too few patterns among the candidates: {_count(rejects)}.")


def _start(sim, seed, index, params):
    """The model's customary start, another noise for every candidate."""
    key = int(generator(seed, "noise", index).integers(2**31))
    state = initial_conditions.create(None, sim.model, sim.grid, 1, key, params)
    return [field.numpy() for field in state]


def _count(reasons):
    return dict(collections.Counter(reasons))


def _path(settings, name, keys):
    values = {key: getattr(settings, key) for key in ("seed", *keys)}
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]
    return pathlib.Path(settings.cache) / f"{name}-{digest}.npz"


def _cached(settings, name, make, keys) -> Truths:
    """The truths, made unless they are in the cache."""
    path = _path(settings, name, keys)
    if not path.exists():
        made = make(settings)
        extra = {"notes": made.notes, "rejects": made.rejects, "step": made.time_step}
        with files.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, _=made.fields, extra=json.dumps(extra), **made.params)
    with np.load(path) as saved:
        extra = json.loads(str(saved["extra"]))
        params = {n: saved[n] for n in saved.files if n not in ("_", "extra")}
        fields = saved["_"]
    return Truths(params, fields, extra["notes"], extra["rejects"], extra["step"])
