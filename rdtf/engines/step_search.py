"""Steps of the length that keeps the error below a tolerance, per sample.

With e the error of a candidate (see `rdtf.schemes.pairs`), a step is accepted where

    E = rms(e / (atol + rtol max(|s|, |s'|))) <= 1

over cells and species. The next one has the length h min(5, max(0.2, 0.9 E^(-0.7/q)
E⁻^(0.4/q))), a PI controller with the E⁻ of the step before (Söderlind 2002,
doi:10.1023/A:1021160023092), e being of order h^q; after a rejection h max(0.2, 0.9
E^(-1/q)). It stays as it is where it would grow by less than a quarter: what depends on
it need not be computed again. A candidate that is not finite is a rejected step.
Samples do not wait for each other's steps: each has its own time.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from rdtf import schemes
from rdtf.engines import xla
from rdtf.engines.base import Discretization
from rdtf.operators import finite_differences
from rdtf.status import Status
from rdtf.types import State

_SAFETY, _LEAST, _MOST, _WORTHWHILE = 0.9, 0.2, 5.0, 1.25
_SHORTEST = 1e-14  # of the duration


class Target(NamedTuple):
    """How far a search goes, and how exactly.

    Attributes:
      duration: float64 `[B]`, the time of each sample.
      first_length: float64 `[B]`, the length that is tried first.
      rtol, atol: tolerances of the error of a step.
      max_steps: accepted steps, at most.
    """

    duration: tf.Tensor
    first_length: tf.Tensor
    rtol: Any
    atol: Any
    max_steps: int


class _Search(NamedTuple):
    """What a candidate changes; rows, or `[B]`.

    Attributes:
      state, memory: at the time reached, see `rdtf.schemes.pairs`.
      length: of the next step.
      prepared_for, weights: what is prepared for steps of these lengths.
      time: reached.
      before: error of the last accepted step, relative to the tolerance.
      lengths: of the accepted steps, `[B, max_steps]`.
      taken, refused: how many.
      going: whether the sample needs another step.
    """

    state: State
    memory: Any
    length: tf.Tensor
    prepared_for: tf.Tensor
    weights: dict
    time: tf.Tensor
    before: tf.Tensor
    lengths: tf.Tensor
    taken: tf.Tensor
    refused: tf.Tensor
    going: tf.Tensor


class StepSearch:
    """The program that finds the steps."""

    def __init__(self, discretization: Discretization):
        d = discretization
        operator = finite_differences.diffusion_operator(
            d.grid, xla.barrier, laplacian=d.laplacian
        )
        self._pair = schemes.pairs.create(d.scheme, d.model, operator, d.varying)
        self._program = xla.compiled(self._run)

    def __call__(self, state: State, params: dict, target: Target):
        """(state, lengths `[B, max_steps]`, accepted, rejected, time, status, length).

        All but the first two are `[B]`; lengths that were not needed are 0, and the
        last one returned is what would come next.
        """
        rtol, atol = (tf.constant(x, tf.float64) for x in (target.rtol, target.atol))
        target = target._replace(rtol=rtol, atol=atol, max_steps=int(target.max_steps))
        return self._program(state, params, target)

    def _run(self, state, params, target):
        shape = state[0].shape
        state, params = tf.nest.map_structure(
            finite_differences.flatten, (state, params)
        )
        _, end = tf.while_loop(
            lambda i, now: tf.reduce_any(now.going) & (i < 4 * target.max_steps),
            lambda i, now: (i + 1, self._attempt(now, params, target)),
            (tf.constant(0), self._start(state, params, target)),
        )
        stuck = tf.where(
            end.length > _SHORTEST * target.duration,
            int(Status.NOT_CONVERGED),
            int(Status.NOT_FINITE),
        )
        status = tf.where(end.time >= target.duration, int(Status.CONVERGED), stuck)
        state = tuple(tf.reshape(field, shape) for field in end.state)
        counts = end.taken, end.refused
        return state, end.lengths, *counts, end.time, status, end.length

    def _start(self, state, params, target):
        batch = state[0].shape[0]
        zero, count = tf.zeros([batch], tf.float64), tf.zeros([batch], tf.int32)
        first = tf.minimum(target.first_length, target.duration)
        return _Search(
            state=state,
            memory=self._pair.begin(state, params),
            length=first,
            prepared_for=first,
            weights=self._weights(params, first),
            time=zero,
            before=zero + 1.0,
            lengths=tf.zeros([batch, target.max_steps], tf.float64),
            taken=count,
            refused=count,
            going=target.duration > 0.0,
        )

    def _attempt(self, now, params, target):
        """One candidate of every sample, accepted or not."""
        duration, length, going = target.duration, now.length, now.going
        last = length >= (duration - now.time) * (1.0 - 1e-12)
        h = tf.where(last, duration - now.time, length)
        weights = tf.cond(
            tf.reduce_all(h == now.prepared_for),
            lambda: now.weights,
            lambda: self._weights(params, h),
        )
        after, error, kept = self._pair.candidate(
            now.state, now.memory, {**params, **weights}, h
        )
        size = _relative(error, now.state, after, target)
        finite = size < float("inf")  # NaN is not
        accepted = going & finite & (size <= 1.0)
        state, memory = _where(accepted, (after, kept), (now.state, now.memory))
        time = tf.where(accepted, tf.where(last, duration, now.time + h), now.time)
        size = tf.maximum(size, 1e-10)
        factor = self._factor(size, now.before, accepted, finite)
        longer = tf.where(accepted & last, tf.maximum(length, h * factor), h * factor)
        length = tf.where(going, longer, length)
        taken = now.taken + tf.cast(accepted, tf.int32)
        goes_on = going & (time < duration) & (taken < target.max_steps)
        return _Search(
            state=state,
            memory=memory,
            length=length,
            prepared_for=h,
            weights=weights,
            time=time,
            before=tf.where(accepted, size, now.before),
            lengths=_record(now.lengths, now.taken, accepted, h),
            taken=taken,
            refused=now.refused + tf.cast(going & ~accepted, tf.int32),
            going=goes_on & (length > _SHORTEST * duration),
        )

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


def _relative(error, state, after, target):
    """E of the docstring, `[B]`."""
    total = 0.0
    for e, old, new in zip(error, state, after, strict=True):
        scale = target.atol + target.rtol * tf.maximum(tf.abs(old), tf.abs(new))
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
