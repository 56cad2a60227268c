"""The plateau of log spectra, how a relative floor lifts it, and statistics."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf import losses
from rdtf.losses import statistics

SPECTRA = ["power_spectrum", "windowed_power_spectrum"]


def _pattern(batch=2, seed=0, n=32):
    """A smooth random pattern of a preferred wavelength of eight cells."""
    rng = np.random.default_rng(seed)
    waves = np.fft.fftfreq(n)
    radius = np.hypot(waves[:, None], waves)
    ring = np.exp(-(((radius - 1 / 8) / 0.05) ** 2))
    noise = np.fft.fft2(rng.normal(size=(batch, n, n)))
    return 0.2 + 0.3 * np.fft.ifft2(noise * ring).real


def _value_and_gradient(loss, fields, target):
    fields = tf.constant(fields)
    with tf.GradientTape() as tape:
        tape.watch(fields)
        value = loss(fields, tf.constant(target))
    return float(value), tape.gradient(value, fields).numpy()


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("level", [0.0, 0.362, 1.0])
def test_every_flat_field_is_equally_bad(name, level):
    """mean (S_target + 18.42)², whatever the level, and no gradient."""
    target = _pattern()
    features = losses.FEATURES[name](tf.constant(target)).numpy()
    flat = np.full_like(target, level)
    value, gradient = _value_and_gradient(losses.LOSSES[name], flat, target)
    assert -np.log(1e-8) == pytest.approx(18.42, abs=1e-3)
    assert value == pytest.approx(np.mean((features - np.log(1e-8)) ** 2), rel=1e-6)
    assert np.abs(gradient).max() < 1e-4


def _fading(name, loss, sizes=(1e-3, 1e-6, 1e-9)):
    """Losses, and slopes d loss / d ln(amplitude), of a fading pattern."""
    pattern, target = _pattern(seed=1), _pattern()
    values, slopes = [], []
    for size in sizes:
        faded = 0.2 + size * (pattern - 0.2)
        value, gradient = _value_and_gradient(loss, faded, target)
        values.append(value)
        slopes.append(np.sum(gradient * (faded - 0.2)))
    return values, slopes


@pytest.mark.parametrize("name", SPECTRA)
def test_a_relative_floor_keeps_the_slope_of_a_fading_pattern(name):
    values, slopes = _fading(name, losses.with_relative_floor(name, 1e-6))
    assert values[0] < 0.5 * values[1] < 0.25 * values[2]
    # ln P falls by 2 ln 1000 each time, so loss is quadratic and its slope linear in it.
    steps = np.diff(slopes)
    assert np.all(np.array(slopes) < -20.0)
    np.testing.assert_allclose(steps, -8.0 * np.log(1e3), rtol=1e-2)


@pytest.mark.parametrize("name", SPECTRA)
def test_a_fixed_floor_saturates(name):
    values, slopes = _fading(name, losses.LOSSES[name], (1e-3, 1e-6, 1e-9))
    assert abs(slopes[1]) < 1e-2 * abs(slopes[0])
    assert abs(slopes[2]) < 1e-5 * abs(slopes[1])
    assert values[2] == pytest.approx(values[1], rel=1e-3)


@pytest.mark.parametrize("name", SPECTRA)
def test_a_relative_floor_is_a_share_of_the_mean_power(name):
    """Scaling both fields scales the floor too: nothing changes."""
    loss = losses.with_relative_floor(name, 1e-3)
    a, b = _pattern(), _pattern(seed=1)
    expected = float(loss(tf.constant(a), tf.constant(b)))
    assert float(loss(tf.constant(50 * a), tf.constant(50 * b))) == pytest.approx(
        expected, rel=1e-9
    )
    # Far above the power, only the mean power is left to compare.
    coarse = losses.with_relative_floor(name, 1e9)
    means = [np.mean(losses.spectra.power(tf.constant(f)), (1, 2)) for f in (a, b)]
    assert float(coarse(tf.constant(a), tf.constant(b))) == pytest.approx(
        np.mean(np.log(means[0] / means[1]) ** 2), rel=1e-3
    )


def test_a_relative_floor_is_finite_on_flat_fields():
    for name in SPECTRA:
        loss = losses.with_relative_floor(name, 1e-4)
        value, gradient = _value_and_gradient(loss, np.zeros((2, 32, 32)), _pattern())
        assert np.isfinite(value) and np.isfinite(gradient).all()


def test_statistics_of_known_fields():
    x = np.arange(32)
    wave = 0.5 + 0.2 * np.sin(2 * np.pi * x / 8)
    step = np.where(x < 8, 1.0, 0.0)
    got = statistics(tf.constant(np.stack([wave, step]))).numpy()
    slope, bend = 2 * np.sin(np.pi / 8), 4 * np.sin(np.pi / 8) ** 2
    np.testing.assert_allclose(
        got[0], [0.5, 0.2 / np.sqrt(2), 0.0, 1.5, slope, bend], atol=1e-12
    )
    p, s = 0.25, np.sqrt(0.1875)
    np.testing.assert_allclose(
        got[1],
        [p, s, (1 - 2 * p) / s, 1 / s**2 - 3, np.sqrt(2 / 32) / s, np.sqrt(4 / 32) / s],
        atol=1e-12,
    )


def test_statistics_invariances():
    """Moved, mirrored, turned: nothing changes. Scaled: only mean and std do."""
    field = _pattern()
    plain = statistics(tf.constant(field)).numpy()
    turns = [
        np.roll(field, (3, 7), (1, 2)),
        field[:, ::-1],
        np.swapaxes(field, 1, 2),
        field[:, :, ::-1],
    ]
    for turned in turns:
        np.testing.assert_allclose(
            statistics(tf.constant(turned.copy())), plain, rtol=1e-9, atol=1e-12
        )
    scaled = statistics(tf.constant(3.0 * field + 1.0)).numpy()
    np.testing.assert_allclose(scaled[:, 0], 3.0 * plain[:, 0] + 1.0, rtol=1e-12)
    np.testing.assert_allclose(scaled[:, 1], 3.0 * plain[:, 1], rtol=1e-12)
    np.testing.assert_allclose(scaled[:, 2:], plain[:, 2:], rtol=1e-9)


def test_statistics_of_a_flat_field_are_zero_and_have_a_gradient():
    fields = tf.fill([2, 8, 8], tf.constant(0.25, tf.float64))
    with tf.GradientTape() as tape:
        tape.watch(fields)
        got = statistics(fields)
    np.testing.assert_allclose(got, [[0.25, 0, 0, 0, 0, 0]] * 2, atol=1e-12)
    assert np.isfinite(tape.gradient(got, fields)).all()


@pytest.mark.slow
def test_published_plateau_and_noise_floor(simulations):
    """Spots of 128 x 128: 260.6 against a flat field, 3.3 to 3.5 among samples."""
    from rdtf import models, patterns

    made = patterns.make(
        simulations(shape=(128, 128), time_step=1.0),
        models.GRAY_SCOTT.preset("spots"),
        4,
    )
    v = tf.constant(made.fields["v"])
    plateau = float(losses.power_spectrum(tf.zeros_like(v), v))
    assert 258.0 < plateau < 266.0
    pairs = [
        float(losses.power_spectrum(v[i : i + 1], v[j : j + 1]))
        for i in range(4)
        for j in range(i)
    ]
    assert 3.2 < np.mean(pairs) < 3.7
