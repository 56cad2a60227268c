"""Models from the text of their equations, which is read and never executed.

    u: Du*lap(u) - u*v**2 + F*(1 - u)
    v: Dv*lap(v) + u*v**2 - (F + k)*v
    F = 0.04; k = 0.06               # defaults; a parameter without one needs a value
    u = 1; v = 0                     # the uniform state it starts from, if not steady

Statements end at a semicolon or a line that leaves no parenthesis open; # begins a
comment. `species: right-hand side` may use numbers, names, + - * / ** (or ^),
parentheses, exp log sqrt sin cos tanh abs, and lap(...), the Laplacian, at most twice
nested and multiplied by parameters only. Every name that is no species is a parameter.
"""

import dataclasses
import math
import re
import unicodedata
from collections.abc import Mapping

from rdtf.models.base import Parameter, ReactionDiffusion, Start
from rdtf.models.expressions import Program
from rdtf.models.right_hand_sides import Reader, check_name, parse, shorten, unparse
from rdtf.status import InputError

_LARGEST_TEXT = 10_000


def from_equations(
    equations: str | Mapping[str, str],
    parameters: Mapping[str, float | Parameter] | None = None,
    name: str = "user",
    valid_range: Mapping[str, tuple[float, float]] | None = None,
    presets: Mapping[str, Mapping[str, float]] | None = None,
    start: Start | None = None,
) -> ReactionDiffusion:
    """A model whose equations ∂s/∂t = R + ∇²Q + ∇⁴P are given as text.

    A term D*lap(u) in the equation of u, with D one parameter, becomes the diffusivity
    of u; whatever else is in lap(...) becomes `laplacian_terms` and
    `bilaplacian_terms`, and the model is not plain. Parameters are in the order of the
    text, diffusivities first.

    Args:
      equations: a text, as in the docstring of this module, or species -> right-hand
        side.
      parameters: name -> default or `Parameter`; they replace defaults in the text. A
        diffusivity has the lower bound 0 unless it comes as a `Parameter`. A default of
        NaN, or none at all, means that each run has to be given a value.
      name, valid_range, presets, start: as of `ReactionDiffusion`; by default it starts
        from noise about the uniform state in the text, or else the homogeneous one.

    Raises:
      InputError: if the text is no set of equations; it names the piece that is not. If
        a parameter is in no equation.
    """
    trees, given = _parsed(equations)
    program, species = Program(), tuple(trees)
    reader = Reader(program, species)
    sides = [reader.read(tree) for tree in trees.values()]
    diffusivity, laps = _take_diffusivities(program, species, sides)
    bilaps = [side.bilaps for side in sides]
    start = start or Start(background=_background(species, given, sides))
    values = {n: x for n, x in given.items() if n not in species}
    declared = _parameters(
        program, species, diffusivity, values | dict(parameters or {})
    )
    rates = [
        () if side.plain is None else ((program.number(1), side.plain),)
        for side in sides
    ]
    return ReactionDiffusion(
        name=name,
        species=species,
        reaction=_terms(program, species, rates),
        diffusivity=diffusivity,
        parameters=declared,
        valid_range=valid_range or {},
        presets=presets or {},
        start=start,
        laplacian_terms=_terms(program, species, laps) if any(laps) else None,
        bilaplacian_terms=_terms(program, species, bilaps) if any(bilaps) else None,
        source=_source(trees, declared, start),
    )


def _parsed(equations):
    """(species -> syntax tree of its right-hand side, name -> number)."""
    texts, given = _statements(equations)
    if not texts or sum(map(len, texts.values())) > _LARGEST_TEXT:
        raise InputError(
            "Expected equations such as 'u: D*lap(u) + r*u*(1 - u)', of at most "
            f"{_LARGEST_TEXT} characters, got {shorten(str(equations))}."
        )
    return {species: parse(text) for species, text in texts.items()}, given


@dataclasses.dataclass(frozen=True, eq=False)
class _Terms:
    """One expression per species, as a function of (state, params)."""

    program: Program
    species: tuple[str, ...]
    roots: tuple[int, ...]

    def __call__(self, state, params):
        values = {**params, **dict(zip(self.species, state, strict=True))}
        return tuple(self.program.evaluate(self.roots, values))


def _terms(program, species, groups):
    """The sums of coefficient * argument, each of the shape of a field."""
    apply, roots = program.apply, []
    for name, group in zip(species, groups, strict=True):
        total = None
        for coefficient, argument in group:
            if program.constant(coefficient) != 1:
                argument = apply("*", coefficient, argument)
            total = argument if total is None else apply("+", total, argument)
        if total is None or not set(species).intersection(program.names(total)):
            zero = apply("*", program.number(0), program.name(name))
            total = zero if total is None else apply("+", total, zero)
        roots.append(total)
    return _Terms(program, species, tuple(roots))


def _take_diffusivities(program, species, sides):
    """(species -> diffusivity, what else each has inside ∇²)."""
    found, others = {}, []
    for name, side in zip(species, sides, strict=True):
        rest = []
        for coefficient, argument in side.laps:
            parameter = program.variable(coefficient)
            own = program.variable(argument) == name
            if parameter is not None and own and name not in found:
                found[name] = parameter
            else:
                rest.append((coefficient, argument))
        others.append(tuple(rest))
    return found, others


def _parameters(program, species, diffusivity, given):
    """Name -> Parameter, of all names that are no species."""
    names = [*diffusivity.values(), *program.all_names]
    names = [name for name in dict.fromkeys(names) if name not in species]
    for name in given:
        if name not in names:
            raise InputError(
                f"Expected parameters that are in the equations, {', '.join(names)}, "
                f"got {name}: leave it out."
            )
    declared = {}
    for name in names:
        value = given.get(name, math.nan)
        if not isinstance(value, Parameter):
            bound = {"lower": 0.0, "unit": "length²/time"}
            bound = bound if name in diffusivity.values() else {}
            value = Parameter(float(value), **bound, doc="of the equations")
        declared[name] = value
    return declared


def _background(species, given, sides):
    """The uniform state to start from; None stands for the homogeneous one."""
    missing = [name for name in species if name not in given]
    if not missing:
        return tuple(given[name] for name in species)
    if len(missing) < len(species):
        raise InputError(
            f"Expected numbers to start from for all species or none, got none for "
            f"{missing[0]}: add {missing[0]} = NUMBER."
        )
    steady = all(side.plain is None for side in sides)  # whatever is uniform
    return (0.0,) * len(species) if steady else None


def _statements(equations):
    """(species -> text of its right-hand side, parameter or species -> number)."""
    if isinstance(equations, Mapping):
        return {_checked(str(s)): str(text) for s, text in equations.items()}, {}
    texts, defaults = {}, {}
    for statement in _split(str(equations)):
        match = re.fullmatch(r"\s*([^\W\d]\w*)\s*([:=])(.*)", statement, re.DOTALL)
        if match is None:
            raise InputError(
                "Expected 'species: right-hand side' or 'parameter = number', got "
                f"{shorten(statement)}."
            )
        name, kind, text = match.groups()
        name = _checked(name)
        found = texts if kind == ":" else defaults
        if name in found:
            raise InputError(f"Expected one line for {name}, got several: keep one.")
        found[name] = text if kind == ":" else _number(name, text)
    return texts, defaults


def _split(text):
    """The statements of a text, without comments and empty ones."""
    text = re.sub(r"#[^\n\r]*", "", text)
    statement, depth = "", 0
    for character in text + ";":
        depth += (character == "(") - (character == ")")
        if character == ";" or (character in "\n\r" and depth <= 0):
            if statement.strip():
                yield statement
            statement, depth = "", 0
        else:
            statement += character


def _number(name, text):
    """The value of an expression of numbers alone."""
    program = Program()
    side = Reader(program, ()).read(parse(text))
    value = None if side.plain is None else program.constant(side.plain)
    if value is None:
        raise InputError(f"Expected {name} = NUMBER, got {shorten(text)}.")
    return float(value)


def _checked(name):
    """The name as Python writes it, if it is one that is allowed."""
    name = unicodedata.normalize("NFKC", name)
    check_name(name)
    return name


def _source(trees, declared, start):
    """The equations as one line that gives the model again, but for bounds."""
    lines = [f"{species}: {unparse(tree)}" for species, tree in trees.items()]
    lines += [
        f"{name} = {parameter.default!r}"
        for name, parameter in declared.items()
        if not math.isnan(parameter.default)
    ]
    lines += [
        f"{name} = {value!r}"
        for name, value in zip(trees, start.background or (), strict=False)
    ]
    return "; ".join(lines)
