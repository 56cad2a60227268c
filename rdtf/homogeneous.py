"""Uniform steady states of a model: the roots of its reaction, exactly posed by SymPy."""

from collections.abc import Mapping

import numpy as np

from rdtf.models import ReactionDiffusion
from rdtf.status import InputError


def states(model: ReactionDiffusion, params: Mapping[str, float]) -> np.ndarray:
    """All real uniform states R(s, params) = 0, as `[state, species]`.

    The polynomial system (rational reactions are multiplied out) is solved by a
    lexicographic Gröbner basis over the rationals, so no root is missed; then each root
    is polished by Newton. Sorted by the first species.

    Raises:
      InputError: if the reaction is not rational in the species, or parameters are
        missing or unknown.
    """
    import sympy

    model.check_names(params)
    symbols, names, reaction = model.equations()
    values = {
        symbol: sympy.Rational(repr(float(params[name])))
        for name, symbol in names.items()
    }
    numerators = []
    for rate in reaction:
        exact = sympy.nsimplify(rate, rational=True).subs(values)
        numerators.append(sympy.fraction(sympy.together(exact))[0])
    try:
        basis = sympy.groebner(numerators, *symbols, order="lex")
    except sympy.polys.polyerrors.PolynomialError:
        raise InputError(
            f"Expected a rational reaction, got {model.name}: its uniform states have "
            "to be given."
        ) from None
    roots = _solve_triangular(basis.exprs, symbols)
    jacobian = sympy.lambdify(
        symbols, sympy.Matrix(reaction).jacobian(symbols).subs(values), "numpy"
    )
    found = []
    for root in roots:
        polished = _newton(model, params, jacobian, root)
        if polished is not None and not any(
            np.allclose(polished, other, rtol=1e-9, atol=1e-12) for other in found
        ):
            found.append(polished)
    if not found:
        return np.zeros((0, len(symbols)))
    return np.array(sorted(found, key=tuple))


def _solve_triangular(equations, symbols, known=()):
    """Real roots of a lexicographic basis, solved from the last symbol to the first."""
    import sympy

    if not symbols:
        return [tuple(value for _, value in known)]
    *rest, last = symbols
    assigned = dict(known)
    univariate = []
    for equation in equations:
        expression = sympy.expand(equation.subs(assigned))
        if expression.free_symbols == {last}:
            univariate.append(sympy.Poly(expression, last))
    if not univariate:
        return []
    smallest = min(univariate, key=sympy.Poly.degree)
    roots = []
    for root in set(smallest.nroots(n=30, maxsteps=200)):
        real, imaginary = root.as_real_imag()
        if abs(imaginary) < 1e-12 * (1 + abs(real)):
            roots += _solve_triangular(equations, rest, ((last, real), *known))
    return roots


def _newton(model, params, jacobian, root):
    state = np.array(root, np.float64)
    for _ in range(8):
        with np.errstate(all="ignore"):
            rate = np.array(model.reaction(tuple(state), params), np.float64)
            slope = np.array(jacobian(*state), np.float64)
        if not (np.isfinite(rate).all() and np.isfinite(slope).all()):
            return None  # a root of the numerator at a pole of the reaction
        state = state - np.linalg.lstsq(slope, rate, rcond=None)[0]
    return state if np.isfinite(state).all() else None
