"""Gradients by tangents: exact, continued in parts, of the parameters alone."""

import numpy as np
import pytest
import tensorflow as tf
import window_inputs

from rdtf import engines
from rdtf.engines.segment_gradients import GRADIENTS
from rdtf.models import MODELS
from rdtf.status import InputError

pytestmark = pytest.mark.parametrize("engine", engines.ENGINES)

CASES = [
    *((model, (6, 5), "periodic", "forward_euler") for model in list(MODELS)[:6]),
    ("ginzburg_landau", (9,), "no_flux", "etdrk4"),
    ("gray_scott", (9,), "dirichlet=1,.2/no_flux", "sbdf2"),
    ("schnakenberg", (6, 5), "no_flux; periodic", "cnab2"),
    ("schnakenberg", (9,), "no_flux", "forward_euler"),
    ("gierer_meinhardt", (3, 4, 5), "no_flux", "forward_euler"),
    ("brusselator", (6, 5), "periodic", "rk4"),
]


def _gradient(advance, params):
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = window_inputs.smooth(advance(params))
    return tape.gradient(loss, params)


def _assert_close(got, expected, tolerance):
    for name, value in expected.items():
        scale = np.abs(value).max()
        assert scale > 0.0 and got[name].shape == value.shape
        np.testing.assert_allclose(got[name], value, rtol=0, atol=tolerance * scale)


def _same(left, right):
    for a, b in zip(tf.nest.flatten(left), tf.nest.flatten(right), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def sim(engine, simulations):
    return simulations(shape=(6, 5), spacing=1.25, engine=engine)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case[0]}-{len(case[1])}d-{case[2]}-{case[3]}",
            marks=(pytest.mark.slow,) * (case[3] in ("etdrk4", "rk4")),
        )
        for case in CASES
    ],
)
def test_every_model(case, engine, simulations, start):
    """Against the plain tape and central differences; the adjoint of one will do."""
    model, shape, boundary, scheme = case
    if engine == "xla" and case in CASES[2:6]:
        pytest.skip("both engines do the first two; compiling takes its time")
    try:
        sim = simulations(model, shape, boundary, 1.25, scheme, engine)
    except InputError as error:
        pytest.skip(str(error))  # not every engine has every scheme
    state, params = window_inputs.create(sim, start)

    def advance(params, gradient="tangents"):
        return sim.advance(state, params, 5, gradient=gradient)

    gradient = _gradient(advance, params)
    for other in ("unrolled", "adjoint")[: 2 if model == "gray_scott" else 1]:
        expected = _gradient(lambda p, other=other: advance(p, other), params)
        _assert_close(gradient, expected, 1e-9)
    for name, value in params.items():

        def loss(size, name=name, value=value):
            return float(
                window_inputs.smooth(advance({**params, name: value * (1.0 + size)}))
            )

        h = 1e-4
        central = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)
        assert float(tf.reduce_sum(gradient[name] * value)) == pytest.approx(
            central, rel=1e-6
        )


def test_same_state_as_without(sim, start):
    state, params = window_inputs.create(sim, start)
    plain = sim.advance(state, params, 9)
    final, tangents = sim.tangents(state, params, 9)
    assert set(tangents) == set(params)
    for got, expected in zip(final, plain, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    for fields in tangents.values():
        assert [field.shape for field in fields] == [field.shape for field in state]


def test_two_parts_are_one(sim, start):
    state, params = window_inputs.create(sim, start)
    whole = sim.tangents(state, params, 9)
    middle, tangents = sim.tangents(state, params, 4)
    _same(sim.tangents(middle, params, 5, tangents, first_step=4), whole)
    _same(sim.tangents(state, params, 0)[0], state)


def test_tangents_are_differences_of_states(sim, start):
    state, params = window_inputs.create(sim, start)
    _, tangents = sim.tangents(state, params, 9)
    up, down = (
        sim.advance(state, {**params, "F": params["F"] + h}, 9) for h in (1e-5, -1e-5)
    )
    for tangent, high, low in zip(tangents["F"], up, down, strict=True):
        np.testing.assert_allclose(tangent, (high - low) / 2e-5, rtol=0, atol=1e-7)


def test_only_the_parameters_one_asks_for(sim, start):
    state, params = window_inputs.create(sim, start)
    _, every = sim.tangents(state, params, 9)
    zero = {"F": tuple(np.zeros(field.shape) for field in state)}
    _, one = sim.tangents(state, params, 9, zero)
    assert list(one) == ["F"]
    for got, expected in zip(one["F"], every["F"], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_one_state_for_a_sweep(sim, start):
    state, params = start(sim, 1), window_inputs.create(sim, start)[1]
    repeated = tuple(tf.repeat(field, 2, axis=0) for field in state)
    _same(sim.tangents(state, params, 5), sim.tangents(repeated, params, 5))


def test_the_starting_state_is_a_constant(sim, start):
    for num_steps in (0, 7):
        state, params = window_inputs.create(sim, start)
        with tf.GradientTape() as tape:
            tape.watch((state, params))
            final = sim.advance(state, params, num_steps, gradient="tangents")
            loss = window_inputs.smooth(final)
        by_state, by_params = tape.gradient(loss, (state, params))
        assert all(g is None for g in by_state)
        assert all((g is None) == (num_steps == 0) for g in by_params.values())


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_within_a_function_of_the_user(where, sim, start):
    state, params = window_inputs.create(sim, start)
    if sim.engine != "xla":
        pytest.skip("only the XLA engine can be part of a graph")

    def advance(params):
        return sim.advance(state, params, 7, gradient="tangents")

    if where == "inside":
        got = tf.function(lambda params: _gradient(advance, params))(params)
    else:
        got = _gradient(tf.function(advance), params)
    _assert_close(got, _gradient(advance, params), 1e-13)


def test_forward_alone_carries_nothing(sim, start, monkeypatch):
    """Without a tape there is nobody to ask for tangents."""
    state, params = window_inputs.create(sim, start)

    def refuse(*arguments):
        raise AssertionError("tangents were carried")

    monkeypatch.setattr(sim._programs, "tangents", refuse)
    final = sim.advance(state, params, 7, gradient="tangents")
    _same(final, sim.advance(state, params, 7))


def test_unrolled_has_second_derivatives(sim, start):
    state, params = window_inputs.create(sim, start)

    def slope(feed):
        with tf.GradientTape() as tape:
            tape.watch(feed)
            final = sim.advance(state, {**params, "F": feed}, 5, gradient="unrolled")
            loss = window_inputs.smooth(final)
        return tape.gradient(loss, feed)

    feed = tf.reduce_mean(params["F"])
    with tf.GradientTape() as tape:
        tape.watch(feed)
        first = slope(feed)
    second = float(tape.gradient(first, feed))
    difference = float(slope(feed + 1e-5) - slope(feed - 1e-5)) / 2e-5
    assert second == pytest.approx(difference, rel=1e-5)


def test_bad_input_is_one_line(sim, start, input_error):
    state, params = window_inputs.create(sim, start)
    assert GRADIENTS == ("adjoint", "tangents", "unrolled")
    with input_error("adjoint, tangents, unrolled", "'reverse'"):
        sim.advance(state, params, 7, gradient="reverse")
    with input_error("unknown: Q"):
        sim.tangents(state, params, 1, {"Q": state})
    with input_error("tangent of F", "u, v"):
        sim.tangents(state, params, 1, {"F": state[:1]})
    with input_error("[2, 6, 5]", "[1, 6, 5]"):
        sim.tangents(state, params, 1, {"F": tuple(field[:1] for field in state)})
    with input_error("num_steps"):
        sim.tangents(state, params, -1)
