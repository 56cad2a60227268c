"""The eigenmodes of a discrete Laplacian, axis by axis, on any boundary.

Along one axis the Laplacian is a symmetric matrix T = V Λ Vᵀ with orthogonal V: waves
on a periodic axis, cosines without flux, and on others what a symmetric eigenproblem
finds. On the grid it is the sum of these over the axes, diagonal in their products
(fast diagonalisation: Lynch, Rice & Thomas 1964, doi:10.1007/BF01386067), so that any
function of it costs two small matrix products per axis. On a grid that is periodic all
round, `rdtf.operators.fourier` does the same by fast transforms.
"""

import functools

import numpy as np

from rdtf.grids import Grid
from rdtf.operators import laplacians
from rdtf.operators.stencils import STENCILS

_SECOND_ORDER = STENCILS["second_order"]


@functools.lru_cache(maxsize=32)
def vectors(grid: Grid, axis: int) -> np.ndarray:
    """V of an axis, `[cells, modes]`, orthogonal."""
    n, sides = grid.shape[axis], grid.sides[axis]
    if sides is None:
        return _real_waves(n)
    if grid.is_mirrored[axis]:
        return _cosines(n)
    return np.linalg.eigh(axis_matrix(grid, axis))[1]


@functools.lru_cache(maxsize=32)
def eigenvalues(
    grid: Grid, laplacian: str = "second_order", axis: int | None = None
) -> np.ndarray:
    """Of every mode, 1 / length², shaped as the grid; in the order of `vectors`.

    `axis` takes the part of the Laplacian along one axis alone.
    """
    laplacians.check(grid, laplacian)
    if grid.reflects:
        angles = laplacians.crossed(map(_angles, grid.shape, grid.sides))
        found = laplacians.combine(angles, grid, laplacian, axis)
        return np.broadcast_to(found, grid.shape)
    lines = [
        np.linalg.eigvalsh(axis_matrix(grid, a))
        if not (grid.sides[a] is None or grid.is_mirrored[a])
        else _SECOND_ORDER.line(_angles(n, grid.sides[a])) / grid.spacing[a] ** 2
        for a, n in enumerate(grid.shape)
    ]
    if axis is not None:
        lines = [line * (a == axis) for a, line in enumerate(lines)]
    return sum(laplacians.crossed(lines))


def axis_matrix(grid: Grid, axis: int) -> np.ndarray:
    """T of the second-order Laplacian: homogeneous, without the values of Dirichlet."""
    n, h, sides = grid.shape[axis], grid.spacing[axis], grid.sides[axis]
    centre, beside = _SECOND_ORDER.weights
    line = np.full(n - 1, beside)
    matrix = np.diag(np.full(n, centre)) + np.diag(line, 1) + np.diag(line, -1)
    if sides is None:
        matrix[0, -1] += beside
        matrix[-1, 0] += beside
    else:
        matrix[0, 0] += beside * sides[0].reflection(h)
        matrix[-1, -1] += beside * sides[1].reflection(h)
    return matrix / h**2


def offsets(grid: Grid, species: int) -> np.ndarray | None:
    """What given values add to the Laplacian of a species: `[*grid.shape]` or None.

    It is not zero in the cells at the edges only: β / h² of `rdtf.grids.Side`.
    """
    total, beside = np.zeros(grid.shape), _SECOND_ORDER.weights[1]
    for axis, (h, sides) in enumerate(zip(grid.spacing, grid.sides, strict=True)):
        for side, edge in zip(sides or (), (0, -1), strict=False):
            place = [slice(None)] * grid.ndim
            place[axis] = edge
            total[tuple(place)] += beside * side.offset(h, species) / h**2
    return total if total.any() else None


def _angles(n, sides):
    """k h of the modes of a periodic or mirrored axis."""
    if sides is None:
        return 2.0 * np.pi * ((np.arange(n) + 1) // 2) / n
    return np.pi * np.arange(n) / n


def _real_waves(n):
    """1, cos x, sin x, cos 2x, ... of one period, normalised."""
    number = (np.arange(n) + 1) // 2
    phase = 2.0 * np.pi * np.outer(np.arange(n), number) / n
    waves = np.where(np.arange(n) % 2 == 1, np.cos(phase), np.sin(phase))
    waves[:, 0] = 1.0
    return waves / np.linalg.norm(waves, axis=0)


def _cosines(n):
    waves = np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(n)) / n)
    return waves / np.linalg.norm(waves, axis=0)
