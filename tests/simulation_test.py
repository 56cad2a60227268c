"""Simulation: what it accepts, what it refuses, when it warns, and its frames."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import Grid, Simulation, StabilityError, models, schemes

GRAY_SCOTT = models.GRAY_SCOTT
DEFAULTS = GRAY_SCOTT.defaults


@pytest.fixture(scope="module")
def sim(simulations):
    return simulations(shape=(6, 5))


@pytest.fixture(scope="module")
def state(sim, start):
    return start(sim, 2)


def _same(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


def test_attributes(sim):
    assert sim.time_step == 1.0
    assert sim.scheme is schemes.get("forward_euler")
    assert sim.engine in rdtf.engines.ENGINES
    assert sim.grid == Grid((6, 5))


def test_every_way_to_write_the_same_input(sim, state):
    """Floats, NumPy numbers, tensors, vectors, variables; arrays as fields."""
    expected = sim.advance(state, DEFAULTS, 5)
    for wrap in (
        np.float64,
        lambda x: tf.constant(x, tf.float64),
        lambda x: tf.Variable(x, dtype=tf.float64),
        lambda x: np.array([x]),
        lambda x: [x, x],
    ):
        params = {name: wrap(value) for name, value in DEFAULTS.items()}
        _same(sim.advance(state, params, 5), expected)
    backwards = dict(reversed(DEFAULTS.items()))
    _same(sim.advance(state, backwards, 5), expected)
    _same(sim.advance([f.numpy() for f in state], DEFAULTS, np.int64(5)), expected)
    _same(sim.advance(tuple(map(tf.Variable, state)), DEFAULTS, 5), expected)
    assert isinstance(expected, tuple)
    assert all(f.dtype == tf.float64 and f.shape == (2, 6, 5) for f in expected)


def test_integers_are_numbers(sim, state):
    params = {**DEFAULTS, "Du": 0, "F": tf.constant(0)}
    expected = sim.advance(state, {**DEFAULTS, "Du": 0.0, "F": 0.0}, 5)
    _same(sim.advance(state, params, 5), expected)


def test_one_field_of_one_sample_is_broadcast(sim, state):
    u, v = state
    repeated = tf.repeat(v[:1], 2, axis=0)
    _same(sim.advance((u, v[:1]), DEFAULTS, 3), sim.advance((u, repeated), DEFAULTS, 3))


def test_rollout(sim, state):
    frames = sim.rollout(state, DEFAULTS, 10, every=3)
    for frame, step in enumerate((0, 3, 6, 9)):
        _same([f[:, frame] for f in frames], sim.advance(state, DEFAULTS, step))
    assert frames[0].shape == (2, 4, 6, 5)
    assert sim.rollout(state, DEFAULTS, 0)[0].shape == (2, 1, 6, 5)


def test_rollout_is_differentiable(sim, state):
    feed = tf.Variable(0.035, dtype=tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        frames = sim.rollout(state, {**DEFAULTS, "F": feed}, 6, every=3)
        from_frames = tf.reduce_sum(frames[1][:, 2] ** 2)
        final = sim.advance(state, {**DEFAULTS, "F": feed}, 6)
        from_final = tf.reduce_sum(final[1] ** 2)
    np.testing.assert_allclose(
        tape.gradient(from_frames, feed), tape.gradient(from_final, feed), rtol=1e-12
    )


def test_time_derivative_is_the_euler_step(sim, state):
    rates = sim.time_derivative(state, DEFAULTS)
    after = sim.advance(state, DEFAULTS, 1)
    for before, rate, expected in zip(state, rates, after, strict=True):
        np.testing.assert_allclose(before + sim.time_step * rate, expected, rtol=1e-13)


def test_stability_ratio(sim):
    ratio = sim.stability_ratio(DEFAULTS)
    assert ratio == pytest.approx(4 * 1.0 * 0.16, rel=1e-14)  # D dt / h² over 1/4
    swept = sim.stability_ratio({**DEFAULTS, "Dv": [0.01, 0.25, 0.5]})
    np.testing.assert_allclose(swept, [0.64, 1.0, 2.0], rtol=1e-14)


@pytest.mark.parametrize("scheme", ["forward_euler", "rk4"])
def test_stability_is_checked_at_the_bound(scheme, input_error):
    grid = Grid((6, 5), (0.5, 1.0))
    bound = schemes.get(scheme).largest_time_step(grid, 0.2)
    params = {**DEFAULTS, "Du": 0.1, "Dv": [0.05, 0.2]}
    Simulation(GRAY_SCOTT, grid, bound, scheme).check_stability(params)
    beyond = Simulation(GRAY_SCOTT, grid, bound * 1.001, scheme)
    with input_error(f"{bound:.4g}", scheme, "2-D", kind=StabilityError):
        beyond.check_stability(params)
    with input_error("missing: F", kind=rdtf.InputError):
        beyond.check_stability({n: params[n] for n in ("Du", "Dv", "k")})


def test_unstable_steps_warn_and_blow_up(sim, start):
    """D dt / h² just over 1/4 warns; well beyond it, the checkerboard explodes."""
    state = start(sim, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sim.advance(state, {**DEFAULTS, "Du": 0.25}, 1)
    for act in (sim.advance, lambda s, p, n: sim.run_until_steady(s, p, max_steps=n)):
        with pytest.warns(RuntimeWarning, match="at most 0.9615") as record:
            act(state, {**DEFAULTS, "Du": 0.26}, 1)
        assert "\n" not in str(record[0].message)
    assert record[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="lower the time step"):
        final = sim.advance(state, {**DEFAULTS, "Du": 0.6}, 400)
    assert not np.isfinite(final[0]).all() or np.abs(final[0]).max() > 1e3


def test_no_warning_for_symbolic_parameters(sim, state):
    """In a user's tf.function the values are not known yet."""
    run = tf.function(lambda d: sim.advance(state, {**DEFAULTS, "Du": d}, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(tf.constant(0.26, tf.float64))


@pytest.mark.parametrize("time_step", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_time_steps(time_step, input_error):
    with input_error("positive time step", repr(time_step)):
        Simulation(GRAY_SCOTT, Grid((6, 5)), time_step)


def test_bad_scheme_and_engine(input_error):
    with input_error("scheme", "forward_euler", "'leapfrog'"):
        Simulation(GRAY_SCOTT, Grid((6, 5)), 1.0, "leapfrog")
    with input_error("engine", "xla", "'cuda'"):
        Simulation(GRAY_SCOTT, Grid((6, 5)), 1.0, engine="cuda")


VERBS = {
    "advance": lambda sim, s, p: sim.advance(s, p, 1),
    "rollout": lambda sim, s, p: sim.rollout(s, p, 1),
    "run_until_steady": lambda sim, s, p: sim.run_until_steady(s, p, max_steps=1),
    "time_derivative": lambda sim, s, p: sim.time_derivative(s, p),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_bad_states_and_parameters(verb, sim, state, input_error):
    u, v = state
    with input_error("missing: F"):
        verb(sim, state, {n: p for n, p in DEFAULTS.items() if n != "F"})
    with input_error("unknown: feed"):
        verb(sim, state, {**DEFAULTS, "feed": 0.1})
    for wrong in ((u,), (u, v, v), u, {"u": u, "v": v}):
        with input_error("one field for each of u, v"):
            verb(sim, wrong, DEFAULTS)
    for wrong in (u[0], u[:, :, :4], tf.transpose(u, [0, 2, 1]), u[..., None]):
        got = f"of shape [2, 6, 5], got {wrong.shape.as_list()}."
        with input_error(got):
            verb(sim, (wrong, v), DEFAULTS)
    with input_error("of shape [1, 6, 5], got [6, 5]."):
        verb(sim, (u[0], v[0]), DEFAULTS)
    with input_error("of shape [1, 6, 5], got []."):
        verb(sim, (1.0, 0.0), DEFAULTS)
    with input_error("Expected fields of shape [3, 6, 5], got [2, 6, 5]"):
        verb(sim, (tf.repeat(u[:1], 3, axis=0), v), DEFAULTS)
    with input_error("fields of shape [3, 6, 5]"):
        verb(sim, state, {**DEFAULTS, "k": [0.06] * 3})
    four = tuple(tf.repeat(field, 2, axis=0) for field in state)
    with input_error("Expected k", "length 4", "[2]"):
        verb(sim, four, {**DEFAULTS, "k": [0.06] * 2})
    with input_error("Expected k", "[2, 1]"):
        verb(sim, state, {**DEFAULTS, "k": [[0.06], [0.07]]})


@pytest.mark.parametrize("count", [-1, 1.0, "3", None])
def test_bad_counts(count, sim, state, input_error):
    with input_error("num_steps", "at least 0", repr(count)):
        sim.advance(state, DEFAULTS, count)
    with input_error("num_steps", repr(count)):
        sim.rollout(state, DEFAULTS, count)
    with input_error("every", "at least 1", repr(count)):
        sim.rollout(state, DEFAULTS, 3, every=count)
    with input_error("max_steps", repr(count)):
        sim.run_until_steady(state, DEFAULTS, max_steps=count)
    with input_error("chunk", "at least 1", repr(count)):
        sim.run_until_steady(state, DEFAULTS, max_steps=3, chunk=count)


@pytest.mark.parametrize("tolerance", [-1e-3, float("nan")])
def test_bad_tolerances(tolerance, sim, state, input_error):
    with input_error("tolerance", repr(tolerance)):
        sim.run_until_steady(state, DEFAULTS, tolerance, max_steps=3)
