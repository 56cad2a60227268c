"""The uniform cell-centred grid that carries a model's fields, and its boundaries."""

import dataclasses
import functools
import math
import numbers

from rdtf.status import InputError

BOUNDARIES = ("periodic", "no_flux")
_FORMS = (
    "periodic, no_flux, dirichlet=VALUE, neumann=SLOPE or robin=A,B,VALUE, sides as "
    "LOW/HIGH, axes separated by ;"
)


@dataclasses.dataclass(frozen=True)
class Side:
    """The condition  a s + b ∂s/∂n = value  on the outer faces of one side of a grid.

    With s on the face the mean of the edge cell and of a ghost cell beyond it, and
    ∂s/∂n (outward) their difference over the spacing h, the ghost cell is

        ghost = α edge + β
        α = (2 b - a h) / (2 b + a h),    β = 2 h value / (2 b + a h)

    Attributes:
      a, b: weights of the field and of its outward normal derivative.
      values: the right-hand side: one number for all species, or one for each.
    """

    a: float
    b: float
    values: tuple[float, ...]

    def reflection(self, spacing: float) -> float:
        """α: 1 without flux, -1 for a given value."""
        return (2.0 * self.b - self.a * spacing) / (2.0 * self.b + self.a * spacing)

    def offset(self, spacing: float, species: int) -> float:
        """β of a species."""
        value = self.values[species if len(self.values) > 1 else 0]
        return 2.0 * spacing * value / (2.0 * self.b + self.a * spacing)


NO_FLUX = Side(0.0, 1.0, (0.0,))


@dataclasses.dataclass(frozen=True)
class Grid:
    """A uniform grid in one, two or three dimensions.

    Args:
      shape: cells along each axis, `(x,)`, `(y, x)` or `(z, y, x)`; at least 3 each.
      spacing: distance between cell centres, in the model's length unit; one number,
        or one per axis. Default 1.
      boundary: what holds on the outer faces. One condition for all sides,

            periodic
            no_flux              ∂s/∂n = 0, by edge replication
            dirichlet=1          s = 1; dirichlet=1,0 for species of their own values
            neumann=0.5          ∂s/∂n = 0.5, n pointing outwards
            robin=2,1,0.5        2 s + ∂s/∂n = 0.5

        or one per axis, separated by `;`, or `low/high` for the two sides of an axis:
        "dirichlet=1/no_flux; periodic" is a 2-D grid that is periodic in x.

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
        object.__setattr__(self, "shape", tuple(int(n) for n in shape))
        object.__setattr__(self, "spacing", spacing)
        sides = _parse_boundary(self.boundary, spacing)
        if all(axis is None for axis in sides):
            object.__setattr__(self, "boundary", "periodic")
        elif all(axis == (NO_FLUX, NO_FLUX) for axis in sides):
            object.__setattr__(self, "boundary", "no_flux")

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def num_cells(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @property
    def sides(self) -> tuple[tuple[Side, Side] | None, ...]:
        """Per axis, (low, high) sides, or None where it is periodic."""
        return _parse_boundary(self.boundary, self.spacing)

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        """Per axis, whether both its sides are without flux."""
        return tuple(axis == (NO_FLUX, NO_FLUX) for axis in self.sides)

    @property
    def reflects(self) -> bool:
        """Whether every axis is periodic or without flux: waves and cosines fit in."""
        return all(axis in (None, (NO_FLUX, NO_FLUX)) for axis in self.sides)

    def check_reflects(self, purpose: str) -> None:
        """Raises InputError unless every axis is periodic or without flux."""
        if not self.reflects:
            raise InputError(
                f"Expected boundaries periodic or no_flux for {purpose}, got "
                f"{self.boundary!r}."
            )

    def check_uniform_boundary(self, purpose: str) -> None:
        """Raises InputError unless the boundary is the same of BOUNDARIES all round."""
        if self.boundary not in BOUNDARIES:
            raise InputError(
                f"Expected a boundary among {', '.join(BOUNDARIES)} for {purpose}, got "
                f"{self.boundary!r}."
            )

    def check_species(self, count: int) -> None:
        """Raises InputError if a side has values for another number of species."""
        for axis in self.sides:
            for side in axis or ():
                if len(side.values) not in (1, count):
                    raise InputError(
                        f"Expected one boundary value, or {count}, one per species, "
                        f"got {len(side.values)} in {self.boundary!r}."
                    )


@functools.lru_cache(maxsize=256)
def _parse_boundary(text, spacing):
    """Per axis None or (low, high); see `Grid`."""
    if not isinstance(text, str):
        raise InputError(f"Expected a boundary as text ({_FORMS}), got {text!r}.")
    axes = [_parse_axis(axis, text) for axis in text.split(";")]
    if len(axes) == 1:
        axes = axes * len(spacing)
    if len(axes) != len(spacing):
        raise InputError(
            f"Expected a boundary for all axes, or {len(spacing)} separated by ;, got "
            f"{text!r}."
        )
    for axis, h in zip(axes, spacing, strict=True):
        for side in axis or ():
            if not abs(2.0 * side.b + side.a * h) > 1e-9 * abs(side.a * h):
                raise InputError(
                    f"Expected robin=A,B,VALUE with 2 B + A h other than 0 at spacing "
                    f"h = {h:g}, got {text!r}."
                )
    return tuple(axes)


def _parse_axis(text, whole):
    sides = [_parse_side(side.strip(), whole) for side in text.split("/")]
    if len(sides) > 2 or (len(sides) == 2 and None in sides):
        raise InputError(
            f"Expected LOW/HIGH of an axis that is not periodic, got {whole!r}."
        )
    return None if sides[0] is None else (sides[0], sides[-1])


def _parse_side(text, whole):
    name, _, numbers_ = text.partition("=")
    try:
        values = tuple(float(x) for x in numbers_.split(",")) if numbers_ else ()
        if not all(math.isfinite(x) for x in values):
            raise ValueError
        if (name, values) == ("periodic", ()):
            return None
        if (name, values) == ("no_flux", ()):
            return NO_FLUX
        if name == "dirichlet":
            return Side(1.0, 0.0, values or (0.0,))
        if name == "neumann" and values:
            return Side(0.0, 1.0, values)
        if name == "robin" and len(values) > 2 and values[:2] != (0.0, 0.0):
            return Side(values[0], values[1], values[2:])
    except ValueError:
        pass
    raise InputError(f"Expected a boundary as {_FORMS}, got {whole!r}.")
