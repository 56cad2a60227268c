"""Velocities as equations: the model of one is its field, in every room that takes models."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf import Grid, Simulation, analysis, dynamics, models, recording
from rdtf.analysis import regimes
from rdtf.dynamics import libraries, local_velocity
from rdtf.dynamics.network_velocities import UNetVelocity
from rdtf.status import InputError

GRID = Grid((12, 12))
PARAMS = {"Du": 0.16, "Dv": 0.08, "F": 0.022, "k": 0.051}


@pytest.fixture(scope="module")
def states():
    """Waves of a few lengths, `[2, 12, 12, 2]`."""
    x = 2.0 * np.pi * np.arange(12) / 12
    phases = np.random.default_rng(0).uniform(0.0, 6.0, (2, 2, 1, 1))
    u = np.cos(x[:, None] + 2.0 * x + phases[:, 0])
    v = np.sin(np.cos(x)[:, None] + x + phases[:, 1])
    return np.stack([0.5 + 0.2 * u, 0.2 + 0.1 * v], -1)


def _library():
    library, _ = libraries.of_model(models.GRAY_SCOTT)
    made = dynamics.LibraryVelocity(library.terms)
    made.set_coefficients(libraries.truth(library, models.GRAY_SCOTT, PARAMS))
    return made


def _local(states):
    made = local_velocity.start(states, ("u", "v"), widths=(6, 5), seed=1)
    made.set_coefficients(0.2 * np.cos(np.arange(len(made.owners))))
    return made


@pytest.fixture(
    scope="module",
    params=["library", pytest.param("local", marks=pytest.mark.slow)],
)
def case(request, states):
    """(a velocity, states); the local one knows a smaller range than they have."""
    if request.param == "library":
        return _library(), states
    return _local(states.mean() + 0.6 * (states - states.mean())), states


def _fields(states):
    return tuple(tf.constant(field) for field in np.moveaxis(states, -1, 0))


def _simulation(velocity, time_step, scheme="rk4"):
    model, laplacian = velocity.model(), velocity.laplacian
    return Simulation(model, GRID, time_step, scheme, "xla", laplacian)


def test_right_hand_side(case):
    velocity, states = case
    sim = _simulation(velocity, 1.0)
    rates = sim.time_derivative(_fields(states), sim.model.defaults)
    found = velocity(tf.constant(states, tf.float32))
    np.testing.assert_allclose(found, np.stack(rates, -1), atol=2e-6)


def test_a_simulation_is_a_rollout(case):
    """By the same steps to the rounding of float32, by half as long ones to order 4."""
    velocity, states = case
    exact = dynamics.rollout(velocity, states, 2.0, 1, steps=4)[:, 0]
    ends = []
    for count in (4, 8):
        sim = _simulation(velocity, 2.0 / count)
        ends.append(
            np.stack(sim.advance(_fields(states), sim.model.defaults, count), -1)
        )
    np.testing.assert_allclose(exact, ends[0], atol=5e-6)
    np.testing.assert_allclose(exact, ends[1], atol=1e-4)


def test_gradients_are_exact(case):
    velocity, states = case
    sim = _simulation(velocity, 0.5, "forward_euler")
    direction = np.cos(3.0 * states)
    params = {n: tf.constant(x, tf.float64) for n, x in sim.model.defaults.items()}
    name = next(iter(params))

    def total(h):
        changed = params | {name: params[name] + h}
        start = zip(_fields(states), _fields(direction), strict=True)
        end = sim.advance(tuple(s + h * d for s, d in start), changed, 2)
        return tf.add_n([tf.reduce_sum(field**2) for field in end])

    h = tf.constant(0.0, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(h)
        end = total(h)
    numeric = (total(1e-5) - total(-1e-5)) / 2e-5
    np.testing.assert_allclose(tape.gradient(end, h), numeric, rtol=1e-6)


@pytest.mark.slow
def test_runs_are_recorded(case):
    velocity, states = case
    sim, start = _simulation(velocity, 0.5, "forward_euler"), _fields(states)
    found = recording.record(
        sim, start, sim.model.defaults, recording.Schedule(times=[0.0, 1.0])
    )
    end = sim.advance(start, sim.model.defaults, 2)
    np.testing.assert_array_equal(found.state, end)


def test_a_library_has_a_formula(states):
    """So the native engine, analysis and regimes take it."""
    model = _library().model()
    native = Simulation(model, GRID, 1.0)
    assert native.engine == "native"
    end = native.advance(_fields(states), model.defaults, 3)
    same = Simulation(models.GRAY_SCOTT, GRID, 1.0).advance(_fields(states), PARAMS, 3)
    np.testing.assert_allclose(end, same, atol=1e-6)
    found, true = (
        sorted(state.values["u"] for state in analysis.uniform_states(*pair))
        for pair in ((model, model.defaults), (models.GRAY_SCOTT, PARAMS))
    )
    np.testing.assert_allclose(found, true, atol=1e-5)
    (verdict, _) = regimes.classify(native, model.defaults, _fields(states), 200)
    assert isinstance(verdict.regime, regimes.Regime)


def test_a_network_has_none(states, input_error):
    model = _local(states).model()
    with input_error("a network without a formula"):
        analysis.uniform_states(model, model.defaults)
    with input_error("use engine xla"):
        Simulation(model, GRID, 1.0, engine="native")


def test_other_fields_are_no_equations():
    with pytest.raises(
        InputError, match="got a UNetVelocity: use rdtf.dynamics.rollout"
    ):
        UNetVelocity([0.0], [1.0]).model()
