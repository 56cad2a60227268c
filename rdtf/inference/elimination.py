"""Which hidden species can be eliminated from a steady picture, and how.

One species o is seen. A hidden species l whose own equation is linear in it, given o
and the species eliminated before,

    0 = D_l ∇²l + b - c l,      c = -∂R_l/∂l > 0,

follows from one elliptic problem ("linear"). If instead o's own equation determines l
cell by cell, 0 = D_o ∇²o + R_o(o, l), then l is a root of it ("root").
"""

import dataclasses

from rdtf.inference import equations
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

ADVICE = "use --route=bptt, or windows from a state of which all species are known"


@dataclasses.dataclass(frozen=True)
class Linear:
    """Hidden species by index, in an order in which each is linear in turn."""

    observed: int
    order: tuple[int, ...]


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


def eliminate(model: ReactionDiffusion, observe: str) -> Linear | Root:
    """The way to eliminate what is not seen; linear where that is possible.

    Raises:
      InputError: if there is none, with the reason.
    """
    observed = model.check_species(observe)
    system = equations.of(model)
    order, known = [], {observed}
    hidden = [i for i in range(len(model.species)) if i != observed]
    while len(order) < len(hidden):
        ready = [i for i in hidden if i not in known and _solvable(system, i, known)]
        if not ready:
            break
        order.append(ready[0])
        known.add(ready[0])
    needed = [i for i in hidden if system.depends(observed, i)]
    if not needed:
        raise InputError(
            f"Expected an equation of {observe} with a hidden species in it; that of "
            f"{model.name} has none: nothing couples them."
        )
    if all(i in known for i in needed):
        return Linear(observed, tuple(order))
    stuck = [model.species[i] for i in hidden if i not in known]
    if len(hidden) == 1:
        root = _root(system, observed, hidden[0])
        if root is not None:
            return root
    raise InputError(
        f"Expected hidden species that can be eliminated if {observe} of {model.name} is "
        f"seen, but the equation of {' and '.join(stuck)} is not linear in it and that of "
        f"{observe} has no closed root: observe another species, or {ADVICE}."
    )


def _solvable(system, i, known):
    """Linear in itself, and free of species that are still unknown."""
    others = [j for j in range(len(system.species)) if j != i and j not in known]
    return (
        system.depends(i, i)
        and system.is_linear(i, i)
        and not any(system.depends(i, j) for j in others)
    )


def _root(system, observed, hidden):
    import sympy

    laplacian = sympy.Symbol("laplacian", real=True)
    name = system.diffusivity_name(observed)
    diffusion = 0 if name is None else system.symbols[name] * laplacian
    equation = system.expressions[observed] + diffusion
    numerator = sympy.numer(sympy.together(equation))
    unknown = system.species[hidden]
    if not numerator.is_polynomial(unknown) or sympy.degree(numerator, unknown) > 3:
        return None
    roots = sympy.solve(numerator, unknown)
    return Root(observed, hidden, tuple(roots), laplacian) if roots else None
