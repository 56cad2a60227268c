"""Candidates for a step of given length, with an estimate of their error.

A pair is what `Simulation.integrate` steps with. Everything is rows `[B, cells]`, and the
length h is `[B]`, one per sample:

    pair.prepare(params, h) -> prepared        what h and the parameters alone determine
    pair.begin(state, params) -> memory        what one step leaves to the next
    pair.candidate(state, memory, prepared, h) -> (state, error, memory)
"""

import tensorflow as tf

from rdtf.schemes.base import check_transport, rate
from rdtf.schemes.explicit import TSIT5
from rdtf.schemes.exponential import ETDRK4, ExponentialStep
from rdtf.status import InputError

ADAPTIVE = (TSIT5.name, ETDRK4.name)


def check(scheme) -> None:
    """Raises InputError if a scheme has no estimate of its error."""
    if scheme.name not in ADAPTIVE:
        raise InputError(
            f"Expected scheme {' or '.join(ADAPTIVE)}, which estimate their error, got "
            f"{scheme.name}."
        )


def create(scheme, model, operator, varying=()):
    """The pair of a scheme."""
    check(scheme)
    make = _RungeKuttaPair if scheme.name == TSIT5.name else _ExponentialPair
    return make(scheme, model, operator, varying)


class _RungeKuttaPair:
    """Memory: the derivatives at the state, which are the first stage."""

    error_order = 5

    def __init__(self, scheme, model, operator, varying):
        check_transport(model, operator, varying)
        self._scheme = scheme
        self._rate = lambda state, params: rate(model, operator, state, params, varying)

    def prepare(self, params, lengths):
        del lengths
        return dict(params)

    def begin(self, state, params):
        return self._rate(state, params)[1]

    def candidate(self, state, memory, params, h):
        column = h[:, tf.newaxis]
        after, stages = self._scheme.advance_from(
            lambda s: self._rate(s, params), state, memory, column
        )
        after, slope = self._rate(after, params)
        pairs = list(zip(self._scheme.tableau.error, [*stages, slope], strict=True))
        error = tuple(
            column * sum(w * k[i] for w, k in pairs) for i in range(len(state))
        )
        return after, error, slope


class _ExponentialPair:
    """Memory: the amplitudes of the state and of N."""

    error_order = 4

    def __init__(self, scheme, model, operator, varying):
        self._step = ExponentialStep(scheme, model, operator, 0.0, varying)

    def prepare(self, params, lengths):
        return self._step.prepare(params, lengths)

    def begin(self, state, params):
        return (*self._step.forward(state), *self._step.rates(state, params))

    def candidate(self, state, memory, prepared, h):
        step, column, shape = self._step, h[:, tf.newaxis], state[0].shape
        u, n_u = memory[: len(state)], memory[len(state) :]
        moved, n_c = step.stages(u, n_u, prepared, shape, column)
        after = step.backward(moved, shape)
        n_after = step.rates(after, prepared)
        difference = tuple(c - a for c, a in zip(n_c, n_after, strict=True))
        error = step.times("last", prepared, difference, column / 6.0)
        return after, step.backward(error, shape), (*moved, *n_after)
