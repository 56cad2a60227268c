"""Laplacians on a crop of a larger pattern: known on the inside, not beyond.

The outermost ring of cells carries values that are given. The equation of a species s

    D L s + M R = 0

holds at the cells inside, with ∇² = M⁻¹ L by those stencils of
`rdtf.operators.stencils` that look one cell away: second_order, M = 1, and compact.
"""

import functools
from collections.abc import Sequence

import numpy as np
import scipy.fft
import scipy.sparse

from rdtf.grids import Grid
from rdtf.inverse.solvers.block_tridiagonal import BlockTridiagonal
from rdtf.operators.stencils import STENCILS
from rdtf.status import InputError

LAPLACIANS = tuple(name for name, s in STENCILS.items() if s.reach == 1)
_OFFSETS = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]


class CropDomain:
    """The interior and the ring of a crop.

    Args:
      grid: 2-D; its boundary condition is not used.
      laplacian: a name of `LAPLACIANS`; compact needs equal spacings.

    Attributes:
      ring: (rows, columns) of the R outermost cells, once around.
      interior: the index of the others in a field `[..., ny, nx]`.
      laplacian, mass: L and M as sparse matrices, from all cells to the interior.
    """

    def __init__(self, grid: Grid, laplacian: str = "second_order"):
        _check(grid, laplacian)
        self.grid = grid
        self.shape = tuple(n - 2 for n in grid.shape)
        self.interior = (..., slice(1, -1), slice(1, -1))
        self.ring = _around(*grid.shape)
        self._stencils = STENCILS[laplacian].matrices(grid.spacing)
        self.laplacian, self.mass = (self._matrix(s) for s in self._stencils)
        flat = np.ravel_multi_index(self.ring, grid.shape)
        self.ring_laplacian = self.laplacian[:, flat]
        self.ring_mass = self.mass[:, flat]
        inside = np.arange(grid.num_cells).reshape(grid.shape)[self.interior].ravel()
        self.interior_mass = self.mass[:, inside]

    @functools.cached_property
    def _cells(self):
        """(rows, columns) of the interior."""
        ny, nx = self.shape
        return np.repeat(np.arange(1, ny + 1), nx), np.tile(np.arange(1, nx + 1), ny)

    def _matrix(self, stencil):
        y, x = self._cells
        entries = [o for o in _OFFSETS if stencil[o[0] + 1, o[1] + 1]]
        columns = [
            np.ravel_multi_index((y + a, x + b), self.grid.shape) for a, b in entries
        ]
        values = [np.full(len(y), stencil[a + 1, b + 1]) for a, b in entries]
        rows = np.tile(np.arange(len(y)), len(entries))
        shape = (len(y), self.grid.num_cells)
        pairs = (rows, np.concatenate(columns))
        return scipy.sparse.csr_array((np.concatenate(values), pairs), shape)

    def factor(self, diffusivities: Sequence[float], slopes) -> BlockTridiagonal:
        """The equations of S species that are zero on the ring, ready to be solved.

            -D_i L x_i + M sum_j c_ij x_j = b_i   at the interior

        Args:
          diffusivities: D_i.
          slopes: c_ij, `slopes[i][j]` a field `[ny, nx]` or a number.

        The solver takes b and gives x as `[ny - 2, S (nx - 2), columns]`: see
        `to_lines`.
        """
        (ny, nx), count = self.shape, len(diffusivities)
        blocks = np.zeros((3, ny, count, nx, count, nx))
        lap, mass = self._stencils
        for a, b in _OFFSETS:
            x = np.arange(max(0, -b), nx - max(0, b))
            for i, row in enumerate(slopes):
                for j, slope in enumerate(row):
                    slope = np.broadcast_to(slope, self.grid.shape)
                    value = mass[a + 1, b + 1] * slope[1 + a : 1 + a + ny][:, 1 + b + x]
                    if i == j:
                        value = value - diffusivities[i] * lap[a + 1, b + 1]
                    blocks[a + 1][:, i, x, j, x + b] = value
        return BlockTridiagonal(*blocks.reshape(3, ny, count * nx, count * nx))

    def to_lines(self, b: np.ndarray) -> np.ndarray:
        """`[S, (ny - 2)(nx - 2), columns]` in the order of the solver."""
        (ny, nx), count = self.shape, len(b)
        lines = b.reshape(count, ny, nx, -1).transpose(1, 0, 2, 3)
        return lines.reshape(ny, count * nx, -1)

    def from_lines(self, x: np.ndarray, count: int) -> np.ndarray:
        """The reverse of `to_lines` for S = count species."""
        ny, nx = self.shape
        fields = x.reshape(ny, count, nx, -1).transpose(1, 0, 2, 3)
        return fields.reshape(count, ny * nx, -1)

    @functools.cached_property
    def _symbols(self):
        """Eigenvalues of L and M for interior fields that are zero on the ring."""
        angles = [np.pi * np.arange(1, n + 1) / (n + 1) for n in self.shape]
        y, x = np.meshgrid(*angles, indexing="ij")
        return [
            sum(s[a + 1, b + 1] * np.cos(a * y) * np.cos(b * x) for a, b in _OFFSETS)
            for s in self._stencils
        ]

    def smooth(self, m: float, diffusivity: float, rho: np.ndarray) -> np.ndarray:
        """(m M - D L)⁻¹ rho for columns `[(ny - 2)(nx - 2), columns]`, 0 on the ring.

        Symmetric and, for m > 0, positive definite.
        """
        lap, mass = self._symbols
        fields = np.ascontiguousarray(rho.T).reshape(-1, *self.shape)
        spectrum = scipy.fft.dstn(fields, type=1, axes=(1, 2), norm="ortho")
        spectrum /= m * mass - diffusivity * lap
        fields = scipy.fft.idstn(spectrum, type=1, axes=(1, 2), norm="ortho")
        return fields.reshape(len(fields), -1).T


def _check(grid, laplacian):
    if laplacian not in LAPLACIANS:
        raise InputError(
            f"Expected a Laplacian of crops among {', '.join(LAPLACIANS)}, got "
            f"{laplacian!r}: the others need more than a ring of one cell."
        )
    if grid.ndim != 2 or min(grid.shape) < 5:
        raise InputError(
            f"Expected a 2-D crop of at least 5 cells a side, got {grid.shape}."
        )
    if laplacian == "compact" and grid.spacing[0] != grid.spacing[1]:
        raise InputError(
            f"Expected equal spacings for the compact Laplacian, got {grid.spacing}: "
            "use second_order."
        )


def _around(ny, nx):
    """The outermost cells clockwise from (0, 0)."""
    right, down = np.arange(nx - 1), np.arange(ny - 1)
    rows = [0 * right, down, np.full(nx - 1, ny - 1), ny - 1 - down]
    columns = [right, np.full(ny - 1, nx - 1), nx - 1 - right, 0 * down]
    return np.concatenate(rows), np.concatenate(columns)
