"""How the field of one picture answers in errors in variables, as a linear problem.

    (HᵀH / σ² + QᵀQ / ε²) x = b,      Q = 1 - ∂w/∂o

with the camera H and the steady map w, solved by conjugate gradients.
"""

from collections.abc import Mapping

import numpy as np

from rdtf.inverse.solvers import conjugate_gradients

TOLERANCE = 1e-3  # of the residual, in the norm of the preconditioner
ELLIPTIC_TOLERANCE = 1e-5  # of the problems of the hidden species inside
MAX_ITERATIONS = 400


class FieldProblem:
    """The problem of one sample at one field and parameters.

    Args:
      misfit: `rdtf.inverse.noisy.errors_in_variables.Misfit`.
      params: all parameters, numbers by name.
      point: of the steady map, there.
      sample: its number. Fields and pictures are stacks `[k, ...]` of that sample.
    """

    def __init__(self, misfit, params: Mapping, point, sample: int):
        self._camera, self._domain = misfit.camera, misfit.steady.domain
        self._point = point.sample(sample, ELLIPTIC_TOLERANCE)
        self._mask = misfit.mask[sample : sample + 1]
        self._sigma, self._epsilon = misfit.sigma, misfit.epsilon
        o = misfit.steady.observed
        d = misfit.steady.equations.diffusivity(o, params)
        smooth = self._point.m / (self._point.m - d * self._domain.symbol)
        model = np.clip(1.0 - 0.8 * smooth, 0.05, 1.0) / self._epsilon
        data = self._mask.mean() * np.square(self._camera.mean_transfer / self._sigma)
        self._inverse = 1.0 / (data + np.square(model))

    def transposed(self, data, model):
        """The gradient of the field for residuals `[k, ...]` of data and model."""
        back = self._camera.see_transposed(data * self._mask, masked=False)
        back = back / self._sigma**2
        back += (model - self._point.along_transposed(model)) / self._epsilon**2
        return back

    def see(self, field):
        """The change of the data with the field."""
        return self._camera.see(field, masked=False) * self._mask

    def leave(self, x):
        """The change of o - w with the field."""
        return x - self._point.along(x)

    def solve(self, b):
        """The fields `[k, ...]` that answer to gradients b, all k at once."""

        def precondition(r):
            return self._domain.filter(self._inverse, r)

        dot = conjugate_gradients.dot
        goal = TOLERANCE**2 * dot(b, precondition(b))
        return conjugate_gradients.solve(
            lambda p, _: self.transposed(self.see(p), self.leave(p)),
            precondition,
            np.zeros_like(b),
            b,
            converged=lambda _, size: (size <= goal).all(),
            max_iterations=MAX_ITERATIONS,
        )[0]
