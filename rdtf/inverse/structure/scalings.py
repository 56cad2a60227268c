"""What a steady picture of one species can determine at all.

A still obeys  E_i = D_i ∇²s_i + R_i(s, p) = 0. Scale every species, s -> λ^w s, and
move the parameters: if each E_i is only multiplied by a number, the still remains one,
and no picture of a species with w = 0 tells the two sets of parameters apart; nor, if
the gain of the camera is unknown, one with w = 1. Infinitesimally, for all s and ∇²s,

    Σ_j (w_j s_j + t_j) ∂R_i/∂s_j + Σ_p ∂R_i/∂p dp = e_i R_i,   w_i D_i + dD_i = e_i D_i

with dp functions of p. Splitting the first by powers of s gives linear equations for
w, t, e and dp over the rational functions of p: every solution is found. Shifts t move
a species as a whole; a known species has w = t = 0, one of unknown gain and offset has
neither. Linear mixtures of hidden species and discrete symmetries are not looked for,
and a boundary is taken to prescribe no value other than 0 (0 and shifts: no value).
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from rdtf.inverse.structure import moves, symmetries
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scaling:
    """One direction in which a still does not determine the parameters.

    All expressions are SymPy's, per unit of log λ. λ is the gain c of field = c · y
    where the gain is free and takes part: its exponent is then 1.

    Attributes:
      observe: the observed species.
      species, equations, shifts: w, e and t by species; numbers for most models,
        otherwise functions of the parameters.
      parameters: dp by name, 0 where nothing moves.
      coefficients: exponent of λ of each moving parameter or factor of a coefficient,
        such as F + k, that scales as a power of λ.
      invariants: products of these that this scaling leaves alone, as many as are
        independent; the parameters that do not move come first.
      movement: what moves, and how, in plain words.
      positive: the parameters that cannot be negative.
    """

    observe: str
    species: Mapping
    equations: Mapping
    shifts: Mapping
    parameters: Mapping
    coefficients: Mapping
    invariants: tuple
    movement: str
    positive: frozenset

    @property
    def only(self) -> list[str]:
        """The products of moving parameters that the still tells, as texts."""
        moving = {name for name, move in self.parameters.items() if move != 0}
        return [
            as_text(product)
            for product in self.invariants
            if moving & {symbol.name for symbol in product.free_symbols}
        ]

    @property
    def text(self) -> str:
        """One line in plain words."""
        limit = f"tells only {', '.join(self.only)}" if self.only else "does not tell"
        return f"{self.movement}: a still of {self.observe} {limit}"

    def direction(self, params: Mapping[str, float]) -> dict[str, float]:
        """The move at `params`, in the coordinates of a fit.

        d log p of what cannot be negative, dp of what can and of what is 0; also
        d log "gain" and d "offset" if `params` has them.
        """
        found = {}
        for name, move in self.parameters.items():
            value = at(move, params)
            log = name in self.positive and params[name] > 0.0
            found[name] = value / params[name] if log else value
        if "gain" in params:
            found["gain"] = at(self.species[self.observe], params)
            shift = at(self.shifts[self.observe], params)
            found["offset"] = found["gain"] * params.get("offset", 0.0) + shift
        return found


@dataclasses.dataclass(frozen=True)
class Determined:
    """What a still fixes, given what is known besides.

    Attributes:
      parameters: names of the parameters that are fixed.
      invariants: independent products, SymPy expressions, of which the still fixes the
        values; what is known counts as a constant.
      missing: how many more combinations it fixes, none of them such a product.
    """

    parameters: list
    invariants: list
    missing: int


def at(expression, params: Mapping[str, float]) -> float:
    """The value of a SymPy expression in the parameters."""
    values = {symbol: params[symbol.name] for symbol in expression.free_symbols}
    return float(expression.subs(values))


def as_text(expression) -> str:
    """A SymPy product as one writes it: `Dv^2/Du`, `Dv/(F+k)`."""
    return str(expression).replace("**", "^").replace(" ", "")


def scalings(
    model: ReactionDiffusion,
    observe: str,
    unknown_gain: bool = False,
    known: Sequence[str] = (),
) -> list[Scaling]:
    """A basis of the directions that a still of one species does not determine.

    Those that exist with a known gain come first. Simple ones are preferred: few
    parameters, small exponents.

    Args:
      model: its reaction may be any expression of SymPy's without kinks.
      observe: the observed species.
      unknown_gain: whether the picture has an unknown gain and offset.
      known: parameters whose values are known.

    Raises:
      InputError: if the reaction cannot be analysed.
    """
    return list(_solved(model, observe, unknown_gain, frozenset(known))[2])


@functools.lru_cache(maxsize=256)
def _solved(model, observe, unknown_gain, known):
    """The algebra, a basis of its moves, and the scalings that they are."""
    model.check_species(observe)
    for name in known - set(model.parameters):
        raise InputError(
            f"Expected known parameters of {model.name} among "
            f"{', '.join(model.parameters)}, got {name!r}."
        )
    algebra = moves.Moves(symmetries.of(model), known)
    found = algebra.basis(observed=observe)
    if unknown_gain:
        found = algebra.basis(first=found, gained=observe)
    return algebra, found, [_scaling(algebra, observe, move) for move in found]


def _scaling(algebra, observe, move):
    model = algebra.conditions.model
    parts = {kind: algebra.part(move, kind) for kind in "wetp"}
    factors = algebra.conditions.factors
    exponents = dict(zip(factors, algebra.exponents(move), strict=True))
    uneven = {f for f, n in exponents.items() if n is None and f.is_Symbol}
    coefficients = {
        f: n
        for f, n in exponents.items()
        if n and (f.is_Symbol or f.free_symbols & uneven)
    }
    return Scaling(
        observe=observe,
        species=parts["w"],
        equations=parts["e"],
        shifts=parts["t"],
        parameters=parts["p"],
        coefficients=coefficients,
        invariants=tuple(algebra.invariants([move])[0]),
        movement=_describe(observe, parts, coefficients),
        positive=frozenset(n for n, p in model.parameters.items() if p.lower >= 0.0),
    )


def _describe(observe, parts, coefficients):
    """What moves, and how, in plain words."""
    moving = [name for name, move in parts["p"].items() if move != 0]
    covered = {s.name for f in coefficients for s in f.free_symbols}
    others = [name for name in moving if name not in covered]
    shifted = [name for name, shift in parts["t"].items() if shift != 0]
    if len(moving) == 1 and not (shifted or any(w != 0 for w in parts["w"].values())):
        return f"{moving[0]} makes no difference"
    if shifted:
        return f"{', '.join(moving)} move with a shift of {', '.join(shifted)}"
    if not coefficients:
        return f"{', '.join(moving)} move together"
    groups = {}
    for factor, n in coefficients.items():
        groups.setdefault(n, []).append(str(factor))
    name, meaning = _unit(observe, parts["w"])
    if name == "c" and list(groups) == [1]:
        return f"{', '.join(groups[1] + others)} scale together"
    powers = " and ".join(
        f"{', '.join(groups[n])} as {name}{_power(n)}"
        for n in sorted(groups, reverse=True)
    )
    one = powers.index(" as") < (powers + ",").index(",")
    powers = powers.replace(" as", " scales as" if one else " scale as", 1)
    rest = f", {', '.join(others)} moving along" if others else ""
    return powers + rest + meaning


def _power(n):
    return "" if n == 1 else f"^{n}" if n.is_Integer else f"^({n})"


def _unit(observe, weights):
    """What λ is called, and what that means: the gain, or the scale of a species."""
    if weights[observe] == 1:
        return "gain", ""
    species = [name for name, weight in weights.items() if weight == 1]
    return "c", f", with c the scale of {' and '.join(species)}" if species else ""


def determined(
    model: ReactionDiffusion,
    observe: str,
    unknown_gain: bool = False,
    known: Sequence[str] = (),
) -> Determined:
    """What a still of one species fixes.

    Args:
      model, observe, unknown_gain, known: as of `scalings`.
    """
    algebra, found, named = _solved(model, observe, unknown_gain, frozenset(known))
    fixed = [
        name
        for name in model.parameters
        if name not in known and all(s.parameters[name] == 0 for s in named)
    ]
    return Determined(fixed, *algebra.invariants(found))


def fixing(
    model: ReactionDiffusion,
    observe: str,
    unknown_gain: bool = False,
    known: Sequence[str] = (),
) -> list[str]:
    """The single parameters that, if known as well, leave no scaling.

    Empty where there is nothing to fix, or where one parameter is not enough. Fixing is
    local: a known k of Gray-Scott leaves a quadratic equation for the gain.

    Args:
      model, observe, unknown_gain, known: as of `scalings`.
    """
    if not scalings(model, observe, unknown_gain, known):
        return []
    return [
        name
        for name in model.parameters
        if name not in known
        and not scalings(model, observe, unknown_gain, (*known, name))
    ]
