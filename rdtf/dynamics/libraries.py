"""Libraries of terms: equations that are linear in unknown coefficients.

    ∂s/∂t = Σ_k c_k f_k(state)

Each f_k is a term of one species' equation, as text that `rdtf.models.from_equations`
reads: `lap(u)`, `u*v**2`, `1`. So a library is a model whose parameters are its
coefficients, and an identified equation is one that runs in every app.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rdtf import Grid, Simulation
from rdtf.models import ReactionDiffusion, derivatives, from_equations
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class Library:
    """Terms of the equations of all species.

    Attributes:
      terms: (species, text) of each, grouped by species.
    """

    terms: tuple[tuple[str, str], ...]

    def __post_init__(self):
        if len(set(self.terms)) != len(self.terms):
            raise InputError("Expected different terms, got one of them twice.")

    @property
    def species(self) -> tuple[str, ...]:
        """All that have an equation."""
        return tuple(dict.fromkeys(name for name, _ in self.terms))

    @property
    def names(self) -> list[str]:
        """Of the terms: "u: lap(u)"."""
        return [f"{species}: {text}" for species, text in self.terms]

    @property
    def owners(self) -> np.ndarray:
        """The index of the species of each term, int `[terms]`."""
        return np.array([self.species.index(name) for name, _ in self.terms])

    @functools.cached_property
    def model(self) -> ReactionDiffusion:
        """The model whose parameters c0, c1, ... are the coefficients, all 0."""
        return self.with_coefficients(np.zeros(len(self.terms)))

    def with_coefficients(self, coefficients: np.ndarray) -> ReactionDiffusion:
        """The model whose parameters c0, c1, ... have these defaults, `[terms]`."""
        sides = {name: [] for name in self.species}
        for i, (name, text) in enumerate(self.terms):
            factor = "" if text == "1" else f"*({text})"
            sides[name].append(f"c{i}" + (f"*{text}" if "lap(" in text else factor))
        equations = {name: " + ".join(parts) for name, parts in sides.items()}
        values = {f"c{i}": float(c) for i, c in enumerate(coefficients)}
        return from_equations(equations, values, "library")

    def evaluate(self, samples: np.ndarray) -> np.ndarray:
        """f_k of samples `[n, y, x, species]`, unit cells: `[terms, n, y, x]`."""
        grid = Grid(samples.shape[1:-1])
        state = tuple(tf.constant(field) for field in np.moveaxis(samples, -1, 0))
        simulation = Simulation(self.model, grid, time_step=1.0, engine="xla")
        zeros = {name: tf.constant(0.0, tf.float64) for name in self.model.parameters}
        found = []
        for i, owner in enumerate(self.owners):
            params = zeros | {f"c{i}": tf.constant(1.0, tf.float64)}
            found.append(simulation.time_derivative(state, params)[owner].numpy())
        return np.array(found)

    def equations(self, coefficients: np.ndarray) -> str:
        """The equations with numbers, as text for --equations."""
        sides = {name: [] for name in self.species}
        for (name, text), value in zip(self.terms, coefficients, strict=True):
            sides[name].append(f"{value:+.6g}" + ("" if text == "1" else f"*{text}"))
        return "\n".join(f"{n}: {' '.join(parts)}" for n, parts in sides.items())


def parse(text: str) -> Library:
    """Terms from text: "u: lap(u), u*v**2, 1, u; v: lap(v), u*v**2, v".

    Raises:
      InputError: if it is not of that form, or a term is none.
    """
    terms = []
    for part in filter(str.strip, text.split(";")):
        name, colon, rest = part.partition(":")
        if not colon:
            raise InputError(
                f"Expected 'species: term, term, ...', got {part.strip()!r}."
            )
        terms += [(name.strip(), term.strip()) for term in rest.split(",")]
    library = Library(tuple(terms))
    library.model  # refuses what is no equation  # noqa: B018
    return library


def monomials(species: tuple[str, ...], degree: int = 3) -> Library:
    """In each equation its Laplacian and all monomials up to a degree."""
    import sympy

    symbols = sympy.symbols(species)
    powers = sorted(
        sympy.itermonomials(symbols, degree),
        key=sympy.polys.orderings.monomial_key("grlex", symbols),
    )
    texts = [str(monomial) for monomial in powers]
    return Library(tuple((s, t) for s in species for t in [f"lap({s})", *texts]))


def of_model(model: ReactionDiffusion) -> tuple[Library, list]:
    """(terms of a model, coefficients as SymPy expressions of its parameters).

    Raises:
      InputError: if a term cannot be split into a coefficient and a function of the
        state.
    """
    import sympy

    model.check_plain("give the terms themselves with --terms")
    state, params, sides = model.equations()
    found: dict[tuple[str, str], object] = {}
    for name, side in zip(model.species, sides, strict=True):
        if name in model.diffusivity:
            found[name, f"lap({name})"] = params[model.diffusivity[name]]
        for part in sympy.Add.make_args(sympy.expand(side)):
            coefficient, term = part.as_independent(*state, as_Add=False)
            if term.free_symbols - set(state):
                raise InputError(
                    f"Expected terms with one coefficient each, {model.name} has "
                    f"{part}: give --terms."
                )
            key = (name, str(term))
            found[key] = found.get(key, 0) + coefficient
    return Library(tuple(found)), [sympy.nsimplify(c) for c in found.values()]


def ties(library: Library, texts: Sequence[str]) -> np.ndarray | None:
    """Coefficients as linear functions of fewer, `[terms, free]`; None: all free.

    Args:
      library: the terms.
      texts: as in "v: u*v**2 = -1 * u: u*v**2"; each removes the coefficient on its
        left.

    Raises:
      InputError: if one is not of that form or names no term.
    """
    names = [name.replace(" ", "") for name in library.names]
    full, removed = np.eye(len(names)), []
    for text in texts:
        left, _, right = text.replace(" ", "").partition("=")
        factor, _, other = right.partition("*")
        try:
            i, j, value = names.index(left), names.index(other), float(factor)
        except ValueError:
            raise InputError(
                f"Expected a tie 'TERM = NUMBER * TERM' of {'; '.join(library.names)}, "
                f"got {text!r}."
            ) from None
        full[i], full[i, j] = 0.0, value
        removed.append(i)
    return np.delete(full, removed, 1) if removed else None


def truth(
    library: Library, model: ReactionDiffusion, params: Mapping
) -> np.ndarray | None:
    """Coefficients of the library that make a model's equations, or None if none do."""
    own, coefficients = of_model(model)
    known = {
        term: float(c.subs({s: params[s.name] for s in c.free_symbols}))
        for term, c in zip(_normal(own), coefficients, strict=True)
    }
    values = [known.pop(term, 0.0) for term in _normal(library)]
    return None if known else np.array(values)


def _normal(library):
    """(species, term in SymPy's form) of each, so that u*v^2 is v**2*u."""
    _, params, sides = library.model.equations()
    found = []
    for i, (owner, (species, text)) in enumerate(
        zip(library.owners, library.terms, strict=True)
    ):
        coefficient = params[f"c{i}"]
        plain = derivatives.differentiate(sides[owner], coefficient)  # 0 of a Laplacian
        found.append((species, str(plain) if plain != 0 else text.replace(" ", "")))
    return found
