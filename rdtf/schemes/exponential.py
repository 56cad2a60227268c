"""ETDRK4: exponential time differencing, diffusion exact and reaction Runge-Kutta 4.

With z = h D ∇² for each wave, ∇² the eigenvalue of the chosen Laplacian, N the reaction,
and φ1 = (e^z - 1) / z, φ2 = (φ1 - 1) / z, φ3 = (φ2 - 1/2) / z, a step of length h is

    a = e^(z/2) u + h/2 φ1(z/2) N(u)
    b = e^(z/2) u + h/2 φ1(z/2) N(a)
    c = e^(z/2) a + h/2 φ1(z/2) (2 N(b) - N(u))
    u <- e^z u + h (φ1 - 3 φ2 + 4 φ3) N(u) + h (2 φ2 - 4 φ3) (N(a) + N(b))
                + h (4 φ3 - φ2) N(c)

Cox & Matthews 2002, doi:10.1006/jcph.2002.6995. The φ lose all digits near z = 0 if they
are computed as written (Kassam & Trefethen 2005, doi:10.1137/S1064827502410633, go round
by contour integrals); z is real here, so a Taylor series serves for |z| < 1, and the
recurrence, which is stable beyond. Both can be differentiated, at D = 0 too.

The order is 4 in smooth states; while modes that decay within a step still do so, such
as after a jump, it can be as low as 2 (Hochbruck & Ostermann 2005,
doi:10.1137/040611434). Without diffusion this is Runge-Kutta 4; a steady state of the
equations is one of the scheme, at any time step. The reaction is evaluated on the grid
and not dealiased: what its products alias is below round-off once a pattern is
resolved, and if it is not, a finer grid is the cure.
"""

import dataclasses
import math

import tensorflow as tf

from rdtf import fourier
from rdtf.finite_differences import DiffusionOperator
from rdtf.models import ReactionDiffusion
from rdtf.schemes.base import Scheme
from rdtf.status import InputError
from rdtf.types import Carry, Params, StepFn

_TERMS = 18  # of the series: the next is below 1e-17 at |z| = 1


@dataclasses.dataclass(frozen=True)
class ExponentialScheme(Scheme):
    """A scheme that takes diffusion exactly, wave by wave.

    Args:
      advance: `advance(react, waves, rates, weights) -> waves`, all of them one per
        species: `rates` are the waves of the reaction at the start, `react(waves)` those
        of the reaction elsewhere, and `weights` are `Weights`.
    """

    def make_step(
        self, model: ReactionDiffusion, operator: DiffusionOperator, time_step: float
    ) -> StepFn:
        """Builds `step(carry, params, step_index) -> carry`; needs a periodic grid."""
        if operator.grid.boundary != "periodic":
            raise InputError(
                f"Expected a periodic grid for scheme {self.name}, got "
                f"{operator.grid.boundary}: use forward_euler or rk4."
            )
        return _Step(self, model, operator, time_step)


@dataclasses.dataclass(frozen=True)
class Weights:
    """What the lines above multiply with, one number per wave: `[1 or B, *waves]`.

    A species that does not diffuse has Python floats, and its fields stand for waves.
    """

    half_decay: tf.Tensor | float
    half: tf.Tensor | float
    first: tf.Tensor | float
    middle: tf.Tensor | float
    last: tf.Tensor | float


def weights(z: tf.Tensor, time_step: float) -> Weights:
    """The weights of ETDRK4 for real z."""
    phi1, phi2, phi3 = phi_functions(z)
    return Weights(
        half_decay=tf.exp(0.5 * z),
        half=0.5 * time_step * phi_functions(0.5 * z)[0],
        first=time_step * (phi1 - 3.0 * phi2 + 4.0 * phi3),
        middle=time_step * (2.0 * phi2 - 4.0 * phi3),
        last=time_step * (4.0 * phi3 - phi2),
    )


def phi_functions(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """φ1, φ2, φ3 of real z, to round-off."""
    near_zero = tf.abs(z) < 1.0
    near = tf.where(near_zero, z, tf.zeros_like(z))
    series = tf.zeros_like(z)
    for k in reversed(range(_TERMS)):
        series = series * near + 1.0 / math.factorial(k + 3)
    second = 0.5 + near * series
    taylor = (1.0 + near * second, second, series)
    far = tf.where(near_zero, -tf.ones_like(z), z)
    phi1 = tf.math.expm1(far) / far
    phi2 = (phi1 - 1.0) / far
    closed = (phi1, phi2, (phi2 - 0.5) / far)
    return tuple(tf.where(near_zero, t, c) for t, c in zip(taylor, closed, strict=True))


def _still(time_step):
    """The weights at z = 0: Runge-Kutta 4."""
    h = time_step
    return Weights(1.0, h / 2.0, h / 6.0, h / 3.0, h / 6.0)


def _etdrk4(react, waves, n_u, weights):
    def half_step(start, reaction):
        return tuple(
            _times(w.half_decay, x) + _times(w.half, n)
            for w, x, n in zip(weights, start, reaction, strict=True)
        )

    a = half_step(waves, n_u)
    n_a = react(a)
    n_b = react(half_step(waves, n_a))
    c = half_step(a, tuple(2.0 * b - u for b, u in zip(n_b, n_u, strict=True)))
    terms = zip(weights, waves, n_u, n_a, n_b, react(c), strict=True)
    return tuple(
        _times(w.half_decay * w.half_decay, x)
        + _times(w.first, nu)
        + _times(w.middle, na + nb)
        + _times(w.last, nc)
        for w, x, nu, na, nb, nc in terms
    )


def _times(factor, values):
    if isinstance(factor, float):
        return factor * values
    return fourier.scale(factor, values)


class _Step:
    """`step(carry, params, step_index) -> carry`, with `prepare` (see `schemes`).

    Prepared parameters hold the weights too, as "D.half" and so on for each diffusivity
    D, so that they are computed, and differentiated, once for many steps.
    """

    def __init__(self, scheme, model, operator, time_step):
        self._advance, self._model, self._time_step = scheme.advance, model, time_step
        self._grid = operator.grid
        self._diffusivity = [model.diffusivity.get(name) for name in model.species]
        self._symbol = fourier.symbol(operator.grid, operator.laplacian)

    def prepare(self, params: Params) -> Params:
        """The parameters and the weights; a field of D is taken to be uniform."""
        prepared = dict(params)
        for name in filter(None, self._diffusivity):
            value = params[name]
            column = tf.reshape(value, [value.shape[0], -1])[:, :1]
            column = tf.reshape(column, [-1, *[1] * self._grid.ndim])
            found = weights(self._time_step * column * self._symbol, self._time_step)
            prepared |= {_key(name, field): x for field, x in vars(found).items()}
        return prepared

    def __call__(self, carry: Carry, params: Params, step_index) -> Carry:
        """One step, with prepared parameters or plain ones."""
        del step_index  # deterministic: only noise needs it
        if any(d and _key(d, "half") not in params for d in self._diffusivity):
            params = self.prepare(params)
        shape = carry[0].shape

        def rates(fields):
            found = self._model.reaction(fields, params)
            return self._waves([tf.broadcast_to(r, shape) for r in found])

        after = self._advance(
            lambda waves: rates(self._fields(waves, shape)),
            self._waves(carry),
            rates(carry),
            [self._weights(name, params) for name in self._diffusivity],
        )
        return self._fields(after, shape)

    def _weights(self, name, params):
        if name is None:
            return _still(self._time_step)
        fields = [field.name for field in dataclasses.fields(Weights)]
        return Weights(**{field: params[_key(name, field)] for field in fields})

    def _waves(self, fields):
        shape = self._grid.shape
        return tuple(
            fourier.to_waves(tf.reshape(f, [-1, *shape]), shape) if d else f
            for d, f in zip(self._diffusivity, fields, strict=True)
        )

    def _fields(self, waves, shape):
        return tuple(
            tf.reshape(fourier.from_waves(w, self._grid.shape), shape) if d else w
            for d, w in zip(self._diffusivity, waves, strict=True)
        )


def _key(diffusivity, weight):
    return f"{diffusivity}.{weight}"


ETDRK4 = ExponentialScheme("etdrk4", 4, 4, math.inf, _etdrk4)
