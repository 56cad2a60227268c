"""What a fit records while it runs: its trajectory, TensorBoard events, listeners."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from rdtf.inverse.solvers.levenberg_marquardt import Step
from rdtf.storage.row_log import RowLog


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """One iteration of one stage.

    Attributes:
      stage: "residual", "errors_in_variables", "windows", "cropped", "movie" or "bptt";
        the stages "bootstrap" and "posterior" have no iterations.
      iteration: counts from 0, the start.
      params: after the iteration.
      loss: there.
      gradient, raw_gradient: of the loss there, by physical and by raw parameter; NaN
        in stage "errors_in_variables".
      tried: one dict per trial: "rate" (a learning rate in stage "bptt", else the
        damping of Levenberg-Marquardt), "outcome", and in stage "bptt" "params" and
        "steps".
      rate: the one used, or None.
      steps: simulated steps, or None.
      status: "ok", or why the iteration failed.
    """

    stage: str
    iteration: int
    params: dict[str, float]
    loss: float
    gradient: dict[str, float]
    raw_gradient: dict[str, float]
    tried: list[dict] = dataclasses.field(default_factory=list)
    rate: float | None = None
    steps: int | None = None
    status: str = "ok"


def of_step(stage: str, step: Step, steps: int | None = None) -> Record:
    """The record of an iteration of Levenberg-Marquardt."""
    names = list(step.params)
    outcomes = ["refused"] * len(step.tried)
    if step.tried and step.accepted:
        outcomes[-1] = "ok"
    return Record(
        stage=stage,
        iteration=step.iteration,
        params=step.params,
        loss=step.cost,
        gradient=dict(zip(names, map(float, step.gradient), strict=True)),
        raw_gradient=dict(zip(names, map(float, step.raw_gradient), strict=True)),
        tried=[
            {"rate": rate, "outcome": outcome}
            for rate, outcome in zip(step.tried, outcomes, strict=True)
        ],
        rate=step.tried[-1] if step.tried and step.accepted else None,
        steps=steps,
    )


class Recorder(Protocol):
    """What a fit reports to while it runs."""

    def keep(self, wanted: Callable[[dict], bool]) -> None:
        """Drops the records that are not wanted, when a stage is done again."""

    def write(self, record: Record) -> None:
        """Takes one iteration."""

    def compare(self, target: np.ndarray, found: np.ndarray) -> None:
        """Takes pictures `[n, *pixels]` and what the fit has in their place so far."""

    def close(self) -> None:
        """Ends the recording."""


class Listeners:
    """A `Recorder` that keeps nothing.

    Args:
      listeners: called with every `Record`, such as a console; none by default.
    """

    def __init__(self, listeners: Sequence[Callable[[Record], None]] = ()):
        self._listeners = listeners

    def keep(self, wanted) -> None:
        """There is nothing to drop."""

    def write(self, record: Record) -> None:
        """Calls the listeners."""
        for listener in self._listeners:
            listener(record)

    def compare(self, target, found) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class DirectoryRecorder(Listeners):
    """Writes `trajectory.jsonl` and TensorBoard events into a directory as well.

    Args:
      directory: where.
      listeners: called with every `Record`.
      context: what every line of the trajectory says too, such as the engine.
    """

    def __init__(
        self,
        directory,
        listeners: Sequence[Callable[[Record], None]] = (),
        context: Mapping[str, str] | None = None,
    ):
        super().__init__(listeners)
        self._directory = pathlib.Path(directory)
        self._log = RowLog(self._directory / "trajectory.jsonl")
        self._context = dict(context or {})
        self._writer = None
        self._step = 0

    def keep(self, wanted: Callable[[dict], bool]) -> None:
        """Rewrites the trajectory with only the wanted records, before going on."""
        self._step = len(self._log.keep(wanted))

    def write(self, record: Record) -> None:
        """Appends one iteration."""
        self._log.append(dataclasses.asdict(record) | self._context)
        self._summarise(record)
        self._step += 1
        super().write(record)

    def compare(self, target: np.ndarray, found: np.ndarray) -> None:
        """Shows target, found and their difference, and spectra, in TensorBoard.

        Of the first sample; fields that are not 2-D are not shown.
        """
        import tensorflow as tf

        target, found = np.asarray(target)[0], np.asarray(found)[0]
        if target.ndim != 2:
            return
        fields = {"target": target, "found": found}
        with self._events().as_default(self._step):
            for name, field in (fields | {"difference": found - target}).items():
                tf.summary.image(f"pattern/{name}", _grey(field)[None, ..., None])
            for name, field in fields.items():
                power = np.abs(np.fft.fftshift(np.fft.fft2(field - field.mean()))) ** 2
                image = _grey(np.log(power + 1e-8))
                tf.summary.image(f"spectrum/{name}", image[None, ..., None])
        self._events().flush()

    def close(self) -> None:
        """Flushes the events."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _events(self):
        import tensorflow as tf

        if self._writer is None:
            path = self._directory / "tensorboard"
            self._writer = tf.summary.create_file_writer(str(path))
        return self._writer

    def _summarise(self, record):
        import tensorflow as tf

        groups = {
            "parameters": record.params,
            "gradient_physical": record.gradient,
            "gradient_raw": record.raw_gradient,
        }
        with self._events().as_default(self._step):
            tf.summary.scalar("fit/loss", record.loss)
            for group, values in groups.items():
                for name, value in values.items():
                    tf.summary.scalar(f"{group}/{name}", value)
            for i, trial in enumerate(record.tried):
                tf.summary.scalar(f"learning_rate/tried_{i + 1}", trial["rate"])
            if record.rate is not None:
                tf.summary.scalar("learning_rate/used", record.rate)
            if record.steps is not None:
                tf.summary.scalar("fit/steps", record.steps)
            tf.summary.scalar("fit/failed", float(record.status != "ok"))
            tf.summary.text("fit/status", record.status)
        self._events().flush()


def _grey(image):
    low, high = np.min(image), np.max(image)
    return ((image - low) / max(high - low, 1e-300)).astype(np.float32)
