"""The decay rate m > 0 of the observed species that a fixed point needs.

Any m(p) gives a map with the right fixed points. To keep D = R = 0 from being one, m
has to vanish with them: it is the linear decay that the reaction has by itself,

    m = -∂R_o/∂o  at o = 0,

where that is positive and free of other species; otherwise m = k² D_o, with k a typical
wave number of the pictures, for D_o ∇²o balances R_o in a steady pattern.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rdtf.inverse.structure.equations import Equations
from rdtf.models import derivatives

# m(params), and ∂m/∂p by name where it is not 0.
Rate = tuple[Callable, dict[str, Callable]]


def natural(
    system: Equations, observed: int, params: Mapping[str, float]
) -> Rate | None:
    """The linear decay, if it is a function of the parameters, positive at `params`."""
    import sympy

    o = system.species[observed]
    slope = derivatives.differentiate(system.expressions[observed], o)
    m = sympy.simplify(-slope.subs(o, 0))
    if m.free_symbols - set(system.symbols.values()) or not m.is_finite:
        return None
    symbols = list(system.symbols.values())

    def number(expression):
        call = derivatives.compiled(symbols, expression)
        return lambda params: float(call(*(params[n] for n in system.symbols)))

    rate = number(m)
    if not rate(params) > 0.0:
        return None
    moving = {n: s for n, s in system.symbols.items() if m.has(s)}
    slopes = {n: derivatives.differentiate(m, s) for n, s in moving.items()}
    return rate, {name: number(slope) for name, slope in slopes.items()}


def of_pattern(name: str, o: np.ndarray, spacing: Sequence[float]) -> Rate:
    """k² D_o of fields `[n, *grid]`, k² = <|∇o|²> / var(o); `name` is the D_o's."""
    steps = zip(range(1, o.ndim), spacing, strict=True)
    squares = sum(np.mean(np.diff(o, axis=axis) ** 2) / h**2 for axis, h in steps)
    k2 = float(squares / max(np.var(o), 1e-300)) or 1.0
    return lambda params: k2 * params[name], {name: lambda params: k2}
