"""The gradient of `advance` is that of the steps that were taken, to round-off."""

import numpy as np
import pytest
import tensorflow as tf
import window_inputs

from rdtf.grids import BOUNDARIES
from rdtf.models import MODELS

SHAPES = [(6, 5), (9,), (3, 4, 5)]
CASES = [
    (
        model,
        BOUNDARIES[i % 2],
        SHAPES[i % 3 if MODELS[model].is_plain else 1],
        "forward_euler",
        "second_order",
    )
    for i, model in enumerate(MODELS)
]
CASES += [
    ("gray_scott", "no_flux", (6, 5), "rk4", "second_order"),
    ("brusselator", "periodic", 9, "rk4", "second_order"),
    ("schnakenberg", "periodic", (6, 5), "forward_euler", "compact"),
    ("gray_scott", "periodic", (6, 5), "forward_euler", "fourth_order"),
    ("gray_scott", "no_flux", (3, 4, 5), "forward_euler", "spectral"),
    ("gray_scott", "no_flux; dirichlet=.5/no_flux", (6, 5), "heun", "second_order"),
    ("schnakenberg", "robin=1,2,.3", (9,), "cnab2", "second_order"),
    ("gray_scott", "dirichlet=1,.2", (3, 4, 5), "sbdf2", "second_order"),
    ("ginzburg_landau", "periodic", (6, 5), "sbdf2", "spectral"),
    ("cahn_hilliard", "no_flux", (9,), "cnab2", "spectral"),
    ("brusselator", "no_flux", (6, 5), "strang", "fourth_order"),
    ("swift_hohenberg", "periodic", (6, 5), "etdrk4", "compact"),
    ("gray_scott", "periodic", (9,), "tsit5", "second_order"),
]
LONG = [
    ("gray_scott", "no_flux", (6, 5), "rk4", "second_order"),
    ("gray_scott", "periodic", (9,), "tsit5", "second_order"),
]
SLOW = (pytest.mark.slow,)


def _gradient(advance, state, params):
    with tf.GradientTape() as tape:
        tape.watch((state, params))
        loss = window_inputs.smooth(advance(state, params))
    return tape.gradient(loss, (state, params))


def _flat(structure):
    return tf.nest.flatten(structure)


def _direction(inputs, seed=5):
    """A random direction, in proportion to what it moves."""
    rng = np.random.default_rng(seed)
    return [x * rng.uniform(-1.0, 1.0, x.shape) for x in _flat(inputs)]


def _moved(inputs, direction, size):
    moved = [x + size * d for x, d in zip(_flat(inputs), direction, strict=True)]
    return tf.nest.pack_sequence_as(inputs, moved)


def _slope(gradient, direction):
    pairs = zip(_flat(gradient), direction, strict=True)
    return sum(float(tf.reduce_sum(g * d)) for g, d in pairs)


def _assert_close(got, expected, tolerance):
    for g, e in zip(_flat(got), _flat(expected), strict=True):
        scale = float(tf.reduce_max(tf.abs(e)))
        assert scale > 0.0
        np.testing.assert_allclose(g, e, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(
    "model, boundary, shape, scheme, laplacian",
    [
        pytest.param(*c, id="-".join(map(str, c)), marks=SLOW * (c in LONG))
        for c in CASES
    ],
)
def test_every_model(
    model, boundary, shape, scheme, laplacian, simulations, start, unrolled
):
    """Against the plain tape, central differences and a Taylor remainder."""
    sim = simulations(
        model, shape, boundary, scheme=scheme, spacing=1.25, laplacian=laplacian
    )
    inputs = window_inputs.create(sim, start)

    def advance(state, params):
        return sim.advance(state, params, 7)

    gradient = _gradient(advance, *inputs)
    expected = _gradient(lambda s, p: unrolled(sim, s, p, 7), *inputs)
    _assert_close(gradient, expected, 1e-10)

    direction = _direction(inputs)
    slope = _slope(gradient, direction)

    def loss(size):
        return float(window_inputs.smooth(advance(*_moved(inputs, direction, size))))

    h = 1e-4
    central = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)
    assert slope == pytest.approx(central, rel=1e-6)

    remainders = [abs(loss(h) - loss(0.0) - h * slope) for h in (1e-3, 5e-4, 2.5e-4)]
    orders = np.log2(np.divide(remainders[:-1], remainders[1:]))
    assert np.all(np.abs(orders - 2.0) < 0.1), orders


@pytest.mark.parametrize("num_steps", [1, 2, 3, 17, 50])
def test_every_split_into_segments(num_steps, simulations, start, unrolled):
    """Windows around the edges of the checkpoint segments."""
    sim = simulations(shape=(6, 5), spacing=1.25)
    inputs = window_inputs.create(sim, start)
    gradient = _gradient(lambda s, p: sim.advance(s, p, num_steps), *inputs)
    expected = _gradient(lambda s, p: unrolled(sim, s, p, num_steps), *inputs)
    _assert_close(gradient, expected, 1e-10)


def test_no_steps_pass_the_gradient_through(simulations, start):
    sim = simulations(shape=(6, 5), spacing=1.25)
    state, params = window_inputs.create(sim, start)
    for got, given in zip(sim.advance(state, params, 0), state, strict=True):
        np.testing.assert_array_equal(got, given)
    by_state, by_params = _gradient(lambda s, p: sim.advance(s, p, 0), state, params)
    _assert_close(by_state, _gradient(lambda s, p: s, state, params)[0], 0.0)
    assert all(g is None for g in by_params.values())


def test_shared_parameter_gets_the_sum_over_samples(simulations, start):
    sim = simulations(shape=(6, 5), spacing=1.25)
    state = start(sim, 2)

    def by_params(params):
        return _gradient(lambda s, p: sim.advance(s, p, 7), state, params)[1]

    defaults = sim.model.defaults
    shared = by_params({n: tf.constant(p, tf.float64) for n, p in defaults.items()})
    each = by_params({n: tf.constant([p] * 2, tf.float64) for n, p in defaults.items()})
    for name in defaults:
        assert shared[name].shape == ()
        assert each[name].shape == (2,)
        assert each[name][0] != each[name][1]
        np.testing.assert_allclose(shared[name], np.sum(each[name]), rtol=1e-12)


def test_one_state_for_a_sweep_gets_the_sum_over_samples(simulations, start):
    """A batch of 1 broadcasts against [B] parameters; its gradient adds up."""
    sim = simulations(shape=(6, 5), spacing=1.25)
    state, params = start(sim, 1), window_inputs.create(sim, start)[1]

    def advance(state, params):
        return sim.advance(state, params, 7)

    repeated = tuple(tf.repeat(field, 2, axis=0) for field in state)
    by_state, by_params = _gradient(advance, state, params)
    each, expected = _gradient(advance, repeated, params)
    for one, both in zip(by_state, each, strict=True):
        assert one.shape == (1, 6, 5)
        np.testing.assert_allclose(one[0], tf.reduce_sum(both, 0), rtol=1e-12)
    _assert_close(by_params, expected, 1e-13)


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_within_a_function_of_the_user(where, simulations, start):
    """With the tape in the function, and with a tape around a call of it."""
    sim = simulations(shape=(6, 5), spacing=1.25)
    inputs = window_inputs.create(sim, start)
    traces = []

    def advance(state, params):
        traces.append(1)
        return sim.advance(state, params, 7)

    expected = _gradient(advance, *inputs)
    traces.clear()
    if where == "inside":
        compiled = tf.function(lambda *inputs: _gradient(advance, *inputs))
    else:
        graph = tf.function(advance)

        def compiled(*inputs):
            return _gradient(graph, *inputs)

    for _ in range(3):
        _assert_close(compiled(*inputs), expected, 1e-13)
    assert len(traces) == 1


def test_variables_and_truncation(simulations, start):
    """Parameters may be variables; a state computed before the tape is a value."""
    sim = simulations(shape=(6, 5), spacing=1.25)
    state, params = window_inputs.create(sim, start)
    params = {name: tf.Variable(p) for name, p in params.items()}
    middle = sim.advance(state, params, 13)
    with tf.GradientTape() as tape:
        loss = window_inputs.smooth(sim.advance(middle, params, 7))
    gradient = tape.gradient(loss, params)
    values = {name: tf.constant(p.numpy()) for name, p in params.items()}
    _, expected = _gradient(lambda s, p: sim.advance(s, p, 7), middle, values)
    _assert_close(gradient, expected, 1e-13)


def test_windows_in_a_chain(simulations, start):
    """Two recorded windows have the gradient of one."""
    sim = simulations(shape=(6, 5), spacing=1.25)
    inputs = window_inputs.create(sim, start)
    chained = _gradient(lambda s, p: sim.advance(sim.advance(s, p, 7), p, 2), *inputs)
    whole = _gradient(lambda s, p: sim.advance(s, p, 9), *inputs)
    _assert_close(chained, whole, 1e-12)


def test_a_second_derivative_is_refused_rather_than_wrong(simulations, start):
    """The adjoint program has no gradient of its own: half of one would be silent."""
    sim = simulations(shape=(6, 5), spacing=1.25)
    state, params = window_inputs.create(sim, start)
    with (
        pytest.raises((LookupError, NotImplementedError, ValueError)),
        tf.GradientTape() as outer,
    ):
        outer.watch(params)
        _, gradient = _gradient(lambda s, p: sim.advance(s, p, 7), state, params)
        outer.gradient(tf.reduce_sum(gradient["F"]), params)
