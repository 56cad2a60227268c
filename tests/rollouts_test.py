"""Rollouts of velocities: order of the integrator, errors by hand."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf.dynamics import rollouts
from rdtf.dynamics.local_velocity import LocalVelocity


@pytest.fixture(scope="module")
def diffusion():
    """∂u/∂t = D ∇²u - u, as a velocity."""
    made = LocalVelocity([0.0], [1.0], widths=(2,))
    made.build((None, None, None, 1))
    made.set_weights([np.zeros_like(w) for w in made.get_weights()])
    made.set_coefficients(np.array([0.2, 0.0, 0.0, 0.0]))
    return made


def test_a_wave_decays_as_it_should(diffusion):
    x = 2.0 * np.pi * np.arange(16) / 16
    start = np.tile(np.cos(x), (1, 16, 1))[..., None]
    found = rollouts.rollout(diffusion, start, 5.0, 3)
    rate = 0.2 * (2.0 * np.cos(2.0 * np.pi / 16) - 2.0)
    for frame in range(3):
        exact = np.exp(rate * 5.0 * (frame + 1)) * start
        np.testing.assert_allclose(found[:, frame], exact, atol=1e-5)


def test_errors_by_hand():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, 12, 8, 8, 1))
    found = truth + 0.5 * truth.std((2, 3), keepdims=True)
    one, later = rollouts.errors(found, truth)
    assert (one.first, later.last) == (1, 12)
    assert one.mean == pytest.approx(0.5, rel=1e-5)
    assert later.pooled == pytest.approx(0.5, rel=0.05)


def test_correlated_frames():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3, 6, 8, 8, 2))
    found = truth.copy()
    found[0, 4:] = rng.normal(size=(2, 8, 8, 2))
    found[1, 0] *= -1.0
    np.testing.assert_array_equal(rollouts.correlated_frames(found, truth), [4, 0, 6])


def test_what_blows_up_is_not_finite(diffusion):
    start = tf.fill([1, 8, 8, 1], np.float32(np.inf))
    assert not np.isfinite(rollouts.rollout(diffusion, start.numpy(), 1.0, 1)).any()
