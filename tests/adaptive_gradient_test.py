"""The gradient of `Simulation.integrate`: of the steps taken, and of the equations."""

import numpy as np
import pytest
import semi_discrete
import tensorflow as tf

import rdtf
from rdtf import Grid, models, schemes
from rdtf.engines.step_search import Target
from rdtf.operators import finite_differences

MODEL, GRID = models.FISHER_KPP, Grid(6, 0.8, "no_flux")
# Of r each sample has its own, D they share; the second one takes fewer steps.
PARAMS = {"D": 0.2, "r": np.array([3.0, 2.0])}
DURATIONS, TOLERANCE = np.array([1.0, 0.4]), 1e-9


@pytest.fixture(scope="module")
def sim():
    return rdtf.Simulation(MODEL, GRID, 0.05, "tsit5")


@pytest.fixture(scope="module")
def start():
    return np.random.default_rng(0).uniform(0.1, 0.8, (2, *GRID.shape))


def _tensors(start):
    params = {n: tf.constant(p, tf.float64) for n, p in PARAMS.items()}
    return (tf.constant(start),), params


def _loss(u):
    return tf.reduce_sum(tf.sin(2.0 * u)) + tf.reduce_sum(u[:1] ** 2)


@pytest.fixture(scope="module")
def gradient(sim, start):
    inputs = _tensors(start)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        run = sim.integrate(*inputs, DURATIONS, TOLERANCE, TOLERANCE, 300)
        loss = _loss(*run.state)
    assert run.num_steps[0] > run.num_steps[1] > 3
    return tape.gradient(loss, inputs)


def test_of_the_steps_taken(sim, start, gradient):
    """Of the accepted lengths, one by one, by the formula of the scheme."""
    state, params = inputs = _tensors(start)
    bound, columns = sim._bind(state, params)
    target = Target(
        duration=tf.constant(DURATIONS),
        first_length=tf.constant([0.05, 0.05], tf.float64),
        rtol=TOLERANCE,
        atol=TOLERANCE,
        max_steps=300,
    )
    _, lengths, taken, *_ = sim._adaptive._search(bound, columns, target)
    np.testing.assert_allclose(tf.reduce_sum(lengths, 1), DURATIONS, rtol=1e-14)
    operator = finite_differences.diffusion_operator(GRID)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        columns, values = sim._bind(state, params)[1], state
        for i in range(int(tf.reduce_max(taken))):
            values = schemes.TSIT5.advance(
                lambda s, p=columns: schemes.rate(MODEL, operator, s, p),
                values,
                lengths[:, i : i + 1],
            )
        loss = _loss(*values)
    expected = tape.gradient(loss, inputs)
    for g, e in zip(tf.nest.flatten(gradient), tf.nest.flatten(expected), strict=True):
        scale = float(tf.reduce_max(tf.abs(e)))
        np.testing.assert_allclose(g, e, rtol=0, atol=1e-11 * scale)


def _slope(start, change):
    """Of the loss of solutions by SciPy; `change(size, sample)` -> (state, params)."""

    def loss(size):
        ends = []
        for i, duration in enumerate(DURATIONS):
            moved, params = change(size, i)
            rate = semi_discrete.right_hand_side(MODEL, GRID, params)
            ends.append(semi_discrete.exactly(rate, moved[np.newaxis], duration)[0])
        return float(_loss(tf.constant(np.stack(ends))))

    return (8 * (loss(1e-3) - loss(-1e-3)) - loss(2e-3) + loss(-2e-3)) / 12e-3


@pytest.mark.parametrize("name, sample", [("D", None), ("r", 0), ("r", 1)])
def test_by_parameters(name, sample, start, gradient):
    """r of one sample moves no other; D all."""

    def change(size, i):
        params = {"D": PARAMS["D"], "r": PARAMS["r"][i]}
        params[name] += size * (sample in (None, i))
        return start[i], params

    got = gradient[1][name]
    got = float(got if sample is None else got[sample])
    assert got == pytest.approx(_slope(start, change), rel=1e-7)


def test_by_the_state(start, gradient):
    """Along a random direction of both samples."""
    direction = np.random.default_rng(3).normal(size=start.shape)

    def change(size, i):
        params = {"D": PARAMS["D"], "r": PARAMS["r"][i]}
        return start[i] + size * direction[i], params

    along = np.sum(gradient[0][0] * direction)
    assert along == pytest.approx(_slope(start, change), rel=1e-7)


def test_of_a_sample_alone(sim, start, gradient):
    """In the other order, each sample gets what it got."""
    state, params = _tensors(start[::-1])
    params["r"] = params["r"][::-1]
    with tf.GradientTape() as tape:
        tape.watch((state, params))
        run = sim.integrate(state, params, DURATIONS[::-1], TOLERANCE, TOLERANCE, 300)
        loss = _loss(run.state[0][::-1])
    by_state, by_params = tape.gradient(loss, (state, params))
    np.testing.assert_allclose(by_state[0][::-1], gradient[0][0], rtol=1e-13)
    np.testing.assert_allclose(by_params["r"][::-1], gradient[1]["r"], rtol=1e-13)
