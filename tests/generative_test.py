"""Denoisers: exact where everything is known, the same on a rolled torus, resumable."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf.generative import (
    baselines,
    likelihood,
    objectives,
    quality,
    samplers,
    training,
    wiener,
)
from rdtf.generative.denoiser import Denoiser
from rdtf.generative.layers import PeriodicConv2D, wrap

SHAPE = (16, 16)


def _spectrum(shape):
    """R(k) of two correlated species, `[y, x, 2, 2]`: red, and bluer in the second."""
    y, x = (np.fft.fftfreq(n) for n in shape)
    square = y[:, None] ** 2 + x**2
    first, second = 4.0 * np.exp(-60.0 * square), 3.0 * np.exp(-30.0 * square)
    cross = 0.8 * np.sqrt(first * second)
    return np.moveaxis(np.array([[first, cross], [cross, second]]), (0, 1), (2, 3))


def _gaussian(count, shape=SHAPE, seed=0):
    """Gaussian fields of that spectrum, `[count, y, x, 2]`."""
    noise = np.random.default_rng(seed).normal(size=(count, *shape, 2))
    root = np.linalg.cholesky(_spectrum(shape))
    modes = np.fft.fft2(noise, axes=(1, 2))
    modes = np.einsum("yxst,nyxt->nyxs", root, modes)
    return np.fft.ifft2(modes, axes=(1, 2)).real


@pytest.fixture(scope="module")
def denoiser():
    """Untrained: the Wiener filter of Gaussian fields."""
    made = Denoiser(SHAPE)
    made.build_from_config({})
    made.adapt(_gaussian(4000))
    return made


def _shake(denoiser, seed=0):
    """The same with random weights, so that the network does something."""
    made = Denoiser(
        **{n: denoiser.get_config()[n] for n in ("shape", "species", "size")}
    )
    made.build_from_config({})
    rng = np.random.default_rng(seed)
    for own, other in zip(made.weights, denoiser.weights, strict=True):
        own.assign(other)
    for weight in made.trainable_variables:
        weight.assign_add(0.2 * rng.normal(size=weight.shape))
    return made


@pytest.mark.parametrize("width", [0, 1, 3])
def test_wrap_is_numpy_s(width):
    x = np.arange(2 * 4 * 5 * 3, dtype=np.float32).reshape(2, 4, 5, 3)
    pads = [(0, 0), (width, width), (width, width), (0, 0)]
    np.testing.assert_array_equal(wrap(tf.constant(x), width), np.pad(x, pads, "wrap"))


def test_convolution_on_a_torus():
    layer, x = PeriodicConv2D(1), np.random.default_rng(0).normal(size=(1, 5, 6, 1))
    found = layer(x.astype(np.float32))[0, ..., 0]
    kernel = layer.kernel.numpy()[..., 0, 0]
    expected = sum(
        kernel[i, j] * np.roll(x[0, ..., 0], (1 - i, 1 - j), (0, 1))
        for i in range(3)
        for j in range(3)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_spectrum_is_that_of_the_field():
    spectrum = wiener.fit(_gaussian(4000))
    index = wiener.bins(SHAPE, SHAPE, real=False)
    found = np.einsum(
        "bsi,bi,bti->bst", spectrum.bases, spectrum.powers, spectrum.bases
    )
    exact = _spectrum(SHAPE)
    np.testing.assert_allclose(found[index][:4, :4], exact[:4, :4], rtol=0.1)
    np.testing.assert_allclose(wiener.shares(SHAPE, SHAPE).sum(), 1.0)
    twice = wiener.bins((32, 32), SHAPE, real=False)[::2, ::2]
    np.testing.assert_array_equal(twice, index)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_score_of_gaussian_fields_is_exact(denoiser, sigma):
    """-(R + σ²)^-1 y in closed form: the score of noisy Gaussian fields."""
    x = _gaussian(64, seed=1)
    noise = np.random.default_rng(2).normal(size=x.shape)
    scale = denoiser.scale.numpy()
    y = x + sigma * scale * noise
    found = denoiser(np.float32(y), tf.fill([64], np.float32(sigma)))
    score = (found - y) / (sigma * scale) ** 2
    total = _spectrum(SHAPE) + sigma**2 * np.diag(scale**2)
    modes = np.fft.fft2(y, axes=(1, 2))
    modes = np.einsum("yxst,nyxt->nyxs", np.linalg.inv(total), modes)
    exact = -np.fft.ifft2(modes, axes=(1, 2)).real
    error = np.linalg.norm(score - exact) / np.linalg.norm(exact)
    assert error < 0.01
    standard = ((found - x) / scale).numpy()
    predicted = float(denoiser.filter_error(tf.constant([sigma]), SHAPE)[0])
    assert np.mean(standard**2) == pytest.approx(predicted, rel=0.03)


@pytest.mark.parametrize("shift", [(0, 8), (8, 8)])
def test_equivariant_under_shifts(denoiser, shift):
    """By multiples of what one value of the coarsest level covers."""
    model, y = _shake(denoiser), np.float32(_gaussian(2, seed=3))
    sigma = tf.constant([0.3, 1.0])
    plain = model(y, sigma).numpy()
    rolled = model(np.roll(y, shift, (1, 2)), sigma).numpy()
    assert np.abs(plain - model.filter(y, sigma)).max() > 0.1
    np.testing.assert_allclose(rolled, np.roll(plain, shift, (1, 2)), atol=1e-5)


def test_saved_and_loaded(denoiser, tmp_path):
    model, y = _shake(denoiser), np.float32(_gaussian(2, seed=3))
    model.save(tmp_path / "d.keras")
    again = keras.models.load_model(tmp_path / "d.keras")
    sigma = tf.constant([0.3, 1.0])
    np.testing.assert_array_equal(again(y, sigma), model(y, sigma))


def test_in_sixteen_bits(denoiser, tmp_path):
    """F is rounded to 8 bits; filter, weights and results are not."""
    model, y = _shake(denoiser), np.float32(_gaussian(2, seed=3))
    model.save(tmp_path / "d.keras")
    mixed = Denoiser(SHAPE, precision="mixed_bfloat16")
    mixed.build_from_config({})
    mixed.set_weights(model.get_weights())
    sigma = tf.constant([0.3, 1.0])
    exact, found = model(y, sigma).numpy(), mixed(y, sigma)
    assert found.dtype == tf.float32
    assert all(weight.dtype == "float32" for weight in mixed.weights)
    size = np.abs(exact - model.filter(y, sigma)).max()
    assert 1e-5 * size < np.abs(found - exact).max() < 0.1 * size


@pytest.mark.parametrize("sampler", samplers.SAMPLERS)
def test_samples_of_gaussian_fields(denoiser, sampler):
    """Their spectrum, within what so many samples allow."""
    steps = {"heun": 24, "dpm_solver": 24, "euler_maruyama": 100}[sampler]
    made = samplers.sample(
        denoiser,
        400,
        settings=samplers.Settings(sampler=sampler, steps=steps, batch=400),
    )
    found, exact = quality.radial_spectra(made), quality.radial_spectra(_gaussian(4000))
    np.testing.assert_allclose(found[[0, 2], :4], exact[[0, 2], :4], rtol=0.13)
    np.testing.assert_allclose(made.mean((0, 1, 2)), 0.0, atol=0.1)


def test_samples_do_not_depend_on_the_batch(denoiser):
    def sample(count, **options):
        settings = samplers.Settings(sampler="euler_maruyama", steps=4, **options)
        return samplers.sample(denoiser, count, settings=settings)

    many, few = sample(5, batch=3), sample(2, batch=1)
    np.testing.assert_allclose(many[:2], few, atol=1e-5)
    other = sample(2, seed=1)
    assert np.abs(other - few).max() > 0.1


def test_a_larger_torus(denoiser):
    made = samplers.sample(denoiser, 100, (32, 16))
    assert made.shape == (100, 32, 16, 2)
    wide = _gaussian(2000, (32, 16))
    np.testing.assert_allclose(made.std((0, 1, 2)), wide.std((0, 1, 2)), rtol=0.1)


class _Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_training_goes_on_where_it_was_stopped(tmp_path):
    samples = np.float32(np.exp(_gaussian(40)))
    settings = training.Settings(epochs=3, batch_size=16, warmup=2)
    whole = training.train(samples, settings, tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        training.train(samples, settings, tmp_path / "b", callbacks=[_Stop()])
    parts = training.train(samples, settings, tmp_path / "b")
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    start = Denoiser(SHAPE)
    start.build_from_config({})
    assert np.abs(whole.get_weights()[-1] - start.get_weights()[-1]).max() > 0.0


@pytest.mark.slow
def test_on_two_devices(tmp_path):
    """Two virtual processors share each batch; the average is one and the same."""
    code = f"""
import numpy as np, tensorflow as tf
one = tf.config.LogicalDeviceConfiguration()
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [one, one])
from rdtf.generative import training
rng = np.random.default_rng(0)
samples = np.float32(rng.normal(size=(40, 16, 16, 2)))
settings = training.Settings(epochs=2, batch_size=16, warmup=2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
made = training.train(samples, settings, {str(tmp_path)!r}, strategy=strategy)
found = made(samples[:2], tf.fill([2], 0.5)).numpy()
assert strategy.num_replicas_in_sync == 2 and np.isfinite(found).all()
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("done\n"), done.stderr[-2000:]


def test_the_untrained_denoiser_is_the_filter(denoiser):
    held = _gaussian(8, seed=5)
    for sigma in (0.1, 1.0):
        error = objectives.relative_error(denoiser, held, sigma)
        assert error == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective", [name for name in objectives.LOSSES if name != "edm"]
)
def test_every_objective_learns(objective, tmp_path):
    """A few steps: the loss falls, and the network can be saved and sampled."""
    samples = np.float32(np.exp(_gaussian(70)))
    settings = training.Settings(
        epochs=6, batch_size=16, warmup=2, learning_rate=2e-3, objective=objective
    )
    history = keras.callbacks.History()
    made = training.train(samples, settings, tmp_path, callbacks=[history])
    losses = history.history["loss"]
    assert losses[-1] < losses[0]
    made.save(tmp_path / "n.keras")
    again, y = keras.models.load_model(tmp_path / "n.keras"), samples[:2]
    sigma = tf.fill([2], 0.5)
    np.testing.assert_array_equal(again(y, sigma), made(y, sigma))
    if made.level is None:
        sampler = "heun" if made.sigmas is None else "euler_maruyama"
        found = samplers.sample(
            again, 2, settings=samplers.Settings(sampler=sampler, steps=3)
        )
        assert np.isfinite(found).all() and found.shape == (2, *SHAPE, 2)


def test_transport_pairs_within_classes():
    rng = np.random.default_rng(0)
    x, kinds = rng.normal(size=(8, 3)), np.array([0, 1] * 4)
    noise = x[[2, 3, 4, 5, 6, 7, 0, 1]] + 0.01 * rng.normal(size=(8, 3))
    order = objectives._assignment(x, noise, kinds)
    np.testing.assert_array_equal(order, [6, 7, 0, 1, 2, 3, 4, 5])
    mixed = noise[[1, 0, *range(2, 8)]]  # of the other class: out of reach
    order = objectives._assignment(x, mixed, kinds)
    assert (kinds[order] == kinds).all()


def test_levels_of_a_ddpm():
    """Ancestral sampling from nearly pure noise; its D inverts its own v."""
    assert baselines.UNet.sigmas[0] > 10.0 and baselines.UNet.sigmas[-1] == 0.0
    network = baselines.UNet((16, 16))
    rng = np.random.default_rng(0)
    x, n = (np.float32(rng.normal(size=(1, 16, 16, 2))) for _ in range(2))
    alpha = np.float32(network.alphas[40])
    network.velocity = lambda mixed, step: np.sqrt(alpha) * n - np.sqrt(1 - alpha) * x
    sigma = np.float32(network.sigmas[::-1][41])
    found = network.denoise(x + sigma * n, tf.fill([1], sigma))
    np.testing.assert_allclose(found, x, atol=1e-5)


def test_learning_rate():
    rate = training.WarmupCosine(2.0, 10, 110)
    found = [float(rate(tf.constant(step))) for step in (0, 4, 9, 60, 110)]
    np.testing.assert_allclose(found, [0.2, 1.0, 2.0, 1.0, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("objective", "options", "words"),
    [
        ("no", {}, "objective among edm"),
        ("epsilon", {"precision": "mixed_bfloat16"}, "no condition, size"),
        ("v_prediction", {"size": "small"}, "no condition, size"),
    ],
)
def test_objectives_that_cannot_be(objective, options, words, input_error):
    with input_error(words):
        training.Settings(objective=objective, **options)


_WRONG = samplers.Settings(sigma_min=9.0, sigma_max=1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: Denoiser((20, 16)), "multiples of 8"),
        (lambda d: Denoiser(SHAPE, size="no"), "size among ci"),
        (lambda d: samplers.Settings(sampler="no"), "sampler among heun"),
        (lambda d: samplers.sample(d, 1, settings=_WRONG), "sigma_min"),
        (lambda d: training.split(1, 0.5, 0), "more than 1"),
    ],
)
def test_bad_input(denoiser, call, words, input_error):
    with input_error(words):
        call(denoiser)


@pytest.mark.slow
def test_likelihood_of_gaussian_fields(denoiser):
    """Against the Gaussian density with the exact spectrum, per value."""
    x, sigma = _gaussian(256, seed=4), 0.3
    found = likelihood.log_likelihood(
        denoiser, x, likelihood.Settings(sigma_min=sigma, steps=48, batch=256)
    )
    scale = np.diag(1.0 / denoiser.scale.numpy())
    total = scale @ _spectrum(SHAPE) @ scale + sigma**2 * np.eye(2)
    entropy = 0.5 * np.linalg.slogdet(2.0 * np.pi * np.e * total)[1].mean() / 2.0
    assert -found.mean() == pytest.approx(entropy, rel=0.01)


@pytest.mark.slow
def test_likelihood_sees_a_change_of_the_network(denoiser):
    """Less likely under a network that was shaken; probes agree with many probes."""
    x = _gaussian(4, seed=4)
    shaken = _shake(denoiser)
    settings = [
        likelihood.Settings(sigma_min=0.5, steps=4, probes=probes) for probes in (1, 8)
    ]
    one, many = (likelihood.log_likelihood(shaken, x, own) for own in settings)
    plain = likelihood.log_likelihood(denoiser, x, settings[0])
    assert np.abs(many - plain).mean() > 3.0 * np.abs(many - one).mean()
