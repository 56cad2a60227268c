"""Constraints: bijections in full float64 precision, with the published numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rdtf import models
from rdtf.constraints import KINDS, Constraints

SEED = {"Du": "softplus", "Dv": "softplus", "F": "sigmoid:0.1", "k": "sigmoid:0.1"}
FORMULAS = {
    "log": math.exp,
    "softplus": lambda x: math.log1p(math.exp(x)),
    "sigmoid:0.1": lambda x: 0.1 / (1.0 + math.exp(-x)),
    "identity": lambda x: x,
}


def _of_one(kind):
    """raw -> F and back, as functions of floats, through the transform of F."""
    constraints = Constraints(models.GRAY_SCOTT, {"F": kind})
    others = {name: 0.05 for name in models.GRAY_SCOTT.parameters}

    def physical(x):
        raw = others | {"F": tf.constant(x, tf.float64)}
        raw = {n: tf.convert_to_tensor(r, tf.float64) for n, r in raw.items()}
        return constraints.physical(raw)["F"]

    return physical, lambda p: constraints.raw(others | {"F": p})["F"]


def test_published_numbers():
    """The start of bp2renderer: raw -2 and 0."""
    constraints = Constraints(models.GRAY_SCOTT, SEED)
    raw = dict(zip(SEED, tf.constant([-2.0, -2.0, 0.0, 0.0], tf.float64), strict=True))
    got = constraints.physical(raw)
    assert all(p.dtype == tf.float64 for p in got.values())
    assert float(got["Du"]) == pytest.approx(0.12692801104297263, rel=1e-15)
    assert float(got["Dv"]) == float(got["Du"])
    assert float(got["F"]) == 0.05 and float(got["k"]) == 0.05
    back = constraints.raw({n: float(p) for n, p in got.items()})
    np.testing.assert_allclose(list(back.values()), [-2, -2, 0, 0], atol=1e-14)


@pytest.mark.parametrize("kind", FORMULAS)
@settings(max_examples=25, deadline=None)
@given(x=st.floats(-8.0, 8.0))
def test_formula_and_round_trip_in_float64(kind, x):
    physical, raw = _of_one(kind)
    got = float(physical(x))
    assert got == pytest.approx(FORMULAS[kind](x), rel=4e-16, abs=1e-300)
    assert raw(got) == pytest.approx(x, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("kind", FORMULAS)
def test_derivative(kind):
    physical, _ = _of_one(kind)
    x = tf.constant(-0.7, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = physical(x)
    h = 1e-5
    central = (FORMULAS[kind](-0.7 + h) - FORMULAS[kind](-0.7 - h)) / (2 * h)
    assert float(tape.gradient(value, x)) == pytest.approx(central, rel=1e-8)


def test_defaults_follow_the_bounds():
    """log where a parameter cannot be negative, identity where it can."""
    model = models.FITZHUGH_NAGUMO
    raw = Constraints(model).raw(model.defaults)
    expected = {n: math.log(p) for n, p in model.defaults.items() if n != "kappa"}
    assert raw == pytest.approx(expected | {"kappa": -0.005}, rel=1e-15)
    assert list(raw) == list(model.parameters)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("log", 0.0, "F inside the range"),
        ("log", -1.0, "got -1"),
        ("softplus", 0.0, "F inside the range"),
        ("sigmoid:0.1", 0.1, "got 0.1"),
        ("sigmoid:0.1", 0.2, "F inside the range"),
        ("sigmoid:0.1", 0.0, "another transform"),
        ("identity", math.nan, "got nan"),
    ],
)
def test_a_value_out_of_reach(kind, value, words, input_error):
    with input_error(words):
        _of_one(kind)[1](value)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"F": "square"}, ["'square'", *KINDS]),
        ({"F": "sigmoid"}, ["sigmoid:0.1", "'sigmoid'"]),
        ({"F": "sigmoid:big"}, ["number", "'sigmoid:big'"]),
        ({"F": "log:3"}, ["'log:3'"]),
        ({"D": "log"}, ["Du, Dv, F, k", "'D'"]),
    ],
)
def test_a_transform_that_there_is_not(kinds, words, input_error):
    with input_error(*words):
        Constraints(models.GRAY_SCOTT, kinds)


@pytest.mark.parametrize("upper", ["0", "-1", "nan", "inf"])
def test_a_sigmoid_needs_a_positive_upper_bound(upper, input_error):
    with input_error(f"'sigmoid:{upper}'"):
        Constraints(models.GRAY_SCOTT, {"F": f"sigmoid:{upper}"})
