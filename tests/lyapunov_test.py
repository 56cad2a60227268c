"""Exponents known in closed form or by heart; tangents against differences."""

import numpy as np
import pytest
import tensorflow as tf
from systems import LORENZ, lorenz_state

import rdtf
from rdtf import homogeneous, models
from rdtf.analysis.regimes import lyapunov
from rdtf.models import ReactionDiffusion


def test_growth_at_an_unstable_state_is_that_of_the_fastest_mode(simulations):
    sim = simulations("brusselator", (24,), time_step=0.02)
    params = sim.model.preset("turing")
    (root,) = homogeneous.states(sim.model, params)
    waves = 2.0 * np.sin(np.pi * np.arange(13) / 24)
    a, b = params["A"], params["B"]
    slopes = np.array([[b - 1.0, a * a], [-b, -a * a]])  # of the reaction at (A, B/A)
    diffusion = np.diag([params["Du"], params["Dv"]])
    rates = max(np.linalg.eigvals(slopes - k * k * diffusion).real.max() for k in waves)
    state = tuple(tf.fill([1, 24], tf.constant(value, tf.float64)) for value in root)
    found = lyapunov.largest_exponent(sim, params, state, 8000, 100)
    expected = np.log1p(rates * sim.time_step) / sim.time_step  # forward Euler's
    assert rates > 0.1
    np.testing.assert_allclose(found.value, expected, rtol=1e-6)
    assert found.error < 1e-6
    np.testing.assert_allclose(found.halves, expected, rtol=1e-5)


def test_lorenz():
    sim = rdtf.Simulation(LORENZ, rdtf.Grid((3,)), 0.01, "rk4")
    state = sim.advance(lorenz_state(128), LORENZ.defaults, 2000)
    found = lyapunov.largest_exponent(sim, LORENZ.defaults, state, 8000, 100)
    # 0.9056: Sprott, Chaos and Time-Series Analysis, 2003; 128 runs of 60 time units
    assert abs(found.value.mean() - 0.9056) < 0.02
    # the standard error of one run is what the runs differ by
    assert 0.7 < found.error.mean() / found.value.std(ddof=1) < 4.0


def test_a_limit_cycle_is_neutral(simulations):
    sim = simulations("brusselator", (3,), time_step=0.01)
    params = sim.model.preset("oscillation")
    state = (tf.fill([1, 3], tf.constant(1.5, tf.float64)),) * 2
    state = sim.advance(state, params, 5000)
    found = lyapunov.largest_exponent(sim, params, state, 20_000, 50)
    assert abs(found.value) < 5.0 / found.duration


@pytest.mark.parametrize("engine", ["native", "xla"])
@pytest.mark.parametrize("model", ["gray_scott", "gierer_meinhardt"])
def test_tangents_are_differences_of_trajectories(simulations, start, model, engine):
    sim = simulations(model, (6, 5), engine=engine, time_step=0.01)
    params, count = sim.model.defaults, len(sim.model.species)
    state = start(sim)
    rng = np.random.default_rng(1)
    tangents = tuple(tf.constant(rng.standard_normal(s.shape)) for s in state)
    system = lyapunov.tangent_simulation(sim)
    end = system.advance((*state, *tangents), params, 60)
    size = 1e-6
    sides = [
        sim.advance(
            tuple(s + sign * size * w for s, w in zip(state, tangents, strict=True)),
            params,
            60,
        )
        for sign in (1.0, -1.0)
    ]
    for forward, back, carried in zip(*sides, end[count:], strict=True):
        difference = (forward - back) / (2.0 * size)
        np.testing.assert_allclose(carried, difference, rtol=1e-6, atol=1e-8)
    for carried, alone in zip(end, sim.advance(state, params, 60), strict=False):
        np.testing.assert_allclose(carried, alone, rtol=1e-12)


def test_every_model_has_tangents():
    for model in models.MODELS.values():
        system = lyapunov.tangent_model(model)
        assert len(system.species) == 2 * len(model.species)
        assert system.diffusivities == model.diffusivities
        assert lyapunov.tangent_model(model) is system


def test_bad_input_is_one_line(simulations, start, input_error):
    sim = simulations(shape=(8, 8))
    with input_error("at least 6400 steps", "got 6399"):
        lyapunov.largest_exponent(sim, sim.model.defaults, start(sim), 6399, 100)
    kink = ReactionDiffusion(
        name="kink",
        species=("s",),
        reaction=lambda s, p: (rdtf.math.abs(s[0]),),
        diffusivity={},
        parameters={},
    )
    with input_error("smooth equations of kink"):
        lyapunov.tangent_model(kink)
    held = rdtf.Grid((8, 8), boundary="dirichlet=1")
    with input_error("periodic or zero", "dirichlet=1"):
        lyapunov.tangent_simulation(rdtf.Simulation(sim.model, held, 0.5))
