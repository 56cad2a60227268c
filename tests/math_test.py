"""rdtf.math: one name, four kinds of argument, the same number."""

import numpy as np
import pytest
import sympy
import tensorflow as tf

from rdtf import math

NAMES = ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs")


@pytest.mark.parametrize("name", NAMES)
def test_same_number_from_every_package(name):
    function, x = getattr(math, name), 0.7
    expected = getattr(np, name)(x)
    assert function(x) == expected
    np.testing.assert_array_equal(function(np.array([x, x])), [expected] * 2)
    tensor = function(tf.constant(x, tf.float64))
    assert tensor.dtype == tf.float64
    assert float(tensor) == pytest.approx(expected, rel=1e-15)
    symbol = sympy.Symbol("x", real=True)
    assert float(function(symbol).subs(symbol, x)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_stays_in_its_package(name):
    function = getattr(math, name)
    assert isinstance(function(sympy.Symbol("x", real=True)), sympy.Basic)
    assert isinstance(function(sympy.Integer(2)), sympy.Basic)
    assert isinstance(function(np.ones(2)), np.ndarray)
    assert isinstance(function(tf.Variable(1.0)), tf.Tensor)

    @tf.function
    def graph(x):
        assert isinstance(function(x), tf.Tensor)  # a symbolic tensor, while tracing
        return function(x)

    graph(tf.constant(1.0))


def test_abs_of_a_negative_number():
    assert math.abs(-2.0) == 2.0
    assert float(math.abs(tf.constant(-2.0))) == 2.0
    assert math.abs(sympy.Integer(-2)) == 2


def test_tensors_stay_differentiable():
    x = tf.Variable(0.3, dtype=tf.float64)
    with tf.GradientTape() as tape:
        y = math.tanh(x)
    assert float(tape.gradient(y, x)) == pytest.approx(1 - np.tanh(0.3) ** 2, rel=1e-14)
