"""run_until_steady: every sample for itself, whatever becomes of the others."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf import Grid, ReactionDiffusion, Simulation, Status, initial_conditions
from rdtf.models import Parameter

TOLERANCE, MAX_STEPS = 1e-4, 150
# One sample per fate, and a second one that converges at another step.
FATES = {
    "Du": [0.16, 0.16, 0.16, 1e200, 0.16, float("nan")],
    "Dv": 0.08,
    "F": [0.06, 0.035, 0.035, 0.035, 0.050, 0.035],
    "k": [0.10, 0.060, -0.50, 0.065, 0.090, 0.065],
}
EXPECTED = [
    Status.CONVERGED,
    Status.NOT_CONVERGED,
    Status.LEFT_VALID_RANGE,
    Status.NOT_FINITE,
    Status.CONVERGED,
    Status.NOT_FINITE,
]
pytestmark = pytest.mark.filterwarnings("ignore:Expected a time step of at most")


@pytest.fixture(scope="module")
def sim(simulations):
    return simulations(shape=(17, 16))


@pytest.fixture(scope="module")
def start(sim):
    return initial_conditions.central_square(sim.model, sim.grid, 1, width=0.4)


@pytest.fixture(scope="module")
def run(sim, start):
    return sim.run_until_steady(start, FATES, TOLERANCE, MAX_STEPS)


def _params(i):
    return {n: p[i] if isinstance(p, list) else p for n, p in FATES.items()}


def _same(left, right):
    assert left.status == right.status
    np.testing.assert_array_equal(left.num_steps, right.num_steps)
    np.testing.assert_array_equal(left.last_change, right.last_change)
    for a, b in zip(left.state, right.state, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_fate_in_one_batch(run):
    assert run.status == EXPECTED
    assert run.num_steps.dtype == np.int32
    assert run.num_steps[1] == MAX_STEPS
    converged = run.num_steps[[0, 4]]
    assert converged[0] != converged[1]
    assert (converged > 10).all()
    assert (converged < MAX_STEPS).all()
    assert 0 < run.num_steps[2] < 10  # some steps are taken before v leaves [0, 1]
    assert run.num_steps[3] == 1
    assert run.num_steps[5] == 0
    np.testing.assert_array_equal(run.last_change[[2, 3, 5]], np.inf)
    assert (run.last_change[[0, 4]] < TOLERANCE).all()
    assert TOLERANCE <= run.last_change[1] < np.inf
    for field in run.state:
        assert field.shape == (6, 17, 16)
        assert np.isfinite(field).all()
    assert 0.0 <= np.min(run.state[1]) <= np.max(run.state[1]) <= 1.0


@pytest.mark.parametrize("i", range(len(EXPECTED)))
def test_alone_and_together_are_the_same(i, run, sim, start):
    """An invalid or a steady sample never stops or changes its neighbours by one bit."""
    alone = sim.run_until_steady(start, _params(i), TOLERANCE, MAX_STEPS)
    assert alone.status == [run.status[i]]
    assert alone.num_steps == run.num_steps[i]
    assert alone.last_change == run.last_change[i]
    for a, b in zip(alone.state, run.state, strict=True):
        np.testing.assert_array_equal(a[0], b[i])


@pytest.mark.parametrize("i", range(len(EXPECTED)))
def test_frozen_state_is_the_state_after_num_steps(i, run, sim, start):
    """A converged sample took its last step; an invalid one has not taken the bad one."""
    steps = int(run.num_steps[i])
    final = sim.advance(start, _params(i), steps)
    for a, b in zip(final, run.state, strict=True):
        np.testing.assert_array_equal(a[0], b[i])
    following = sim.advance(start, _params(i), steps + 1)
    valid = np.isfinite(following[0]).all() and (
        0.0 <= np.min(following[1]) <= np.max(following[1]) <= 1.0
    )
    assert valid == (run.status[i] in (Status.CONVERGED, Status.NOT_CONVERGED))
    if run.status[i] == Status.CONVERGED:
        changes = []
        for n in (steps - 1, steps):
            pair = [sim.advance(start, _params(i), m) for m in (n - 1, n)]
            changes.append(max(np.abs(b - a).max() for a, b in zip(*pair)))
        assert changes[0] >= TOLERANCE > changes[1]
        assert changes[1] == run.last_change[i]


@pytest.mark.parametrize("chunk", [1, 7, 50, 1000])
def test_chunks_change_nothing(chunk, run, sim, start):
    arguments = (FATES, TOLERANCE, MAX_STEPS)
    _same(sim.run_until_steady(start, *arguments, chunk=chunk), run)


def test_callback(run, sim, start):
    calls = []
    sim.run_until_steady(
        start, FATES, TOLERANCE, MAX_STEPS, lambda *call: calls.append(call), chunk=40
    )
    assert [steps for steps, _ in calls] == [40, 80, 120, MAX_STEPS]
    ends = run.num_steps[[0, 4]]
    for steps, running in calls:
        assert running == 1 + int((ends > steps).sum())  # one never converges


def test_callback_ends_with_the_last_sample(sim, start):
    """Nothing is left to do once everybody is steady."""
    calls = []
    end = sim.run_until_steady(
        start, _params(0), TOLERANCE, 10_000, lambda *call: calls.append(call), chunk=50
    )
    assert calls[-1] == (50 * -(-int(end.num_steps[0]) // 50), 0)
    assert all(running == 1 for _, running in calls[:-1])


def test_callback_can_stop_the_run(sim, start):
    def stop(steps, running):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sim.run_until_steady(start, _params(1), 0.0, 10**9, stop, chunk=2)


def test_no_steps(sim, start):
    end = sim.run_until_steady(start, FATES, max_steps=0)
    assert end.status == [Status.NOT_CONVERGED] * 6
    np.testing.assert_array_equal(end.num_steps, 0)
    for a, b in zip(end.state, start, strict=True):
        np.testing.assert_array_equal(a, np.repeat(b, 6, axis=0))


def test_a_start_that_is_already_steady_or_sick(sim, start):
    """(1, 0) is a fixed point; NaN and v > 1 are frozen as they came."""
    u, v = (np.repeat(field, 3, axis=0) for field in start)
    u[0], v[0] = 1.0, 0.0
    v[1, 3, 4] = 2.0
    u[2, 0, 0] = np.nan
    end = sim.run_until_steady((u, v), sim.model.defaults, TOLERANCE, 20)
    assert end.status == [
        Status.CONVERGED,
        Status.LEFT_VALID_RANGE,
        Status.NOT_FINITE,
    ]
    np.testing.assert_array_equal(end.num_steps, [1, 0, 0])
    np.testing.assert_array_equal(end.state[0], u)
    np.testing.assert_array_equal(end.state[1], v)


@pytest.mark.parametrize("shape", [(9,), (4, 5, 6)])
def test_other_dimensions(shape):
    """Pure decay: |change| = r dt (1 - r dt)^n passes the tolerance at a known n."""
    decay = ReactionDiffusion(
        name="decay",
        species=("u",),
        reaction=lambda state, params: (-params["r"] * state[0],),
        diffusivity={},
        parameters={"r": Parameter(1.0)},
    )
    sim = Simulation(decay, Grid(shape), 0.1)
    state = (tf.ones([1, *shape], tf.float64),)
    rates = np.array([0.5, 1.0, 2.0])
    end = sim.run_until_steady(state, {"r": rates}, 1e-3, 500)
    factor = 1 - 0.1 * rates
    expected = np.ceil(np.log(1e-3 / (0.1 * rates)) / np.log(factor)) + 1
    assert end.status == [Status.CONVERGED] * 3
    np.testing.assert_array_equal(end.num_steps, expected)
    np.testing.assert_allclose(end.last_change, 0.1 * rates * factor ** (expected - 1))


def _seed_experiment(simulations, cells, width):
    """Du = Dv and F = k = .05 fill the square with the uniform blue state."""
    params = {"Du": 0.126928, "Dv": 0.126928, "F": 0.05, "k": 0.05}
    sim = simulations(shape=(cells, cells), time_step=1.0)
    state = initial_conditions.central_square(sim.model, sim.grid, width=width)
    end = sim.run_until_steady(state, params, tolerance=5e-5)
    assert end.status == [Status.CONVERGED]
    u = (1 - 0.2**0.5) / 2
    np.testing.assert_allclose(end.state[0], u, atol=1e-3)
    np.testing.assert_allclose(end.state[1], (1 - u) / 2, atol=1e-3)
    return int(end.num_steps[0])


def test_seed_experiment_small(simulations):
    assert _seed_experiment(simulations, 32, 0.5) < 1273


def test_seed_experiment(simulations):
    """The default start of the seed: about 1273 steps to u = .276, v = .362."""
    assert abs(_seed_experiment(simulations, 128, 20 / 128) - 1273) <= 5
