"""What is compared on a crop, and how it changes with rings and parameters.

    "norm"      r = rho_o / ||M (R_o + m o)||,      rho_o = D_o L o + M R_o(o, l)
    "integral"  r = (m M - D_o L)⁻¹ rho_o / ||o - mean(o)|| = (w - o) / ||o - mean(o)||
    "picture"   r = (s_o - o) / ||o - mean(o)||

In the first two o is the picture and only the hidden species l are unknown; rho_o, on
the interior, is the residual of its equation, and w = o on the ring. In the last, of
`rdtf.inverse.cropped.latent_field`, the observed species s_o is an exact solution, to
be compared with the picture on all cells: the estimate of least variance for white
noise, but one that needs a start nearby.
"""

from collections.abc import Mapping

import numpy as np

from rdtf.inverse.cropped.domain import CropDomain
from rdtf.inverse.cropped.system import CropSystem
from rdtf.inverse.steady.fixed_point import SteadyMap


class EquationMisfit:
    """The observed species' own equation, with the picture in it.

    `tangents` are those of the unknown species' interiors, `[S, cells, columns]`.

    Args:
      steady: names the observed species, the order of elimination and the decay rate.
      domain: of the crop.
      picture: `[ny, nx]`, of which only the standard deviation is used.
      form: "norm" or "integral", see above.

    Attributes:
      system: the equations of the hidden species.
    """

    def __init__(self, steady: SteadyMap, domain: CropDomain, picture, form: str):
        self._steady, self._domain, self._form = steady, domain, form
        self._o = steady.observed
        self.system = CropSystem(steady.equations, domain, steady.order)
        self._spread = np.linalg.norm(picture - picture.mean())

    def _parts(self, fields, params):
        """(rho, q = M (R_o + m o), m, D_o)."""
        m = self._steady.decay(params)
        d = self.system.equations.diffusivity(self._o, params)
        rho = self.system.defect(self._o, fields, params)
        o = fields[self._o].ravel()
        q = rho + m * (self._domain.mass @ o) - d * (self._domain.laplacian @ o)
        return rho, q, m, d

    def residual(self, fields: np.ndarray, params: Mapping) -> np.ndarray:
        """r, `[cells]`."""
        rho, q, m, d = self._parts(fields, params)
        if self._form == "norm":
            return rho / np.linalg.norm(q)
        return self._domain.smooth(m, d, rho[:, None])[:, 0] / self._spread

    def _along(self, fields, params, tangents):
        """The change of rho with those of the hidden interiors."""
        system, total = self.system, 0.0
        for j, tangent in zip(system.unknown, tangents, strict=True):
            if system.equations.depends(self._o, j):
                slope = system.slope(self._o, j, fields, params)
                inner = slope[self._domain.interior].reshape(-1, 1)
                total = total + self._domain.interior_mass @ (inner * tangent)
        return total

    def by_rings(self, fields, params, tangents) -> np.ndarray:
        """∂r / ∂rings, `[cells, S R]`."""
        direct = [
            self.system.defect_by_ring(self._o, j, fields, params)
            for j in self.system.unknown
        ]
        columns = self._along(fields, params, tangents) + np.concatenate(direct, axis=1)
        rho, q, m, d = self._parts(fields, params)
        if self._form == "norm":
            return _normed(rho, q, columns, columns)
        return self._domain.smooth(m, d, columns) / self._spread

    def by_params(self, fields, params, tangents) -> np.ndarray:
        """∂r / ∂params, `[cells, P]`."""
        direct = [
            self.system.defect_by_param(self._o, n, fields, params) for n in params
        ]
        columns = self._along(fields, params, tangents) + np.stack(direct, axis=1)
        rho, q, m, d = self._parts(fields, params)
        if self._form == "norm":
            decay = self._decay(fields[self._o], params)
            return _normed(rho, q, columns, columns + decay)
        change = np.zeros(self._domain.grid.shape)
        cells = self._domain.smooth(m, d, rho[:, None])
        change[self._domain.interior] = cells.reshape(self._domain.shape)
        columns = columns - self._decay(change, params)
        return self._domain.smooth(m, d, columns) / self._spread

    def _decay(self, field, params):
        """∂(m M - D_o L) / ∂params applied to a field, `[cells, P]`."""
        columns = np.zeros((self._domain.mass.shape[0], len(params)))
        for column, name in zip(columns.T, params, strict=True):
            if name in self._steady.decay_slopes:
                rate = self._steady.decay_slopes[name](params)
                column += rate * (self._domain.mass @ field.ravel())
            if self.system.equations.diffusivity_name(self._o) == name:
                column -= self._domain.laplacian @ field.ravel()
        return columns


def _normed(rho, q, columns, q_columns):
    """The derivative of rho / ||q||."""
    scale = np.linalg.norm(q)
    return (columns - np.outer(rho, q @ q_columns) / scale**2) / scale
