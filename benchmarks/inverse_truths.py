"""Truths of the inverse benchmark made and kept: fields of the parameters drawn.

Candidates are run in batches until enough are kept; made truths are stored in
`Settings.cache`, by seed and by what else they depend on.
"""

import collections
import dataclasses
import functools
import hashlib
import json
import pathlib

import numpy as np

import rdtf
from benchmarks import inverse_cases as cases
from rdtf import initial_conditions, storage


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


def stills(settings: cases.Settings) -> Truths:
    """Gray-Scott patterns by forward Euler, dt = 1, from the default start."""
    return _cached(settings, "stills", _make_stills, ("side", "max_steps", "cases"))


def movies(settings: cases.Settings) -> Truths:
    """States from which Gray-Scott patterns go on moving."""
    return _cached(settings, "movies", _make_movies, ("side", "warmup", "cases"))


def patterns(settings: cases.Settings, name: str) -> Truths:
    """Steady patterns of another model, on half as many cells a side."""
    make = functools.partial(_make_patterns, name=name)
    return _cached(settings, name, make, ("side", "model_time", "cases"))


def upsample(fields: np.ndarray, factor: int = 2) -> np.ndarray:
    """Fourier interpolation of `[..., n, n]`; every factor-th value is kept."""
    import scipy.signal

    for axis in (-2, -1):
        count = factor * fields.shape[axis]
        fields = scipy.signal.resample(fields, count, axis=axis)
    return fields


def refined(settings: cases.Settings, case: int) -> tuple[np.ndarray, float]:
    """(v by spectral ETDRK4 at twice the resolution, sampled at `side`; its change).

    First on the cells of the truth, whose pattern moves under the other Laplacian until
    it settles again, then on twice as many a side. The change is the largest of any
    cell per unit of time, at the end.
    """
    path = _path(settings, f"spectral{case}", ("side", "max_steps", "cases"))
    if not path.exists():
        truths = stills(settings)
        state = truths.fields[:, case : case + 1]
        for factor, step, change, time in cases.REFINEMENTS:
            grid = rdtf.Grid((factor * settings.side,) * 2, (1.0 / factor,) * 2)
            how = {"scheme": "etdrk4", "laplacian": "spectral"}
            made = rdtf.Simulation(cases.FREE, grid, step, **how)
            state = tuple(state if factor == 1 else upsample(state))
            limits = (change * step, round(time * settings.max_steps / step))
            run = made.run_until_steady(state, truths.of(case), *limits)
            state = np.stack([s.numpy() for s in run.state])
        with storage.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, v=state[1, 0, ::2, ::2], change=run.last_change[0] / step)
    with np.load(path) as saved:
        return saved["v"], float(saved["change"])


def preset(settings: cases.Settings, name: str, draw: int) -> np.ndarray:
    """v of a new pattern of a Gray-Scott preset, for every draw another."""
    sim = cases.simulation("gray_scott", settings.side)
    params = cases.GRAY_SCOTT.preset(name)
    state = tuple(_start(sim, settings.seed, f"{name} {draw}", params))
    run = sim.run_until_steady(state, params, cases.STEADY, settings.max_steps)
    return run.state[1].numpy()[0]


def _make_stills(settings):
    sim = cases.simulation("gray_scott", settings.side)

    def judge(params, state):
        run = sim.run_until_steady(state, params, cases.STEADY, settings.max_steps)
        fields = np.stack([s.numpy() for s in run.state])
        contrast = fields[1].std(axis=(1, 2))
        rows = zip(run.status, run.last_change, contrast, strict=True)
        return fields, [cases.verdict(*row) for row in rows]

    draw = functools.partial(cases.candidate, settings.seed)
    return _collect(settings, sim, draw, judge)


def _make_movies(settings):
    sim = cases.simulation("gray_scott", settings.side)

    def judge(params, state):
        run = sim.run_until_steady(state, params, 0.0, settings.warmup)
        fields = np.stack([s.numpy() for s in run.state])
        steps = cases.FRAMES * cases.EVERY
        frames = sim.rollout(run.state, params, steps, cases.EVERY)[1].numpy()
        rows = zip(run.status, frames, strict=True)
        return fields, [cases.moving_verdict(*row) for row in rows]

    draw = functools.partial(cases.moving_candidate, settings.seed)
    return _collect(settings, sim, draw, judge)


def _make_patterns(settings, name):
    sim = cases.model_simulation(name, settings.side // 2)
    index = sim.model.species.index(cases.MODELS[name])
    steps, step = round(settings.model_time / sim.time_step), sim.time_step

    def judge(params, state):
        run = sim.run_until_steady(state, params, cases.MODEL_STEADY * step, steps)
        fields = np.stack([s.numpy() for s in run.state])
        seen = fields[index]
        std = seen.std(axis=(1, 2))
        contrast = std / np.sqrt(np.mean(seen**2, axis=(1, 2)))
        limits = cases.MODEL_SETTLING * std * step
        rows = zip(run.status, run.last_change, contrast, limits, strict=True)
        return fields, [cases.verdict(*row) for row in rows]

    few = dataclasses.replace(settings, cases=cases.sets_per_model(settings))
    draw = functools.partial(cases.model_candidate, name, settings.seed)
    return _collect(few, sim, draw, judge)


def _collect(settings, sim, draw, judge) -> Truths:
    """Candidates in batches until enough are kept."""
    kept, fields, notes, rejects = [], [], [], []
    for first in range(0, 100 * settings.cases, cases.BATCH):
        drawn = [draw(index) for index in range(first, first + cases.BATCH)]
        states = [_start(sim, settings.seed, first + i, p) for i, p in enumerate(drawn)]
        state = tuple(np.concatenate(s) for s in zip(*states, strict=True))
        params = {n: np.array([p[n] for p in drawn]) for n in sim.model.parameters}
        found, reasons = judge(params, state)
        for i, reason in enumerate(reasons):
            if reason not in cases.KEPT:
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
    key = int(cases.generator(seed, "noise", index).integers(2**31))
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
        with storage.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, _=made.fields, extra=json.dumps(extra), **made.params)
    with np.load(path) as saved:
        extra = json.loads(str(saved["extra"]))
        params = {n: saved[n] for n in saved.files if n not in ("_", "extra")}
        fields = saved["_"]
    return Truths(params, fields, extra["notes"], extra["rejects"], extra["step"])
