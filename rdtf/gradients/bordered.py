"""Solves with the linearization of a pattern, whose shifts are nearly null vectors.

On a periodic grid a pattern may be shifted, so its derivatives ∂s/∂x are null vectors
of J, up to the weak hold of the lattice. With the shifts T as border,

    | J   Tᵀ | | d |   | b |
    | T   0  | | c | = | 0 |,

the solve is well conditioned and keeps the pattern in its place (Keller 1977, Numerical
solution of bifurcation and nonlinear eigenvalue problems). GMRES (Saad & Schultz 1986,
doi:10.1137/0907058) solves it, preconditioned on the right, so that the residual it
reports is the true one.
"""

import numpy as np

from rdtf.gradients.linearization import Linearization
from rdtf.operators import laplacians

# Shifts count as null vectors if their eigenvalue is below this part of the largest.
_NULL = 1e-6
_LARGEST_FILL = {1: 1_000_000, 2: 512**2, 3: 16**3}  # cells a sparse LU can take
_SHIFT = 1e-6  # keeps the LU from being singular, in units of the largest eigenvalue
# (is it an LU, was it made at this state) -> iterations before a restart, restarts.
_CYCLES = {(1, 0): (25, 1), (1, 1): (40, 3), (0, 0): (150, 3), (0, 1): (150, 3)}


class BorderedSolver:
    """Solves with the bordered J, or its transpose, of nearby states.

    The preconditioner is made at the first state, and again where it no longer serves.
    It is one sparse LU of J, or, where that would fill up, J with its reaction averaged
    over the cells, which a Fourier (no flux: cosine) transform inverts.
    """

    def __init__(self):
        self._invert = self._norm = None

    def solve(
        self,
        system: Linearization,
        modes: np.ndarray,
        b: np.ndarray,
        tolerance: float,
        transpose: bool = False,
    ) -> tuple[np.ndarray, float]:
        """Solves one system.

        Args:
          system: J.
          modes: T, orthonormal, `[modes, unknowns]`.
          b: `[species, *grid.shape]`.
          tolerance: of the relative residual.
          transpose: solve with Jᵀ.

        Returns:
          (d in the shape of b, relative residual of the bordered system).
        """
        if not np.any(b):
            return np.zeros_like(b), 0.0
        # What the modes carry goes into c; taken out, it cannot hide the rest.
        b = (b.ravel() - (modes @ b.ravel()) @ modes).reshape(b.shape)

        def limits(fresh):
            return tolerance, *_CYCLES[_fits(system.grid), fresh]

        fresh = self._prepare(system)
        x, error = self._gmres(system, modes, b, transpose, limits(fresh))
        if error > tolerance and not fresh:
            self._invert = None
            self._prepare(system)
            x, error = self._gmres(system, modes, b, transpose, limits(True))
        return x, error

    def weak(self, system: Linearization, modes: np.ndarray) -> np.ndarray:
        """The part of the shifts which the lattice does not hold: J's null vectors.

        (T J⁻¹ Tᵀ)⁻¹ has the eigenvalues of the shifts. The averaged J does not know
        them, so with it all shifts count as null vectors.
        """
        self._prepare(system)
        if not len(modes) or not _fits(system.grid):
            return modes
        inner = np.array([self._invert(m, False) for m in modes])
        held = np.linalg.pinv(modes @ inner.T) + _SHIFT * self._norm * np.eye(
            len(modes)
        )
        _, sizes, mixing = np.linalg.svd(held)
        return mixing[sizes < _NULL * system.norm] @ modes

    def _prepare(self, system):
        """Whether the preconditioner had to be made."""
        if self._invert is not None:
            return False
        make = _factored if _fits(system.grid) else _averaged
        self._invert, self._norm = make(system), system.norm
        return True

    def _gmres(self, system, modes, b, transpose, limits):
        from scipy.sparse.linalg import LinearOperator, gmres

        size, border = b.size, len(modes)
        inner = np.reshape([self._invert(m, transpose) for m in modes], (border, size))
        schur = np.linalg.pinv(modes @ inner.T)

        def invert(y):
            x = self._invert(y[:size], transpose)
            c = schur @ (modes @ x - y[size:])
            return np.concatenate([x - c @ inner, c])

        def apply(y):
            x = y[:size]
            image = system.apply(x.reshape(b.shape), transpose).ravel()
            return np.concatenate([image + y[size:] @ modes, modes @ x])

        shape = (size + border,) * 2
        operator = LinearOperator(shape, lambda y: apply(invert(y)), dtype=np.float64)
        right = np.concatenate([b.ravel(), np.zeros(border)])
        with np.errstate(all="ignore"):
            tolerance, restart, cycles = limits
            y, _ = gmres(
                operator, right, rtol=tolerance, restart=restart, maxiter=cycles
            )
            x = invert(y)
            error = np.linalg.norm(right - apply(x)) / np.linalg.norm(right)
        return x[:size].reshape(b.shape), float(np.nan_to_num(error, nan=np.inf))


def shifts(system: Linearization) -> np.ndarray:
    """Orthonormal spectral derivatives ∂s/∂x, `[modes, unknowns]`.

    Uniform states and no-flux grids have none, stripes along an axis have one.
    """
    fields, grid = system.fields, system.grid
    spread = np.ptp(fields, axis=tuple(range(1, fields.ndim)))
    varies = spread.max() > 1e-6 * np.abs(fields).max()
    if grid.boundary != "periodic" or not varies:
        return np.zeros((0, fields.size))
    basis, sizes, _ = np.linalg.svd(_slopes(fields, grid).T, full_matrices=False)
    return basis.T[sizes > 1e-6 * sizes[0]]


def _slopes(fields, grid):
    """Spectral derivatives along every axis, `[axes, unknowns]`."""
    derivatives = []
    for axis, n in enumerate(grid.shape, start=1):
        waves = 2j * np.pi * np.fft.fftfreq(n, grid.spacing[axis - 1])
        waves[n // 2] *= n % 2  # the highest wave of an even grid has no derivative
        waves = waves.reshape([-1 if a == axis else 1 for a in range(fields.ndim)])
        spectrum = np.fft.fft(fields, axis=axis)
        derivatives.append(np.fft.ifft(waves * spectrum, axis=axis).real.ravel())
    return np.array(derivatives)


def _fits(grid):
    return grid.num_cells <= _LARGEST_FILL[grid.ndim]


def _factored(system):
    """invert(b flat, transpose) -> x flat, J⁻¹ b or its transpose, by a sparse LU."""
    from scipy.sparse.linalg import splu

    factors = splu(
        system.matrix(_SHIFT * system.norm),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    count = len(system.fields)

    def invert(b, transpose):
        right = b.reshape(count, -1).T.ravel()  # the species of a cell stand together
        x = factors.solve(right, "T" if transpose else "N")
        return x.reshape(-1, count).T.ravel()

    return invert


def _averaged(system):
    """The same with the reaction averaged over the cells, by a transform."""
    from scipy import fft

    grid, count = system.grid, len(system.fields)
    axes = tuple(range(1, grid.ndim + 1))
    shape = (count, *grid.shape)
    mean = system.slopes.mean(axis=tuple(range(2, grid.ndim + 2)))
    symbol = laplacians.symbol(grid)
    if grid.boundary != "periodic":  # of the mirrored grid: the cosines come first
        symbol = symbol[tuple(slice(n) for n in grid.shape)]
    symbol = symbol[..., None, None] * np.diag(system.diffusivity)
    blocks = np.linalg.pinv(symbol + mean, rcond=1e-8)

    def invert(b, transpose):
        b = b.reshape(shape)
        each = "...ji,j...->i..." if transpose else "...ij,j...->i..."
        if grid.boundary == "periodic":
            spectrum = np.einsum(each, blocks, fft.rfftn(b, axes=axes))
            return fft.irfftn(spectrum, grid.shape, axes=axes).ravel()
        spectrum = np.einsum(each, blocks, fft.dctn(b, axes=axes))
        return fft.idctn(spectrum, axes=axes).ravel()

    return invert
