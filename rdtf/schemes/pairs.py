"""Candidates for a step of given length, with an estimate of their error."""

from typing import Any, Protocol

import tensorflow as tf

from rdtf.schemes.base import check_transport, rate
from rdtf.schemes.explicit import TSIT5
from rdtf.schemes.exponential import ETDRK4, ExponentialStep
from rdtf.status import InputError
from rdtf.types import Params, State

ADAPTIVE = (TSIT5.name, ETDRK4.name)


def check(scheme) -> None:
    """Raises InputError if a scheme has no estimate of its error."""
    if scheme.name not in ADAPTIVE:
        raise InputError(
            f"Expected scheme {' or '.join(ADAPTIVE)}, which estimate their error, got "
            f"{scheme.name}."
        )


class Pair(Protocol):
    """What `rdtf.Simulation.integrate` steps with, on rows `[B, cells]`.

    Attributes:
      error_order: the error of a step of length h is of this order in h.
    """

    error_order: int

    def prepare(self, params: Params, lengths: tf.Tensor) -> Params:
        """The parameters, and what they determine with the lengths `[B]` of a step."""

    def begin(self, state: State, params: Params) -> Any:
        """The memory of the first step: what each one hands to the next."""

    def candidate(
        self, state: State, memory: Any, params: Params, h: tf.Tensor
    ) -> tuple[State, State, Any]:
        """Tries a step.

        Args:
          state: before the step.
          memory: of the step before, or from `begin`.
          params: prepared for `h`.
          h: float64 `[B]`, the length of the step of each sample.

        Returns:
          (state after the step, an estimate of its error, memory for the next).
        """


def create(scheme, model, operator, varying=()) -> Pair:
    """The pair of a scheme.

    Args:
      scheme, model, operator, varying: as of `rdtf.schemes.Scheme.make_step`.

    Raises:
      InputError: if the scheme has no estimate of its error.
    """
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

    def candidate(self, state, memory, params, h):
        step, column, shape = self._step, h[:, tf.newaxis], state[0].shape
        u, n_u = memory[: len(state)], memory[len(state) :]
        moved, n_c = step.stages(u, n_u, params, shape, column)
        after = step.backward(moved, shape)
        n_after = step.rates(after, params)
        difference = tuple(c - a for c, a in zip(n_c, n_after, strict=True))
        error = step.times("last", params, difference, column / 6.0)
        return after, step.backward(error, shape), (*moved, *n_after)
