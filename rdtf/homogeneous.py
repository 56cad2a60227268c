"""Uniform steady states of a model: the roots of its reaction, posed by SymPy."""

from collections.abc import Mapping

import numpy as np

from rdtf.models import ReactionDiffusion, derivatives
from rdtf.status import InputError


def states(model: ReactionDiffusion, params: Mapping[str, float]) -> np.ndarray:
    """All real isolated uniform states R(s, params) = 0, as `[state, species]`.

    The polynomial system (rational reactions are multiplied out) is solved by a
    lexicographic Gröbner basis over the rationals, so no root is missed; then each root
    is polished by Newton. Sorted by the first species.

    Raises:
      InputError: if the reaction is not rational in the species; if its uniform states
        are a continuum, as where it is zero; or if parameters are missing, unknown or
        not finite.
    """
    import sympy

    symbols, reaction = _exact(model, params)
    numerators = [sympy.fraction(sympy.together(rate))[0] for rate in reaction]
    try:
        basis = sympy.groebner(numerators, *symbols, order="lex")
    except sympy.polys.polyerrors.PolynomialError:
        raise InputError(
            f"Expected a rational reaction, got {model.name}: its uniform state has to "
            "be given, as the background of its start (SPECIES = NUMBER in equations)."
        ) from None
    if not basis.is_zero_dimensional and basis.exprs != [1]:
        raise InputError(
            f"Expected isolated uniform states, got a continuum in {model.name}: give "
            "one as the background of its start (SPECIES = NUMBER in equations)."
        )
    roots = _solve_triangular(basis.exprs, symbols)
    slopes = derivatives.of(model).functions("numpy", "R").by_state
    found = []
    for root in roots:
        polished = _newton(model, params, slopes, root)
        if polished is not None and not any(
            np.allclose(polished, other, rtol=1e-9, atol=1e-12) for other in found
        ):
            found.append(polished)
    if not found:
        return np.zeros((0, len(symbols)))
    return np.array(sorted(found, key=tuple))


def _exact(model, params):
    """(species, the reaction with its parameters put in as rationals)."""
    import sympy

    model.check_names(params)
    symbols, names, reaction = model.equations()
    for name, value in params.items():
        if not np.isfinite(value):
            raise InputError(f"Expected finite parameters, got {name} = {value}.")
    values = {
        symbol: sympy.Rational(repr(float(params[name])))
        for name, symbol in names.items()
    }
    exact = [sympy.nsimplify(r, rational=True).subs(values) for r in reaction]
    return symbols, exact


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
    for root in smallest.sqf_part().nroots(n=30, maxsteps=200):  # each once
        real, imaginary = root.as_real_imag()
        if abs(imaginary) < 1e-12 * (1 + abs(real)):
            roots += _solve_triangular(equations, rest, ((last, real), *known))
    return roots


def _newton(model, params, slopes, root):
    state = np.array(root, np.float64)
    for _ in range(8):
        with np.errstate(all="ignore"):
            rate = np.array(model.reaction(tuple(state), params), np.float64)
            slope = np.array(slopes(state, params), np.float64)
        if not (np.isfinite(rate).all() and np.isfinite(slope).all()):
            return None  # a root of the numerator at a pole of the reaction
        state = state - np.linalg.lstsq(slope, rate, rcond=None)[0]
    state[np.abs(state) < 1e-14] = 0.0  # what Newton leaves of a zero
    return state if np.isfinite(state).all() else None
