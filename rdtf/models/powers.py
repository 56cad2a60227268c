"""Powers xⁿ and all their derivatives, right at x = 0 and at n = 0.

    D(c, x, n, k, m) = c ∂ᵏ/∂xᵏ ∂ᵐ/∂nᵐ xⁿ = c f xⁿ⁻ᵏ,
    f = Σ_j C(m, j) dʲ/dnʲ(n (n - 1) ... (n - k + 1)) (ln x)ᵐ⁻ʲ

so that n xⁿ⁻¹ has k = 1 and xⁿ ln x has m = 1. Where c f is 0, so is D with k > 0: 0 ·
0⁻¹ is 0, and so is the derivative of u √w by w where both are 0. At x <= 0, ln x counts
as 0, which makes xⁿ ln x right at 0 and at rounding below it; TensorFlow's own gradient
does the same. Where a power has no value, as that of a negative number to 2.5, its
derivatives are NaN.
"""

import functools
import math

import numpy as np


def power(x, n):
    """xⁿ; of tensors, with the derivatives of this module to every order."""
    if "tensorflow" in _packages(x, n):
        return _of_tensors(1.0, x, n, 0, 0)
    return x**n


def power_derivative(c, x, n, k: int, m: int):
    """D(c, x, n, k, m), see the equations of this module.

    Args:
      c, x, n: tensors, arrays and numbers, or SymPy expressions, which broadcast.
      k, m: how often it is differentiated by x and by n.
    """
    packages = _packages(c, x, n)
    if "tensorflow" in packages:
        return _of_tensors(c, x, n, k, m)
    if "sympy" in packages:
        return symbolic()(c, x, n, k, m)
    x, n = np.asarray(x, np.float64), np.asarray(n, np.float64)
    with np.errstate(all="ignore"):
        scale = c * factor(n, np.log(np.where(x > 0.0, x, 1.0)), k, m)
        raised = x ** (n - k)
        value = scale * raised
        if k:
            value = np.where((scale == 0.0) & ~np.isnan(raised), 0.0, value)
        if k and m:  # ln 0 beside a finite power
            value = np.where((x == 0.0) & (n == k) & (c != 0.0), np.nan, value)
    return value[()]


def factor(n, log, k: int, m: int):
    """f of the equations of this module.

    Args:
      n, log: n and ln x, of any kind that `power_derivative` takes.
      k, m: as of `power_derivative`.
    """
    falling = np.polynomial.polynomial.polyfromroots(range(k)) if k else np.ones(1)
    terms = []
    for j in range(min(m, k) + 1):
        slope = _polynomial(np.polynomial.polynomial.polyder(falling, j), n)
        terms.append(math.comb(m, j) * slope * log ** (m - j))
    return sum(terms[1:], terms[0])


def _polynomial(coefficients, n):
    """By Horner's rule, in whole numbers, which stay exact in SymPy."""
    total = int(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * n + int(coefficient)
    return total


def _packages(*values):
    return {type(value).__module__.partition(".")[0] for value in values}


def _of_tensors(c, x, n, k, m):
    import tensorflow as tf

    dtype = next(v.dtype for v in (c, x, n) if "tensorflow" in _packages(v))
    values = [tf.convert_to_tensor(v, dtype) for v in (c, x, n)]
    shape = functools.reduce(tf.broadcast_dynamic_shape, map(tf.shape, values))

    @tf.custom_gradient
    def derivative(c, x, n):
        zero = tf.zeros_like(x)
        log = tf.math.log(tf.where(x > 0.0, x, zero + 1.0))
        scale = c * factor(n, log, k, m)
        raised = x ** (n - k)
        value = scale * raised
        if k:
            value = tf.where((scale == 0.0) & ~tf.math.is_nan(raised), zero, value)
        if k and m:
            lost = (x == 0.0) & (n == k) & (c != 0.0)
            value = tf.where(lost, zero + np.nan, value)

        def gradient(upstream):
            return (
                _of_tensors(upstream, x, n, k, m),
                _of_tensors(upstream * c, x, n, k + 1, m),
                _of_tensors(upstream * c, x, n, k, m + 1),
            )

        return value, gradient

    return derivative(*(tf.broadcast_to(v, shape) for v in values))


@functools.cache
def symbolic():
    """D as a SymPy function, whose value is worked out where x and n are numbers."""
    import sympy

    class power_derivative(sympy.Function):  # printed by this name
        nargs = 5

        @classmethod
        def eval(cls, c, x, n, k, m):
            if c.is_zero:
                return sympy.S.Zero
            if not (x.is_number and n.is_number):
                return None
            log = sympy.log(x) if x.is_positive else sympy.S.Zero
            f = sympy.sympify(factor(n, log, int(k), int(m)))
            if k and f.is_zero:
                return sympy.S.Zero
            if not x.is_zero:
                return c * f * x ** (n - k)
            if k and m and (n - k).is_zero:
                return sympy.nan
            if n >= k:
                return c * f * sympy.S.Zero ** (n - k)
            return c * f * sympy.oo if c.is_number else None

        def fdiff(self, argindex=1):
            c, x, n, k, m = self.args
            if argindex == 1:
                return self.func(1, x, n, k, m)
            return self.func(c, x, n, k + (argindex == 2), m + (argindex == 3))

        def as_powers(self):
            """The same in powers and logarithms, which may have no value at 0."""
            c, x, n, k, m = self.args
            return c * factor(n, sympy.log(x), int(k), int(m)) * x ** (n - k)

    return power_derivative
