"""Maps of regimes over two parameters, block by block, with a log to go on from."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

import rdtf
from rdtf import storage
from rdtf.analysis import regimes
from rdtf.analysis.slices import check_axes, digest
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.storage.row_log import RowLog
from rdtf.types import State


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A map to measure.

    Attributes:
      simulation: what runs.
      axes: two parameters: name -> values; the first one upwards, the second to the
        right.
      params: all parameters; those of `axes` are replaced.
      state: the initial state of every point, `[1, *grid]` per species.
      num_steps, options: see `regimes.classify`.
      block: points that run as one batch; what is kept of a point's frames takes about
        4 MB on 64 x 64 cells, 17 MB on 256 x 256.
    """

    simulation: Simulation
    axes: Mapping[str, Sequence[float]]
    params: Mapping[str, float]
    state: State
    num_steps: int = 20_000
    options: regimes.Options = dataclasses.field(default_factory=regimes.Options)
    block: int = 128

    def __post_init__(self):
        if len(self.axes) != 2:
            raise InputError(
                f"Expected two axes, got {len(self.axes)}: a map is of two parameters."
            )
        check_axes(self.simulation.model, self.axes, self.params)

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(len(values) for values in self.axes.values())

    def points(self) -> list[dict[str, float]]:
        """The parameters of every point, in C order."""
        names = list(self.axes)
        return [
            {**self.params, **dict(zip(names, values, strict=True))}
            for values in itertools.product(*self.axes.values())
        ]

    def settings(self) -> dict:
        """All that the verdicts depend on, in JSON's terms."""
        simulation, grid = self.simulation, self.simulation.grid
        return {
            "model": simulation.model.name,
            "grid": [list(grid.shape), list(grid.spacing), grid.boundary],
            "laplacian": simulation.laplacian,
            "scheme": simulation.scheme.name,
            "time_step": simulation.time_step,
            "engine": simulation.engine,
            "axes": {n: [float(x) for x in v] for n, v in self.axes.items()},
            "params": {
                n: float(x) for n, x in self.params.items() if n not in self.axes
            },
            "initial_state": digest(self.state),
            "num_steps": self.num_steps,
            "every": self.options.every,
            "exponent_steps": self.options.exponent_steps,
            "block": self.block,
            "rdtf_version": rdtf.__version__,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegimeMap:
    """What was measured.

    Attributes:
      axes: name -> values.
      regime: int `[n0, n1]`, of `regimes.Regime`.
      margin: `[n0, n1]`, see `regimes.Verdict`.
      evidence: name -> `[n0, n1]`; NaN where not measured.
      settings: see `Plan.settings`.
    """

    axes: dict[str, np.ndarray]
    regime: np.ndarray
    margin: np.ndarray
    evidence: dict[str, np.ndarray]
    settings: dict

    def counts(self) -> dict[str, int]:
        """Points of each regime that occurs, by label."""
        counts = {r.label: int((self.regime == r).sum()) for r in regimes.Regime}
        return {label: count for label, count in counts.items() if count}

    def save(self, path) -> None:
        """Writes an `.npz`: axes, regime, margin, evidence, labels, metadata."""
        with storage.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(
                stream,
                **self.axes,
                **{f"evidence_{name}": x for name, x in self.evidence.items()},
                regime=self.regime,
                margin=self.margin,
                labels=np.array(labels()),
                metadata=json.dumps(storage.jsonable(self.settings)),
            )


def measure(
    plan: Plan,
    log=None,
    resume: bool = False,
    callback: Callable[[int, int, int], None] | None = None,
) -> RegimeMap:
    """Measures a map.

    Args:
      plan: what to measure.
      log: path of a JSON-lines file that blocks are appended to, or None.
      resume: take the blocks that `log` already holds.
      callback: called as callback(points so far, steps of the block so far, samples of
        it still running); an exception in it (KeyboardInterrupt too) ends the run and
        loses no block.

    Raises:
      InputError: if the log to resume was made with other settings.
    """
    settings, points = plan.settings(), plan.points()
    log = log and RowLog(log, settings)
    done = log.start_numbered(resume) if log else {}
    for number, first in enumerate(range(0, len(points), plan.block)):
        block = points[first : first + plan.block]
        if number not in done:
            tell = callback and (
                lambda steps, running, first=first: callback(first, steps, running)
            )
            done[number] = _measure_block(plan, block, tell)
            if log:
                log.append({"row": number, **done[number]})
        if callback is not None:
            callback(first + len(block), 0, 0)
    return _gather(plan, settings, [done[n] for n in sorted(done)])


def _measure_block(plan, block, callback):
    params = {
        name: tf.constant([p[name] for p in block], tf.float64) for name in block[0]
    }
    params |= {n: plan.params[n] for n in params if n not in plan.axes}
    verdicts = regimes.classify(
        plan.simulation,
        params,
        plan.state,
        plan.num_steps,
        options=plan.options,
        callback=callback,
    )
    return {
        "regime": [v.regime.label for v in verdicts],
        "margin": [v.margin for v in verdicts],
        "evidence": {
            name: [v.evidence[name] for v in verdicts] for name in regimes.EVIDENCE
        },
    }


def _gather(plan, settings, rows):
    """A map from the rows of its log."""

    def joined(read):
        values = [value for row in rows for value in read(row)]
        return np.array(values, float).reshape(plan.shape)  # None becomes NaN

    return RegimeMap(
        axes={name: np.array(values, float) for name, values in plan.axes.items()},
        regime=joined(lambda row: map(labels().index, row["regime"])).astype(int),
        margin=joined(lambda row: row["margin"]),
        evidence={
            name: joined(lambda row, name=name: row["evidence"][name])
            for name in regimes.EVIDENCE
        },
        settings=settings,
    )


def check_chaos(
    plan: Plan,
    found: RegimeMap,
    count: int,
    callback: Callable[[int, int], None] | None = None,
) -> list[dict]:
    """Checks chaotic points of a map with finer steps and cells, in one batch.

    Args:
      plan: the plan of the map.
      found: the map.
      count: at most so many points, spread evenly over the chaotic ones.
      callback: see `regimes.check_artefact`, whose cost this has.

    Returns:
      Per point its parameters on the axes, whether the check `agrees`, and the label, λ
      and its error "given", at "half_step" and on "half_spacing".
    """
    chaotic = np.flatnonzero(found.regime.ravel() == regimes.Regime.CHAOTIC)
    if not len(chaotic):
        return []
    chosen = np.unique(np.linspace(0, len(chaotic) - 1, count).round().astype(int))
    points = [plan.points()[i] for i in chaotic[chosen]]
    checks = regimes.check_artefact(
        plan.simulation,
        {
            name: tf.constant([p[name] for p in points], tf.float64)
            for name in points[0]
        },
        plan.state,
        plan.num_steps,
        options=plan.options,
        callback=callback,
    )
    kinds = ("given", "half_step", "half_spacing")
    return [
        {name: point[name] for name in plan.axes}
        | {"agrees": check.agrees}
        | {kind: _brief(getattr(check, kind)) for kind in kinds}
        for point, check in zip(points, checks, strict=True)
    ]


def _brief(verdict):
    names = ("lyapunov", "lyapunov_error")
    numbers = {name: verdict.evidence[name] for name in names}
    return {"regime": verdict.regime.label, **numbers}


def labels() -> tuple[str, ...]:
    """The label of every regime, by number."""
    return tuple(regime.label for regime in regimes.Regime)
