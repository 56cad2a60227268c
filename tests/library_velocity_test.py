"""Velocities of library terms: the model's own field, divergence, fits of pairs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf import Grid, Simulation, models
from rdtf.dynamics import libraries, linear, local_velocity, pair_fits, pair_training
from rdtf.dynamics.flow_maps import FlowMap
from rdtf.dynamics.library_velocity import LibraryVelocity
from rdtf.dynamics.local_velocity import LocalVelocity
from rdtf.generative import divergence
from rdtf.status import InputError

PARAMS = {"Du": 0.16, "Dv": 0.08, "F": 0.022, "k": 0.051}
LIBRARY, _ = libraries.of_model(models.GRAY_SCOTT)
TRUTH = libraries.truth(LIBRARY, models.GRAY_SCOTT, PARAMS)


@pytest.fixture(scope="module")
def states():
    """Waves of a few lengths, `[3, 12, 12, 2]`."""
    rng = np.random.default_rng(0)
    modes = np.fft.rfft2(rng.normal(size=(3, 12, 12, 2)), axes=(1, 2))
    modes[:, 3:-2], modes[:, :, 3:] = 0.0, 0.0
    fields = np.fft.irfft2(modes, (12, 12), axes=(1, 2))
    return np.array([0.5, 0.2]) + np.array([0.15, 0.08]) * fields / fields.std()


def _true(laplacian="second_order"):
    velocity = LibraryVelocity(LIBRARY.terms, laplacian)
    velocity.set_coefficients(TRUTH)
    return velocity


def _flow(velocity):
    """Over 4 units of time, by the steps of `_advance`."""
    return FlowMap(velocity, 4.0, 4, "forward_euler")


def _advance(states, steps, scheme="forward_euler", laplacian="second_order"):
    simulation = Simulation(
        models.GRAY_SCOTT, Grid((12, 12)), 1.0, scheme, "xla", laplacian
    )
    state = tuple(tf.constant(f) for f in np.moveaxis(states, -1, 0))
    later = simulation.advance(state, PARAMS, steps)
    rates = simulation.time_derivative(state, PARAMS)
    return [np.stack([f.numpy() for f in x], -1) for x in (later, rates)]


@pytest.mark.parametrize("laplacian", ["second_order", "fourth_order"])
def test_true_coefficients_are_the_equation(states, laplacian):
    rates = _advance(states, 1, laplacian=laplacian)[1]
    found = _true(laplacian)(tf.constant(states, tf.float32))
    np.testing.assert_allclose(found, rates, rtol=0, atol=2e-6 * np.abs(rates).max())


@pytest.mark.parametrize("laplacian", linear.LAPLACIANS)
def test_laplacians_of_a_wave(laplacian):
    """Errors fall with the power of the spacing in its name."""
    order = {"second_order": 2, "fourth_order": 4, "sixth_order": 6}[laplacian]
    off = []
    for cells in (16, 32):
        k = 2.0 * np.pi / cells
        wave = np.cos(k * np.arange(cells))[None, :, None] * np.ones((cells, 1, 1))
        found = linear.apply_laplacian(tf.constant(wave), laplacian, 2)
        off.append(np.abs(found / k**4 - wave).max())
    assert np.log2(off[0] / off[1]) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("laplacian", linear.LAPLACIANS)
def test_divergence_in_closed_form(states, laplacian):
    """Laplacians of functions, and twice, too."""
    library = libraries.parse("u: lap(u), lap(u**2), lap(lap(u)), u*v; v: lap(v), v**3")
    velocity = LibraryVelocity(library.terms, laplacian)
    velocity.set_coefficients([0.2, 0.3, -0.1, 0.4, 0.1, -2.0])
    x = tf.constant(states[:1, :7, :7], tf.float32)
    exact = tf.function(lambda x: divergence.exact(velocity, x, velocity.radius))(x)
    np.testing.assert_allclose(velocity.divergence(x), exact, rtol=1e-4)
    assert velocity.fastest > 0.0


def test_file(states, tmp_path):
    velocity = _true("fourth_order")
    velocity.save(tmp_path / "v.keras")
    again = keras.models.load_model(tmp_path / "v.keras")
    np.testing.assert_array_equal(again(states), velocity(states))
    assert again.basis == LIBRARY and again.names == ["u", "v"]


def test_flow_takes_the_steps_of_a_simulation(states):
    for scheme, laplacian in (
        ("forward_euler", "second_order"),
        ("rk4", "fourth_order"),
    ):
        flow = FlowMap(_true(laplacian), 3.0, 3, scheme)
        exact = _advance(states, 3, scheme, laplacian)[0]
        np.testing.assert_allclose(flow(states, TRUTH), exact, rtol=1e-12)


def _local():
    keras.utils.set_random_seed(0)
    velocity = LocalVelocity([0.5, 0.2], [0.15, 0.08], (5,), laplacian="fourth_order")
    velocity.build((None, None, None, 2))
    return velocity


@pytest.mark.parametrize("make", [_true, _local])
def test_tangents_are_finite_differences(states, make):
    velocity, h = make(), 1e-6
    c = velocity.coefficients + 0.01
    flow, z = FlowMap(velocity, 1.0, 2, "heun"), velocity.standardise(states[:1])
    end, by_c = flow.tangents(z, c)
    np.testing.assert_allclose(end, flow(z, c), rtol=1e-12)
    rng = np.random.default_rng(1)
    change, direction = rng.normal(size=len(c)), rng.normal(size=z.shape)
    numeric = (flow(z, c + h * change) - flow(z, c - h * change)) / (2.0 * h)
    size = np.abs(numeric).max()
    moved = np.tensordot(change, by_c, 1)
    np.testing.assert_allclose(moved, numeric, atol=1e-6 * size)
    along, back = flow.linearise(z, c)
    numeric = (flow(z + h * direction, c) - flow(z - h * direction, c)) / (2.0 * h)
    forward = along(direction[None])[0]
    np.testing.assert_allclose(forward, numeric, atol=1e-7)
    other = rng.normal(size=z.shape)
    transposed = np.vdot(back(other[None])[0], direction)
    assert transposed == pytest.approx(np.vdot(other, forward), rel=1e-10)


def test_clean_pairs_give_the_coefficients(states):
    later = _advance(states, 4)[0]
    velocity = LibraryVelocity(LIBRARY.terms)
    found = pair_training.learn(_flow(velocity), states, later)
    np.testing.assert_allclose(found.coefficients, TRUTH, rtol=1e-8)
    np.testing.assert_allclose(velocity.coefficients, TRUTH, rtol=1e-6)


def test_noise_on_both_states(states):
    """Its size is found; Laplacians stay, which regression weakens."""
    rng = np.random.default_rng(2)
    later, scale = _advance(states, 4)[0], 0.05 * states.std((0, 1, 2))
    now, later = (x + scale * rng.normal(size=x.shape) for x in (states, later))
    both = np.concatenate([now, later])
    np.testing.assert_allclose(pair_training.noise(both), scale, rtol=0.2)
    velocity = LibraryVelocity(LIBRARY.terms)
    plain = linear.regress(velocity, [now, later], (later - now) / 4.0)
    pair_training.learn(_flow(velocity), now, later)
    laplacians = [0, 4]
    off, lost = (
        np.abs(c / TRUTH - 1.0)[laplacians] for c in (velocity.coefficients, plain)
    )
    assert off.max() < 0.3 * lost.max()


@pytest.mark.slow
def test_units_of_a_network_do_not_fit_noise(states, monkeypatch):
    """Another state's field is nearer with what is expected of them than without."""
    rng = np.random.default_rng(3)
    later, scale = _advance(states, 4)[0], 0.02 * states.std((0, 1, 2))
    now, later = (x[:1] + scale * rng.normal(size=x[:1].shape) for x in (states, later))
    true, errors = LibraryVelocity(LIBRARY.terms), []
    true.set_coefficients(TRUTH)
    for kind in ("as it is", "nothing expected"):
        velocity = local_velocity.start(now, ("u", "v"))
        pair_training.learn(_flow(velocity), now, later)
        off = velocity(states[1:]) - true(states[1:])
        errors.append(np.linalg.norm(off) / np.linalg.norm(true(states[1:])))
        monkeypatch.setattr(LocalVelocity, "units", velocity.units & False)
    assert errors[0] < 0.5 * errors[1]


def test_terms_that_are_sums():
    with pytest.raises(InputError, match="one function"):
        LibraryVelocity([("u", "lap(u) + u"), ("v", "v")])


def test_waves_of_states_whose_mean_is_0():
    """The mean of a standardised pair is no wave that ends the others."""
    wave = np.sin(2.0 * np.pi * np.arange(16) / 16.0) * np.ones((16, 1))
    state = wave[None, ..., None]
    kept = pair_fits._standing_out(state, state, np.array([1e-3]))
    assert kept[0, 1, 0] and not kept[0, 2, 0]
