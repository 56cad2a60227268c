"""How the field of one picture answers in errors in variables, as a linear problem.

    (HᵀH / σ² + QᵀQ / ε²) x = b,      Q = 1 - ∂w/∂o

with the camera H and the steady map w, solved by conjugate gradients.
"""

from collections.abc import Mapping

import numpy as np

TOLERANCE = 1e-5  # of the elliptic problems inside


class FieldProblem:
    """The problem of one sample at one field and parameters.

    Args:
      misfit: `rdtf.inverse.noisy.errors_in_variables.Misfit`.
      params: where.
      point: of the steady map, there.
      sample: its number. Fields and pictures here are stacks `[k, ...]` of that sample.
    """

    def __init__(self, misfit, params: Mapping, point, sample: int):
        self._camera, self._domain = misfit.camera, misfit.steady.domain
        self._point = point.sample(sample, TOLERANCE)
        self._mask = misfit.mask[sample : sample + 1]
        self._sigma, self._epsilon = misfit.sigma, misfit.epsilon
        o = misfit.steady.observed
        d = misfit.steady.equations.diffusivity(o, params)
        smooth = self._point.m / (self._point.m - d * self._domain.symbol)
        model = np.clip(1.0 - 0.8 * smooth, 0.05, 1.0) / self._epsilon
        seen = self._mask.mean() * np.square(self._camera.mean_transfer / self._sigma)
        self._inverse = 1.0 / (seen + np.square(model))

    def transposed(self, data, model):
        """The gradient of the field for residuals `[k, ...]` of data and model."""
        back = self._see_transposed(data) / self._sigma**2
        back += (model - self._point.along_transposed(model)) / self._epsilon**2
        return back

    def see(self, field):
        """The change of the data with the field."""
        return self._camera.see(field, masked=False) * self._mask

    def leave(self, x):
        """The change of o - w with the field."""
        return x - self._point.along(x)

    def _see_transposed(self, picture):
        return self._camera.see_transposed(picture * self._mask, masked=False)

    def _normal(self, x):
        return self.transposed(self.see(x), self.leave(x))

    def solve(self, b, tolerance=1e-3, max_iterations=400):
        """Preconditioned conjugate gradients for every right-hand side at once."""
        axes = tuple(range(1, b.ndim))

        def dot(x, y):
            return np.sum(x * y, axis=axes, keepdims=True)

        x, r = np.zeros_like(b), b.copy()
        z = self._domain.filter(self._inverse, r)
        p, rz = z.copy(), dot(r, z)
        goal = tolerance**2 * rz
        for _ in range(max_iterations):
            if (rz <= goal).all():
                break
            image = self._normal(p)
            slope = dot(p, image)
            step = np.divide(rz, slope, out=np.zeros_like(rz), where=slope > 0.0)
            x += step * p
            r -= step * image
            z = self._domain.filter(self._inverse, r)
            before, rz = rz, dot(r, z)
            p = z + np.divide(rz, before, out=np.zeros_like(rz), where=before > 0.0) * p
        return x
