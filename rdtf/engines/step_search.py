"""Steps of the length that keeps the error below a tolerance, per sample.

With e the error of a candidate (see `rdtf.schemes.pairs`), a step is accepted where

    E = rms(e / (atol + rtol max(|s|, |s'|))) <= 1

over cells and species. The next one has the length h min(5, max(0.2, 0.9 E^(-0.7/q)
E⁻^(0.4/q))), a PI controller with the E⁻ of the step before (Söderlind 2002,
doi:10.1023/A:1021160023092), e being of order h^q; after a rejection h max(0.2, 0.9
E^(-1/q)). It stays as it is where it would grow by less than a quarter: what depends on
it need not be computed again. A candidate that is not finite is a rejected step. Samples
do not wait for each other's steps: each has its own time.
"""

import tensorflow as tf

from rdtf import schemes
from rdtf.engines import xla
from rdtf.operators import finite_differences
from rdtf.status import Status

_SAFETY, _LEAST, _MOST, _WORTHWHILE = 0.9, 0.2, 5.0, 1.25
_SHORTEST = 1e-14  # of the duration


class StepSearch:
    """The program that finds the steps."""

    def __init__(self, model, grid, scheme, laplacian, varying):
        operator = finite_differences.diffusion_operator(
            grid, xla.barrier, True, laplacian
        )
        self._pair = schemes.pairs.create(scheme, model, operator, varying)
        self._program = xla.compiled(self._run)

    def __call__(self, state, params, duration, first_length, rtol, atol, max_steps):
        """(state, lengths `[B, max_steps]`, accepted, rejected, time, status, length).

        All but the first two are `[B]`, and so are `duration` and `first_length`; lengths
        that were not needed are 0, and the last one returned is what would come next.
        """
        numbers = [tf.constant(x, tf.float64) for x in (rtol, atol)]
        return self._program(
            state, params, duration, first_length, *numbers, int(max_steps)
        )

    def _run(self, state, params, duration, first_length, rtol, atol, max_steps):
        shape = state[0].shape
        state, params = tf.nest.map_structure(
            finite_differences.flatten, (state, params)
        )
        zero, count = tf.zeros([shape[0]], tf.float64), tf.zeros([shape[0]], tf.int32)
        lengths = tf.zeros([shape[0], max_steps], tf.float64)
        first = tf.minimum(first_length, duration)
        fixed = (params, duration, rtol, atol, max_steps)
        end = tf.while_loop(
            lambda i, *rest: tf.reduce_any(rest[-1][-1]) & (i < 4 * max_steps),
            lambda i, *rest: (i + 1, *self._attempt(*fixed, *rest)),
            (
                tf.constant(0),
                state,
                self._pair.begin(state, params),
                first,
                first,
                self._weights(params, first),
                (zero, zero + 1.0, lengths, count, count, duration > 0.0),
            ),
        )
        _, state, _, length, _, _, (time, _, lengths, taken, refused, _) = end
        stuck = tf.where(
            length > _SHORTEST * duration,
            int(Status.NOT_CONVERGED),
            int(Status.NOT_FINITE),
        )
        status = tf.where(time >= duration, int(Status.CONVERGED), stuck)
        state = tuple(tf.reshape(field, shape) for field in state)
        return state, lengths, taken, refused, time, status, length

    def _attempt(
        self, params, duration, rtol, atol, max_steps,
        state, memory, length, prepared_for, weights, clock,
    ):  # fmt: skip
        """One candidate of every sample, accepted or not: the loop's new variables."""
        time, before, lengths, taken, refused, going = clock
        last = length >= (duration - time) * (1.0 - 1e-12)
        h = tf.where(last, duration - time, length)
        weights = tf.cond(
            tf.reduce_all(h == prepared_for),
            lambda: weights,
            lambda: self._weights(params, h),
        )
        inside = {**params, **weights}
        after, error, kept = self._pair.candidate(state, memory, inside, h)
        size = _relative(error, state, after, rtol, atol)
        finite = size < float("inf")  # NaN is not
        accepted = going & finite & (size <= 1.0)
        state, memory = _where(accepted, (after, kept), (state, memory))
        lengths = _record(lengths, taken, accepted, h)
        time = tf.where(accepted, tf.where(last, duration, time + h), time)
        size = tf.maximum(size, 1e-10)
        factor = self._factor(size, before, accepted, finite)
        longer = tf.where(accepted & last, tf.maximum(length, h * factor), h * factor)
        length = tf.where(going, longer, length)
        before = tf.where(accepted, size, before)
        taken += tf.cast(accepted, tf.int32)
        refused += tf.cast(going & ~accepted, tf.int32)
        going &= (time < duration) & (taken < max_steps)
        going &= length > _SHORTEST * duration
        clock = (time, before, lengths, taken, refused, going)
        return state, memory, length, h, weights, clock

    def _weights(self, params, lengths):
        """What is prepared for steps of these lengths, without the parameters."""
        prepared = self._pair.prepare(params, lengths)
        return {name: x for name, x in prepared.items() if name not in params}

    def _factor(self, size, before, accepted, finite):
        """By how much the next step is longer."""
        order = float(self._pair.error_order)
        grown = size ** (-0.7 / order) * before ** (0.4 / order)
        shrunk = tf.where(finite, size ** (-1.0 / order), 0.0)
        factor = _SAFETY * tf.where(accepted, grown, shrunk)
        factor = tf.clip_by_value(factor, _LEAST, _MOST)
        stays = accepted & (factor >= 1.0) & (factor < _WORTHWHILE)
        return tf.where(stays, tf.ones_like(factor), factor)


def _relative(error, state, after, rtol, atol):
    """E of the docstring, `[B]`."""
    total = 0.0
    for e, old, new in zip(error, state, after, strict=True):
        scale = atol + rtol * tf.maximum(tf.abs(old), tf.abs(new))
        total += tf.reduce_mean((e / scale) ** 2, 1)
    return tf.sqrt(total / len(state))


def _where(accepted, new, old):
    """`new` where it was accepted; tensors `[B, ...]` of any rank."""

    def choose(n, o):
        return tf.where(tf.reshape(accepted, [-1, *[1] * (n.shape.rank - 1)]), n, o)

    return tf.nest.map_structure(choose, new, old)


def _record(lengths, taken, accepted, h):
    """Writes h at the place `taken` of each sample that accepted its step."""
    rows = tf.range(lengths.shape[0])
    place = tf.minimum(taken, lengths.shape[1] - 1)
    places = tf.stack([rows, place], 1)
    kept = tf.gather_nd(lengths, places)
    return tf.tensor_scatter_nd_update(lengths, places, tf.where(accepted, h, kept))
