"""Measures of samples: known answers for known sets, and symmetry of what has none."""

import numpy as np
import pytest

from rdtf import Grid, Simulation, models
from rdtf.generative import evaluation, quality


def _fields(count, seed=0, shape=(16, 16), smooth=40.0):
    rng = np.random.default_rng(seed)
    y, x = (np.fft.fftfreq(n) for n in shape)
    low = np.exp(-smooth * (y[:, None] ** 2 + x**2))[None, ..., None]
    noise = np.fft.fft2(rng.normal(size=(count, *shape, 2)), axes=(1, 2))
    return np.fft.ifft2(noise * low, axes=(1, 2)).real


def test_spectrum_of_a_wave():
    x = 2.0 * np.pi * np.arange(16) / 16
    wave = np.tile(np.sin(3 * x), (2, 16, 1))[..., None]
    (power,) = quality.radial_spectra(wave)
    assert power.argmax() == 2 and power.sum() == pytest.approx(power.max())
    modes = np.hypot(np.fft.fftfreq(16)[:, None] * 16, np.fft.fftfreq(16) * 16)
    ring = np.rint(modes) == 3
    assert power[2] * ring.sum() == pytest.approx((wave[0] ** 2).sum())


def test_spectrum_distance():
    a, b = _fields(50), _fields(50, 1)
    assert quality.spectrum_distance(a, a) == 0.0
    assert quality.spectrum_distance(3.0 * a, a) == pytest.approx(2.0 * np.log(3.0))
    assert 0.0 < quality.spectrum_distance(a, b) < 0.3


def test_small_scales():
    """Noise that is a thousandth of the power: unseen by the main rings, seen here."""
    x = np.cos(2.0 * np.pi * 3.0 * np.arange(16) / 16.0)
    rng = np.random.default_rng(0)
    wave = np.tile(x, (8, 16, 1))[..., None] + 0.003 * rng.normal(size=(8, 16, 16, 1))
    noisy = wave + 0.01 * rng.normal(size=wave.shape)
    assert quality.spectrum_distance(noisy, wave) < 0.01
    expected = np.log(1.0 + (0.01 / 0.003) ** 2)
    assert quality.small_scales(noisy, wave) == pytest.approx(expected, rel=0.1)


def test_thresholds():
    field = np.concatenate([np.zeros(50), np.linspace(0.0, 1.0, 101)])
    found = quality.thresholds(field)
    assert found.size == 15 and found[0] > 0.05
    np.testing.assert_allclose(np.diff(found), found[1] - found[0])


def test_coherence():
    """One wave in both species, in step and a quarter behind; noise in one of them."""
    x = 2.0 * np.pi * np.arange(16) / 16.0
    wave = np.tile(np.cos(3.0 * x), (1, 16, 1))
    moved = np.tile(np.cos(3.0 * x + 1.0), (1, 16, 1))
    same, behind = np.stack([wave, 2.0 * wave], -1), np.stack([wave, moved], -1)
    assert quality.coherence_distance(same, same) == pytest.approx(0.0, abs=1e-9)
    found = quality.coherence_distance(behind, same)
    assert found == pytest.approx(1.0 - np.cos(1.0), abs=1e-6)
    assert quality.coherence_distance(wave[..., None], wave[..., None]) == 0.0


def test_joint_values():
    """The law at a cell, not only of each species: a sign of one species is seen."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(4, 16, 16))
    first, second = np.stack([u, u**2], -1), np.stack([u, -(u**2) + 2.0], -1)
    assert evaluation._joint_transport(first, first) == pytest.approx(0.0, abs=1e-12)
    assert evaluation._joint_transport(first, second) > 0.3
    moved = first + first.reshape(-1, 2).std(
        0
    )  # by a deviation in both, which are apart
    assert 0.5 < evaluation._joint_transport(moved, first) < 1.5


@pytest.mark.parametrize(
    ("cells", "area", "length", "euler"),
    [
        (lambda y, x: (y < 4) & (x < 5), 20, 18, 1),  # a rectangle
        (lambda y, x: y < 4, 64, 32, 0),  # a band around the torus
        (lambda y, x: (y < 3) & (x < 3) & ~((y == 1) & (x == 1)), 8, 16, 0),  # a ring
        (
            lambda y, x: ((y < 2) & (x < 2)) | ((y > 9) & (x > 9)),
            40,
            32,
            1,
        ),  # see below
        (lambda y, x: y >= 0, 256, 0, 0),  # the whole torus
    ],
)
def test_minkowski_functionals(cells, area, length, euler):
    """Of closed cells; the fourth are two squares that touch across the corner."""
    field = np.float64(cells(*np.indices((16, 16))))
    (found,) = quality.minkowski(field[None], np.array([0.5]))
    np.testing.assert_allclose(found[0] * 256, [area, length, euler], atol=1e-9)


def test_energy_distance():
    rng = np.random.default_rng(0)
    same = [rng.normal(size=(60, 5)) for _ in range(2)]
    distance, p = quality.energy_distance(*same)
    assert abs(distance) < 0.1 and p > 0.05
    distance, p = quality.energy_distance(same[0], same[1] + 1.0)
    assert distance > 0.3 and p == pytest.approx(1 / 201)


def test_nearest_finds_copies_wherever_they_are():
    training = _fields(5)
    copy = np.roll(training[3], (5, 9), (0, 1)).swapaxes(0, 1)[::-1]
    found = quality.nearest(np.stack([copy, _fields(1, 7)[0]]), training)
    assert found[0] == pytest.approx(0.0, abs=1e-5) and found[1] > 0.05
    wide = _fields(2, shape=(8, 16))
    moved = np.roll(wide[:1, :, ::-1], 3, 1)
    assert quality.nearest(moved, wide)[0] == pytest.approx(0.0, abs=1e-5)


def test_classifier():
    a, b = _fields(64), _fields(64, 1)
    assert evaluation.classifier_auc(a, b + 1.0, steps=60) > 0.95
    assert 0.2 < evaluation.classifier_auc(a, b, steps=20) < 0.8


def test_all_scores_prefer_real_samples():
    real, bad = _fields(96, 0), _fields(32, 1, smooth=10.0)
    scores = evaluation.evaluate(bad, real[:64], real[64:])
    found = {score.name: score for score in scores}
    assert len(found) == 10
    for name in ("spectrum", "values", "Minkowski functionals", "energy distance"):
        assert found[name].value > 2.0 * abs(found[name].floor)
    assert found["its p-value"].value < 0.01 < found["its p-value"].floor
    assert found["classifier AUC"].value > 0.7


def test_critic():
    """Uniform steady states do not move; shaken ones do."""
    sim = Simulation(models.FISHER_KPP, Grid((8, 8)), 0.1)
    rng = np.random.default_rng(0)
    real = 0.5 + 0.01 * rng.normal(size=(6, 8, 8, 1))
    far = real + 0.4 * rng.normal(size=real.shape)
    params = models.FISHER_KPP.defaults
    moves, drifts = evaluation.critic(
        far, real[:3], real[3:], simulation=sim, params=params, steps=10
    )
    assert moves.value > 1.5 and moves.floor == pytest.approx(1.0, rel=0.1)
    assert drifts.value > drifts.floor


@pytest.mark.parametrize(
    ("samples", "words"),
    [(_fields(20, shape=(16, 8)), "the grid of the data"), (_fields(3), "at least 16")],
)
def test_bad_input(samples, words, input_error):
    with input_error(words):
        evaluation.evaluate(samples, _fields(40), _fields(10))
