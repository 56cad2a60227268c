"""Losses: formulas against NumPy loops, gradients against central differences."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf import losses
from rdtf.losses import FEATURES, LOSSES

FLOOR = 1e-8
SPECTRA = ["power_spectrum", "windowed_power_spectrum"]
SHIFTED = [n for n in LOSSES if n not in ("per_pixel", "windowed_power_spectrum")]
SHAPES = [(32,), (16, 32), (32, 16), (16, 16, 16)]


def _fields(shape=(16, 32), batch=3, seed=0):
    rng = np.random.default_rng(seed)
    waves = np.sin(2 * np.pi * np.arange(shape[-1]) / 8)
    return 0.3 + 0.1 * waves + 0.05 * rng.normal(size=(batch, *shape))


def _log_spectrum(field, mean):
    """One sample, or one tile of it: a sum over cells for each bin, no FFT."""
    field = field - mean
    transform = field.astype(complex)
    for axis, n in enumerate(field.shape):
        waves = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)
        transform = np.moveaxis(np.tensordot(waves, transform, (1, axis)), 0, axis)
    return np.log(np.abs(transform) ** 2 + FLOOR)


def _tiles(field):
    starts = [range(0, n, 16) for n in field.shape]
    for corner in (
        np.array(np.meshgrid(*starts, indexing="ij")).reshape(field.ndim, -1).T
    ):
        yield field[tuple(slice(c, c + 16) for c in corner)]


def _log_rings(field):
    """ln of each ring's share; ring r holds the bins of rounded radius r."""
    spectrum = np.exp(_log_spectrum(field, field.mean())) - FLOOR
    last = min(field.shape) // 2
    sums, counts = np.zeros(last + 1), np.zeros(last + 1)
    for index in np.ndindex(*field.shape):
        waves = [min(i, n - i) for i, n in zip(index, field.shape, strict=True)]
        ring = min(round(np.hypot.reduce(waves)), last)
        sums[ring] += spectrum[index]
        counts[ring] += 1
    rings = sums / counts
    return np.log(rings / max(rings.sum(), FLOOR) + FLOOR)


def _six_numbers(field):
    z = (field - field.mean()) / field.std()
    ahead = [np.roll(z, -1, axis) for axis in range(z.ndim)]
    behind = [np.roll(z, 1, axis) for axis in range(z.ndim)]
    slope = sum(np.mean((a - z) ** 2) for a in ahead)
    bend = sum(
        np.mean((a - 2 * z + b) ** 2) for a, b in zip(ahead, behind, strict=True)
    )
    moments = [field.mean(), field.std(), np.mean(z**3), np.mean(z**4)]
    return np.array([*moments, np.sqrt(slope), np.sqrt(bend)])


def _all_tiles(field):
    return np.array([_log_spectrum(tile, field.mean()) for tile in _tiles(field)])


REFERENCE = {
    "per_pixel": lambda f: f,
    "power_spectrum": lambda f: _log_spectrum(f, f.mean()),
    "windowed_power_spectrum": _all_tiles,
    "radial_spectrum": _log_rings,
    "field_statistics": _six_numbers,
}


def _reference_loss(name, predicted, target):
    ours = np.array([REFERENCE[name](f) for f in predicted])
    theirs = np.array([REFERENCE[name](f) for f in target])
    if name == "field_statistics":
        return np.mean((ours.mean(0) - theirs.mean(0)) ** 2)
    if name == "radial_spectrum":
        means = np.mean((ours.mean(0) - theirs.mean(0)) ** 2)
        spread = np.mean((ours.var(0, ddof=1) - theirs.var(0, ddof=1)) ** 2)
        return means + 0.5 * spread
    return np.mean((ours - theirs) ** 2)


def _loss(name, predicted, target, **options):
    return LOSSES[name](tf.constant(predicted), tf.constant(target), **options)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_formula(name, shape):
    predicted, target = _fields(shape), _fields(shape, seed=1)
    loss = _loss(name, predicted, target)
    assert loss.dtype == tf.float64 and loss.shape == ()
    assert float(loss) == pytest.approx(
        _reference_loss(name, predicted, target), rel=1e-9
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_features_are_what_losses_compare(name, shape):
    fields = _fields(shape)
    features = FEATURES[name](tf.constant(fields)).numpy()
    assert features.ndim == 2 and len(features) == 3
    for got, field in zip(features, fields, strict=True):
        expected = REFERENCE[name](field).ravel()
        np.testing.assert_allclose(np.sort(got), np.sort(expected), rtol=1e-9)
    if name in ("per_pixel", *SPECTRA):
        other = FEATURES[name](tf.constant(_fields(shape, seed=1))).numpy()
        loss = _loss(name, fields, _fields(shape, seed=1))
        assert float(loss) == pytest.approx(np.mean((features - other) ** 2))


@pytest.mark.parametrize("relative_floor", [None, 1e-4])
@pytest.mark.parametrize("name", LOSSES)
def test_gradient(name, relative_floor):
    """Central differences of fourth order, along random directions."""
    loss = LOSSES[name]
    if relative_floor is not None:
        if name not in SPECTRA:
            pytest.skip("no relative floor")
        loss = losses.with_relative_floor(name, relative_floor)
    target = tf.constant(_fields(seed=1))
    fields = tf.constant(_fields())
    with tf.GradientTape() as tape:
        tape.watch(fields)
        value = loss(fields, target)
    gradient = tape.gradient(value, fields).numpy()
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=fields.shape)

        def at(h, direction=direction):
            return float(loss(fields + h * direction, target))

        h = 2e-6 if name != "per_pixel" else 1e-2
        central = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        assert np.sum(gradient * direction) == pytest.approx(central, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_zero_and_flat_at_the_target(name):
    target = tf.constant(_fields())
    with tf.GradientTape() as tape:
        tape.watch(target)
        loss = LOSSES[name](target, tf.stop_gradient(target))
    assert float(loss) == 0.0
    np.testing.assert_array_equal(tape.gradient(loss, target), 0.0)


@pytest.mark.parametrize("name", SHIFTED)
def test_blind_to_where_a_pattern_lies(name):
    fields, target = _fields(), _fields(seed=1)
    loss = float(_loss(name, fields, target))
    moved = np.roll(fields, (3, -5), (1, 2))
    assert float(_loss(name, moved, target)) == pytest.approx(loss, rel=1e-9)
    assert float(_loss(name, fields, fields)) == 0.0
    assert float(_loss(name, moved, fields)) < 1e-9
    assert float(_loss("per_pixel", moved, fields)) > 1e-3


@pytest.mark.parametrize("name", [*SPECTRA, "radial_spectrum"])
def test_spectra_are_blind_to_the_mean(name):
    fields, target = _fields(), _fields(seed=1)
    loss = float(_loss(name, fields, target))
    assert float(_loss(name, fields + 0.7, target)) == pytest.approx(loss, rel=1e-6)


def test_radial_spectrum_compares_batches_of_different_size():
    ours, theirs = _fields(batch=5), _fields(batch=2, seed=1)
    expected = _reference_loss("radial_spectrum", ours, theirs)
    assert float(_loss("radial_spectrum", ours, theirs)) == pytest.approx(expected)
    alone = float(_loss("radial_spectrum", ours[:1], theirs[:1]))
    rings = [_log_rings(f[0]) for f in (ours, theirs)]
    assert alone == pytest.approx(np.mean((rings[0] - rings[1]) ** 2))


def test_tiles_must_fit(input_error):
    with input_error("16 cells", "(16, 20)"):
        _loss("windowed_power_spectrum", np.ones((1, 16, 20)), np.ones((1, 16, 20)))
    fields = _fields((8, 12))
    assert float(_loss("windowed_power_spectrum", fields, fields, window=4)) == 0.0


@pytest.mark.parametrize("name", ["per_pixel", "radial_spectrum", "field_statistics"])
def test_only_spectra_have_a_floor_to_be_relative(name, input_error):
    with input_error(f"'{name}'"):
        losses.with_relative_floor(name, 1e-4)
