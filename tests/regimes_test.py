"""Systems whose regime is known by construction; features; what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from systems import CLOCKS, FRONT, LAMBDA_OMEGA, LORENZ, lorenz_state

import rdtf
from rdtf import initial_conditions
from rdtf.analysis import regimes
from rdtf.analysis.regimes import Regime, drift, features, recurrence, rules


def _uniform(*values, shape=(3,)):
    return tuple(tf.fill([1, *shape], tf.constant(v, tf.float64)) for v in values)


def _plane_wave(n, waves=1):
    phase = -2.0 * np.pi * waves * np.arange(n) / n
    return tf.constant(np.cos(phase)[None]), tf.constant(np.sin(phase)[None])


def test_gray_scott_dies_collapses_and_turns_blue(simulations):
    sim = simulations(shape=(32, 32), time_step=1.0)
    state = initial_conditions.central_square(sim.model, sim.grid, width=0.4)
    points = {"F": [0.02, 0.01, 0.05], "k": [0.075, 0.041, 0.04]}
    params = sim.model.defaults | {n: np.array(v) for n, v in points.items()}
    seen = []
    found = regimes.classify(
        sim, params, state, 8000, callback=lambda *now: seen.append(now)
    )
    assert [v.regime for v in found] == [
        Regime.HOMOGENEOUS_TRIVIAL,
        Regime.HOMOGENEOUS_COLLAPSED,
        Regime.HOMOGENEOUS_EXCITED,
    ]
    for verdict in found:
        assert verdict.margin > 1.0 and verdict.evidence["settle_time"] == 0.0
        assert np.isnan(verdict.evidence["lyapunov"])
    assert min(v.evidence["time"] for v in found) < 8000  # the dead leave early
    assert seen[0] == (0, 3) and seen[-1][1] == 0


def test_verdicts_do_not_depend_on_the_batch(simulations):
    sim = simulations(shape=(32, 32), time_step=1.0)
    state = initial_conditions.central_square(sim.model, sim.grid, width=0.4)
    feeds = [0.02, 0.04]
    params = sim.model.preset("spots")
    both = regimes.classify(sim, params | {"F": np.array(feeds)}, state, 3000)
    for feed, verdict in zip(feeds, both, strict=True):
        (alone,) = regimes.classify(sim, params | {"F": feed}, state, 3000)
        np.testing.assert_equal(alone.evidence, verdict.evidence)
        assert alone.regime == verdict.regime


def test_spots_settle(simulations):
    sim = simulations(shape=(32, 32), time_step=1.0)
    params = sim.model.preset("spots") | {"F": 0.03, "k": 0.062}
    state = initial_conditions.central_square(sim.model, sim.grid, width=0.4)
    (short,) = regimes.classify(sim, params, state, 1000)
    (long,) = regimes.classify(sim, params, state, 20_000)
    assert [short.regime, long.regime] == [Regime.TRANSIENT, Regime.STEADY_PATTERN]
    assert long.evidence["contrast"] > 0.1 and long.margin > 1.0


def test_a_plane_wave_travels_at_its_speed():
    n, spacing = 24, 1.0
    sim = rdtf.Simulation(LAMBDA_OMEGA, rdtf.Grid((n,), spacing), 0.05)
    (verdict,) = regimes.classify(sim, LAMBDA_OMEGA.defaults, _plane_wave(n), 8000)
    wave = 2.0 * np.pi / (n * spacing)
    speed = 0.5 * (1.0 - wave**2) / wave
    assert verdict.regime == Regime.TRAVELLING and verdict.margin > 5.0
    assert verdict.evidence["speed"] == pytest.approx(speed, rel=0.02)


def test_a_front_on_its_way_to_a_wall_is_transient():
    sim = rdtf.Simulation(FRONT, rdtf.Grid((128,), 0.5, "no_flux"), 0.05)
    x = 0.5 * np.arange(128.0)
    state = (tf.constant(1.0 / (1.0 + np.exp((x - 12.0) / np.sqrt(2.0))))[None],)
    options = regimes.Options(every=10, exponent_steps=640)
    (verdict,) = regimes.classify(sim, FRONT.defaults, state, 2000, options)
    assert verdict.regime == Regime.TRANSIENT
    assert verdict.evidence["drift_left"] < 0.02  # though it is a mere drift
    exact = FRONT.defaults["a"], np.sqrt(0.5)
    speed = exact[1] * (1.0 - 2.0 * exact[0])
    assert verdict.evidence["speed"] == pytest.approx(speed, rel=0.02)


def test_shapes_are_compared_after_the_best_shift():
    y, x = np.meshgrid(np.arange(32) / 32, np.arange(48) / 48, indexing="ij")

    def modes(south, east, tilt=0.3):
        phase = 2.0 * np.pi * (3.0 * (x - east) + (y - south))
        field = 2.0 + np.cos(phase) + tilt * np.sin(phase - 2 * np.pi * (y - south))
        return features._modes([field[None]], field.shape)[0].reshape(1, 32, 17)

    waves = [np.fft.fftfreq(32, 1 / 32), np.arange(17.0)]
    both = [True, True]
    same = drift.shape_distance(modes(0, 0), modes(0.111, 0.267), waves, both)
    assert same < 1e-6
    held = drift.shape_distance(modes(0, 0), modes(0.111, 0), waves, [False, True])
    assert held > 1e-3  # the two waves cannot both be met by a shift along x
    changed = drift.shape_distance(modes(0, 0), modes(0, 0.1, 0.5), waves, both)
    amplitudes = (1 + 0.3**2 + 1 + 0.5**2) / 2
    assert changed == pytest.approx(0.5 * 0.2**2 / amplitudes, rel=1e-5)
    flat = drift.shape_distance(0 * modes(0, 0), 0 * modes(0, 0), waves, both)
    assert flat == np.inf


def test_a_uniform_clock_is_oscillatory():
    sim = rdtf.Simulation(LAMBDA_OMEGA, rdtf.Grid((3,)), 0.02)
    (verdict,) = regimes.classify(
        sim,
        LAMBDA_OMEGA.defaults,
        _uniform(0.9, 0.1),
        20_000,
        regimes.Options(every=30),
    )
    assert verdict.regime == Regime.OSCILLATORY
    assert verdict.evidence["period"] == pytest.approx(4.0 * np.pi, rel=0.02)


def test_the_brusselator_s_limit_cycle_is_oscillatory(simulations):
    sim = simulations("brusselator", (3,), time_step=0.01)
    params = sim.model.preset("oscillation")
    options = regimes.Options(every=20)
    (verdict,) = regimes.classify(sim, params, _uniform(1.5, 1.5), 10_000, options)
    assert verdict.regime == Regime.OSCILLATORY
    assert verdict.evidence["period"] == pytest.approx(7.157, rel=0.02)


def test_two_clocks_are_quasi_periodic():
    sim = rdtf.Simulation(CLOCKS, rdtf.Grid((3,)), 0.02)
    state = _uniform(0.9, 0.1, 0.1, 0.9)
    options = regimes.Options(trivial=(0,) * 4)
    (verdict,) = regimes.classify(sim, CLOCKS.defaults, state, 12_000, options)
    assert verdict.regime == Regime.QUASI_PERIODIC
    assert verdict.evidence["line_share"] > 0.99
    assert abs(verdict.evidence["lyapunov"]) < 0.01


def test_lorenz_is_chaotic_and_no_artefact():
    sim = rdtf.Simulation(LORENZ, rdtf.Grid((3,)), 0.002)
    run = (LORENZ.defaults, lorenz_state(2), 30_000)
    for check in regimes.check_artefact(sim, *run):
        assert check.given.regime == Regime.CHAOTIC and check.agrees
        assert check.given.evidence["lyapunov"] == pytest.approx(0.906, abs=0.25)


def test_what_is_not_finite_or_valid_is_invalid(simulations):
    sim = simulations(shape=(32, 32), time_step=1.0)
    params = sim.model.defaults | {"F": np.array([0.035, 9.0])}
    state = initial_conditions.create(None, sim.model, sim.grid)
    fine, invalid = regimes.classify(sim, params, state, 400)
    assert fine.regime != Regime.INVALID and invalid.regime == Regime.INVALID
    assert invalid.evidence["time"] < 100 and np.isnan(invalid.margin)
    bad = tuple(tf.fill(s.shape, tf.constant(np.nan, tf.float64)) for s in state)
    (verdict,) = regimes.classify(sim, sim.model.defaults, bad, 400)
    assert verdict.regime == Regime.INVALID


def test_features_do_not_see_where_a_pattern_stands(simulations, start):
    sim = simulations(shape=(32, 32), time_step=1.0)
    state = sim.advance(start(sim), sim.model.preset("maze"), 200)
    moved = tuple(tf.roll(s, [5, 11], [1, 2]) for s in state)
    here, there = (
        features.observe(sim, sim.model.preset("maze"), s, 400, 10)
        for s in (state, moved)
    )
    for name in ("mean", "spread", "rate", "drift"):
        pair = getattr(here, name), getattr(there, name)
        np.testing.assert_allclose(*pair, rtol=1e-6, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(here.gram(0), there.gram(0), rtol=1e-3, atol=1e-7)
    difference = here.state[0] - np.roll(there.state[0], [-5, -11], [1, 2])
    assert np.abs(difference).max() < 1e-12


@pytest.mark.parametrize("boundary", ["periodic", "no_flux"])
def test_drift_is_the_velocity_of_what_moves(boundary):
    grid = rdtf.Grid((40, 48), (0.5, 0.25), boundary)
    y, x = (h * np.arange(n) for n, h in zip(grid.shape, grid.spacing, strict=True))

    def blob(time):
        south, east = y[:, None] - 10.0 + 0.3 * time, x - 6.0 - 0.7 * time
        return np.exp(-0.5 * (south**2 + 0.6 * east**2))[None]

    rate = (blob(1e-4) - blob(-1e-4)) / 2e-4
    found = drift.drift([blob(0.0)], [rate], np.ones((1, 1)), grid)[0]
    assert found[0] < 0.02
    np.testing.assert_allclose(found[1:], [-0.3, 0.7], rtol=1e-2)
    swelling = drift.drift([blob(0.0)], [blob(0.0)], np.ones((1, 1)), grid)
    assert swelling[0, 0] > 0.99


def test_returns_and_lines_of_made_up_motion():
    time = np.arange(200)
    slow = np.stack([np.cos(time / 5.3), np.sin(time / 5.3)])
    lag, distance = recurrence.first_return(
        recurrence.lag_distances(slow.T @ slow), 0.01
    )
    assert lag == pytest.approx(2 * np.pi * 5.3, rel=1e-3) and distance < 1e-4
    assert recurrence.line_share(slow.T @ slow) > 0.999
    trend = np.outer(time - 99.5, time - 99.5)
    assert recurrence.first_return(recurrence.lag_distances(trend), 0.01)[1] == 1.0
    assert recurrence.line_share(trend) < 0.05
    noise = np.random.default_rng(0).standard_normal((3, 200))
    assert recurrence.line_share(noise.T @ noise) < 0.7
    fading = slow * np.exp(-time / 100)
    assert recurrence.growth_of_motion(fading.T @ fading) < -1.5
    few = slow[:, :90]  # less than three periods
    assert abs(recurrence.growth_of_motion(few.T @ few, lag)) < 1e-2


def test_a_slow_decay_is_no_steady_pattern():
    times = np.linspace(0.0, 1000.0, 101)
    for rate, steady in (
        (1e-3 * np.exp(-times / 50), True),
        (0.1 / (1 + times), False),
    ):
        shape = (1, len(times), 1)
        record = features.Record(
            times=times,
            first=75,
            mean=np.ones(shape),
            spread=np.ones(shape),
            rate=rate.reshape(shape),
            count=np.array([len(times)]),
            invalid=np.array([False]),
            drift=np.ones((1, 8, 2)),
            shape=np.ones((1, 8)),
            state=[],
            modes=np.zeros((1, 26, 1, 1), np.complex64),
        )
        seen = rules.course(record, 0)
        assert (seen.remaining < seen.limit) == steady


def test_every_regime_explains_itself():
    for regime in Regime:
        assert regime.label == regime.name.lower() and "\n" not in regime.advice


def test_too_few_steps_are_refused(simulations, start, input_error):
    sim = simulations(shape=(8, 8))
    with input_error("at least 64 steps", "got 63"):
        regimes.classify(sim, sim.model.defaults, start(sim), 63)
