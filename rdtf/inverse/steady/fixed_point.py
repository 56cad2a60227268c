"""A steady picture as a fixed point, with its exact derivatives.

At a steady state the observed species o satisfies o = w(o, p),

    w = (m - D_o ∇²)⁻¹ q(o, l),   q = R_o + m o,   l = (c - D_l ∇²)⁻¹ b(o),

with one elliptic problem per hidden species l (`rdtf.inverse.structure.elimination`)
and a decay rate m > 0. No data is differentiated. `SteadyMap` evaluates w; the `Point`
it returns differentiates it, in the direction of a parameter or a field, forwards and
backwards.
"""

import copy
import functools
from collections.abc import Mapping

import numpy as np

from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady import decay
from rdtf.inverse.structure import equations
from rdtf.inverse.structure.combinations import CombinedEquations
from rdtf.inverse.structure.elimination import ADVICE, Combined, Linear, eliminate
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

UNSETTLED = 2e-3  # |o - w| over |o - mean(o)| that bends parameters by per cents
LINEAR_TOLERANCE = 1e-10  # of the hidden species
TANGENT_TOLERANCE = 1e-7  # of their derivatives


class SteadyMap:
    """w(o, p) of one model, observed species and domain.

    Args:
      model: whose hidden species are linear in turn.
      observe: the observed species.
      domain: of the fields.
      typical: (o `[n, *grid]`, params), where a decay rate is chosen: see
        `rdtf.inverse.steady.decay`.
      combine: whether the observed species' equation may be subtracted from others to
        make them linear, which whole pictures of steady patterns allow.

    Attributes:
      equations: of the model, combined ones where they had to be.
      shared: of `CombinedEquations`, empty otherwise.
      observed, order: index of o, and those of the hidden species in turn.
      names: of the parameters.
      decay, decay_slopes: m(params), and ∂m/∂p by name where it is not 0.

    Raises:
      InputError: if the hidden species are not linear in turn.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        observe: str,
        domain: WholeDomain,
        typical: tuple[np.ndarray, Mapping[str, float]],
        combine: bool = False,
    ):
        self.equations, self.shared = equations.of(model), ()
        self.domain = domain
        split = eliminate(model, observe)
        if combine and isinstance(split, Combined):
            self.equations = _combined(model, observe)
            self.shared = self.equations.shared
        elif not isinstance(split, Linear):
            raise InputError(
                f"Expected hidden species of {model.name} that are linear in turn if "
                f"{observe} is observed, which they are not: observe another species, "
                f"or {ADVICE}."
            )
        self.observed, self.order = split.observed, split.order
        self.names = list(model.parameters)
        self.decay, self.decay_slopes = self._rate(*typical)

    def _rate(self, o, params):
        name = self.equations.diffusivity_name(self.observed)
        natural = decay.natural(self.equations, self.observed, params)
        if natural is not None or name is not None:
            return natural or decay.of_pattern(name, o, self.domain.grid.spacing)
        i, fields = self.observed, Point(self, o, params).fields
        slope = self.equations.by_species(i, i, fields, params)
        rate = max(float(np.sqrt(np.mean(np.square(slope)))), 1e-12)
        return (lambda params: rate), {}

    def __call__(self, o: np.ndarray, params: Mapping[str, float], hidden=None):
        """The `Point` at a field `[n, *grid]`; `hidden` is where its solves start."""
        return Point(self, o, params, hidden)


@functools.lru_cache(maxsize=64)
def _combined(model, observe):
    split = eliminate(model, observe)
    return CombinedEquations(model, split.observed, split.factors)


class Point:
    """w and its derivatives at one field and parameters.

    Args:
      steady: the map.
      o: the observed species, `[n, *grid]`.
      params: all parameters, numbers by name.
      hidden: fields of all species by index, where their solves start; None: at the
        answer to a uniform coefficient.

    Attributes:
      fields: all species by index, `[n, *grid]` each; None if not needed.
      c: -∂R_l/∂l by index of the hidden species, `[n, *grid]`.
      reaction: R_o, `[n, *grid]`.
      tolerance: of the elliptic problems of derivatives.
    """

    def __init__(self, steady: SteadyMap, o, params, hidden=None):
        self.map, self.params, self.tolerance = steady, params, TANGENT_TOLERANCE
        self._domain, self._equations = steady.domain, steady.equations
        self.fields = [None] * len(self._equations.species)
        self.fields[steady.observed] = o
        self.c = {}
        for i in steady.order:
            self._eliminate(i, None if hidden is None else hidden[i])
        self.reaction = self._full(self._equations.reaction, steady.observed)

    def sample(self, index: int, tolerance: float) -> "Point":
        """The point of one sample, to be differentiated along stacks `[k, *grid]`."""
        one = copy.copy(self)
        one.tolerance = tolerance
        for name in ("w", "_slopes", "_laplacian"):  # cached for all samples
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
        if i in self.map.shared:
            b = b + self._share(i) * self._laplacian
        d = self._equations.diffusivity(i, self.params)
        self.fields[i], _ = self._domain.solve(
            self.c[i], d, b, LINEAR_TOLERANCE, start=start
        )

    @functools.cached_property
    def m(self) -> float:
        """The decay rate."""
        return self.map.decay(self.params)

    @functools.cached_property
    def _laplacian(self):
        """∇²o."""
        return self._domain.apply_laplacian(self.o)

    def _share(self, i, by=None):
        """-g_i D_o of a combined equation, or a derivative of it."""
        return self._equations.share(i, self.fields, self.params, by)

    @functools.cached_property
    def w(self) -> np.ndarray:
        """(m - D_o ∇²)⁻¹ (R_o + m o)."""
        return self._smooth(self.reaction + self.m * self.o)

    def _smooth(self, field):
        d = self._equations.diffusivity(self.map.observed, self.params)
        return self._domain.solve_uniform(self.m, d, field)

    @functools.cached_property
    def _slopes(self):
        """∂R_i/∂s_j by (i, j), where R_i contains s_j."""
        system = self._equations
        return {
            (i, j): system.by_species(i, j, self.fields, self.params)
            for i in (*self.map.order, self.map.observed)
            for j in range(len(self.fields))
            if system.depends(i, j)
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
            if i in self.map.shared:
                source = source + self._share(i, name) * self._laplacian
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
        o, total = self.map.observed, np.zeros_like(self.o)
        if self._equations.uses(o, name):
            total += self._equations.by_param(o, name, self.fields, self.params)
        return self._add_reaction(total, hidden)

    def _add_reaction(self, total, changes):
        """Adds the change of R_o with those of species, in place."""
        for j, change in changes.items():
            if (self.map.observed, j) in self._slopes:
                total += self._slopes[self.map.observed, j] * change
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
            if i in self.map.shared:
                terms.append(self._share(i, self.map.observed) * self._laplacian * x)
                terms.append(self._share(i) * self._domain.apply_laplacian(x))
            if terms:
                changes[i] = self._solve(i, sum(terms))
        del changes[self.map.observed]
        return changes

    def reaction_along(self, x: np.ndarray) -> np.ndarray:
        """The change of R_o with a change x of o, and of the hidden species with it."""
        changes = self.hidden_along(x) | {self.map.observed: x}
        return self._add_reaction(np.zeros_like(x), changes)

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
            if i in self.map.shared:
                total = total + self._share(i, o) * self._laplacian * solved
                total += self._domain.apply_laplacian(self._share(i) * solved)
            for j in range(len(self.fields)):
                if j == i or (i, j) not in self._slopes:
                    continue
                term = self._slopes[i, j] * solved
                if j == o:
                    total = total + term
                else:
                    adjoint[j] = adjoint.get(j, 0.0) + term
        return total
