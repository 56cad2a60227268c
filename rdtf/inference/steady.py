"""A steady picture as a fixed point, with its exact derivatives.

At a steady state the seen species o satisfies o = w(o, p),

    w = (m - D_o ∇²)⁻¹ q(o, l),   q = R_o + m o,   l = (c - D_l ∇²)⁻¹ b(o),

with one elliptic problem per hidden species l (`rdtf.inference.elimination`) and a decay
rate m > 0. No data is differentiated. `SteadyMap` evaluates w; the `Point` it returns
differentiates it, in the direction of a parameter or a field, forwards and backwards.
"""

import copy
import functools
from collections.abc import Mapping

import numpy as np

from rdtf.inference import equations
from rdtf.inference.elimination import Linear, eliminate
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

LINEAR_TOLERANCE = 1e-10  # of the hidden species
TANGENT_TOLERANCE = 1e-7  # of their derivatives


class SteadyMap:
    """w(o, p) of one model, observed species and domain.

    Args:
      model: whose hidden species are linear in turn.
      observe: the species that is seen.
      domain: `rdtf.inference.elliptic.WholeDomain`, or a window.
      typical: (o `[n, *grid]`, params), where the decay rate is looked up if the model
        has no natural one.
    """

    def __init__(self, model: ReactionDiffusion, observe: str, domain, typical):
        self.equations = equations.of(model)
        self.domain = domain
        split = eliminate(model, observe)
        if not isinstance(split, Linear):
            raise InputError(
                f"Expected hidden species of {model.name} that are linear in turn if "
                f"{observe} is seen: they are roots, which only clean pictures determine."
            )
        self.observed, self.order = split.observed, split.order
        self.names = list(model.parameters)
        self.decay = _natural_decay(self.equations, self.observed)
        self.decay_slopes = {}
        if self.decay is not None:
            self.decay, self.decay_slopes = self.decay
            if not self.decay(typical[1]) > 0.0:
                self.decay, self.decay_slopes = None, {}
        if self.decay is None:
            rate = self._typical_rate(*typical)
            self.decay = lambda params: rate

    def _typical_rate(self, o, params):
        point = Point(self, o, params, decay=1.0)
        slope = self.equations.by_species(
            self.observed, self.observed, point.fields, params
        )
        return max(float(np.sqrt(np.mean(np.square(slope)))), 1e-12)

    def __call__(self, o: np.ndarray, params: Mapping[str, float], hidden=None):
        """The `Point` at a field `[n, *grid]`; `hidden` is where its solves start."""
        return Point(self, o, params, hidden)


class Point:
    """w and its derivatives at one field and parameters.

    Attributes:
      fields: all species by index, `[n, *grid]` each; None if not needed.
      w: the fixed-point map, `[n, *grid]`.
      solver_residual: the worst of the elliptic problems.
    """

    def __init__(self, steady: SteadyMap, o, params, hidden=None, decay=None):
        self.map, self.params, self.tolerance = steady, params, TANGENT_TOLERANCE
        self._domain, self._equations = steady.domain, steady.equations
        self.m = steady.decay(params) if decay is None else decay
        self.fields = [None] * len(self._equations.species)
        self.fields[steady.observed] = o
        self.c, self.solver_residual = {}, 0.0
        for i in steady.order:
            self._eliminate(i, None if hidden is None else hidden[i])
        self.reaction = self._full(self._equations.reaction, steady.observed)

    def sample(self, index: int, tolerance: float) -> "Point":
        """The point of one sample, to be differentiated along stacks `[k, *grid]`."""
        one = copy.copy(self)
        one.tolerance = tolerance
        for name in ("w", "_slopes"):  # cached for all samples
            one.__dict__.pop(name, None)
        part = slice(index, index + 1)
        one.fields = [None if f is None else f[part] for f in self.fields]
        one.c = {i: c[part] for i, c in self.c.items()}
        one.reaction = self.reaction[part]
        return one

    def _full(self, function, *arguments):
        value = function(*arguments, self.fields, self.params)
        return value if np.ndim(value) else np.full_like(self.o, value)

    @property
    def o(self) -> np.ndarray:
        """The field of the observed species."""
        return self.fields[self.map.observed]

    def _eliminate(self, i, start):
        self.fields[i] = np.zeros_like(self.o)
        self.c[i] = -self._full(self._equations.by_species, i, i)
        b = self._full(self._equations.reaction, i)
        d = self._equations.diffusivity(i, self.params)
        self.fields[i], worst = self._domain.solve(
            self.c[i], d, b, LINEAR_TOLERANCE, start=start
        )
        self.solver_residual = np.fmax(self.solver_residual, worst)
        if np.isnan(worst):
            self.solver_residual = worst

    @functools.cached_property
    def w(self) -> np.ndarray:
        """(m - D_o ∇²)⁻¹ (R_o + m o)."""
        return self._smooth(self.reaction + self.m * self.o)

    def _smooth(self, field):
        d = self._equations.diffusivity(self.map.observed, self.params)
        return self._domain.solve_uniform(self.m, d, field)

    def _slope(self, i, j):
        """∂R_i/∂s_j, or None if it is zero."""
        if not self._equations.depends(i, j):
            return None
        return self._equations.by_species(i, j, self.fields, self.params)

    @functools.cached_property
    def _slopes(self):
        rows = (*self.map.order, self.map.observed)
        count = range(len(self.fields))
        return {
            (i, j): s
            for i in rows
            for j in count
            if (s := self._slope(i, j)) is not None
        }

    def hidden_by_param(self, name: str) -> dict[int, np.ndarray]:
        """∂l/∂p of every hidden species; left out where it is zero."""
        changes = {}
        for i in self.map.order:
            source = 0.0
            if self._equations.uses(i, name):
                source = source + self._equations.by_param(
                    i, name, self.fields, self.params
                )
            if self._equations.diffusivity_name(i) == name:
                source = source + self._domain.apply_laplacian(self.fields[i])
            for j, change in changes.items():
                if (i, j) in self._slopes:
                    source = source + self._slopes[i, j] * change
            if not equations.is_zero(source):
                changes[i] = self._solve(i, source)
        return changes

    def _solve(self, i, source):
        if np.ndim(source) == 0:
            source = np.full_like(self.o, source)
        d = self._equations.diffusivity(i, self.params)
        return self._domain.solve(self.c[i], d, source, self.tolerance)[0]

    def reaction_by_param(self, name: str, hidden: Mapping[int, np.ndarray]):
        """dR_o/dp, directly and through the hidden species."""
        o = self.map.observed
        total = np.zeros_like(self.o)
        if self._equations.uses(o, name):
            total += self._equations.by_param(o, name, self.fields, self.params)
        for j, change in hidden.items():
            if (o, j) in self._slopes:
                total += self._slopes[o, j] * change
        return total

    def by_param(self, name: str) -> np.ndarray:
        """∂w/∂p."""
        source = self.reaction_by_param(name, self.hidden_by_param(name))
        slope = self.map.decay_slopes.get(name)
        if slope is not None:
            source += slope(self.params) * (self.o - self.w)
        if self._equations.diffusivity_name(self.map.observed) == name:
            source += self._domain.apply_laplacian(self.w)
        return self._smooth(source)

    def hidden_along(self, x: np.ndarray) -> dict[int, np.ndarray]:
        """The change of every hidden species with a change x of o."""
        changes = {self.map.observed: x}
        for i in self.map.order:
            terms = [
                self._slopes[i, j] * change
                for j, change in changes.items()
                if (i, j) in self._slopes
            ]
            if terms:
                changes[i] = self._solve(i, sum(terms))
        del changes[self.map.observed]
        return changes

    def reaction_along(self, x: np.ndarray) -> np.ndarray:
        """The change of R_o with a change x of o, and of the hidden species with it."""
        changes = self.hidden_along(x) | {self.map.observed: x}
        o, total = self.map.observed, np.zeros_like(x)
        for j, change in changes.items():
            if (o, j) in self._slopes:
                total += self._slopes[o, j] * change
        return total

    def along(self, x: np.ndarray) -> np.ndarray:
        """(∂w/∂o) x."""
        return self._smooth(self.reaction_along(x) + self.m * x)

    def along_transposed(self, y: np.ndarray) -> np.ndarray:
        """(∂w/∂o)ᵀ y."""
        smooth = self._smooth(y)
        o = self.map.observed
        adjoint = {
            j: self._slopes[o, j] * smooth
            for j in range(len(self.fields))
            if (o, j) in self._slopes
        }
        total = self.m * smooth + adjoint.pop(o, 0.0)
        for i in reversed(self.map.order):
            if i not in adjoint:
                continue
            solved = self._solve(i, adjoint.pop(i))
            for j in range(len(self.fields)):
                if j == i or (i, j) not in self._slopes:
                    continue
                term = self._slopes[i, j] * solved
                if j == o:
                    total = total + term
                else:
                    adjoint[j] = adjoint.get(j, 0.0) + term
        return total


def _natural_decay(system, observed):
    """m(p) = -∂R_o/∂o at o = 0 and its slopes, if it is a function of p alone."""
    import sympy

    o = system.species[observed]
    m = sympy.simplify(-system.expressions[observed].diff(o).subs(o, 0))
    if m.free_symbols & set(system.species) or m == 0:
        return None
    symbols = list(system.symbols.values())

    def number(expression):
        call = sympy.lambdify(symbols, expression, "math")
        return lambda params: float(call(*(params[n] for n in system.symbols)))

    slopes = {n: m.diff(s) for n, s in system.symbols.items() if m.has(s)}
    return number(m), {name: number(slope) for name, slope in slopes.items()}
