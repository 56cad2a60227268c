"""The weights of every discrete Laplacian and their symbols, in one table.

    second_order   (f_{-1} - 2 f_0 + f_1) / h² on each axis
    fourth_order   (-f_{-2} + 16 f_{-1} - 30 f_0 + ...) / 12 h² on each axis
    sixth_order    (2 f_{-3} - 27 f_{-2} + 270 f_{-1} - 490 f_0 + ...) / 180 h² likewise
    compact        the nine-point Mehrstellen scheme of order four, 2-D, equal spacings:
                   M⁻¹ L with L = [1 4 1; 4 -20 4; 1 4 1] / 6 h², M = 1 + h² ∇₅² / 12,
                   ∇₅² the second-order one (Collatz 1960)
    spectral       -|k|²: exact for every wave that the grid can hold

A symbol is the factor by which a Laplacian multiplies exp(i k x), as a function of the
angles k h. Weights are kept as whole numbers over a common denominator, so that symbols
are exactly 0 for constants. Where a grid comes in, see `rdtf.operators.laplacians`.

Every stencil has

    reach     how many cells away it looks along each axis; infinite for spectral
    order     the relative error of -|k|² of a wave along an axis is, to leading order,
    divisor   (k h)^order / divisor
    symbol(angles, spacing)   1 / length², for angles of each axis that broadcast
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class AxisStencil:
    """Σ_d w_d (f_{-d} + f_d) / h² along every axis, and their sum: of order 2 · reach.

    Attributes:
      numerators: of w at distance 0, 1, ...
      denominator: of all of them.
    """

    numerators: tuple[int, ...]
    denominator: int

    @property
    def weights(self) -> tuple[float, ...]:
        """w at distance 0, 1, ... along an axis."""
        return tuple(n / self.denominator for n in self.numerators)

    @property
    def reach(self) -> int:
        """See the module."""
        return len(self.numerators) - 1

    @property
    def order(self) -> int:
        """See the module."""
        return 2 * self.reach

    @property
    def divisor(self) -> float:
        """The first term of the Taylor series of the symbol beyond -(k h)²."""
        power = self.order + 2
        moment = 2 * sum(n * d**power for d, n in enumerate(self.numerators))
        return abs(self.denominator * math.factorial(power) / moment)

    def line(self, angle):
        """The symbol of one axis of unit spacing."""
        centre, *others = self.numerators
        waves = sum(n * np.cos(d * angle) for d, n in enumerate(others, start=1))
        return (waves + centre / 2) / (self.denominator / 2)

    def symbol(self, angles: Sequence, spacing: Sequence[float]):
        """See the module."""
        return _over_axes(self.line, angles, spacing)

    def matrices(self, spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """(L, M) with ∇² = M⁻¹ L in 2-D, `[2 reach + 1, 2 reach + 1]` each; M is 1."""
        size = 2 * self.reach + 1
        line = np.array([*self.weights[:0:-1], *self.weights])
        stencil, one = np.zeros((size, size)), np.zeros((size, size))
        stencil[:, self.reach] += line / spacing[0] ** 2
        stencil[self.reach, :] += line / spacing[1] ** 2
        one[self.reach, self.reach] = 1.0
        return stencil, one


_SECOND_ORDER = AxisStencil((-2, 1), 1)


@dataclasses.dataclass(frozen=True)
class CompactStencil:
    """M⁻¹ L in 2-D of equal spacings h, with M = 1 + h² ∇₅² / `mass_denominator`.

    Attributes:
      numerators: of the weights of L: the cell, its sides, its corners.
      denominator: of all of them.
    """

    numerators: tuple[int, int, int]
    denominator: int
    mass_denominator: int
    divisor: float
    order = 4
    reach = 1

    def symbol(self, angles: Sequence, spacing: Sequence[float]):
        """See the module."""
        y, x = (np.cos(angle) for angle in angles)
        cell, sides, corners = self.numerators
        waves = 2.0 * corners * y * x + sides * (y + x) + cell / 2
        centre, side = _SECOND_ORDER.numerators
        mass = 1.0 + (side * (y + x) + centre) / (self.mass_denominator / 2)
        return waves / (self.denominator / 2) / spacing[0] ** 2 / mass

    def matrices(self, spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """(L, M) with ∇² = M⁻¹ L, `[3, 3]` each."""
        cell, sides, corners = map(float, self.numerators)
        edge = [corners, sides, corners]
        nine = np.array([edge, [sides, cell, sides], edge])
        five, one = _SECOND_ORDER.matrices(spacing)
        square = spacing[0] ** 2
        mass = one + square / self.mass_denominator * five
        return nine / (self.denominator * square), mass


class Spectral:
    """-|k|²."""

    order = reach = divisor = math.inf

    def symbol(self, angles: Sequence, spacing: Sequence[float]):
        """See the module."""
        return _over_axes(lambda angle: -(angle**2), angles, spacing)


def _over_axes(line, angles, spacing):
    return sum(line(a) / h**2 for a, h in zip(angles, spacing, strict=True))


STENCILS = {
    "second_order": _SECOND_ORDER,
    "fourth_order": AxisStencil((-30, 16, -1), 12),
    "sixth_order": AxisStencil((-490, 270, -27, 2), 180),
    "compact": CompactStencil((-20, 4, 1), 6, 12, divisor=240.0),
    "spectral": Spectral(),
}
