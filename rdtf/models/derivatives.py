"""The derivatives of a model's equations, in the one place that differentiates them.

Every term T of ∂s/∂t = R + ∇²Q + ∇⁴P, with D s in Q, comes with ∂T/∂s and ∂T/∂p, as
SymPy expressions and as functions of NumPy arrays or TensorFlow tensors, derived once
per model:

    found = derivatives.of(model)
    found.by_state["R"][i][j]                                  # SymPy, ∂R_i/∂s_j
    found.functions("numpy", "R").by_state(state, params)      # [[array, ...], ...]

∂xⁿ/∂x = n xⁿ⁻¹ and ∂xⁿ/∂n = xⁿ ln x are right at x = 0 and n = 0 in all forms, see
`rdtf.models.powers`; SymPy's own derivative n xⁿ / x is not.
"""

import functools
from collections.abc import Callable, Sequence

import rdtf.math
from rdtf.models import powers
from rdtf.models.base import ReactionDiffusion
from rdtf.models.expressions import FUNCTIONS

TERMS = ("R", "Q", "P")


class Functions:
    """One term and its derivatives as functions of (state, params).

    State is a sequence, one per species, params a mapping by name. Results broadcast:
    what is the same everywhere is a number. Each function is compiled when it is first
    asked for.
    """

    def __init__(self, derivatives: "Derivatives", package: str, term: str):
        self._derivatives, self._package, self._term = derivatives, package, term

    @functools.cached_property
    def values(self) -> Callable:
        """Gives `[T_i]`, one per species."""
        return self._compiled(self._derivatives.terms[self._term])

    @functools.cached_property
    def by_state(self) -> Callable:
        """Gives `[[∂T_i/∂s_j]]`."""
        return self._compiled_rows(self._derivatives.by_state[self._term])

    @functools.cached_property
    def by_params(self) -> Callable:
        """Gives name -> `[∂T_i/∂p]`."""
        columns = self._derivatives.by_params[self._term]
        call = self._compiled_rows(columns.values())
        return lambda state, params: dict(
            zip(columns, call(state, params), strict=True)
        )

    def _compiled(self, expressions):
        return self._derivatives.compiled(expressions, self._package)

    def _compiled_rows(self, rows):
        call = self._compiled([x for row in rows for x in row])
        count = len(self._derivatives.state)

        def evaluate(state, params):
            values = call(state, params)
            return [values[i : i + count] for i in range(0, len(values), count)]

        return evaluate


class Derivatives:
    """The terms of a model and all their first derivatives.

    Args:
      model: the equations.
      axis: that of the waves, where a diffusivity is anisotropic; None leaves D s out
        of Q.

    Attributes:
      state, params: SymPy's symbols, as of `ReactionDiffusion.equations`.
      terms: "R", "Q", "P" -> one expression per species.
      by_state: the same -> `[[∂T_i/∂s_j]]`.
      by_params: the same -> name -> `[∂T_i/∂p]`.
    """

    def __init__(self, model: ReactionDiffusion, axis: int | None = -1):
        self.state, self.params, reaction = model.equations()
        self.terms = dict(zip(TERMS, (reaction, *model.transport(axis)), strict=True))
        self._functions = {}

    @functools.cached_property
    def by_state(self) -> dict:
        return {
            name: [[differentiate(t, s) for s in self.state] for t in terms]
            for name, terms in self.terms.items()
        }

    @functools.cached_property
    def by_params(self) -> dict:
        return {
            name: {
                n: [differentiate(t, p) for t in terms] for n, p in self.params.items()
            }
            for name, terms in self.terms.items()
        }

    def compiled(self, expressions, package: str = "numpy") -> Callable:
        """A function of (state, params) of expressions in the symbols of the model."""
        names = list(self.params)
        call = compiled([*self.state, *self.params.values()], expressions, package)
        return lambda state, params: call(*state, *(params[n] for n in names))

    def functions(self, package: str = "numpy", term: str = "R") -> Functions:
        """A term and its derivatives for a package, "numpy" or "tensorflow"."""
        key = package, term
        if key not in self._functions:
            self._functions[key] = Functions(self, package, term)
        return self._functions[key]


@functools.lru_cache(maxsize=128)
def of(model: ReactionDiffusion, axis: int | None = -1) -> Derivatives:
    """The derivatives of a model, derived once."""
    return Derivatives(model, axis)


def differentiate(expression, symbol, order: int = 1):
    """The derivative of an expression that comes from a model, by SymPy.

    It is SymPy's own but for powers whose exponent is no whole number: they become
    `powers.symbolic` functions, which have the limits at 0.
    """
    import sympy

    expression = sympy.sympify(expression)
    for _ in range(order):
        if _is_simple(expression):
            expression = sympy.diff(expression, symbol)
            continue
        hidden = expression.replace(
            _is_power, lambda p: powers.symbolic()(1, *p.args, 0, 0)
        )
        slope = sympy.diff(hidden, symbol).replace(_is_product, _gathered)
        expression = slope.replace(_is_derivative, _shown)
    return expression


def jacobian(expressions: Sequence, symbols: Sequence):
    """The matrix of the derivatives of expressions by symbols, by SymPy."""
    import sympy

    return sympy.Matrix([[differentiate(e, s) for s in symbols] for e in expressions])


def algebraic_derivative(expression, symbol, order: int = 1):
    """The same in powers and logarithms alone: for algebra; numbers may fail at 0."""
    derivative = differentiate(expression, symbol, order)
    return derivative.replace(_is_derivative, lambda d: d.as_powers())


def compiled(symbols: Sequence, expressions, package: str = "numpy") -> Callable:
    """A function of the symbols' values from an expression or a list of them.

    Args:
      symbols: in the order of the function's arguments.
      expressions: SymPy, derivatives of `differentiate` among them.
      package: "numpy"; or "tensorflow", for tensors, arrays and SymPy expressions.
    """
    import sympy

    own = {"power_derivative": powers.power_derivative}
    if package == "numpy":
        return sympy.lambdify(symbols, expressions, [own, "numpy"], cse=True)
    own |= {name: getattr(rdtf.math, name) for name in (*FUNCTIONS, "sign")}
    printer = _tensor_printer()(
        {
            "fully_qualified_modules": False,
            "inline": True,
            "allow_unknown_functions": True,
            "user_functions": {name: name for name in own},
        }
    )
    return sympy.lambdify(
        symbols, expressions, [own, "math"], printer=printer, cse=True
    )


@functools.cache
def _tensor_printer():
    from sympy.printing.pycode import PythonCodePrinter

    class Printer(PythonCodePrinter):
        def _print_sign(self, expr):  # SymPy's is a branch on the value
            return f"sign({self._print(expr.args[0])})"

    return Printer


def _is_power(expression):
    return expression.is_Pow and not expression.exp.is_Integer


def _is_derivative(expression):
    return isinstance(expression, powers.symbolic())


def _is_product(expression):
    return expression.is_Mul


def _is_simple(expression):
    """Whether SymPy's own derivative has the right limits: no power is special."""
    return not any(
        _is_power(e) or _is_derivative(e) for e in expression.atoms(*_kinds())
    )


def _kinds():
    import sympy

    return sympy.Pow, powers.symbolic()


def _gathered(product):
    """A product with what may be 0 put into the derivative, where 0 times ∞ is 0."""
    for part in product.args:
        if _is_derivative(part) and part.args[3] > 0:
            c, *rest = part.args
            inside = [p for p in product.args if p is not part and not _is_divisor(p)]
            outside = [p for p in product.args if p is not part and _is_divisor(p)]
            return product.func(*outside, part.func(product.func(c, *inside), *rest))
    return product


def _is_divisor(expression):
    return bool(expression.as_base_exp()[1].is_negative)


def _shown(derivative):
    """As a power, where that is right at 0."""
    c, x, n, k, m = derivative.args
    bounded = n.is_number and (c.is_number or (n - k).is_nonnegative)
    plain = k == m == 0 or (m == 0 and bounded) or x.is_positive
    return derivative.as_powers() if plain else derivative
