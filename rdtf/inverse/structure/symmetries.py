"""The conditions that `scalings` solves, over the rational functions of the parameters.

Unknowns are labelled ("w", species), ("e", species), ("t", species), ("p", parameter);
a solution, here a move, is a list of rational functions of the parameters, one per
unknown.
"""

import functools

import numpy as np

from rdtf.inverse.structure import exact_algebra
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.status import InputError

_SMOOTH = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan"}


class Conditions:
    """Linear conditions on a move of a still.

    Attributes:
      model: the model.
      params: SymPy's parameters.
      unknowns: labels of the unknowns.
      field: SymPy's field of the rational functions of the parameters.
      rows: the conditions, elements of the field by unknown.
      factors: the parameters, then other irreducible factors of coefficients.
    """

    def __init__(self, model: ReactionDiffusion):
        import sympy

        self.model = model
        self._species, params, reactions = model.equations()
        self.params = list(params.values())
        self.unknowns = [(kind, s) for kind in "wet" for s in model.species]
        self.unknowns += [("p", name) for name in model.parameters]
        table = self._columns([sympy.nsimplify(r, rational=True) for r in reactions])
        self._stand_ins = {}
        rows = [row for columns in table for row in self._split(columns)]
        rows += self._diffusion(params)
        constants = [d for d in self._stand_ins.values() if d.name == "constant"]
        self.field = sympy.QQ.frac_field(*self.params, *constants)
        self.rows = [[self.field.from_sympy(x) for x in row] for row in rows]
        self.factors = self._factors(rows)
        if self._stand_ins:
            self._check(table, self._diffusion(params))

    def express(self, element):
        """An element of the field as a SymPy expression."""
        back = {stand_in: f for f, stand_in in self._stand_ins.items()}
        return self.field.to_sympy(element).factor().xreplace(back)

    def _columns(self, reactions):
        """By equation and unknown: what the unknown is multiplied by."""
        import sympy

        table = []
        for i, r in enumerate(reactions):
            slopes = [derivatives.algebraic_derivative(r, s) for s in self._species]
            row = [s * slope for s, slope in zip(self._species, slopes, strict=True)]
            row += [-r if j == i else sympy.S.Zero for j in range(len(slopes))]
            row += slopes
            row += [derivatives.algebraic_derivative(r, p) for p in self.params]
            table.append(row)
        return table

    def _split(self, columns):
        """Rows without species, equivalent to Σ columns · unknowns = 0 for all s."""
        import sympy

        columns = [self._rational(c) for c in columns]
        unknowns = [sympy.Dummy() for _ in columns]
        total = sum(c * x for c, x in zip(columns, unknowns, strict=True))
        numerator = sympy.fraction(sympy.together(total))[0]
        fields = [d for d in self._stand_ins.values() if d.name == "field"]
        polynomial = sympy.Poly(sympy.expand(numerator), *self._species, *fields)
        return [[c.coeff(x) for x in unknowns] for c in polynomial.coeffs()]

    def _rational(self, expression):
        """The expression with a symbol in place of whatever is not rational."""
        import sympy

        if not expression.args:
            return expression
        if expression.is_Add or expression.is_Mul:
            return expression.func(*map(self._rational, expression.args))
        base, exponent = expression.as_base_exp()
        if exponent == 1 or expression.is_Function and not base.is_Number:
            return self._stand_in(expression)
        factors = []
        for term in sympy.Add.make_args(exponent.expand()):
            number, rest = term.as_coeff_Mul()
            if not number.is_Rational:
                number, rest = sympy.S.One, term
            root = base ** (rest / number.q)
            root = self._rational(root) if root == base else self._stand_in(root)
            factors.append(root**number.p)
        return sympy.Mul(*factors)

    def _stand_in(self, expression):
        import sympy

        for part in sympy.preorder_traversal(expression):
            if part.is_Function and part.func.__name__ not in _SMOOTH:
                raise InputError(
                    f"Expected smooth elementary reactions of {self.model.name}, got "
                    f"{part}: what a still determines cannot be derived."
                )
        of_fields = expression.free_symbols & set(self._species)
        name = "field" if of_fields else "constant"
        return self._stand_ins.setdefault(expression, sympy.Dummy(name, real=True))

    def _diffusion(self, params):
        import sympy

        rows = []
        for species, name in self.model.diffusivity.items():
            row = dict.fromkeys(self.unknowns, sympy.S.Zero)
            row["w", species], row["e", species] = params[name], -params[name]
            row["p", name] = sympy.S.One
            rows.append(list(row.values()))
        return rows

    def _factors(self, rows):
        import sympy

        factors = dict.fromkeys(self.params)
        scales = [j for j, (kind, _) in enumerate(self.unknowns) if kind == "e"]
        coefficients = {row[j]: None for row in rows for j in scales if row[j] != 0}
        for coefficient in coefficients:
            for part in sympy.fraction(sympy.together(coefficient)):
                for factor, _ in sympy.factor_list(part)[1]:
                    if factor.free_symbols <= set(self.params):
                        factors[factor] = None
        return list(factors)

    def _check(self, table, diffusion):
        """Counts solutions at random numbers: stand-ins may depend on each other."""
        draw = np.random.default_rng(0).uniform
        values = {p: draw(0.4, 1.4) for p in self.params}
        states = draw(0.3, 1.5, (4 * len(self.unknowns), len(self._species)))
        matrix = [[float(x.subs(values)) for x in row] for row in diffusion]
        for columns in table:
            columns = [c.subs(values) for c in columns]
            call = derivatives.compiled(self._species, columns)
            matrix += [call(*state) for state in states]
        matrix = np.array(matrix, dtype=float)
        size = np.linalg.svd(matrix / np.linalg.norm(matrix, axis=0).clip(1e-300))[1]
        rank = exact_algebra.rank(self.rows, self.field)
        if np.count_nonzero(size > 1e-11 * size[0]) != rank:
            raise InputError(
                "Expected independent functions in the reactions of "
                f"{self.model.name}: what a still determines cannot be derived."
            )


@functools.lru_cache(maxsize=64)
def of(model: ReactionDiffusion) -> Conditions:
    """The conditions of a model, derived once."""
    return Conditions(model)
