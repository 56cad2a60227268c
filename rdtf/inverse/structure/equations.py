"""A model's reaction and all its first derivatives, as NumPy functions one by one."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.models import ReactionDiffusion, derivatives


class Equations:
    """Reactions R_i(species, params) and their exact derivatives.

    Fields are arrays of one shape, one per species in the model's order; a species that
    an expression does not contain may be None. Params are numbers by name. Results
    broadcast: a derivative that is the same everywhere is a number.

    Attributes:
      model: the model.
      species, symbols, expressions: SymPy's species symbols, parameter symbols by name,
        and reactions.
    """

    def __init__(self, model: ReactionDiffusion):
        self.model = model
        self.species, self.symbols, self.expressions = model.equations()
        self._calls = {}

    def reaction(self, i: int, fields: Sequence, params: Mapping):
        """R_i."""
        return self._call(("R", i), lambda: self.expressions[i])(fields, params)

    def by_species(self, i: int, j: int, fields: Sequence, params: Mapping):
        """∂R_i / ∂s_j.

        Args:
          i, j: indices of species, in the model's order.
          fields: of all species, arrays of one shape, or None: see above.
          params: all parameters, numbers by name.
        """
        return self._call(
            ("s", i, j),
            lambda: derivatives.differentiate(self.expressions[i], self.species[j]),
        )(fields, params)

    def by_param(self, i: int, name: str, fields: Sequence, params: Mapping):
        """∂R_i / ∂p.

        Args:
          i: index of a species.
          name: of the parameter p.
          fields, params: as of `by_species`.
        """
        return self._call(
            ("p", i, name),
            lambda: derivatives.differentiate(self.expressions[i], self.symbols[name]),
        )(fields, params)

    def depends(self, i: int, j: int) -> bool:
        """Whether R_i contains species j."""
        return self.expressions[i].has(self.species[j])

    def is_linear(self, i: int, j: int) -> bool:
        """Whether R_i is affine in species j."""
        import sympy

        slope = derivatives.algebraic_derivative(self.expressions[i], self.species[j])
        slope = sympy.simplify(slope)
        return not slope.has(self.species[j])

    def uses(self, i: int, name: str) -> bool:
        """Whether R_i contains a parameter."""
        return self.expressions[i].has(self.symbols[name])

    def diffusivity(self, i: int, params: Mapping) -> float:
        """D_i, 0 for a species that does not diffuse."""
        name = self.diffusivity_name(i)
        return 0.0 if name is None else float(params[name])

    def diffusivity_name(self, i: int) -> str | None:
        """The parameter that is D_i."""
        return self.model.diffusivity.get(self.model.species[i])

    def _call(self, key, expression):
        if key not in self._calls:
            self._calls[key] = self._compile(expression())
        return self._calls[key]

    def _compile(self, expression):
        arguments = [*self.species, *self.symbols.values()]
        call = derivatives.compiled(arguments, expression)
        names = list(self.symbols)
        return lambda fields, params: call(*fields, *(params[n] for n in names))


@functools.lru_cache(maxsize=64)
def of(model: ReactionDiffusion) -> Equations:
    """The equations of a model, derived once."""
    return Equations(model)


def is_zero(value) -> bool:
    """Whether a derivative is the number 0."""
    return np.ndim(value) == 0 and value == 0
