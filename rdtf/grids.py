"""The uniform cell-centred grid that carries a model's fields."""

import dataclasses
import math
import numbers

from rdtf.status import InputError

BOUNDARIES = ("periodic", "no_flux")


@dataclasses.dataclass(frozen=True)
class Grid:
    """A uniform grid in one, two or three dimensions.

    Args:
      shape: cells along each axis, `(x,)`, `(y, x)` or `(z, y, x)`; at least 3 each.
      spacing: distance between cell centres, in the model's length unit; one number,
        or one per axis. Default 1.
      boundary: "periodic", or "no_flux" (zero normal derivative on the cell faces, by
        edge replication, which keeps the Laplacian self-adjoint).

    Raises:
      InputError: if the shape, the spacing or the boundary cannot be used.
    """

    shape: tuple[int, ...]
    spacing: float | tuple[float, ...] = 1.0
    boundary: str = "periodic"

    def __post_init__(self):
        shape = self.shape if isinstance(self.shape, (tuple, list)) else (self.shape,)
        if not (1 <= len(shape) <= 3) or any(
            not isinstance(n, numbers.Integral) or n < 3 for n in shape
        ):
            raise InputError(
                f"Expected a grid shape of 1 to 3 integers of at least 3, got "
                f"{self.shape!r}."
            )
        spacing = self.spacing
        if isinstance(spacing, numbers.Real):
            spacing = (spacing,) * len(shape)
        spacing = tuple(float(h) for h in spacing)
        if len(spacing) != len(shape) or not all(
            math.isfinite(h) and h > 0 for h in spacing
        ):
            raise InputError(
                f"Expected one positive spacing, or one for each of the {len(shape)} "
                f"axes, got {self.spacing!r}."
            )
        if self.boundary not in BOUNDARIES:
            raise InputError(
                f"Expected a boundary among {', '.join(BOUNDARIES)}, got "
                f"{self.boundary!r}."
            )
        object.__setattr__(self, "shape", tuple(int(n) for n in shape))
        object.__setattr__(self, "spacing", spacing)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def num_cells(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @property
    def laplacian_bound(self) -> float:
        """Largest |eigenvalue| of the second-order Laplacian: the sum of 4 / h²."""
        return sum(4.0 / h**2 for h in self.spacing)
