"""Elementary functions that take TensorFlow tensors, SymPy expressions or NumPy arrays.

A model's `reaction` uses these, so that one definition yields the graph, the symbolic
equations and plain numbers.
"""

import importlib

import numpy as np

_SYMPY_NAMES = {"abs": "Abs"}


def _function(name):
    def apply(x):
        package = type(x).__module__.partition(".")[0]
        if package == "tensorflow":
            return getattr(importlib.import_module("tensorflow").math, name)(x)
        if package == "sympy":
            sympy = importlib.import_module("sympy")
            return getattr(sympy, _SYMPY_NAMES.get(name, name))(x)
        return getattr(np, name)(x)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"{name}(x) of a tensor, a SymPy expression, an array or a number."
    return apply


exp = _function("exp")
log = _function("log")
sqrt = _function("sqrt")
sin = _function("sin")
cos = _function("cos")
tanh = _function("tanh")
abs = _function("abs")
sign = _function("sign")
