"""Loss landscapes: the loss over a grid of one or two parameters.

Every point of the grid starts from the same initial states, runs until steady (or for a
fixed number of steps), and is compared with the target. One row is one batched run.
Rows are appended to a log as they come, so that a run can go on where it was stopped.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rdtf import storage, viz
from rdtf.analysis.pairs import sample_features
from rdtf.analysis.slices import Slice
from rdtf.simulation import Simulation
from rdtf.status import InputError, Status
from rdtf.storage.row_log import RowLog
from rdtf.types import State

_INVALID = [status for status in Status if status.is_invalid]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Landscape:
    """What was measured.

    Attributes:
      axes: name -> values.
      losses: loss name -> `[n]` or `[n0, n1]`, mean over samples; NaN where a sample
        was invalid.
      status, num_steps: int `[*points, S]`.
      settings: see `Slice.settings`.
    """

    axes: dict[str, np.ndarray]
    losses: dict[str, np.ndarray]
    status: np.ndarray
    num_steps: np.ndarray
    settings: dict

    @property
    def num_invalid(self) -> int:
        """Points without a loss."""
        return int(np.isin(self.status, _INVALID).any(axis=-1).sum())

    def draw(self, path, truth: Mapping[str, float] | None = None) -> None:
        """Draws a PNG; the true parameters, if known, are marked."""
        title = f"{self.settings['model']}: loss of {self.settings['observe']}"
        viz.landscape(path, self.axes, self.losses, truth, title)

    def save(self, path) -> None:
        """Writes an `.npz`: the axes, loss_NAME, status, num_steps, metadata."""
        arrays = {f"loss_{name}": values for name, values in self.losses.items()}
        with storage.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(
                stream,
                **self.axes,
                **arrays,
                status=self.status,
                num_steps=self.num_steps,
                metadata=json.dumps(storage.jsonable(self.settings)),
            )


def simulate_target(
    simulation: Simulation,
    truth: Mapping[str, float],
    state: State,
    observe: str,
    tolerance: float | None = 1e-4,
    max_steps: int = 40_000,
) -> np.ndarray:
    """The observed fields `[S, *grid]` at the end of a run at the true parameters.

    Args:
      simulation: what runs.
      truth: the true parameters.
      state: initial states, `[S, *grid]` per species.
      observe: the species that is observed.
      tolerance, max_steps: see `Slice`.

    Raises:
      InputError: if a sample becomes invalid.
    """
    run = _run(simulation, state, truth, tolerance, max_steps)
    for status in run.status:
        if status.is_invalid:
            raise InputError(f"The run at the truth is {status.label}: {status.advice}")
    return run.state[simulation.model.check_species(observe)].numpy()


def measure(
    part: Slice,
    log=None,
    resume: bool = False,
    callback: Callable[[int], None] | None = None,
) -> Landscape:
    """Measures a landscape.

    Args:
      part: what to measure.
      log: path of a JSON-lines file that rows are appended to, or None.
      resume: take the rows that `log` already holds.
      callback: called as callback(points so far) after every row; an exception in it
        (KeyboardInterrupt too) ends the run and loses no row.

    Raises:
      InputError: if the log to resume was made with other settings.
    """
    settings, rows = part.settings(), part.rows()
    log = log and RowLog(log, settings)
    done = log.start_numbered(resume) if log else {}
    targets = {name: sample_features(part.target, name) for name in part.losses}
    count = 0
    for number, points in enumerate(rows):
        if number not in done:
            done[number] = _measure_row(part, points, targets)
            if log:
                log.append({"row": number, **done[number]})
        count += len(points)
        if callback is not None:
            callback(count)

    def gather(read):
        values = np.concatenate([np.asarray(read(done[i])) for i in range(len(rows))])
        return values.reshape(part.shape + values.shape[1:])

    return Landscape(
        axes={name: np.array(values, float) for name, values in part.axes.items()},
        losses={
            name: gather(lambda row, name=name: np.array(row["losses"][name], float))
            for name in part.losses
        },
        status=gather(lambda row: row["status"]),
        num_steps=gather(lambda row: row["num_steps"]),
        settings=settings,
    )


def _measure_row(part, points, targets):
    """{"losses": name -> [points], "status" and "num_steps": [points][S]}."""
    samples = part.state[0].shape[0]
    params = dict(part.params)
    for name in part.axes:
        values = np.repeat([point[name] for point in points], samples)
        params[name] = tf.constant(values, tf.float64)
    ones = [1] * part.simulation.grid.ndim
    state = tuple(tf.tile(field, [len(points), *ones]) for field in part.state)
    run = _run(part.simulation, state, params, part.tolerance, part.max_steps)
    status = np.array(run.status, int).reshape(len(points), samples)
    invalid = np.isin(status, _INVALID).any(axis=1)
    fields = run.state[part.simulation.model.check_species(part.observe)].numpy()
    losses = {}
    for name, target in targets.items():
        features = sample_features(fields, name)
        loss = _sample_losses(features, target, part.paired)
        loss = loss.reshape(len(points), samples).mean(axis=1)
        losses[name] = np.where(invalid, np.nan, loss).tolist()
    steps = run.num_steps.reshape(len(points), samples)
    return {
        "losses": losses,
        "status": status.tolist(),
        "num_steps": steps.tolist(),
    }


def _sample_losses(features, target, paired):
    """One loss per sample: to its own target, or the mean over all targets.

    The mean over targets t of (f - t)² is (f - mean t)² + var t, feature by feature.
    """
    if paired:
        repeats = len(features) // len(target)
        difference = features - np.tile(target, (repeats, 1))
        return np.mean(difference**2, axis=1)
    return np.mean((features - target.mean(axis=0)) ** 2 + target.var(axis=0), axis=1)


def _run(simulation, state, params, tolerance, max_steps):
    """Until steady, or exactly `max_steps` steps."""
    tolerance = 0.0 if tolerance is None else tolerance  # no change is below 0
    return simulation.run_until_steady(state, params, tolerance, max_steps)
