"""Integration with steps of adaptive length, and its gradient.

`rdtf.engines.step_search` finds the steps; the gradient is the exact one of the steps
that were accepted: `Replay` is the scheme that takes them again.
"""

import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record

from rdtf import schemes
from rdtf.engines import segment_gradients, xla
from rdtf.engines.base import Discretization, Segment
from rdtf.engines.step_search import StepSearch, Target
from rdtf.status import InputError, Status
from rdtf.types import Carry, Params, State

STEP_LENGTHS = "step lengths"  # the key of the table [B, steps] among the parameters


@dataclasses.dataclass(frozen=True, kw_only=True)
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
            f"Expected a duration of at least 0, or one for each of {batch} samples, "
            f"got {duration!r}."
        )
    return tf.constant(np.broadcast_to(values, [batch]))


class Adaptive:
    """Integration by one discretization: the search for steps, and their gradient."""

    def __init__(self, discretization: Discretization):
        replay = Replay(discretization.scheme)
        self._search = StepSearch(discretization)
        self._replay = xla.Engine(
            dataclasses.replace(discretization, scheme=replay), time_step=0.0
        )

    def integrate(self, state: State, params, target: Target) -> Integration:
        """See `rdtf.Simulation.integrate`; state and parameters are bound."""
        recording = record.could_possibly_record()
        plain, values = tf.nest.map_structure(tf.stop_gradient, (state, params))
        found = self._search(plain, values, target)
        end, lengths, taken, refused, time, status, following = found
        most = int(tf.reduce_max(taken))
        if recording and most:
            room = min(2 ** (most - 1).bit_length(), target.max_steps)  # few programs
            table = {STEP_LENGTHS: lengths[:, :room]}
            steps = Segment({**params, **table}, 0, most)
            end = segment_gradients.adjoint(self._replay, state, steps)
        return Integration(
            state=tuple(end),
            status=[Status(code) for code in status.numpy()],
            num_steps=taken.numpy(),
            num_rejected=refused.numpy(),
            time=time.numpy(),
            next_time_step=following.numpy(),
        )


class Replay:
    """A scheme whose step i has the length in column i of STEP_LENGTHS.

    Args:
      scheme: one with an estimate of its error.
    """

    def __init__(self, scheme):
        self._scheme = scheme

    def make_step(self, model, operator, time_step, varying=()):
        """Builds a `rdtf.types.Step` on rows.

        Args:
          model, operator, varying: as of `rdtf.schemes.Scheme.make_step`.
          time_step: not used.
        """
        del time_step
        pair = schemes.pairs.create(self._scheme, model, operator, varying)

        def step(carry: Carry, params: Params, step_index) -> Carry:
            params = dict(params)
            table = tf.stop_gradient(params.pop(STEP_LENGTHS))
            h = tf.gather(table, step_index, axis=1)
            prepared = pair.prepare(params, h)
            return pair.candidate(carry, pair.begin(carry, params), prepared, h)[0]

        return step
