"""Bordered Newton-Krylov for steady patterns.

On a periodic grid a pattern may be shifted, so its derivatives ∂s/∂x are null vectors
of J, up to the weak hold of the lattice. With the shifts T as border,

    | J   T | | d |   | b |
    | Tᵀ  0 | | c | = | 0 |,

the solve is well conditioned and keeps the pattern in its place. GMRES (Saad & Schultz
1986, doi:10.1137/0907058) solves it, preconditioned on the right, so that the residual
it reports is the true one. Newton steps are damped by the natural monotonicity test
(Deuflhard 2011, Newton Methods for Nonlinear Problems, section 3.3), which weak modes
do not fool.
"""

import dataclasses

import numpy as np

from rdtf.gradients.linearization import Linearization, laplacian_symbol

# Shifts count as null vectors if their eigenvalue is below this part of the largest.
_NULL = 1e-6
_LARGEST_FILL = {1: 1_000_000, 2: 512**2, 3: 16**3}  # cells a sparse LU can take
_SHIFT = 1e-6  # keeps the LU from being singular, in units of the largest eigenvalue
# (is it an LU, was it made at this state) -> iterations before a restart, restarts.
_CYCLES = {(1, 0): (15, 1), (1, 1): (40, 3), (0, 0): (150, 3), (0, 1): (150, 3)}
_NEWTON_STEPS = 20
_RELEASES = 6
_SMALLEST_DAMPING = 1.0 / 32.0
_FARTHEST = 0.25  # of the range of each species: a polish, not a search


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
        """Returns (d as b, relative residual of the bordered system)."""
        if not np.any(b):
            return np.zeros_like(b), 0.0
        fresh = self._prepare(system)
        x, error = self._gmres(system, modes, b, tolerance, transpose, fresh)
        if error > tolerance and not fresh:
            self._invert = None
            self._prepare(system)
            x, error = self._gmres(system, modes, b, tolerance, transpose, True)
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

    def _gmres(self, system, modes, b, tolerance, transpose, fresh):
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
            restart, cycles = _CYCLES[_fits(system.grid), fresh]
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
    symbol = laplacian_symbol(grid)[..., None, None] * np.diag(system.diffusivity)
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


@dataclasses.dataclass
class Polished:
    """The end of `newton`: the best state, whether it met the tolerance, the steps."""

    system: Linearization
    converged: bool
    steps: int


def newton(start: Linearization, tolerance: float, solver: BorderedSolver) -> Polished:
    """Polishes one sample to max |F| <= tolerance.

    The pattern is held in its place first. If the lattice then pulls at it by more than
    the tolerance, it is let go for one step and held again, until the pull vanishes. The
    best state is given back.
    """
    modes = shifts(start)
    free = modes[:0]
    system, steps = _descend(start, modes, tolerance, solver)
    for _ in range(_RELEASES):
        if not _largest(system, modes) <= tolerance < _largest(system, free):
            break
        step, _ = solver.solve(system, free, -system.rate, 1e-3)
        limit = 0.1 * np.ptp(system.fields) / np.abs(step).max()
        moved = system.moved(min(1.0, limit) * step)
        moved, more = _descend(moved, shifts(moved), tolerance, solver)
        steps += 1 + more
        if not _largest(moved, free) < _largest(system, free):
            break
        system, modes = moved, shifts(moved)
    return Polished(system, _largest(system, free) <= tolerance, steps)


def _descend(start, modes, tolerance, solver):
    """Newton in the complement of the modes: (best state, steps)."""
    fields = start.fields
    reach = _FARTHEST * np.ptp(fields, axis=tuple(range(1, fields.ndim)))
    reach = np.maximum(reach, 1e-2 * np.abs(fields).max())
    reach = reach.reshape(-1, *[1] * (fields.ndim - 1))
    system, best, steps = start, start, 0
    while _largest(system, modes) > tolerance and steps < _NEWTON_STEPS:
        forcing = np.clip(0.1 * tolerance / _largest(system, modes), 1e-5, 1e-2)
        step, error = solver.solve(system, modes, -system.rate, forcing)
        if not error < 0.1:
            break
        system = _damped(system, modes, step, solver)
        if system is None or np.any(np.abs(system.fields - fields) > reach):
            break
        steps += 1
        if _largest(system, modes) < _largest(best, modes):
            best = system
    return best, steps


def _held(system, modes):
    """F without what the modes carry."""
    rate = system.rate.ravel()
    return rate - (modes @ rate) @ modes


def _largest(system, modes):
    return float(np.nan_to_num(np.abs(_held(system, modes)).max(), nan=np.inf))


def _damped(system, modes, step, solver):
    """A step is taken if it halves |F|, or if the next one would be shorter.

    Else it is halved; None if nothing helps.
    """
    size, damping = np.linalg.norm(step), 1.0
    before = np.linalg.norm(_held(system, modes))
    while damping >= _SMALLEST_DAMPING:
        trial = system.moved(damping * step)
        after = np.linalg.norm(_held(trial, modes))
        if after <= 0.5 * before:
            return trial
        if np.isfinite(after):
            following, _ = solver.solve(system, modes, -trial.rate, 1e-2)
            if np.linalg.norm(following) <= (1.0 - 0.5 * damping) * size:
                return trial
        damping *= 0.5
    return None
