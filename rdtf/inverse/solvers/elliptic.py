"""Linear elliptic problems  (c - D ∇²) x = b  on a whole grid, with c > 0, in NumPy.

Where c is uniform, one transform solves them exactly. Where it is a field, the operator
is symmetric positive definite: conjugate gradients, preconditioned by the uniform
problem, need about ten iterations of one transform forward and back each, because

    (c - D ∇²) p = P p + (c - c₀) p,     P = c₀ - D ∇²,

and P p follows from the recurrence of the directions: the Laplacian is never applied.
Fourier waves on a periodic grid, cosines on a no-flux grid.
"""

import numpy as np
import scipy.fft

from rdtf.grids import Grid
from rdtf.inverse.solvers import conjugate_gradients
from rdtf.operators import laplacians


class WholeDomain:
    """A grid whose boundary condition holds: the problems of all its samples.

    Args:
      grid: the grid; fields are float64 `[n, *grid.shape]`.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
    """

    def __init__(self, grid: Grid, laplacian: str = "second_order"):
        self.grid, self.laplacian = grid, laplacian
        self._axes = tuple(range(1, grid.ndim + 1))
        self._periodic = grid.boundary == "periodic"
        table = laplacians.symbol if self._periodic else laplacians.cosine_symbol
        self.symbol = table(grid, laplacian)

    def forward(self, field: np.ndarray) -> np.ndarray:
        """The transform of a field."""
        if self._periodic:
            return scipy.fft.rfftn(field, axes=self._axes)
        return scipy.fft.dctn(field, axes=self._axes, norm="ortho")

    def inverse(self, spectrum: np.ndarray) -> np.ndarray:
        """The field of a transform."""
        if self._periodic:
            return scipy.fft.irfftn(spectrum, self.grid.shape, axes=self._axes)
        return scipy.fft.idctn(spectrum, axes=self._axes, norm="ortho")

    def filter(self, transfer: np.ndarray, field: np.ndarray) -> np.ndarray:
        """The field with every wave multiplied by its transfer."""
        return self.inverse(transfer * self.forward(field))

    def apply_laplacian(self, field: np.ndarray) -> np.ndarray:
        """∇² of a field, in units of field / length²."""
        return self.filter(self.symbol, field)

    def solve_uniform(self, c: float, diffusivity: float, b: np.ndarray) -> np.ndarray:
        """Solves (c - D ∇²) x = b for a number c > 0."""
        return self.inverse(self.forward(b) / (c - diffusivity * self.symbol))

    def solve(
        self,
        c: np.ndarray,
        diffusivity: float,
        b: np.ndarray,
        tolerance: float = 1e-10,
        max_iterations: int = 300,
        start: np.ndarray | None = None,
    ) -> tuple[np.ndarray, float]:
        """Solves (c - D ∇²) x = b for a field c, sample by sample.

        Args:
          c: positive coefficients, `[n, *grid]`.
          diffusivity: D >= 0.
          b: the right-hand side, `[n, *grid]`, or a stack of several if n is 1.
          tolerance: of |residual| / |b|.
          max_iterations: of conjugate gradients.
          start: the first guess, `[n, *grid]`; None: the answer for a uniform c.

        Returns:
          (x, largest |residual| / |b|): the latter tells whether it converged; NaN if
          c is not positive enough for the method.
        """
        if diffusivity == 0.0:
            return b / c, 0.0
        lowest = c.min(axis=self._axes, keepdims=True)
        uniform = 0.5 * (lowest + c.mean(axis=self._axes, keepdims=True))
        if not (uniform > 0.0).all():
            return np.full_like(b, np.nan), np.nan
        transfer = 1.0 / (uniform - diffusivity * self.symbol)
        rest = c - uniform
        scale = self._dot(b, b)
        if start is None:
            x = self.filter(transfer, b)
            r = -rest * x
        else:
            x = start.copy()
            r = b - c * x + diffusivity * self.apply_laplacian(x)
        x, r = conjugate_gradients.solve(
            lambda p, p_image: p_image + rest * p,
            lambda r: self.filter(transfer, r),
            x,
            r,
            converged=lambda r, _: not self._worst(r, scale) > tolerance,
            max_iterations=max_iterations,
            dot=self._dot,
        )
        return x, self._worst(r, scale)

    def _dot(self, x, y):
        n = len(x)
        total = np.einsum("ij,ij->i", x.reshape(n, -1), y.reshape(n, -1))
        return total.reshape(n, *[1] * self.grid.ndim)

    def _worst(self, r, scale):
        squares = self._dot(r, r)
        return float(np.sqrt(np.max(squares / np.where(scale > 0.0, scale, 1.0))))
