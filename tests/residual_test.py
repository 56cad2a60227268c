"""The stationarity residual where the answer is known: Gaussian laws, in closed form."""

import types

import numpy as np
import pytest
import tensorflow as tf

from rdtf.dynamics import residual
from rdtf.dynamics.local_velocity import LocalVelocity
from rdtf.status import InputError

_SHAPE = (2, 2, 2)  # 8 values
_SIGMA = 0.5


class _OrnsteinUhlenbeck:
    """dx = -(D + Q) Σ⁻¹ x dt + √(2 D) dW: keeps N(0, Σ), D positive, Q skew."""

    def __init__(self, rng):
        root, half = rng.normal(size=(2, 8, 8))
        self.covariance = root @ root.T / 8.0 + 0.2 * np.eye(8)
        self.noisy = self.covariance + _SIGMA**2 * np.eye(8)
        self.filter = self.covariance @ np.linalg.inv(self.noisy)
        inverse = np.linalg.inv(self.covariance)
        self.rotation = (half.T - half) @ inverse  # the current, which keeps the law
        self.gradient = -0.3 * inverse
        self._root = np.linalg.cholesky(self.covariance)

    def sample(self, rng, count):
        return rng.normal(size=(count, 8)) @ self._root.T

    def denoise(self, y, sigma):
        del sigma
        return _linear(self.filter)(y)


def _linear(matrix):
    return lambda x: tf.reshape(
        tf.reshape(x, [-1, 8]) @ tf.constant(matrix.T, x.dtype), [-1, *_SHAPE]
    )


@pytest.fixture(scope="module")
def law():
    return _OrnsteinUhlenbeck(np.random.default_rng(0))


@pytest.fixture(scope="module")
def at(law):
    x = law.sample(np.random.default_rng(1), 8192).reshape(-1, *_SHAPE)
    sigma = tf.fill([len(x)], tf.constant(_SIGMA, tf.float64))
    return residual.noised(law.denoise, tf.constant(x), sigma, (0, 0), probes=2)


def test_currents_keep_the_law_and_gradients_do_not(law, at):
    """Var (tr C - y·C y) = 2 tr (½ (C + Cᵀ) Σ_σ)², C = Wᵀ Bᵀ Σ_σ⁻¹ of v = B x."""
    current = _linear(law.rotation @ law.filter)
    noisy = _at_noisy(at)
    v = current(noisy.states)  # its trace is 0
    exact = tf.reduce_sum(v * noisy.score, (1, 2, 3))[:, None]
    assert float(residual.normalised(exact, v)) < 1e-20
    matrix = law.filter.T @ law.gradient.T @ np.linalg.inv(law.noisy)
    product = 0.5 * (matrix + matrix.T) @ law.noisy
    moved = law.gradient @ law.filter
    known = 2.0 * np.trace(product @ product)
    known /= np.trace(moved @ law.noisy @ moved.T)
    both = _linear(law.gradient)
    found = float(residual.normalised(*residual.estimates(both, at)))
    assert found == pytest.approx(known, rel=0.1)
    scaled = residual.estimates(lambda x: -3.0 * both(x), at)
    assert float(residual.normalised(*scaled)) == pytest.approx(found, rel=1e-9)


def _at_noisy(at):
    """The same, for velocities of y itself."""
    y = at.states - _SIGMA**2 * at.score
    return residual.Noised(y, at.score, at.probes, at.probes)


def test_products_of_two_probes_are_unbiased(law, at):
    """Their noise is large beside the residual of a current, which is 0."""
    r, v = residual.estimates(_linear(law.rotation), at)
    size = float(tf.reduce_mean(tf.reduce_sum(v * v, (1, 2, 3))))
    alone = float(residual.variance(r[:, :1])) / size
    assert alone > 0.05
    assert abs(float(residual.normalised(r, v))) < 0.05 * alone


def test_oracle_of_linear_velocities(law, at):
    """E[A x | y] = A Σ (Σ + σ²)⁻¹ y is v(D(y)), and what regression on pairs finds."""
    rng = np.random.default_rng(2)
    x = law.sample(rng, 200_000)
    y = x + _SIGMA * rng.normal(size=x.shape)
    fitted, *_ = np.linalg.lstsq(y, x @ law.rotation.T, rcond=None)
    noisy = _at_noisy(at).states
    known = _linear(law.rotation)(at.states)
    off = _linear(fitted.T)(noisy) - known
    assert np.linalg.norm(off) < 0.01 * np.linalg.norm(known)


def test_estimates_are_products_with_dense_jacobians():
    rng = np.random.default_rng(3)
    weights = tf.constant(rng.normal(size=(2, 8, 8)) / 3.0)

    def denoise(y, sigma):
        del sigma
        return tf.reshape(tf.tanh(tf.reshape(y, [-1, 8]) @ weights[0]), [-1, *_SHAPE])

    def velocity(x):
        return tf.reshape(tf.sin(tf.reshape(x, [-1, 8]) @ weights[1]), [-1, *_SHAPE])

    sigma = tf.constant([0.3], tf.float64)
    at = residual.noised(denoise, tf.zeros([1, *_SHAPE], tf.float64), sigma, (1, 2))
    y = at.states - 0.09 * at.score
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
        value = velocity(denoise(y, sigma))
    jacobian = tf.reshape(tape.jacobian(value, y), [8, 8])
    r, v = residual.estimates(velocity, at)
    for p in range(2):
        n = tf.reshape(at.probes[:, p], [8, 1])
        wanted = tf.transpose(n) @ jacobian @ n + tf.reduce_sum(v * at.score)
        np.testing.assert_allclose(r[0, p], wanted[0, 0], rtol=1e-10)


def test_of_a_data_set():
    """Of white noise, whose score is exact."""
    samples = np.float32(np.random.default_rng(4).normal(size=(32, 4, 4, 2)) + 3.0)
    network = types.SimpleNamespace(
        mean=tf.fill([2], 3.0),
        scale=tf.fill([2], 1.0),
        denoise=lambda y, sigma: y / (1.0 + sigma[:, None, None, None] ** 2),
    )
    velocity = LocalVelocity([3.0, 3.0], [1.0, 1.0], (4,))
    velocity.build((None, None, None, 2))
    found = residual.measure({"own": velocity}, network, samples, (0.2, 0.4))["own"]
    assert list(found) == [0.2, 0.4] and min(found.values()) > 0.1
    with pytest.raises(InputError, match="a denoiser of such patterns"):
        residual.measure({"own": velocity}, network, samples - 3.0)
