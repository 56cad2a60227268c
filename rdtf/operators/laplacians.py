"""The Laplacians of `rdtf.operators.stencils` on a grid: which it carries, eigenvalues.

On a periodic grid all are diagonal in Fourier space, on a no-flux grid in cosines: it
is half of a mirrored periodic one. Other boundaries have second_order, see
`rdtf.operators.modes`.
"""

import numpy as np

from rdtf.grids import Grid
from rdtf.operators.stencils import STENCILS
from rdtf.status import InputError

LAPLACIANS = tuple(STENCILS)


def check(grid: Grid, laplacian: str) -> None:
    """Raises InputError if the grid cannot carry that Laplacian."""
    if laplacian not in LAPLACIANS:
        raise InputError(
            f"Expected a Laplacian among {', '.join(LAPLACIANS)}, got {laplacian!r}."
        )
    if laplacian != "second_order":
        grid.check_reflects(f"the {laplacian} Laplacian")
    if laplacian == "compact" and (grid.ndim != 2 or len(set(grid.spacing)) > 1):
        raise InputError(
            "Expected a 2-D grid of equal spacings for the compact Laplacian, got "
            f"{grid.ndim}-D with spacing {grid.spacing}: use fourth_order or spectral."
        )


def bound(grid: Grid) -> float:
    """Largest |eigenvalue| of the second-order Laplacian of even grids: Σ 4 / h²."""
    shortest = [np.pi] * grid.ndim
    return -float(STENCILS["second_order"].symbol(shortest, grid.spacing))


def symbol(
    grid: Grid, laplacian: str = "second_order", axis: int | None = None
) -> np.ndarray:
    """Eigenvalues in the layout of `rfftn`, 1 / length²; of one axis, or of all.

    An axis without flux has those of its mirrored, twice as long self.

    Raises:
      InputError: if the grid has other boundaries, or cannot carry that Laplacian.
    """
    check(grid, laplacian)
    grid.check_reflects("eigenvalues of waves")
    return combine(_angles(grid), grid, laplacian, axis)


def cosine_symbol(grid: Grid, laplacian: str = "second_order") -> np.ndarray:
    """Eigenvalues on a no-flux grid in the layout of `scipy.fft.dctn` (type 2)."""
    check(grid, laplacian)
    angles = [np.pi * np.arange(n) / n for n in grid.shape]
    return combine(crossed(angles), grid, laplacian)


def _angles(grid):
    """k h of every wave of each axis, shaped to broadcast."""
    angles = []
    for axis, n in enumerate(grid.shape):
        n = 2 * n if grid.is_mirrored[axis] else n
        last = axis == grid.ndim - 1
        angles.append(2 * np.pi * (np.fft.rfftfreq(n) if last else np.fft.fftfreq(n)))
    return crossed(angles)


def crossed(arrays) -> list[np.ndarray]:
    """One array per axis, shaped to broadcast over the grid."""
    return np.meshgrid(*arrays, indexing="ij", sparse=True)


def combine(angles, grid: Grid, laplacian: str, axis: int | None = None) -> np.ndarray:
    """Eigenvalues of waves, 1 / length².

    Args:
      angles: k h of every wave, an array per axis; they broadcast.
      grid: with the spacings h.
      laplacian: a name of `LAPLACIANS`.
      axis: gives the part of that axis, which a compact Laplacian does not have.

    Raises:
      InputError: if the Laplacian has no parts by axis.
    """
    if axis is not None:
        if laplacian == "compact":
            raise InputError(
                "Expected another Laplacian than compact for anisotropic diffusion: "
                "use fourth_order or spectral."
            )
        angles = [a if i == axis else 0.0 * a for i, a in enumerate(angles)]
    return STENCILS[laplacian].symbol(angles, grid.spacing)
