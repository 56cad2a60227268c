"""The steady-state residual of a pattern of which one species is seen.

The hidden species is solved for (`rdtf.losses.elimination`), which needs no simulation
and no initial state: the loss is smooth in the parameters where losses behind a long
simulation have plateaus and cliffs. Two forms, each with its exact Jacobian:

    "norm":      r = (D_o ∇²o + R_o(o, l)) / ||q||
    "integral":  r = (m - D_o ∇²)⁻¹ q - o

The first is sharper on clean pictures; the second takes no derivative of the data and
is the one for noise. Neither is zero at D = R = 0, as the plain residual would be.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from rdtf import elliptic
from rdtf.finite_differences import laplacian
from rdtf.grids import Grid
from rdtf.losses.elimination import eliminate
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

FORMS = ("norm", "integral")


@dataclasses.dataclass(frozen=True)
class Linearisation:
    """The residual at some parameters, reduced to what least squares needs.

    Attributes:
      cost: half the sum of squares.
      gradient: J^T r, `[P]`, by parameter.
      curvature: J^T J, `[P, P]`.
      solver_residual: of the elliptic solves; far above 1e-9 the rest is not to be
        trusted.
    """

    cost: float
    gradient: np.ndarray
    curvature: np.ndarray
    solver_residual: float


class SteadyResidual:
    """The residual of observed stills as a function of the model's parameters.

    Args:
      model: two species; the hidden one linear in its own equation.
      grid: where the stills live.
      observe: the species that is seen.
      fields: `[n, *grid.shape]`.
      params: typical values, see `elimination.eliminate`.
      form: "norm" or "integral".
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        observe: str,
        fields,
        params: Mapping[str, float],
        form: str = "norm",
    ):
        if form not in FORMS:
            raise InputError(f"Expected a form among {', '.join(FORMS)}, got {form!r}.")
        self._grid = grid
        self._form = form
        self._split = eliminate(model, observe, params)
        self._names = list(model.parameters)
        species = model.species
        self._diffusivity = {
            "observed": model.diffusivity.get(species[self._split.observed]),
            "hidden": model.diffusivity.get(species[self._split.hidden]),
        }
        self._field = tf.constant(fields, tf.float64)
        self._laplacian = laplacian(self._field, grid)
        compiled = {"jit_compile": True, "autograph": False}
        self._linearise = tf.function(self._evaluate, **compiled)
        self._solve = tf.function(self._hidden, **compiled)

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The residual and its derivatives at `params`."""
        cost, gradient, curvature, residual = self._linearise(self._tensors(params))
        return Linearisation(
            float(cost), gradient.numpy(), curvature.numpy(), float(residual)
        )

    def hidden(self, params: Mapping[str, float]) -> tuple[tf.Tensor, tf.Tensor]:
        """The hidden species `[n, *grid]`, and its derivatives `[P, n, *grid]`."""
        field, slopes, _ = self._solve(self._tensors(params))
        zeros = tf.zeros_like(field)
        return field, tf.stack([slopes.get(name, zeros) for name in self._names])

    def hidden_tensor(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The hidden species of scalar tensors, differentiable in them by a tape."""

        @tf.custom_gradient
        def solve(*values):
            values = [tf.stop_gradient(value) for value in values]  # not taped inside
            field, slopes = self.hidden(dict(zip(self._names, values, strict=True)))
            axes = list(range(1, field.shape.rank + 1))

            def gradient(upstream):
                return tf.unstack(tf.reduce_sum(slopes * upstream, axes))

            return field, gradient

        return solve(*(_float64(params[name]) for name in self._names))

    def _tensors(self, params):
        shape = [1] * (self._grid.ndim + 1)
        return {n: tf.reshape(_float64(params[n]), shape) for n in self._names}

    def _coefficient(self, role, params):
        name = self._diffusivity[role]
        zero = tf.zeros([1] * (self._grid.ndim + 1), tf.float64)
        return zero if name is None else params[name]

    def _hidden(self, params):
        """l, {parameter: dl/dp}, worst solver residual."""
        split, o = self._split, self._field
        like = tf.zeros_like(o)
        c = split.terms["c"](o, None, params) + like
        diffusivity = self._coefficient("hidden", params)
        b = split.terms["b"](o, None, params) + like
        field, worst = elliptic.solve(self._grid, c, diffusivity, b)
        sources = {}
        for name in self._names:
            source = like
            if name in split.by_params["b"]:
                source += split.by_params["b"][name](o, None, params)
            if name in split.by_params["c"]:
                source -= split.by_params["c"][name](o, None, params) * field
            if name == self._diffusivity["hidden"]:
                source += laplacian(field, self._grid)
            if source is not like:
                sources[name] = source
        slopes = {}
        for name, source in sources.items():
            slopes[name], residual = elliptic.solve(self._grid, c, diffusivity, source)
            worst = tf.maximum(worst, residual)
        return field, slopes, worst

    def _evaluate(self, params):
        hidden, slopes, worst = self._hidden(params)
        form = self._norm if self._form == "norm" else self._integral
        residual, columns = form(params, hidden, slopes)
        jacobian = tf.stack([tf.reshape(column, [-1]) for column in columns])
        flat = tf.reshape(residual, [-1, 1])
        gradient = tf.squeeze(tf.matmul(jacobian, flat), -1)
        curvature = tf.matmul(jacobian, jacobian, transpose_b=True)
        return 0.5 * tf.reduce_sum(flat**2), gradient, curvature, worst

    def _total(self, term, name, params, hidden, slopes):
        """d term / d parameter, directly and through the hidden species."""
        split, o = self._split, self._field
        total = tf.zeros_like(o)
        if name in split.by_params[term]:
            total += split.by_params[term][name](o, hidden, params)
        if name in slopes:
            total += split.by_hidden[term](o, hidden, params) * slopes[name]
        return total

    def _norm(self, params, hidden, slopes):
        split, o = self._split, self._field
        q = split.terms["q"](o, hidden, params) + tf.zeros_like(o)
        scale = tf.reduce_sum(q**2)
        diffusion = self._coefficient("observed", params) * self._laplacian
        residual = diffusion + split.terms["reaction"](o, hidden, params)
        columns = []
        for name in self._names:
            column = self._total("reaction", name, params, hidden, slopes)
            if name == self._diffusivity["observed"]:
                column += self._laplacian
            by_q = self._total("q", name, params, hidden, slopes)
            shrink = tf.reduce_sum(q * by_q) / scale
            columns.append((column - residual * shrink) * tf.math.rsqrt(scale))
        return residual * tf.math.rsqrt(scale), columns

    def _integral(self, params, hidden, slopes):
        split, o = self._split, self._field
        m = split.terms["m"](o, hidden, params)
        diffusivity = self._coefficient("observed", params)

        def smooth(field):
            return elliptic.solve_uniform(self._grid, m, diffusivity, field)

        q = split.terms["q"](o, hidden, params) + tf.zeros_like(o)
        w = smooth(q)
        columns = []
        for name in self._names:
            column = self._total("q", name, params, hidden, slopes)
            if name in split.by_params["m"]:
                column -= split.by_params["m"][name](o, hidden, params) * w
            if name == self._diffusivity["observed"]:
                column += laplacian(w, self._grid)
            columns.append(smooth(column))
        return w - o, columns


def _float64(value):
    return tf.convert_to_tensor(value, tf.float64)
