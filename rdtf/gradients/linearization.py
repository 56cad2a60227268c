"""The linearization of a model on a grid, sample by sample, in NumPy.

    F(s, p) = D ∇²s + R(s, p),    J = D ∇² + ∂R/∂s

∂R/∂s and ∂R/∂p are exact, those of `rdtf.models.derivatives`; ∇² is the second-order
Laplacian of `rdtf.operators.finite_differences`.
"""

import functools
from collections.abc import Mapping

import numpy as np

from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.operators import laplacians, modes


class Linearization:
    """F, J and ∂F/∂p at one state of one sample.

    Args:
      model: the equations.
      grid: where they are solved.
      fields: float64 `[species, *grid.shape]`.
      params: name -> number.

    Attributes:
      rate: F, `[species, *grid.shape]`.
      slopes: ∂R/∂s, `[species, species, *grid.shape]`.
      diffusivity: D, `[species]`; zero for a species that does not diffuse.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        fields: np.ndarray,
        params: Mapping[str, float],
    ):
        self.model, self.grid, self.fields = model, grid, fields
        self._params = {name: params[name] for name in model.parameters}
        self._reaction = derivatives.of(model).functions("numpy", "R")
        names = (model.diffusivity.get(name) for name in model.species)
        self.diffusivity = np.array([params[n] if n else 0.0 for n in names])
        with np.errstate(all="ignore"):
            rates = self._reaction.values(fields, self._params)
            self.rate = self._diffuse(fields) + self._stacked(rates)
            slopes = self._reaction.by_state(fields, self._params)
        self.slopes = np.stack([self._stacked(row) for row in slopes])

    def moved(self, step: np.ndarray) -> "Linearization":
        """The linearization at fields + step."""
        return Linearization(self.model, self.grid, self.fields + step, self._params)

    @property
    def norm(self) -> float:
        """About the largest eigenvalue of J, in 1 / time."""
        diffusion = self.diffusivity.max() * laplacians.bound(self.grid)
        return float(np.abs(self.slopes).max() + diffusion)

    def apply(self, x: np.ndarray, transpose: bool = False) -> np.ndarray:
        """J x, or Jᵀ x, for x `[species, *grid.shape]`; ∇² is its own transpose."""
        axes = "ji...,j...->i..." if transpose else "ij...,j...->i..."
        return self._diffuse(x) + np.einsum(axes, self.slopes, x)

    def matrix(self, shift: float = 0.0):
        """J - shift as a SciPy CSC matrix; the species of one cell stand together."""
        from scipy import sparse

        count, cells = len(self.diffusivity), self.grid.num_cells
        blocks = np.moveaxis(self.slopes.reshape(count, count, cells), -1, 0)
        blocks = np.ascontiguousarray(blocks) - shift * np.eye(count)
        rows = np.arange(cells + 1)
        reaction = sparse.bsr_matrix((blocks, rows[:-1], rows))
        diffusion = sparse.kron(laplacian_matrix(self.grid), np.diag(self.diffusivity))
        return (reaction + diffusion).tocsc()

    def by_params(self, adjoint: np.ndarray) -> dict[str, float]:
        """adjointᵀ ∂F/∂p for every parameter."""
        slopes = self._reaction.by_params(self.fields, self._params).values()
        slopes = np.stack([self._stacked(s) for s in slopes])
        sums = slopes.reshape(-1, adjoint.size) @ adjoint.ravel()
        result = dict(zip(self.model.parameters, sums, strict=True))
        laplacian = self.laplacian(self.fields)
        for species, name in self.model.diffusivity.items():
            i = self.model.species.index(species)
            result[name] += np.vdot(adjoint[i], laplacian[i])
        return result

    def _stacked(self, values):
        return np.stack([np.broadcast_to(v, self.grid.shape) for v in values])

    def _diffuse(self, x):
        return self.laplacian(x) * self.diffusivity.reshape(-1, *[1] * self.grid.ndim)

    def laplacian(self, x: np.ndarray) -> np.ndarray:
        """∇²x for x `[species, *grid.shape]`."""
        columns = np.ascontiguousarray(x.reshape(len(x), -1).T)
        return (laplacian_matrix(self.grid) @ columns).T.reshape(x.shape)


@functools.cache
def laplacian_matrix(grid: Grid):
    """The Laplacian as a sparse matrix over the cells in C order."""
    from scipy import sparse

    total = sparse.csr_matrix((grid.num_cells, grid.num_cells))
    for axis in range(grid.ndim):
        line = sparse.csr_matrix(modes.axis_matrix(grid, axis))
        before = sparse.eye(int(np.prod(grid.shape[:axis])))
        after = sparse.eye(int(np.prod(grid.shape[axis + 1 :])))
        total = total + sparse.kron(sparse.kron(before, line), after)
    return total.tocsr()
