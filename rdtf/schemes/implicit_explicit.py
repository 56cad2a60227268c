"""CN-AB2 and SBDF2: diffusion implicit, reaction explicit, two steps in memory.

With L and N as in `rdtf.schemes.splitting`, and h the time step,

    cnab2   (u' - u) / h = L (u' + u) / 2 + (3 N(u) - N(u⁻)) / 2
    sbdf2   (3 u' - 4 u + u⁻) / 2 h = L u' + 2 N(u) - N(u⁻)

(Ascher, Ruuth & Wetton 1995, doi:10.1137/0732037). Both are of order 2 and cost one
evaluation of the reaction and one solve per step, which is diagonal in the modes of the
Laplacian. cnab2 hardly damps what decays fast, sbdf2 does. The first step is of order
1: cnab2 takes N(u⁻) = N(u), sbdf2 an implicit-explicit Euler step.

They carry N(u⁻), sbdf2 also u⁻ and a flag `[B, 1]` that is 0 before the first step.
"""

import math
from typing import ClassVar

import tensorflow as tf

from rdtf.schemes.base import Scheme
from rdtf.schemes.spectral_step import SpectralStep, add, scaled, stack, unstack
from rdtf.types import Carry, Params, State


class _ImplicitStep(SpectralStep):
    """`weights`: name -> (shift, factor) of the inverses of (shift - factor h L)."""

    weights: ClassVar[dict[str, tuple[float, float]]]

    def functions(self, symbol, h):
        moving = self._splitting.moving
        if self._splitting.is_diagonal:
            return {
                pair: {n: 1.0 / (a - b * h * z) for n, (a, b) in self.weights.items()}
                for pair, z in symbol.items()
            }
        z, one = h * stack(symbol, moving), tf.eye(len(moving), dtype=tf.float64)
        inverses = {
            n: tf.linalg.inv(a * one - b * z) for n, (a, b) in self.weights.items()
        }
        return unstack(inverses, moving)

    def inverse(self, name, params, amplitudes):
        """(shift - factor h L)⁻¹ of amplitudes."""
        return self.times(name, params, amplitudes, 1.0 / self.weights[name][0])


class _CrankNicolson(_ImplicitStep):
    weights: ClassVar = {"middle": (1.0, 0.5)}

    def begin(self, state: State, params: Params) -> Carry:
        """The state and its N."""
        return (*state, *self.remainder(state, params))

    def __call__(self, carry: Carry, params: Params, step_index) -> Carry:
        """One step, with prepared parameters or plain ones."""
        del step_index
        params, count, h = self.prepared(params), len(self._species), self._time_step
        state, before = carry[:count], carry[count:]
        now = self.remainder(state, params)
        moved = add(scaled(1.5 * h, now), scaled(-0.5 * h, before))
        # (1 + Z/2) / (1 - Z/2) = 2 / (1 - Z/2) - 1
        right = self.forward(add(scaled(2.0, state), moved))
        middle = self.backward(self.inverse("middle", params, right), state[0].shape)
        return (*add(middle, scaled(-1.0, state)), *now)


class _BackwardDifferences(_ImplicitStep):
    weights: ClassVar = {"first": (1.0, 1.0), "later": (1.5, 1.0)}

    def begin(self, state: State, params: Params) -> Carry:
        """The state twice, its N, and the flag."""
        flag = tf.zeros(
            [state[0].shape[0], *[1] * (state[0].shape.rank - 1)], tf.float64
        )
        return (*state, *state, *self.remainder(state, params), flag)

    def __call__(self, carry: Carry, params: Params, step_index) -> Carry:
        """One step, with prepared parameters or plain ones."""
        del step_index
        params, n, h = self.prepared(params), len(self._species), self._time_step
        state, before, slope, flag = (
            carry[:n],
            carry[n : 2 * n],
            carry[2 * n : -1],
            carry[-1],
        )
        now = self.remainder(state, params)
        right = []
        for u, v, new, old in zip(state, before, now, slope, strict=True):
            history = flag * (u - 0.5 * v + h * (new - old))
            right.append(u + h * new + history)
        right = self.forward(tuple(right))
        solved = []
        for name in ("later", "first"):
            solved.append(self.inverse(name, params, right))
        chosen = tuple(
            tf.where(tf.reshape(flag > 0.0, [-1, *[1] * (a.shape.rank - 1)]), a, b)
            for a, b in zip(*solved, strict=True)
        )
        after = self.backward(chosen, state[0].shape)
        return (*after, *state, *now, tf.ones_like(flag))


CNAB2 = Scheme(
    name="cnab2",
    order=2,
    stages=1,
    real_stability=math.inf,
    make=_CrankNicolson,
)
SBDF2 = Scheme(
    name="sbdf2",
    order=2,
    stages=1,
    real_stability=math.inf,
    make=_BackwardDifferences,
)
