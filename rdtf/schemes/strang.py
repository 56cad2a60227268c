"""Strang splitting: half a step of diffusion, a step of reaction, half of diffusion.

    u <- e^(h L / 2) Φ_h(e^(h L / 2) u)

Strang 1968, doi:10.1137/0705041. Diffusion is exact; Φ_h, the flow of ds/dt = N(s), is
one step of Runge-Kutta 4. Of order 2, positive where Φ_h is, and not exact at a steady
state: it moves it by O(h²), as diffusion and reaction balance only over whole steps.

The values b of the boundary go with diffusion, half a step of which then adds
h/2 φ1(h L / 2) b: among the reactions they would be as stiff as diffusion is. Where the
reaction leads away from them, the order can still be as low as 1 (Einkemmer & Ostermann
2015, doi:10.1137/140994204).
"""

import math

import tensorflow as tf

from rdtf.schemes import phi
from rdtf.schemes.base import Scheme
from rdtf.schemes.explicit import RK4
from rdtf.schemes.spectral_step import SpectralStep, add, stack, unstack
from rdtf.types import Carry, Params


class _Step(SpectralStep):
    def functions(self, symbol, h):
        moving = self._splitting.moving
        if self._splitting.is_diagonal:
            return {p: {"half": tf.exp(0.5 * h * z)} for p, z in symbol.items()}
        (half, _), _ = phi.matrix_phi_functions(h * stack(symbol, moving))
        return unstack({"half": half}, moving)

    def prepare(self, params: Params) -> Params:
        """The parameters, functions of h L, and amplitudes that the boundary adds."""
        prepared, half = super().prepare(params), 0.5 * self._time_step
        for i, given in enumerate(self._splitting.given(params)):
            if tf.is_tensor(given):
                z = half * self._splitting.symbol(params)[i, i]
                amplitudes = self._splitting.modes.forward(given)
                added = half * phi.phi_functions(z)[0] * amplitudes
                prepared[f"{i}.{i}.given"] = added
        return prepared

    def __call__(self, carry: Carry, params: Params, step_index) -> Carry:
        """One step, with prepared parameters or plain ones."""
        del step_index
        params, shape = self.prepared(params), carry[0].shape

        def diffuse(state):
            amplitudes = self.times("half", params, self.forward(state), 1.0)
            given = [params.get(f"{i}.{i}.given", 0.0) for i in self._species]
            return self.backward(add(amplitudes, given), shape)

        def rate(state):
            return state, self._splitting.remainder(state, params, given=False)

        return diffuse(RK4.advance(rate, diffuse(carry), self._time_step))


STRANG = Scheme(
    name="strang",
    order=2,
    stages=4,
    real_stability=math.inf,
    make=_Step,
)
