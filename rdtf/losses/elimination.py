"""Eliminating a hidden species: which equation is linear in it, derived by SymPy.

Seen o, hidden l, at a steady state. If the equation of l is linear in l,

    0 = D_l ∇²l + b(o) - c(o) l        gives l = (c - D_l ∇²)⁻¹ b,

and the equation of o reads  0 = D_o ∇²o + q(o, l) - m o  with a decay rate m > 0.
"""

import dataclasses
from collections.abc import Callable, Mapping

from rdtf import math
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class Elimination:
    """The terms of the split and their exact derivatives, as functions (o, l, params).

    Attributes:
      observed, hidden: indices of the species.
      terms: maps "b", "c", "m", "q" and "reaction" (that of o) to functions.
      by_params: maps the same names to {parameter: function}, zeros left out.
      by_hidden: maps "q" and "reaction" to their derivatives by l.
    """

    observed: int
    hidden: int
    terms: Mapping[str, Callable]
    by_params: Mapping[str, Mapping[str, Callable]]
    by_hidden: Mapping[str, Callable]


def eliminate(
    model: ReactionDiffusion, observe: str, params: Mapping[str, float]
) -> Elimination:
    """Splits a two-species model for one observed species.

    Args:
      model: two species.
      observe: the species that is seen.
      params: where the sign of the natural decay rate m of o is looked up; if it is not
        positive there, m = 2 is used on both sides.

    Raises:
      InputError: if the hidden species is not linear in its own equation.
    """
    import sympy

    observed = model.check_species(observe)
    if len(model.species) != 2:
        raise InputError(
            f"Expected a model of two species for the residual route, got "
            f"{len(model.species)}: use --route=bptt."
        )
    hidden = 1 - observed
    species, names, reactions = model.equations()
    o, l = species[observed], species[hidden]
    c = sympy.simplify(-sympy.diff(reactions[hidden], l))
    if c.has(l):
        raise InputError(
            f"Expected an equation of {model.species[hidden]} that is linear in it, "
            f"which {model.name} has not if {observe} is seen: use --route=bptt, or "
            f"observe {model.species[hidden]}."
        )
    values = {names[name]: value for name, value in params.items()}
    m = sympy.simplify(-sympy.diff(reactions[observed], o).subs(o, 0))
    if m.has(l) or not m.subs(values) > 0:
        m = sympy.Integer(2)
    expressions = {
        "b": sympy.simplify(reactions[hidden] + c * l),
        "c": c,
        "m": m,
        "q": sympy.simplify(reactions[observed] + m * o),
        "reaction": reactions[observed],
    }

    def function(expression):
        modules = [{name: getattr(math, name) for name in _FUNCTIONS}, "math"]
        call = sympy.lambdify([o, l, *names.values()], expression, modules)
        return lambda o, l, params: call(o, l, *(params[name] for name in names))

    def derivatives(expression):
        slopes = {name: sympy.diff(expression, s) for name, s in names.items()}
        return {name: function(s) for name, s in slopes.items() if s != 0}

    return Elimination(
        observed,
        hidden,
        {name: function(e) for name, e in expressions.items()},
        {name: derivatives(e) for name, e in expressions.items()},
        {n: function(sympy.diff(expressions[n], l)) for n in ("q", "reaction")},
    )


_FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs")
