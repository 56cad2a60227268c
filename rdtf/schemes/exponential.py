"""ETDRK4: exponential time differencing, diffusion exact and reaction Runge-Kutta 4.

With Z = h L for each mode of the Laplacian (L and N as in `rdtf.schemes.splitting`), a
step of length h is

    a = e^(Z/2) u + h/2 φ1(Z/2) N(u)
    b = e^(Z/2) u + h/2 φ1(Z/2) N(a)
    c = e^(Z/2) a + h/2 φ1(Z/2) (2 N(b) - N(u))
    u <- e^Z u + h (φ1 - 3 φ2 + 4 φ3) N(u) + h (2 φ2 - 4 φ3) (N(a) + N(b))
                + h (4 φ3 - φ2) N(c)

Cox & Matthews 2002, doi:10.1006/jcph.2002.6995; the φ are those of `rdtf.schemes.phi`.

With N(u') for N(c) in the last line it is of order 3; the difference is the error that
`Simulation.integrate` keeps below its tolerance, for no more work, as the next step
begins with N(u') (compare Whalen, Brio & Moloney 2015, doi:10.1016/j.jcp.2014.09.038).

The order is 4 in smooth states; while modes that decay within a step still do so, such
as after a jump, it can be as low as 2 (Hochbruck & Ostermann 2005,
doi:10.1137/040611434), and boundary values have the same effect. Without diffusion this
is Runge-Kutta 4; a steady state of the equations is one of the scheme, at any time
step. The reaction is evaluated on the grid and not dealiased: what its products alias
is below round-off once a pattern is resolved, and if it is not, a finer grid is the
cure.
"""

import math

import tensorflow as tf

from rdtf.schemes import phi
from rdtf.schemes.base import Scheme
from rdtf.schemes.spectral_step import SpectralStep, add, stack, unstack
from rdtf.types import Carry, Params, State


def weights(z: tf.Tensor, time_step: float) -> dict[str, tf.Tensor]:
    """What the lines above multiply with, by name, for real z."""
    half_decay, half = tf.exp(0.5 * z), phi.phi_functions(0.5 * z)[0]
    functions = (half_decay * half_decay, *phi.phi_functions(z))
    return _weights((half_decay, half), functions, time_step)


def _weights(at_half, functions, time_step):
    decay, phi1, phi2, phi3 = functions
    return {
        "half_decay": at_half[0],
        "half": 0.5 * time_step * at_half[1],
        "decay": decay,
        "first": time_step * (phi1 - 3.0 * phi2 + 4.0 * phi3),
        "middle": time_step * (2.0 * phi2 - 4.0 * phi3),
        "last": time_step * (4.0 * phi3 - phi2),
    }


class ExponentialStep(SpectralStep):
    """A step of ETDRK4."""

    def functions(self, symbol, h):
        if self._splitting.is_diagonal:
            return {pair: weights(h * value, h) for pair, value in symbol.items()}
        moving = self._splitting.moving
        matrix = h if isinstance(h, float) else h[..., tf.newaxis, tf.newaxis]
        found = phi.matrix_phi_functions(matrix * stack(symbol, moving))
        return unstack(_weights(*found, matrix), moving)

    def __call__(self, carry: Carry, params: Params, step_index) -> Carry:
        """One step, with prepared parameters or plain ones."""
        del step_index  # deterministic: only noise needs it
        params, shape = self.prepared(params), carry[0].shape
        u, n_u = self.forward(carry), self.rates(carry, params)
        after, _ = self.stages(u, n_u, params, shape, self._time_step)
        return self.backward(after, shape)

    def rates(self, state: State, params: Params):
        """N, as amplitudes."""
        return self.forward(self.remainder(state, params))

    def stages(self, u, n_u, params: Params, shape, h):
        """The stages of a step.

        Args:
          u, n_u: amplitudes of the state and of its N.
          params: prepared.
          shape: of a field.
          h: the length of the step, a number or `[B, 1]`, for the species that do not
            diffuse: they take Runge-Kutta 4.

        Returns:
          (amplitudes after the step, those of N(c)).
        """
        still = {"half": h / 2, "first": h / 6, "middle": h / 3, "last": h / 6}

        def react(amplitudes):
            return self.rates(self.backward(amplitudes, shape), params)

        def times(name, amplitudes):
            return self.times(name, params, amplitudes, still.get(name, 1.0))

        halfway = times("half_decay", u)
        a = add(halfway, times("half", n_u))
        n_a = react(a)
        n_b = react(add(halfway, times("half", n_a)))
        doubled = tuple(2.0 * b - u for b, u in zip(n_b, n_u, strict=True))
        c = add(times("half_decay", a), times("half", doubled))
        n_c = react(c)
        after = add(
            times("decay", u),
            times("first", n_u),
            times("middle", add(n_a, n_b)),
            times("last", n_c),
        )
        return after, n_c


ETDRK4 = Scheme(
    name="etdrk4",
    order=4,
    stages=4,
    real_stability=math.inf,
    make=ExponentialStep,
)
