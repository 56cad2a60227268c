"""U-Nets as velocities, and velocities that keep a law by construction."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf.generative import denoiser
from rdtf.generative.dynamics import residual
from rdtf.generative.dynamics.network_velocities import SkewVelocity, UNetVelocity
from rdtf.generative.dynamics.velocities import load


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(64, 8, 8, 2))
    smooth = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)
    return np.float32(0.5 + 0.1 * smooth + 0.05 * smooth[..., ::-1])


@pytest.fixture(scope="module")
def skew(samples):
    """Of a denoiser that starts as the Wiener filter: its score is exact for a Gaussian."""
    keras.utils.set_random_seed(0)
    network = denoiser.Denoiser((8, 8), size="local")
    network.build_from_config({})
    network.adapt(samples)
    made = SkewVelocity(network, sigma=0.3, names=["u", "v"])
    made.build((None, None, None, 2))
    return made


def test_skew_velocities_keep_the_law(skew):
    """∇·v + v·s = 0 at any state, by the dense Jacobian; not so of either part alone."""
    y = tf.constant(np.random.default_rng(1).normal(size=(1, 8, 8, 2)), tf.float32)
    level = tf.fill([1], skew.sigma)

    def score(y):
        return (skew.network.denoise(y, level) - y) / skew.sigma**2

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
        v = skew.field(y, score(y))
        part = skew.field(y, score(tf.stop_gradient(y)))
    s = score(y)
    divergence = np.trace(np.reshape(tape.jacobian(v, y), (128, 128)))
    off = divergence + tf.reduce_sum(v * s)
    size = float(tf.norm(v) * tf.norm(s))
    assert abs(float(off)) < 1e-4 * size
    partial = np.trace(np.reshape(tape.jacobian(part, y), (128, 128)))
    assert abs(float(partial + tf.reduce_sum(v * s))) > 1e-3 * size
    x = residual.standard(skew)(y)
    np.testing.assert_allclose(x, v, rtol=1e-3, atol=1e-3)


def test_skew_velocities_commute_with_shifts_turns_and_mirrors(skew):
    rng = np.random.default_rng(2)
    y, s = (tf.constant(rng.normal(size=(2, 8, 8, 2)), tf.float32) for _ in range(2))
    v = skew.field(y, s)
    for move in (
        lambda f: tf.roll(f, [3, 5], [1, 2]),
        lambda f: tf.transpose(f, [0, 2, 1, 3]),
        lambda f: tf.reverse(f, [1]),
    ):
        np.testing.assert_allclose(skew.field(move(y), move(s)), move(v), atol=1e-5)


def test_files(skew, samples, tmp_path):
    unet = UNetVelocity([0.5, 0.5], [0.1, 0.2], (4, 8), speed=2.0, names=["u", "v"])
    unet.build((None, None, None, 2))
    for velocity in (skew, unet):
        velocity.save(tmp_path / "v.keras")
        again = load(tmp_path / "v.keras")
        np.testing.assert_array_equal(again(samples[:2]), velocity(samples[:2]))
        assert again.names == ["u", "v"] and again.speed == velocity.speed
    assert all(w.path not in str(skew.network.name) for w in skew.trainable_variables)
    assert len(skew.trainable_variables) == 8


def test_u_nets_see_around_the_torus():
    keras.utils.set_random_seed(1)
    unet = UNetVelocity([0.0, 0.0], [1.0, 1.0], (4, 8))
    unet.build((None, None, None, 2))
    x = tf.constant(np.random.default_rng(3).normal(size=(1, 8, 8, 2)), tf.float32)
    moved = unet(tf.roll(x, [2, 4], [1, 2]))  # multiples of its coarsest cell
    np.testing.assert_allclose(moved, tf.roll(unet(x), [2, 4], [1, 2]), atol=1e-5)
    assert float(tf.math.reduce_std(unet(x))) > 0.01
