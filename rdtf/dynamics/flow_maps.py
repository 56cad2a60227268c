"""States after a duration and their tangents, by velocities linear in coefficients."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import schemes
from rdtf.dynamics import linear


class FlowMap:
    """Standardised states after a duration, and their derivatives.

    In float64, by an explicit Runge-Kutta scheme. Derivatives are those of the steps
    taken: tangents t of

        dz/dt = v(z, c),      dt/dt = ∂v/∂z t + ∂v/∂c

    go along in the same steps.

    Args:
      velocity: linear in its coefficients.
      duration: in its unit of time.
      steps: of equal length.
      scheme: "forward_euler", "heun" or "rk4".
    """

    def __init__(
        self,
        velocity: linear.LinearVelocity,
        duration: float,
        steps: int,
        scheme: str = "rk4",
    ):
        self.velocity, self.duration, self.steps = velocity, duration, steps
        self._scheme, self._h = schemes.get(scheme), duration / steps
        options = {"autograph": False, "jit_compile": True}
        self._run = tf.function(self._end, **options)
        self._run_tangents = tf.function(self._tangents, **options)
        self._run_slopes = tf.function(self._slopes, **options)
        self._run_linear = tf.function(self._linear, **options)

    def __call__(self, z, coefficients) -> np.ndarray:
        """The states after the duration, `[n, y, x, species]`."""
        return self._run(*_float64(z, coefficients)).numpy()

    def tangents(self, z, coefficients) -> tuple[np.ndarray, np.ndarray]:
        """(states after it, derivatives by the coefficients `[terms, n, ...]`)."""
        return tuple(
            part.numpy() for part in self._run_tangents(*_float64(z, coefficients))
        )

    def linearise(self, z, coefficients) -> tuple[Callable, Callable]:
        """(A, Aᵀ) on changes `[m, n, y, x, species]`; A: derivative by the states."""
        slopes = self._run_slopes(*_float64(z, coefficients))

        def product(changes, back):
            return self._run_linear(*_float64(changes), slopes, back).numpy()

        return lambda x: product(x, False), lambda x: product(x, True)

    def _end(self, z, coefficients):
        def rate(state):
            return state, (linear.rates(self.velocity, state[0], coefficients),)

        return self._loop(rate, (z,))[0]

    def _tangents(self, z, coefficients):
        velocity = self.velocity
        owner = tf.one_hot(velocity.owners, z.shape[-1], dtype=tf.float64)
        owner = owner[:, None, None, None, :]

        def rate(state):
            z, moved = state
            forced = linear.terms(velocity, velocity.features(z))[..., None] * owner
            change = self._times(linear.slopes(velocity, z, coefficients), moved)
            rates = linear.rates(velocity, z, coefficients)
            return state, (rates, change + forced)

        start = tf.zeros([len(velocity.owners), *z.shape], tf.float64)
        return self._loop(rate, (z, start))

    def _loop(self, rate, state):
        def body(i, *state):
            return (i + 1, *self._scheme.advance(rate, state, self._h))

        loop = tf.while_loop(lambda i, *_: i < self.steps, body, (0, *state))
        return loop[1:]

    def _slopes(self, z, coefficients):
        """Of all stages of all steps, in order."""
        found = []

        def rate(state):
            found.append(linear.slopes(self.velocity, state[0], coefficients))
            return state, (linear.rates(self.velocity, state[0], coefficients),)

        for _ in range(self.steps):
            (z,) = self._scheme.advance(rate, (z,), self._h)
        return found

    def _linear(self, changes, found, back):
        """A times changes by the steps of the scheme, or Aᵀ by their transposes."""
        h, tableau = self._h, self._scheme.tableau
        stages = 1 + len(tableau.a)
        steps = [found[i : i + stages] for i in range(0, len(found), stages)]
        for step in reversed(steps) if back else steps:
            if not back:
                order = iter(step)

                def rate(state, order=order):
                    return state, (self._times(next(order), state[0]),)

                (changes,) = self._scheme.advance(rate, (changes,), h)
                continue
            parts = [h * b * changes for b in tableau.b]
            for i in range(stages - 1, -1, -1):
                felt = self._transposed(step[i], parts[i])
                changes += felt
                for j, a in enumerate(tableau.a[i - 1] if i else ()):
                    parts[j] += h * a * felt
        return changes

    def _times(self, found, moved):
        """∂v/∂z times changes."""
        parts = []
        for m, slope in found.items():
            change = sum(
                moved[..., r, None] * slope[..., r, :] for r in range(moved.shape[-1])
            )
            parts.append(linear.apply_laplacian(change, self.velocity.laplacian, m))
        return tf.add_n(parts)

    def _transposed(self, found, moved):
        """Its transpose; Laplacians are their own."""
        parts = []
        for m, slope in found.items():
            felt = linear.apply_laplacian(moved, self.velocity.laplacian, m)
            parts.append(
                sum(felt[..., s, None] * slope[..., s] for s in range(felt.shape[-1]))
            )
        return tf.add_n(parts)


def _float64(*values):
    return [tf.convert_to_tensor(np.float64(value)) for value in values]
