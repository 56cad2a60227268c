"""`Simulation.integrate`: as exact as it is asked to be, sample by sample."""

import numpy as np
import pytest
import semi_discrete
import tensorflow as tf

import rdtf
from rdtf import Grid, Status, models, schemes
from rdtf.operators import finite_differences

GRID = Grid(8, 0.8, "no_flux")
PARAMS = {"Du": 0.2, "Dv": 0.6, "A": 1.0, "B": 3.0}  # oscillates
DURATIONS = np.array([4.0, 1.5])


@pytest.fixture(scope="module")
def sim():
    return rdtf.Simulation(models.BRUSSELATOR, GRID, 0.05, "tsit5")


@pytest.fixture(scope="module")
def fields():
    """`[B, species, cells]`."""
    rng = np.random.default_rng(0)
    return rng.uniform([[[0.8], [2.0]]], [[[1.6], [3.0]]], (2, 2, *GRID.shape))


@pytest.fixture(scope="module")
def state(fields):
    return tuple(map(tf.constant, np.moveaxis(fields, 1, 0)))


@pytest.fixture(scope="module")
def exact(fields):
    """`[B, species, cells]` after the duration of each sample."""
    rate = semi_discrete.right_hand_side(models.BRUSSELATOR, GRID, PARAMS)
    pairs = zip(fields, DURATIONS, strict=True)
    return np.stack([semi_discrete.exactly(rate, *pair) for pair in pairs])


def _stacked(state):
    return np.stack([f.numpy() for f in state], 1)


@pytest.mark.parametrize("name, order", [("tsit5", 5), ("etdrk4", 4)])
def test_the_error_is_that_of_the_tolerance(name, order, sim, state, exact):
    """Less of it, more steps; every sample ends at its own time, to the bit.

    Steps grow by 10^(1/order) per decade, the order of the error that is controlled.
    """
    if name != sim.scheme.name:
        sim = rdtf.Simulation(models.BRUSSELATOR, GRID, 0.05, name)
    errors, steps = [], []
    for tolerance in (1e-4, 1e-6, 1e-8):
        run = sim.integrate(state, PARAMS, DURATIONS, tolerance, tolerance, 300)
        assert run.status == [Status.CONVERGED] * 2
        np.testing.assert_array_equal(run.time, DURATIONS)
        error = np.abs(_stacked(run.state) - exact).max(axis=(1, 2))
        assert (error < 100 * tolerance).all() and (error > 1e-3 * tolerance).all()
        errors.append(error)
        steps.append(run.num_steps)
    falls = np.log10(np.divide(errors[0], errors[-1])) / 4  # decades per decade
    assert (falls > 0.8).all() and (falls < 1.3).all(), falls
    assert (np.diff(steps, axis=0) > 0).all()
    growth = np.log10(np.divide(steps[2], steps[1])) / 2
    assert growth == pytest.approx(1.0 / order, abs=0.06), steps
    assert (steps[-1][0] > steps[-1][1]) and (run.next_time_step > 0.0).all()


def test_samples_do_not_wait_for_each_other(sim, state):
    """Alone, twice in a batch, and beside one that has nothing to do."""
    whole = sim.integrate(state, PARAMS, DURATIONS, 1e-6, 1e-6, 300)
    for i in (0, 1):
        twice = tuple(tf.repeat(f[i : i + 1], 2, axis=0) for f in state)
        run = sim.integrate(twice, PARAMS, [DURATIONS[i], 0.0], 1e-6, 1e-6, 300)
        for a, b, start in zip(run.state, whole.state, twice, strict=True):
            np.testing.assert_array_equal(a[0], b[i])
            np.testing.assert_array_equal(a[1], start[1])
        assert run.num_steps.tolist() == [whole.num_steps[i], 0]
        assert run.status == [Status.CONVERGED] * 2
        assert run.num_rejected[0] == whole.num_rejected[i]


def test_two_parts_and_one_number_for_all(sim, state, exact):
    half = sim.integrate(state, PARAMS, 0.5, 1e-9, 1e-9, 300)
    rest = sim.integrate(half.state, PARAMS, DURATIONS - 0.5, 1e-9, 1e-9, 300)
    np.testing.assert_array_equal(half.time, [0.5, 0.5])
    np.testing.assert_allclose(_stacked(rest.state), exact, rtol=0, atol=1e-7)


@pytest.fixture(scope="module")
def hasty():
    """A first step that is longer than any duration below."""
    return rdtf.Simulation(models.BRUSSELATOR, GRID, 1e3, "tsit5")


def test_first_steps_that_are_too_long(hasty, sim, state, exact):
    """They are rejected and counted, and leave no trace in the result."""
    run = hasty.integrate(state, PARAMS, DURATIONS, 1e-8, 1e-8, 300)
    patient = sim.integrate(state, PARAMS, DURATIONS, 1e-8, 1e-8, 300)
    assert (run.num_rejected > 1).all()
    assert (run.num_rejected > patient.num_rejected).all()
    assert run.status == [Status.CONVERGED] * 2
    np.testing.assert_allclose(_stacked(run.state), exact, rtol=0, atol=1e-6)


def test_steps_that_overflow_are_rejected(hasty, state):
    """A step of 100 from here is not finite; the run ends in the uniform state."""
    params = {**PARAMS, "B": 1.5, "Du": 0.1, "Dv": 0.1}
    operator = finite_differences.diffusion_operator(GRID)
    step = schemes.TSIT5.make_step(models.BRUSSELATOR, operator, 100.0)
    (u, _) = step(state, hasty._bind(state, params)[1], 0)
    assert not np.isfinite(u).any()
    run = hasty.integrate(state, params, 100.0, 1e-6, 1e-6, 300)
    assert run.status == [Status.CONVERGED] * 2 and (run.num_rejected > 2).all()
    for field, value in zip(run.state, (1.0, 1.5), strict=True):
        np.testing.assert_allclose(field, value, rtol=0, atol=1e-5)


def test_too_few_steps(sim, state, fields):
    """The state is that of the time reached."""
    run = sim.integrate(state, PARAMS, [4.0, 0.1], 1e-8, 1e-8, 7)
    assert run.status == [Status.NOT_CONVERGED, Status.CONVERGED]
    assert run.num_steps[0] == 7 and run.num_steps[1] < 7
    assert 0.05 < run.time[0] < 4.0 and run.time[1] == 0.1
    rate = semi_discrete.right_hand_side(models.BRUSSELATOR, GRID, PARAMS)
    for got, start, time in zip(_stacked(run.state), fields, run.time, strict=True):
        expected = semi_discrete.exactly(rate, start, time)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_what_is_not_finite(simulations):
    """du/dt = u² - u from 2 is infinite at ln 2; a NaN never moves; others go on."""
    sim = simulations("fisher_kpp", (4,), scheme="tsit5", time_step=0.1)
    start = np.array([[2.0], [np.nan], [0.5]]) * np.ones(4)
    run = sim.integrate((tf.constant(start),), {"D": 0.3, "r": -1.0}, 2.0)
    assert run.status == [Status.NOT_FINITE, Status.NOT_FINITE, Status.CONVERGED]
    assert run.time[0] == pytest.approx(np.log(2.0), abs=1e-6)
    assert np.isfinite(run.state[0][0]).all() and run.time[1] == 0.0
    assert run.num_steps[1] == 0 and run.num_rejected[1] > 5
    np.testing.assert_allclose(run.state[0][2], 1.0 / (1.0 + np.exp(2.0)), rtol=1e-5)


def test_refusals(sim, state, simulations, input_error):
    for name in ("rk4", "sbdf2"):
        other = simulations("brusselator", (8,), scheme=name)
        with input_error("tsit5", f"got {name}"):
            other.integrate(state, PARAMS, 1.0)
    for bad in (-1e-6, np.nan, np.inf):
        with input_error("tolerance of at least 0"):
            sim.integrate(state, PARAMS, 1.0, relative_tolerance=bad)
        with input_error("tolerance of at least 0"):
            sim.integrate(state, PARAMS, 1.0, absolute_tolerance=bad)
    with input_error("relative or an absolute tolerance above 0"):
        sim.integrate(state, PARAMS, 1.0, 0.0, 0.0)
    for bad in (-1.0, np.nan, np.inf, [1.0, 2.0, 3.0], [[1.0, 2.0]], [1.0, -1.0]):
        with input_error("duration of at least 0", "2 samples"):
            sim.integrate(state, PARAMS, bad)
    for bad in (0, -1, 1.5):
        with input_error("max_steps", "at least 1"):
            sim.integrate(state, PARAMS, 1.0, max_steps=bad)
