"""Which hidden species can be eliminated from a steady picture, and how.

One species o is observed. A hidden species l whose own equation is linear in it, given
o and the species eliminated before,

    0 = D_l ∇²l + b - c l,      c = -∂R_l/∂l > 0,

follows from one elliptic problem ("linear"). That may be so only after a multiple of
o's equation is subtracted from it (`rdtf.inverse.structure.combinations`). If neither
helps but o's own equation determines l cell by cell, 0 = D_o ∇²o + R_o(o, l), then l is
a root of it.
"""

import dataclasses
import functools
from collections.abc import Mapping

from rdtf.inverse.structure import combinations, equations
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.status import InputError

ADVICE = "use --route=bptt, or --route=windows from a state with all species known"


@dataclasses.dataclass(frozen=True)
class Linear:
    """Hidden species by index, in an order in which each is linear in turn."""

    observed: int
    order: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Combined:
    """As `Linear`, after o's equation is subtracted from some of theirs.

    Attributes:
      factors: how many times, by index: SymPy expressions of o and the parameters.
    """

    observed: int
    order: tuple[int, ...]
    factors: Mapping


@dataclasses.dataclass(frozen=True)
class Root:
    """One hidden species as a root of the observed one's equation.

    Attributes:
      roots: SymPy expressions in o, the parameters and `laplacian`, the symbol of ∇²o.
    """

    observed: int
    hidden: int
    roots: tuple
    laplacian: object


@functools.lru_cache(maxsize=64)
def eliminate(model: ReactionDiffusion, observe: str) -> Linear | Combined | Root:
    """The way to eliminate what is not observed, the first of these that is possible.

    Raises:
      InputError: if there is none, with the reason.
    """
    observed = model.check_species(observe)
    system = equations.of(model)
    hidden = [i for i in range(len(model.species)) if i != observed]
    needed = _needed(system, observed)
    if not needed:
        raise InputError(
            f"Expected an equation of {observe} with a hidden species in it; that of "
            f"{model.name} has none: nothing couples them."
        )
    order, factors = _in_turn(system, observed, hidden, needed)
    if needed <= set(order):
        order = tuple(order)
        return (
            Combined(observed, order, factors) if factors else Linear(observed, order)
        )
    if len(hidden) == 1:
        root = root_of(model, observe)
        if root is not None:
            return root
    stuck = " and ".join(model.species[i] for i in sorted(needed - set(order)))
    raise InputError(
        f"Expected equations that can be solved for the hidden species in turn if "
        f"{observe} of {model.name} is observed: that of {stuck} is not linear in "
        f"{stuck} alone, and that of {observe} has no closed root: observe another "
        f"species, or {ADVICE}."
    )


def _needed(system, observed):
    """The hidden species that act on the observed one, directly or through others."""
    needed, new = set(), {observed}
    while new:
        count = range(len(system.species))
        new = {j for i in new for j in count if system.depends(i, j)}
        new -= needed | {observed}
        needed |= new
    return needed


def _in_turn(system, observed, hidden, needed):
    """(the species that are linear in turn, the factors of those that needed one)."""
    order, factors = [], {}
    while unknown := [i for i in hidden if i not in order]:
        found = next((i for i in unknown if _solvable(system, i, unknown)), None)
        for i in needed.intersection(unknown) if found is None else ():
            factor = _factor(system, observed, i, unknown)
            if factor is not None:
                found, factors[i] = i, factor
                break
        if found is None:
            break
        order.append(found)
    return order, factors


def _solvable(system, i, unknown):
    """Linear in itself, and free of other species that are still unknown."""
    return (
        system.depends(i, i)
        and system.is_linear(i, i)
        and not any(system.depends(i, j) for j in unknown if j != i)
    )


def _factor(system, observed, i, unknown):
    """g for which R_i - g R_o is linear in species i and free of others; or None."""
    import sympy

    own, reaction = system.species[i], system.expressions[observed]
    slope = derivatives.algebraic_derivative
    curvature = sympy.simplify(slope(reaction, own, 2))
    if curvature == 0:
        return None
    factor = sympy.simplify(slope(system.expressions[i], own, 2) / curvature)
    if factor.free_symbols & set(system.species) - {system.species[observed]}:
        return None
    rest = combinations.combine(system.expressions[i], factor, reaction)
    others = {system.species[j] for j in unknown if j != i}
    if sympy.simplify(slope(rest, own)) == 0 or rest.free_symbols & others:
        return None
    return factor


def root_of(model: ReactionDiffusion, observe: str) -> Root | None:
    """The one hidden species as roots of the observed one's equation.

    None if that is no polynomial of degree two at most in the hidden species.
    """
    import sympy

    system, observed = equations.of(model), model.check_species(observe)
    hidden = 1 - observed
    laplacian = sympy.Symbol("laplacian", real=True)
    name = system.diffusivity_name(observed)
    diffusion = 0 if name is None else system.symbols[name] * laplacian
    equation = system.expressions[observed] + diffusion
    numerator = sympy.numer(sympy.together(equation))
    unknown = system.species[hidden]
    if not numerator.is_polynomial(unknown) or sympy.degree(numerator, unknown) > 2:
        return None
    roots = sympy.solve(numerator, unknown)
    return Root(observed, hidden, tuple(roots), laplacian) if roots else None
