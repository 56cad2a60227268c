"""Bases of the moves of a still, and of the products that they leave alone."""

import itertools
from collections.abc import Iterator, Sequence

from rdtf.inverse.structure import exact_algebra, symmetries
from rdtf.models import derivatives


class Moves:
    """The solutions of a model's conditions, for some parameters known.

    Attributes:
      conditions: the model's.
    """

    def __init__(self, conditions: symmetries.Conditions, known: frozenset):
        self.conditions = conditions
        self._known = known
        self._field = conditions.field
        self._species = 3 * len(conditions.model.species)
        self._steps = [self._field.from_sympy(p) for p in conditions.params]
        self._slopes = [self._log_slopes(factor) for factor in conditions.factors]

    def _log_slopes(self, factor):
        """∂ log f / ∂p by parameter."""
        params = self.conditions.params
        slopes = [derivatives.algebraic_derivative(factor, p) for p in params]
        return [self._field.from_sympy(slope / factor) for slope in slopes]

    def part(self, move: Sequence, kind: str) -> dict:
        """The unknowns of one kind, by name, as SymPy expressions."""
        labels = zip(self.conditions.unknowns, move, strict=True)
        express = self.conditions.express
        return {name: express(x) for (k, name), x in labels if k == kind}

    def exponents(self, move: Sequence) -> list:
        """d log f of each factor: a rational number, or None where it is not one."""
        return [_number(x) for x in self._rates(move)]

    def _rates(self, move):
        pairs = [zip(s, move[self._species :], strict=True) for s in self._slopes]
        return [sum((a * b for a, b in pair), self._field.zero) for pair in pairs]

    def basis(self, observed: str | None = None, first=(), gained=None) -> list:
        """A basis of the moves that move a parameter, the simplest ones preferred.

        Those with constant w, e and d log p are tried first, then those with constant
        w and e, then all.

        Args:
          observed: the species with w = t = 0.
          first: moves to begin with.
          gained: species whose w is made 1 where it is not 0.
        """
        labels = enumerate(self.conditions.unknowns)
        allowed = [
            j
            for j, (kind, name) in labels
            if not (kind in "wt" and name == observed)
            and not (kind == "p" and name in self._known)
        ]
        found = list(first)
        for constant, free in (("wep", ""), ("we", "p"), ("", "wetp")):
            for move in self._simplest(self._solve(allowed, constant, free), gained):
                if self._count([*found, move]) > len(found):
                    found.append(move)
        return found

    def _count(self, moves):
        return exact_algebra.rank([m[self._species :] for m in moves], self._field)

    def _solve(self, allowed, constant, free):
        """Solutions whose `constant` unknowns (d log p for p) are numbers."""
        kinds = [kind for kind, _ in self.conditions.unknowns]
        units = [self._field.one] * self._species + self._steps
        fixed = [j for j in allowed if kinds[j] in constant]
        loose = [j for j in allowed if kinds[j] in free]
        rows = self.conditions.rows
        right = [[row[j] for j in loose] for row in rows]
        if not fixed:
            found = exact_algebra.null(right, len(loose), self._field)
            return [self._full(dict(zip(loose, y, strict=True))) for y in found]
        left = [[row[j] * units[j] for j in fixed] for row in rows]
        conditions = self._without(right, left) if loose else left
        found = []
        for x in self._rational_null(conditions, len(fixed)):
            totals = [[sum(a * b for a, b in zip(row, x, strict=True))] for row in left]
            move = {j: units[j] * c for j, c in zip(fixed, x, strict=True)}
            if loose:
                joint = [[*r, *t] for r, t in zip(right, totals, strict=True)]
                null = exact_algebra.null(joint, len(loose) + 1, self._field)
                y = next(y for y in null if y[-1])
                move |= {j: a / y[-1] for j, a in zip(loose, y[:-1], strict=True)}
            found.append(self._full(move))
        return [move for move in found if any(move[self._species :])]

    def _without(self, right, left):
        """Combinations of the rows `left` for which those of `right` vanish."""
        columns = exact_algebra.transposed(right)
        combinations = exact_algebra.null(columns, len(right), self._field)
        by_unknown = exact_algebra.transposed(left)
        zero = self._field.zero
        return [
            [sum((a * b for a, b in zip(c, x, strict=True)), zero) for x in by_unknown]
            for c in combinations
        ]

    def _rational_null(self, rows, columns):
        from sympy import QQ

        found = exact_algebra.null(exact_algebra.constants(rows), columns, QQ)
        return [[self._field.convert(x) for x in vector] for vector in found]

    def _full(self, entries):
        labels = range(len(self.conditions.unknowns))
        return [entries.get(j, self._field.zero) for j in labels]

    def _simplest(self, moves, gained):
        """Combinations of moves: positive whole exponents first, then few factors."""
        moves = [self._normal(move, gained) for move in self._combinations(moves)]

        def cost(move):
            exponents = [n for n in self.exponents(move) if n != 0]
            numbers = [n for n in exponents if n is not None]
            odd = any(n < 0 or not n.is_Integer for n in numbers)
            return odd, len(exponents), sum(map(abs, numbers))

        return sorted(moves, key=cost)

    def _combinations(self, moves) -> Iterator[list]:
        """The moves, and combinations under which factors of constant rate rest."""
        from sympy import QQ

        yield from moves
        if len(moves) < 2:
            return
        rates = exact_algebra.transposed([self.exponents(move) for move in moves])
        rates = [row for row in rates if None not in row]
        found = set()
        for resting in itertools.combinations(rates, len(moves) - 1):
            null = exact_algebra.null(resting, len(moves), QQ)
            if len(null) == 1 and tuple(null[0]) not in found:
                found.add(tuple(null[0]))
                weights = [self._field.convert(x) for x in null[0]]
                yield [
                    sum((a * b for a, b in zip(weights, parts, strict=True)), start)
                    for parts in zip(*moves, strict=True)
                    for start in [self._field.zero]
                ]

    def _normal(self, move, gained):
        """The move with w = 1 for `gained`, or else with small whole exponents."""
        labels = self.conditions.unknowns
        weight = move[labels.index(("w", gained))] if gained else 0
        if weight:
            return [x / weight for x in move]
        rates = [n for n in self.exponents(move) if n]
        if rates:
            divisor = rates[0] / exact_algebra.primitive(rates)[0]
            return [x / self._field.convert(divisor) for x in move]
        shifts = [x for x, (kind, _) in zip(move, labels, strict=True) if kind == "t"]
        first = next(x for x in [*shifts, *move[self._species :]] if x)
        return [x / first for x in move]

    def invariants(self, moves: Sequence) -> tuple[list, int]:
        """Independent products that no move changes, and how many more combinations.

        SymPy expressions in the factors; what is known counts as a constant.
        """
        import sympy

        factors = self.conditions.factors
        rows = exact_algebra.constants([self._rates(move) for move in moves])
        names = self.conditions.model.parameters
        free = [j for j, name in enumerate(names) if name not in self._known]
        total = len(free) - self._count(moves)
        found, gradients = [], []
        for powers in exact_algebra.circuits(rows, len(factors)):
            if len(found) == total:
                break
            slopes = exact_algebra.transposed(self._slopes)
            gradient = [
                sum((n * x for n, x in zip(powers, slopes[j], strict=True)), 0)
                for j in free
            ]
            if exact_algebra.rank([*gradients, gradient], self._field) > len(found):
                gradients.append(gradient)
                pairs = zip(factors, powers, strict=True)
                found.append(sympy.Mul(*(f**n for f, n in pairs)))
        return found, total - len(found)


def _number(element):
    """A rational function as a SymPy number if it is constant, else None."""
    import sympy

    if not (element.numer.is_ground and element.denom.is_ground):
        return None
    value = element.field.domain.to_sympy(element.numer.LC / element.denom.LC)
    return value if element else sympy.S.Zero
