"""Linear algebra over the rational numbers and over rational functions."""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence


def _matrix(rows: Sequence[Sequence], field):
    from sympy.polys.matrices import DomainMatrix

    rows = [[field.convert(x) for x in row] for row in rows]
    return DomainMatrix(rows, (len(rows), len(rows[0])), field)


def rank(rows: Sequence[Sequence], field) -> int:
    """The rank of a matrix, given by its rows."""
    return _matrix(rows, field).rank() if rows else 0


def null(rows: Sequence[Sequence], columns: int, field) -> list[list]:
    """A basis of the vectors x with A x = 0; A has that many columns."""
    rows = rows or [[field.zero] * columns]
    return _matrix(rows, field).nullspace().to_list() if columns else []


def transposed(rows: Sequence[Sequence]) -> list[list]:
    """The columns of a matrix, as lists."""
    return [list(column) for column in zip(*rows, strict=True)]


def constants(rows: Sequence[Sequence]) -> list[list]:
    """Rational rows whose null vectors are the constant null vectors of `rows`."""
    found = []
    for row in rows:
        common = functools.reduce(lambda a, b: a.lcm(b), (x.denom for x in row))
        by_power = {}
        for j, x in enumerate(row):
            for power, number in (x.numer * common.exquo(x.denom)).terms():
                by_power.setdefault(power, [0] * len(row))[j] = number
        found += by_power.values()
    return list(map(list, dict.fromkeys(map(tuple, found))))


def primitive(numbers: Sequence) -> list[int]:
    """The smallest whole numbers in the same proportions, of sum >= 0.

    The first one that is not 0 is positive if the sum is 0.
    """
    common = math.lcm(*(int(x.denominator) for x in numbers))
    whole = [int(x * common) for x in numbers]
    divisor = math.gcd(*whole) or 1
    first = next((x for x in whole if x), 1)
    if sum(whole) < 0 or (sum(whole) == 0 and first < 0):
        divisor = -divisor
    return [x // divisor for x in whole]


def circuits(rows: Sequence[Sequence], columns: int) -> Iterator[list[int]]:
    """The whole-number null vectors with the fewest nonzero entries possible.

    No circuit has its nonzero entries among those of another. They span the null space;
    few entries come first, then small ones, then early ones.
    """
    from sympy import QQ

    for size in range(1, rank(rows, QQ) + 2):
        found = []
        for support in itertools.combinations(range(columns), size):
            part = null([[row[j] for j in support] for row in rows], size, QQ)
            if len(part) == 1 and all(part[0]):
                whole = [0] * columns
                for j, x in zip(support, primitive(part[0]), strict=True):
                    whole[j] = x
                found.append((sum(map(abs, whole)), support, whole))
        yield from (whole for _, _, whole in sorted(found))
