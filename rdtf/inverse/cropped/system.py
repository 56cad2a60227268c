"""A model's steady equations on a crop, for the species that are unknown inside it.

Unknown species i satisfy, at the interior cells,

    rho_i = D_i L s_i + M R_i(s) = 0

given the other species everywhere and the ring values of their own
(`rdtf.inverse.cropped.domain`). `CropSystem` factors the Jacobian of rho once and gives
Newton corrections and the tangents of the fields by ring values and parameters.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse

from rdtf.inverse.cropped.domain import CropDomain
from rdtf.inverse.solvers.block_tridiagonal import BlockTridiagonal
from rdtf.inverse.structure.equations import Equations


def ring_differences(count: int) -> np.ndarray:
    """The matrix of sum_j (b_{j+1} - b_j)² once around a ring of `count` cells."""
    step = np.roll(np.eye(count), 1, axis=1) - np.eye(count)
    return step.T @ step


def roughness(field: np.ndarray) -> float:
    """Root mean square difference of neighbours in a field `[n, ny, nx]`."""
    steps = [np.diff(field, axis=axis).ravel() for axis in (1, 2)]
    return max(float(np.sqrt(np.mean(np.concatenate(steps) ** 2))), 1e-12)


class CropSystem:
    """The equations of some species on one crop.

    Fields are `[species, ny, nx]`, `cells` those of the interior, (ny - 2)(nx - 2), and
    `params` all parameters, numbers by name.

    Args:
      equations: of the model; the unknown species diffuse.
      domain: of the crop.
      unknown: indices of the unknown species.
    """

    def __init__(
        self, equations: Equations, domain: CropDomain, unknown: Sequence[int]
    ):
        self.equations, self.domain, self.unknown = equations, domain, list(unknown)

    def field(self, value) -> np.ndarray:
        """A value that is the same everywhere, or not, as a field `[ny, nx]`."""
        return np.broadcast_to(value, self.domain.grid.shape)

    def slope(self, i: int, j: int, fields: np.ndarray, params: Mapping) -> np.ndarray:
        """∂R_i / ∂s_j, `[ny, nx]`.

        Args:
          i, j: indices of species.
          fields, params: where.
        """
        return self.field(self.equations.by_species(i, j, fields, params))

    def defect(self, i: int, fields: np.ndarray, params: Mapping) -> np.ndarray:
        """rho_i, `[cells]`."""
        d = self.equations.diffusivity(i, params)
        reaction = self.field(self.equations.reaction(i, fields, params)).ravel()
        diffusion = d * (self.domain.laplacian @ fields[i].ravel())
        return diffusion + self.domain.mass @ reaction

    def defect_by_param(self, i: int, name: str, fields, params) -> np.ndarray:
        """∂rho_i / ∂p at fixed fields, `[cells]`.

        Args:
          i: index of a species.
          name: of the parameter p.
          fields, params: where.
        """
        total = np.zeros(self.domain.mass.shape[0])
        if self.equations.uses(i, name):
            slope = self.field(self.equations.by_param(i, name, fields, params))
            total += self.domain.mass @ slope.ravel()
        if self.equations.diffusivity_name(i) == name:
            total += self.domain.laplacian @ fields[i].ravel()
        return total

    def defect_by_ring(self, i: int, j: int, fields, params) -> np.ndarray:
        """∂rho_i / ∂(ring values of species j) at fixed interiors, `[cells, R]`.

        Args:
          i, j: indices of species.
          fields, params: where.
        """
        ring = self.slope(i, j, fields, params)[self.domain.ring]
        total = self.domain.ring_mass * ring[None, :]
        if i == j:
            d = self.equations.diffusivity(i, params)
            total = total + d * self.domain.ring_laplacian
        return total.toarray()

    def jacobian(self, fields: np.ndarray, params: Mapping) -> scipy.sparse.csr_array:
        """∂rho / ∂(unknown species on all cells), `[S cells, S ny nx]`."""
        blocks = []
        for i in self.unknown:
            row = []
            for j in self.unknown:
                slope = self.slope(i, j, fields, params).reshape(1, -1)
                block = self.domain.mass * slope
                if i == j:
                    d = self.equations.diffusivity(i, params)
                    block = block + d * self.domain.laplacian
                row.append(block)
            blocks.append(row)
        return scipy.sparse.block_array(blocks, format="csr")

    def factor(self, fields: np.ndarray, params: Mapping) -> BlockTridiagonal:
        """-∂rho / ∂(interior of the unknown species), factored."""
        slopes = [
            [-self.slope(i, j, fields, params) for j in self.unknown]
            for i in self.unknown
        ]
        diffusivities = [self.equations.diffusivity(i, params) for i in self.unknown]
        return self.domain.factor(diffusivities, slopes)

    def solve(self, factor: BlockTridiagonal, rho: np.ndarray) -> np.ndarray:
        """The change of the interiors `[S, cells, columns]` that undoes rho."""
        lines = factor.solve(self.domain.to_lines(rho))
        return self.domain.from_lines(lines, len(self.unknown))

    def newton(self, factor: BlockTridiagonal, fields: np.ndarray, params: Mapping):
        """One correction of the interiors, in place; returns its largest change."""
        rho = np.stack([self.defect(i, fields, params) for i in self.unknown])
        step = self.solve(factor, rho[:, :, None])[:, :, 0]
        self.shift(fields, step)
        return float(np.max(np.abs(step)))

    def shift(self, fields: np.ndarray, step: np.ndarray) -> None:
        """Adds `[S, cells]` to the interiors of the unknown species, in place."""
        shape = (len(self.unknown), *self.domain.shape)
        for i, change in zip(self.unknown, step.reshape(shape), strict=True):
            fields[i][self.domain.interior] += change

    def by_rings(self, factor: BlockTridiagonal, fields, params) -> np.ndarray:
        """∂interiors / ∂rings of the unknown species, `[S, cells, S R]`."""
        rho = [
            np.concatenate(
                [self.defect_by_ring(i, j, fields, params) for j in self.unknown],
                axis=1,
            )
            for i in self.unknown
        ]
        return self.solve(factor, np.stack(rho))

    def by_params(self, factor: BlockTridiagonal, fields, params) -> np.ndarray:
        """∂interiors / ∂params, `[S, cells, P]`."""
        rho = [
            np.stack(
                [self.defect_by_param(i, n, fields, params) for n in params], axis=1
            )
            for i in self.unknown
        ]
        return self.solve(factor, np.stack(rho))
