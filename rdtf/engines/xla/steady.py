"""Steps until each sample is steady, or a step of it is invalid."""

import math

import tensorflow as tf

from rdtf.engines.base import Discretization
from rdtf.engines.xla.loops import barrier
from rdtf.status import Status
from rdtf.types import Step

_OVERSHOOT = 0.05  # of a valid range


class SteadyRuns:
    """Runs until steady, on rows `[B, cells]`."""

    def __init__(self, discretization: Discretization, step: Step):
        self._step, model = step, discretization.model
        self._species, self._layers = model.species, discretization.grid.shape[0]
        self._valid_range = {
            name: _widened(limits, discretization.laplacian)
            for name, limits in model.valid_range.items()
        }

    def run(self, state, params, active, tolerance, steps):
        """(state, steps taken, status, last change): see `Engine.until_steady`.

        Args:
          state, params: rows.
          active: bool `[B]`.
          tolerance: float64 scalar.
          steps: (first step, at most how many), int32 scalars.
        """
        first, num_steps = steps
        batch = active.shape[0]

        def body(i, state, active, taken, change):
            candidate = self._step(state, params, first + i)
            new_change = self._largest_change(state, candidate)
            moves = active & tf.math.is_finite(new_change)
            mask = moves[:, tf.newaxis]
            state = tuple(
                tf.where(mask, c, s) for c, s in zip(candidate, state, strict=True)
            )
            change = tf.where(active, new_change, change)
            taken += tf.cast(moves, tf.int32)
            return i + 1, state, moves & (new_change >= tolerance), taken, change

        none, still = tf.zeros([batch], tf.int32), tf.zeros([batch], tf.float64)
        _, state, going, taken, change = tf.while_loop(
            lambda i, state, active, *_: (i < num_steps) & tf.reduce_any(active),
            body,
            (tf.constant(0), state, active, none, still),
        )
        status = tf.where(
            going,
            int(Status.NOT_CONVERGED),
            tf.where(
                tf.math.is_finite(change),
                int(Status.CONVERGED),
                self._why_invalid(state, params, first),
            ),
        )
        return state, taken, status, change

    def _why_invalid(self, state, params, index):
        """The status of a sample whose next step was refused."""
        finite = tf.ones([state[0].shape[0]], tf.bool)
        for field in self._step(state, params, index):
            finite &= tf.reduce_all(tf.math.is_finite(field), 1)
        return tf.where(finite, int(Status.LEFT_VALID_RANGE), int(Status.NOT_FINITE))

    def _largest_change(self, before, after):
        """max |after - before| per sample; infinite where `after` is not valid."""
        change = tf.zeros_like(before[0])
        for name, old, new in zip(self._species, before, after, strict=False):
            size = tf.abs(new - old)
            lower, upper = self._valid_range.get(name, (-math.inf, math.inf))
            valid = (new >= lower) & (new <= upper) & (size < math.inf)
            change = tf.maximum(change, tf.where(valid, size, math.inf))
        layers = [change.shape[0], self._layers, -1]
        change = tf.reshape(barrier([change])[0], layers)
        change = barrier([tf.reduce_max(change, 1)])[0]  # vectorised: layers first
        return tf.reduce_max(change, 1)


def _widened(limits, laplacian):
    """A valid range with room for what a Laplacian of higher order does at a jump.

    Only second_order obeys a maximum principle: the others swing over by up to a few
    hundredths of the jump, and back within a few steps.
    """
    if laplacian == "second_order":
        return limits
    room = _OVERSHOOT * (limits[1] - limits[0])
    return limits[0] - room, limits[1] + room
