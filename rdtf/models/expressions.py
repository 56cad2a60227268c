"""Expressions as straight-line programs: each distinct operation is done once.

A `Program` is a list of operations on earlier ones. Adding one that is there already
gives the one that is there, so common subexpressions are shared. Operations on numbers
alone are done at once, in plain arithmetic.
"""

import builtins
import math as plain
import operator
from collections.abc import Mapping, Sequence

from rdtf import math
from rdtf.models import powers

FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs")
_PRODUCTS = range(-8, 9)  # powers that are taken as products
_OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": powers.power,
    "neg": operator.neg,
    **{name: getattr(math, name) for name in FUNCTIONS},
}
_ON_NUMBERS = {
    **_OPERATIONS,
    **{name: getattr(plain, name, builtins.abs) for name in FUNCTIONS},
    "**": lambda x, y: float(x) ** float(y),  # of integers it might never end
}


class Program:
    """Operations in the order of evaluation; an expression is the index of its last.

    Whatever makes an expression raises ArithmeticError for numbers that are not finite
    and real, with the beginning of a message.
    """

    def __init__(self):
        self._steps: list[tuple] = []
        self._index: dict[tuple, int] = {}

    def number(self, value: float) -> int:
        """A constant; whole numbers are kept as integers."""
        try:
            finite = plain.isfinite(value)
        except (OverflowError, TypeError):  # a huge integer, a complex number
            finite = False
        if not finite:
            raise ArithmeticError("Expected finite real numbers")
        whole = float(value).is_integer() and builtins.abs(value) < 2**53
        return self._add(("number", int(value) if whole else float(value)))

    def name(self, name: str) -> int:
        """A species or a parameter."""
        return self._add(("name", name))

    def apply(self, operation: str, *operands: int) -> int:
        """An operation of +, -, *, /, **, neg, or a function, on expressions."""
        numbers = [self.constant(i) for i in operands]
        if None not in numbers:
            return self.number(_of_numbers(operation, numbers))
        if operation == "/" and numbers[1] == 0:
            raise ArithmeticError("Expected no division by zero")
        if operation == "*" and 1 in numbers:
            return operands[numbers.index(1) - 1]  # the other one
        if operation == "**" and numbers[1] in _PRODUCTS:
            return self._power(operands[0], numbers[1])
        return self._add((operation, *operands))

    def constant(self, index: int) -> float | None:
        """The number that an expression is, or None."""
        kind, *operands = self._steps[index]
        return operands[0] if kind == "number" else None

    def variable(self, index: int) -> str | None:
        """The name that an expression is, or None."""
        kind, *operands = self._steps[index]
        return operands[0] if kind == "name" else None

    def names(self, index: int) -> set[str]:
        """The names in an expression."""
        return {self.variable(i) for i in self._needed([index])} - {None}

    @property
    def all_names(self) -> list[str]:
        """All names, in the order in which they came up."""
        return [operands[0] for kind, *operands in self._steps if kind == "name"]

    def evaluate(self, roots: Sequence[int], values: Mapping) -> list:
        """The expressions `roots` of named tensors, arrays, symbols or numbers."""
        results = {}
        for i in self._needed(roots):
            kind, *operands = self._steps[i]
            if kind == "name":
                results[i] = values[operands[0]]
            elif kind == "number":
                results[i] = operands[0]
            else:
                results[i] = _OPERATIONS[kind](*(results[j] for j in operands))
        return [results[root] for root in roots]

    def _add(self, step):
        if step not in self._index:
            self._index[step] = len(self._steps)
            self._steps.append(step)
        return self._index[step]

    def _power(self, base, exponent):
        if exponent < 0:
            return self.apply("/", self.number(1), self._power(base, -exponent))
        result = base if exponent else self.number(1)
        for _ in range(exponent - 1):
            result = self.apply("*", result, base)
        return result

    def _needed(self, roots):
        """What the roots depend on, in the order of evaluation."""
        needed = set(roots)
        for i in range(max(needed, default=-1), -1, -1):
            kind, *operands = self._steps[i]
            if i in needed and kind not in ("name", "number"):
                needed.update(operands)
        return sorted(needed)


def _of_numbers(operation, numbers):
    try:
        return _ON_NUMBERS[operation](*numbers)
    except ZeroDivisionError:
        raise ArithmeticError("Expected no division by zero") from None
    except (ArithmeticError, ValueError):
        raise ArithmeticError("Expected finite real numbers") from None
