"""U-Nets as velocities, and velocities that keep a law by construction."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf.dynamics import residual
from rdtf.dynamics.network_velocities import SkewVelocity, UNetVelocity
from rdtf.dynamics.velocities import load
from rdtf.generative import denoiser


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
    """∇·v + v·s = 0 at any state, by central differences; not so without ∇·A."""
    y = tf.constant(np.random.default_rng(1).normal(size=(1, 4, 4, 2)), tf.float32)

    def score(y):
        level = tf.fill([len(y)], skew.sigma)
        return (skew.network.denoise(y, level) - y) / skew.sigma**2

    def divergence(velocity):
        units = 0.02 * np.eye(32, dtype=np.float32).reshape(-1, 4, 4, 2)
        change = velocity(y + units) - velocity(y - units)
        return np.sum(change * units) / (2.0 * 0.02**2)

    v, s = skew.field(y, score(y)), score(y)
    total = divergence(lambda y: skew.field(y, score(y))) + np.sum(v * s)
    of_matrix = skew.field(y, tf.zeros_like(y))  # ∇·A
    alone = divergence(lambda y: skew.field(y, tf.zeros_like(y)))
    without = total - alone - np.sum(of_matrix * s)
    size = np.linalg.norm(v) * np.linalg.norm(s)
    assert abs(total) < 1e-4 * size < 0.1 * abs(without)
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
    assert len(skew.trainable_variables) == 8  # none of the denoiser


def test_a_process_that_knows_no_denoiser_yet_loads_a_skew_velocity(skew, tmp_path):
    skew.save(tmp_path / "v.keras")
    code = f"from rdtf import dynamics; dynamics.load({str(tmp_path / 'v.keras')!r})"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_u_nets_see_around_the_torus():
    keras.utils.set_random_seed(1)
    unet = UNetVelocity([0.0, 0.0], [1.0, 1.0], (4, 8))
    unet.build((None, None, None, 2))
    x = tf.constant(np.random.default_rng(3).normal(size=(1, 8, 8, 2)), tf.float32)
    moved = unet(tf.roll(x, [2, 4], [1, 2]))  # multiples of its coarsest cell
    np.testing.assert_allclose(moved, tf.roll(unet(x), [2, 4], [1, 2]), atol=1e-5)
    assert float(tf.math.reduce_std(unet(x))) > 0.01
