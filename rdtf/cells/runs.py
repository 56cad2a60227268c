"""A run of any method: iterations, records, checkpoints, exact resume."""

import dataclasses
import enum
import math
import pathlib
from collections.abc import Callable
from typing import Protocol

import keras
import numpy as np

from rdtf.status import InputError
from rdtf.storage.checkpoints import Checkpoint

_KEPT_TABLES = 40  # of f, over a run


class RunStatus(enum.Enum):
    """How a run ended."""

    FINISHED = "finished"
    NO_GRADIENT = "no_gradient"
    NOT_FINITE = "not_finite"

    @property
    def advice(self) -> str:
        """One line: what it means and what to try."""
        return _ADVICE[self]


_ADVICE = {
    RunStatus.FINISHED: "All iterations were used.",
    RunStatus.NO_GRADIENT: (
        "All cells end at a bound, or all replicates alike, and no gradient is left: "
        "start from a negative slope, lower --learning_rate, or take another --seed."
    ),
    RunStatus.NOT_FINITE: (
        "A gradient was not finite and the run stopped before it: lower "
        "--learning_rate or --num_steps."
    ),
}


@dataclasses.dataclass
class History:
    """What a run recorded.

    Attributes:
      status: how it ended.
      traces: name -> one number for each iteration.
      tables: f at some iterations, `[k, node]`, and `table_iterations` `[k]`.
    """

    status: RunStatus
    traces: dict[str, np.ndarray]
    tables: np.ndarray
    table_iterations: np.ndarray

    @property
    def replicate_steps(self) -> float:
        """Steps simulated, each replicate by itself; adjoints not counted."""
        return float(np.sum(self.traces["replicate_steps"]))


class Method(Protocol):
    """A way to learn f, one iteration at a time.

    Attributes:
      network: f.
    """

    network: keras.Model

    def table(self) -> np.ndarray:
        """f at `networks.points()`."""

    def step(self, iteration: int) -> dict[str, float]:
        """One iteration; what is recorded of it: "utility", "replicate_steps", ..."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All that the next iterations depend on."""

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Goes back to where `arrays` were taken."""

    def finish(self) -> None:
        """Makes `network` the answer, after the last iteration."""


def run(
    method: Method,
    iterations: int,
    workdir=None,
    *,
    resume: bool = False,
    checkpoint_every: int = 25,
    callback: Callable[[int, dict], None] | None = None,
) -> History:
    """Runs a method to the end; its network is then the answer.

    Args:
      method: `training.Gradient` or `evolution.Evolution`.
      iterations: in all.
      workdir: for checkpoint.npz; None: none is written.
      resume: go on after the checkpoint that `workdir` holds, bit for bit.
      checkpoint_every: iterations between checkpoints.
      callback: called as callback(iteration, record) after each.

    Raises:
      InputError: if the checkpoint is not of this method and network.
    """
    checkpoint = None
    if workdir is not None:
        path = pathlib.Path(workdir) / "checkpoint.npz"
        checkpoint = Checkpoint(path, f"cells by {type(method).__name__}")
    records, tables = [], {0: method.table()}
    if resume and checkpoint is not None and checkpoint.exists():
        records, tables = _load(checkpoint, method)
    status = RunStatus.FINISHED
    for iteration in range(len(records), iterations):
        record = method.step(iteration)
        if not math.isfinite(record["utility"]):
            status = RunStatus.NOT_FINITE
            break
        records.append(record)
        done = iteration + 1
        if done % max(1, iterations // _KEPT_TABLES) == 0 or done == iterations:
            tables[done] = method.table()
        if callback:
            callback(iteration, record)
        if checkpoint and (done % checkpoint_every == 0 or done == iterations):
            _save(checkpoint, method, records, tables)
    if not records:
        raise InputError("Expected a finite first gradient: " + status.advice)
    method.finish()
    last = records[-1]
    if status is RunStatus.FINISHED and (
        last.get("gradient_norm") == 0.0 or last["utility"] <= 0.0
    ):
        status = RunStatus.NO_GRADIENT
    traces = {name: np.array([r[name] for r in records]) for name in records[0]}
    kept = np.array(list(tables.values()))
    return History(status, traces, kept, np.array(list(tables)))


def _save(checkpoint, method, records, tables):
    arrays = {f"state_{name}": value for name, value in method.arrays().items()}
    arrays["names"] = np.array(list(records[0]))
    arrays["records"] = np.array([list(record.values()) for record in records])
    arrays["table_iterations"] = np.array(list(tables))
    arrays["tables"] = np.array(list(tables.values()))
    checkpoint.save(arrays)


def _load(checkpoint, method):
    with checkpoint.restoring() as arrays:
        state = {
            name.removeprefix("state_"): value
            for name, value in arrays.items()
            if name.startswith("state_")
        }
        method.restore(state)
        names = arrays["names"].tolist()
        rows = arrays["records"].tolist()
        tables = zip(arrays["table_iterations"].tolist(), arrays["tables"], strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows], dict(tables)
