"""Integration with steps of adaptive length, and its gradient.

`rdtf.engines.step_search` finds the steps; the gradient is the exact one of the steps
that were accepted: `Replay` is the scheme that takes them again.
"""

import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record

from rdtf import schemes
from rdtf.engines import window_gradients, xla
from rdtf.engines.step_search import StepSearch
from rdtf.status import InputError, Status
from rdtf.types import Carry, Params, State

STEP_LENGTHS = "step lengths"  # the key of the table [B, steps] among the parameters


@dataclasses.dataclass(frozen=True)
class Integration:
    """The end of `rdtf.Simulation.integrate`, per sample.

    Attributes:
      state: at the time reached.
      status: list of `Status`: CONVERGED at the full duration.
      num_steps, num_rejected: int32 `[B]`, steps that were accepted and rejected.
      time: float64 `[B]`, the time reached.
      next_time_step: float64 `[B]`, the length that would be tried next.
    """

    state: State
    status: list[Status]
    num_steps: np.ndarray
    num_rejected: np.ndarray
    time: np.ndarray
    next_time_step: np.ndarray


def check_tolerances(relative_tolerance, absolute_tolerance) -> None:
    """Raises InputError unless a step can meet them."""
    for value in (relative_tolerance, absolute_tolerance):
        if not (np.isfinite(value) and value >= 0.0):
            raise InputError(f"Expected a tolerance of at least 0, got {value!r}.")
    if relative_tolerance + absolute_tolerance == 0.0:
        raise InputError("Expected a relative or an absolute tolerance above 0.")


def check_duration(duration, batch: int) -> tf.Tensor:
    """Durations `[B]`; raises InputError if they are no finite numbers from 0."""
    values = np.asarray(duration, np.float64)
    if values.shape not in ((), (1,), (batch,)) or not (
        np.isfinite(values).all() and (values >= 0.0).all()
    ):
        raise InputError(
            f"Expected a duration of at least 0, or one for each of {batch} samples, got "
            f"{duration!r}."
        )
    return tf.constant(np.broadcast_to(values, [batch]))


class Adaptive:
    """Integration of one model on one grid: the search for steps, and their gradient."""

    def __init__(self, model, grid, scheme, laplacian, varying):
        self._search = StepSearch(model, grid, scheme, laplacian, varying)
        self._replay = xla.Engine(
            model, grid, Replay(scheme), laplacian, varying, time_step=0.0
        )

    def integrate(
        self, state: State, params, duration, time_step, tolerances, max_steps
    ) -> Integration:
        """See `rdtf.Simulation.integrate`; all arguments are bound."""
        recording = record.could_possibly_record()
        plain, values = tf.nest.map_structure(tf.stop_gradient, (state, params))
        first = tf.fill(duration.shape, tf.constant(time_step, tf.float64))
        found = self._search(plain, values, duration, first, *tolerances, max_steps)
        end, lengths, taken, refused, time, status, following = found
        most = int(tf.reduce_max(taken))
        if recording and most:
            room = min(2 ** (most - 1).bit_length(), max_steps)  # few programs
            table = {STEP_LENGTHS: lengths[:, :room]}
            end = window_gradients.adjoint(
                self._replay, state, {**params, **table}, 0, most
            )
        return Integration(
            tuple(end),
            [Status(code) for code in status.numpy()],
            *(x.numpy() for x in (taken, refused, time, following)),
        )


class Replay:
    """A scheme whose step i has the length in column i of STEP_LENGTHS."""

    def __init__(self, scheme):
        self._scheme = scheme

    def make_step(self, model, operator, time_step, varying=()):
        """Builds `step(carry, params, step_index) -> carry`, on rows."""
        del time_step
        pair = schemes.pairs.create(self._scheme, model, operator, varying)

        def step(carry: Carry, params: Params, step_index) -> Carry:
            params = dict(params)
            table = tf.stop_gradient(params.pop(STEP_LENGTHS))
            h = tf.gather(table, step_index, axis=1)
            prepared = pair.prepare(params, h)
            return pair.candidate(carry, pair.begin(carry, params), prepared, h)[0]

        return step
