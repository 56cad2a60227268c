"""Tissues: which cells are neighbours, and what happens at the edge."""

import dataclasses
import functools
import math

import numpy as np

from rdtf.names import LATTICES, TISSUE_BOUNDARIES
from rdtf.status import InputError

_SQUARE = ((0, -1), (0, 1), (-1, 0), (1, 0))
# Of even and of odd rows, which are shifted by half a cell to the right.
_HEXAGONAL = (
    ((0, -1), (0, 1), (-1, -1), (-1, 0), (1, -1), (1, 0)),
    ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, 0), (1, 1)),
)


@dataclasses.dataclass(frozen=True)
class Tissue:
    """A row of cells, or a lattice.

    Attributes:
      shape: `(cells,)` or `(rows, columns)`.
      boundary: "free": cells at the edge see the neighbours they have; "periodic"; or
        "fixed": cells at the edge are held at 0.
      lattice: of two dimensions, "square" (4 neighbours) or "hexagonal" (6; odd rows
        are shifted to the right).

    Raises:
      InputError: if there is no such tissue.
    """

    shape: tuple[int, ...] = (7,)
    boundary: str = "free"
    lattice: str = "square"

    def __post_init__(self):
        if len(self.shape) not in (1, 2) or min(self.shape) < 1:
            raise InputError(
                "Expected a shape of one or two whole numbers from 1, got "
                f"{self.shape}."
            )
        for name, value, known in (
            ("boundary", self.boundary, TISSUE_BOUNDARIES),
            ("lattice", self.lattice, LATTICES),
        ):
            if value not in known:
                raise InputError(
                    f"Expected a {name} among {', '.join(known)}, got {value!r}."
                )
        wrapped = self.boundary == "periodic" and len(self.shape) == 2
        if wrapped and self.lattice == "hexagonal" and self.shape[0] % 2:
            raise InputError(
                "Expected an even number of rows of a periodic hexagonal lattice, got "
                f"{self.shape[0]}."
            )

    @property
    def cells(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @functools.cached_property
    def neighbours(self) -> np.ndarray:
        """Numbers of the neighbours, `[cell, 2, 4 or 6]`; `cells` where there is none.

        A cell without any is its own neighbour.
        """
        rows, columns = (1, *self.shape)[-2:]
        table = []
        for row, column in np.ndindex(rows, columns):
            near = [self._number(row + y, column + x) for y, x in self._offsets(row)]
            if min(near) == self.cells:
                near[0] = row * columns + column
            table.append(near)
        return np.array(table, np.int64)

    def _offsets(self, row):
        if len(self.shape) == 1:
            return _SQUARE[:2]
        return _SQUARE if self.lattice == "square" else _HEXAGONAL[row % 2]

    def _number(self, row, column):
        rows, columns = (1, *self.shape)[-2:]
        if self.boundary == "periodic":
            return row % rows * columns + column % columns
        if 0 <= row < rows and 0 <= column < columns:
            return row * columns + column
        return self.cells

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How many neighbours each cell has."""
        return (self.neighbours < self.cells).sum(axis=1)

    @functools.cached_property
    def mobile(self) -> np.ndarray:
        """1.0 where a cell is free to change, 0.0 where it is held at 0."""
        inside = np.ones(self.shape)
        if self.boundary == "fixed":
            for axis in range(inside.ndim):
                np.moveaxis(inside, axis, 0)[[0, -1]] = 0.0
        return inside.ravel()

    @functools.cached_property
    def bonds(self) -> np.ndarray:
        """Pairs of neighbours, each once, `[bond, 2]`."""
        cell = np.repeat(np.arange(self.cells), self.neighbours.shape[1])
        pairs = np.stack([cell, self.neighbours.ravel()], axis=1)
        inside = (pairs[:, 0] < pairs[:, 1]) & (pairs[:, 1] < self.cells)
        return np.unique(pairs[inside], axis=0)
