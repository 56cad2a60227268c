"""Traces of Jacobians: combs against the dense one, probes within their error."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf.generative import divergence
from rdtf.generative.denoiser import Denoiser
from rdtf.generative.layers import wrap


def _stencil(radius, seed=0):
    """A nonlinear function of fields of two species that reaches `radius` cells far."""
    rng = np.random.default_rng(seed)
    kernel = tf.constant(rng.normal(size=(2 * radius + 1, 2 * radius + 1, 2, 2)))

    def f(x):
        return tf.sin(tf.nn.conv2d(wrap(x, radius), kernel, 1, "VALID")) * x

    return f


def _dense(f, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = f(x)
    size = int(np.prod(x.shape[1:]))
    jacobian = tape.batch_jacobian(value, x)
    return tf.linalg.trace(tf.reshape(jacobian, [-1, size, size]))


@pytest.mark.parametrize(
    ("shape", "radius"),
    [((12, 12), 1), ((6, 8), 1), ((5, 7), 1), ((12, 5), 2), ((9, 9), 8)],
)
def test_combs_are_exact(shape, radius):
    x = tf.constant(np.random.default_rng(1).normal(size=(2, *shape, 2)))
    f = _stencil(radius)
    found = tf.function(lambda x: divergence.exact(f, x, radius))(x)
    np.testing.assert_allclose(found, _dense(f, x), rtol=1e-10, atol=1e-10)


def test_a_comb_that_is_too_dense_is_seen():
    x = tf.constant(np.random.default_rng(1).normal(size=(1, 12, 12, 2)))
    f = _stencil(2)
    off = divergence.exact(f, x, 1) - _dense(f, x)
    assert np.abs(off).max() > 1e-3


def test_probes_are_unbiased():
    x = tf.constant(np.random.default_rng(1).normal(size=(1, 6, 6, 2)))
    f, run = _stencil(1), tf.function(divergence.hutchinson)
    found = [float(run(f, x, tf.constant([0, i]))[0]) for i in range(400)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - float(_dense(f, x)[0])) < 3.5 * error


def test_of_a_local_denoiser():
    """Its radius is as far as it reaches, no less: combs of it are exact."""
    network = Denoiser((26, 26), size="local")
    network.build_from_config({})
    network.adapt(np.random.default_rng(0).normal(size=(8, 26, 26, 2)))
    rng = np.random.default_rng(2)
    for weight in network.trainable_variables:
        weight.assign_add(0.1 * rng.normal(size=weight.shape))
    x = tf.constant(rng.normal(size=(1, 26, 26, 2)), tf.float32)
    sigma = tf.constant([0.5])
    with tf.autodiff.ForwardAccumulator(
        x, tf.tensor_scatter_nd_update(tf.zeros_like(x), [[0, 13, 13, 0]], [1.0])
    ) as accumulator:
        value = network.correction(x, sigma)
    reach = np.abs(accumulator.jvp(value)[0]).max(-1) > 0.0
    rows = np.flatnonzero(reach.any(1))
    assert (rows.min(), rows.max()) == (13 - network.radius, 13 + network.radius)
    rolled = network.denoise(tf.roll(x, [3, 5], [1, 2]), sigma)
    expected = tf.roll(network.denoise(x, sigma), [3, 5], [1, 2])
    np.testing.assert_allclose(rolled, expected, atol=2e-5)
