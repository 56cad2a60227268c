"""The equilibrium flow: symmetries, divergences, probes, and flows with known answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf.dynamics import equilibrium, velocities
from rdtf.dynamics.isotropic import EquilibriumVelocity, IsotropicConv2D
from rdtf.generative import divergence
from rdtf.generative.baselines import ResNet
from rdtf.status import InputError


def _fields(count=2, side=8, seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(count, side, side, 2)), tf.float32)


@pytest.fixture(scope="module")
def velocity():
    """With random weights and running moments."""
    keras.utils.set_random_seed(0)
    made = EquilibriumVelocity([0.3, 0.1], [0.2, 0.5], names=["u", "v"])
    made.build((None, None, None, 2))
    rng = np.random.default_rng(1)
    for weight in made.variables:
        weight.assign_add(0.1 * abs(rng.normal(size=weight.shape)))
    return made


def _moves():
    return (
        lambda f: tf.roll(f, [3, 5], [1, 2]),
        lambda f: tf.transpose(f, [0, 2, 1, 3]),
        lambda f: tf.reverse(f, [1]),
    )


def test_commutes_with_shifts_turns_and_mirrors(velocity):
    x = _fields()
    for move in _moves():
        np.testing.assert_allclose(velocity(move(x)), move(velocity(x)), atol=1e-5)


def test_the_convolution_has_three_weights():
    """An impulse shows its kernel: centre, edge, corner, and nothing farther away."""
    layer = IsotropicConv2D(1)
    layer.build((None, None, None, 1))
    layer.kernel.assign(np.reshape([1.0, 2.0, 3.0], (3, 1, 1)))
    impulse = np.zeros((1, 5, 5, 1), np.float32)
    impulse[0, 0, 0] = 1.0  # at the seam
    shown = np.roll(layer(impulse)[0, ..., 0], (2, 2), (0, 1))
    inner = [[3.0, 2.0, 3.0], [2.0, 1.0, 2.0], [3.0, 2.0, 3.0]]
    np.testing.assert_array_equal(shown, np.pad(inner, 1))


def test_divergence_in_closed_form(velocity):
    x = _fields()
    exact = divergence.exact(velocity, x, velocity.radius)
    np.testing.assert_allclose(velocity.divergence(x), exact, rtol=1e-4)


def test_moments_of_a_batch_are_constants_of_the_jacobian(velocity):
    """So each sample has a Jacobian of its own, whose trace is the one in closed form."""
    z = _fields(4)
    moments = velocity.moments(z)
    values = velocity.field(z, moments)
    np.testing.assert_allclose(tf.math.reduce_std(values, (0, 1, 2)), 1.0, rtol=1e-3)
    exact = divergence.exact(lambda z: velocity.field(z, moments), z, 1)
    np.testing.assert_allclose(velocity.trace(z, moments), exact, rtol=1e-4)
    for _ in range(200):
        velocity.follow(moments)
    np.testing.assert_allclose(velocity.field(z), values, rtol=1e-3, atol=1e-3)


def test_a_velocity_from_its_file(velocity, tmp_path):
    x = _fields()
    velocity.save(tmp_path / "v.keras")
    again = velocities.load(tmp_path / "v.keras")
    np.testing.assert_array_equal(again(x), velocity(x))
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = velocity(x)
    jacobian = tape.batch_jacobian(value, x)[0]
    rates = np.linalg.eigvals(tf.reshape(jacobian, [128, 128]).numpy())
    assert 0.1 * velocity.fastest < 10.0 * abs(rates).max()
    assert abs(rates).max() < velocity.fastest


def test_the_product_of_two_probes_is_unbiased(velocity):
    """That of one probe with itself is not: it has the variance of the probe."""
    z = _fields(1, 6)
    exact = float(velocity.trace(z)[0])
    run = tf.function(lambda seed: divergence.hutchinson(velocity.field, z, seed)[0])
    found = np.array([float(run(tf.constant([0, i]))) for i in range(400)])
    product, square = found[::2] * found[1::2], found**2
    error = product.std() / np.sqrt(len(product))
    assert abs(product.mean() - exact**2) < 3.5 * error
    assert square.mean() - exact**2 > 10.0 * square.std() / np.sqrt(len(square))


def test_training_by_probes_or_exactly(velocity):
    """Both kinds of the two divergences of a step; probes of each set are different."""
    z, seeds = _fields(64, 4), tf.constant([[0, 1], [0, 2]])
    moments = velocity.moments(z)
    objective = equilibrium.Equilibrium(velocity, None, equilibrium.Settings(probes=0))
    exact, same = objective.traces(z, moments, seeds)
    np.testing.assert_array_equal(exact, same)
    objective.settings = equilibrium.Settings(probes=2)
    found = objective.traces(z, moments, seeds)
    for one in found:
        off = np.array(one - exact)
        assert abs(off.mean()) < 3.5 * off.std() / 8.0 and off.std() > 0.0
    assert abs(np.corrcoef(found[0] - exact, found[1] - exact)[0, 1]) < 0.5


def _turning(rate=1.0):
    """(values, traces, scores) of the turn of two correlated normal numbers at 512 points.

    v = rate Q Σ⁻¹ x, Q antisymmetric, keeps N(0, Σ).
    """
    cov = np.array([[1.0, 0.3], [0.3, 0.5]])
    x = np.random.default_rng(0).multivariate_normal([0.0, 0.0], cov, 512)
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]]) @ np.linalg.inv(cov)
    traces = np.full(512, rate * np.trace(turn))
    return rate * x @ turn.T, [traces, traces], -x @ np.linalg.inv(cov)


def test_the_loss_knows_a_stationary_flow():
    values, traces, scores = _turning()
    assert float(equilibrium.loss(values, traces, scores, sym=1.0)) < 1e-12
    gradient = [np.trace(-np.linalg.inv([[1.0, 0.3], [0.3, 0.5]])) * np.ones(512)] * 2
    assert float(equilibrium.loss(scores, gradient, scores)) > 0.1


def test_the_loss_does_not_change_with_the_size_of_v():
    values, traces, scores = _turning()
    values = values + 0.1 * scores
    whole = equilibrium.loss(values, traces, scores, 0.3)
    scaled = equilibrium.loss(7.0 * values, [7.0 * t for t in traces], scores, 0.3)
    assert float(scaled) == pytest.approx(float(whole), rel=1e-6)
    assert float(whole) > 1e-3


def _denoiser(samples):
    network = ResNet(samples.shape[1:3], 2, names=["u", "v"])
    network.build_from_config({})
    network.adapt(samples)
    return network


def test_score_of_the_shrunk_fields():
    """Of white noise: z is standard normal, so s = -z; g takes g z / √(1 - ᾱ) from it."""

    class White:
        @staticmethod
        def denoise(y, sigma):
            return y / (1.0 + sigma[:, None, None, None] ** 2)

    y = _fields()
    settings = equilibrium.Settings(alpha=0.7)
    z = np.sqrt(0.7) * y
    np.testing.assert_allclose(equilibrium.score(White, y, settings), -z, atol=1e-5)
    settings = equilibrium.Settings(alpha=0.7, gaussian_weight=0.2)
    exact = -(1.0 + 0.2 / np.sqrt(0.3)) * z
    np.testing.assert_allclose(equilibrium.score(White, y, settings), exact, atol=1e-5)


@pytest.mark.slow
def test_training_goes_on_exactly(tmp_path):
    samples = np.float32(np.random.default_rng(0).normal(size=(12, 8, 8, 2)))
    network = _denoiser(samples)
    whole = equilibrium.Settings(epochs=2, batch_size=8, schedule=True, probes=0)
    found = equilibrium.train(samples, network, whole, tmp_path / "a")

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        equilibrium.train(samples, network, whole, tmp_path / "b", callbacks=[Stop()])
    again = equilibrium.train(samples, network, whole, tmp_path / "b")
    for a, b in zip(found.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match="--alpha=0.8, the only level"):
        equilibrium.check(2, network, equilibrium.Settings(alpha=0.5))
