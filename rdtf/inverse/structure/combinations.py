"""Equations of hidden species that are linear once the observed one's is subtracted.

Reaction terms that two equations share cancel. With 0 = D_o ∇²o + R_o(o, l) and a
factor g(o, p), the equation of l is as good as

    0 = D_l ∇²l + R_l - g R_o - g D_o ∇²o,

which is linear in l where R_l - g R_o is. Gray-Scott observed in u, with g = -1:

    0 = Dv ∇²v - (F + k) v + F (1 - u) + Du ∇²u
"""

from collections.abc import Mapping

from rdtf.inverse.structure.equations import Equations
from rdtf.models import ReactionDiffusion, derivatives


class CombinedEquations(Equations):
    """The equations with R_i - g_i R_o in place of R_i.

    Args:
      model: the model.
      observed: the index of o.
      factors: g_i by index, SymPy expressions of o and the parameters.

    Attributes:
      shared: the i whose equation has the term -g_i D_o ∇²o.
    """

    def __init__(self, model: ReactionDiffusion, observed: int, factors: Mapping):
        super().__init__(model)
        self.expressions = [
            combine(e, factors[i], self.expressions[observed]) if i in factors else e
            for i, e in enumerate(self.expressions)
        ]
        name = self.diffusivity_name(observed)
        self.shared = set(factors) if name else set()
        self._shares = {i: -factors[i] * self.symbols[name] for i in self.shared}

    def share(self, i: int, fields, params: Mapping, by: str | int | None = None):
        """-g_i D_o, or a derivative of it.

        Args:
          i: index of a species in `shared`.
          fields: all species, arrays of one shape; None for what is not needed.
          params: all parameters, numbers by name.
          by: what it is differentiated by: a parameter's name, or a species' index.
        """

        def expression():
            if by is None:
                return self._shares[i]
            symbol = self.symbols[by] if by in self.symbols else self.species[by]
            return derivatives.differentiate(self._shares[i], symbol)

        return self._call(("share", i, by), expression)(fields, params)


def combine(hidden, factor, observed):
    """R_l - g R_o, with what the two share cancelled."""
    import sympy

    return sympy.expand(sympy.simplify(hidden - factor * observed))
