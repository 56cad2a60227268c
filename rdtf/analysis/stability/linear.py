"""A model about a uniform state: Jacobians and their characteristic polynomials.

A wave exp(i k x) on a uniform state grows as exp(J t) with, for κ = k²,

    J(κ) = ∂R/∂s - κ ∂Q/∂s + κ² ∂P/∂s.

Its characteristic polynomial is λⁿ + c₁ λⁿ⁻¹ + ... + cₙ. Two of its functions change
sign where an eigenvalue reaches the imaginary axis (Liénard & Chipart 1914; Liu 1994,
doi:10.1006/jmaa.1994.1079):

    D = cₙ = (-1)ⁿ det J    a real eigenvalue at zero,
    H = Δₙ₋₁                a pair ± i ω, or two real ones of opposite sign,

with Δₙ₋₁ the last but one Hurwitz determinant: -trace J for two species. Both are
positive where J is stable. SymPy derives them, once per model.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rdtf.models import ReactionDiffusion, derivatives


class Symbols(NamedTuple):
    """SymPy symbols and expressions of a model.

    Attributes:
      state, params: symbols; params as name -> symbol.
      kappa: the squared wavenumber.
      rates: R per species.
      jacobians: ∂R/∂s, ∂Q/∂s, ∂P/∂s as matrices.
      real, pair: D and H as polynomials in kappa; no `pair` for one species.
    """

    state: tuple
    params: dict
    kappa: object
    rates: list
    jacobians: tuple
    real: object
    pair: object


@functools.cache
def symbols(model: ReactionDiffusion, axis: int = -1) -> Symbols:
    """The symbols of a model, for waves along `axis`."""
    import sympy

    found = derivatives.of(model, axis)
    jacobians = tuple(sympy.Matrix(found.by_state[t]) for t in derivatives.TERMS)
    kappa = sympy.Symbol("squared_wavenumber", positive=True)
    names, total = {}, sympy.zeros(len(found.state))
    for matrix, factor in zip(jacobians, (1, -kappa, kappa**2), strict=True):
        for i, j in np.ndindex(*matrix.shape):
            if matrix[i, j] != 0:  # generic entries: the algebra stays small
                entry = sympy.Dummy()
                names[entry] = matrix[i, j]
                total[i, j] += factor * entry
    real, pair = _hurwitz(total)
    real, pair = (
        part and sympy.Poly(part, kappa).as_expr().xreplace(names)
        for part in (real, pair)
    )
    return Symbols(
        state=tuple(found.state),
        params=found.params,
        kappa=kappa,
        rates=found.terms["R"],
        jacobians=jacobians,
        real=real,
        pair=pair,
    )


def _hurwitz(matrix):
    """(cₙ, Δₙ₋₁) of a matrix; the second is None for one species."""
    import sympy

    count = matrix.shape[0]
    coefficients = matrix.charpoly(sympy.Dummy()).all_coeffs()
    if count == 1:
        return coefficients[-1], None

    def entry(i, j):
        index = 2 * (i + 1) - (j + 1)
        return coefficients[index] if 0 <= index <= count else 0

    return coefficients[-1], sympy.Matrix(count - 1, count - 1, entry).det()


@functools.cache
def _polynomials(model, axis):
    found = symbols(model, axis)
    return tuple(
        derivatives.of(model, axis).compiled(
            _coefficients(part, found.kappa) if part is not None else [1]
        )
        for part in (found.real, found.pair)
    )


def _coefficients(polynomial, kappa):
    """Of 1, κ, κ², ..."""
    import sympy

    return sympy.Poly(polynomial, kappa).all_coeffs()[::-1]


def _evaluate(function, state, params, model):
    """The values of a function's list, `[..., *values]`, at states `[..., species]`."""
    state = np.moveaxis(np.asarray(state, np.float64), -1, 0)
    arguments = [*state, *(params[n] for n in model.parameters)]
    with np.errstate(all="ignore"):
        values = function(state, params)
    shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
    columns = [np.broadcast_to(np.asarray(v, np.float64), shape) for v in values]
    return np.stack(columns, axis=-1)


def rates(model: ReactionDiffusion, params: Mapping, state) -> np.ndarray:
    """R, `[..., species]`, at states `[..., species]`; parameters may be `[...]`."""
    reaction = derivatives.of(model).functions("numpy", "R")
    return _evaluate(reaction.values, state, params, model)


def jacobians(
    model: ReactionDiffusion, params: Mapping, state, axis: int = -1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """∂R/∂s, ∂Q/∂s and ∂P/∂s, each `[..., species, species]`.

    Args:
      model: its equations.
      params: name -> number or `[...]`.
      state: `[..., species]`.
      axis: where diffusivities are anisotropic, the direction of the waves.
    """
    count = len(model.species)
    found = derivatives.of(model, axis)
    parts = [found.functions("numpy", term).by_state for term in derivatives.TERMS]

    def matrices(state, params):
        return [v for part in parts for row in part(state, params) for v in row]

    flat = _evaluate(matrices, state, params, model)
    shape = (*flat.shape[:-1], 3, count, count)
    return tuple(np.moveaxis(flat.reshape(shape), -3, 0))


def polynomials(
    model: ReactionDiffusion, params: Mapping, state, axis: int = -1
) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of D and H in 1, κ, κ², ..., each `[..., degree + 1]`.

    H is 1 for one species, which cannot oscillate.

    Args:
      model: its equations.
      params: name -> number or `[...]`.
      state: `[..., species]`.
      axis: where diffusivities are anisotropic, the direction of the waves.
    """
    functions = _polynomials(model, axis)
    return tuple(_evaluate(f, state, params, model) for f in functions)


def lowest(polynomial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(least value at a local minimum in κ > 0, that κ); (inf, nan) if there is none.

    Args:
      polynomial: coefficients of 1, κ, κ², ..., `[..., degree + 1]`; the results are
        `[...]`.
    """
    polynomial = np.asarray(polynomial, np.float64)
    shape = polynomial.shape[:-1]
    least, where = np.full(shape, np.inf), np.full(shape, np.nan)
    if polynomial.shape[-1] == 3:
        constant, slope, curvature = np.moveaxis(polynomial, -1, 0)
        has = (curvature > 0) & (slope < 0)
        kappa = np.where(has, -slope, 1.0) / np.where(has, 2 * curvature, 1.0)
        least = np.where(has, constant + slope * kappa / 2, np.inf)
        where = np.where(has, kappa, np.nan)
    elif polynomial.shape[-1] > 3:
        for index in np.ndindex(*shape):
            least[index], where[index] = _lowest(polynomial[index])
    return least[()], where[()]


def _lowest(polynomial):
    points = positive_roots(np.polynomial.polynomial.polyder(polynomial))
    curvature = np.polynomial.polynomial.polyder(polynomial, 2)
    points = points[np.polynomial.polynomial.polyval(points, curvature) > 0]
    if not points.size:
        return np.inf, np.nan
    values = np.polynomial.polynomial.polyval(points, polynomial)
    best = int(np.argmin(values))
    return float(values[best]), float(points[best])


def positive_roots(polynomial: np.ndarray) -> np.ndarray:
    """The real roots above zero, ascending; of a double root, one or two or none."""
    trimmed = np.trim_zeros(np.asarray(polynomial, np.float64), "b")
    if trimmed.size < 2 or not np.isfinite(trimmed).all():
        return np.zeros(0)
    roots = np.polynomial.polynomial.polyroots(trimmed)
    real = np.abs(roots.imag) <= 1e-9 * np.abs(roots)
    return np.sort(roots.real[real & (roots.real > 0)])
