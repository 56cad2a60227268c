"""Noise: its size read off the shortest waves, and a filter that keeps the pattern."""

import numpy as np
import pytest
import scipy.ndimage

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.inverse.observation import noise

SHAPES = [(256,), (48, 40), (12, 14, 16)]


def _smooth(grid, batch=3):
    """A few long waves that fit the boundary."""
    fields = np.full((batch, *grid.shape), 0.4)
    for axis, n in enumerate(grid.shape):
        x = (np.arange(n) + 0.5) / n
        turns = 2.0 if grid.boundary == "periodic" else 1.0
        wave = np.cos(turns * np.pi * 2 * x)
        shape = [1] * (grid.ndim + 1)
        shape[axis + 1] = n
        fields = fields * (1.0 + 0.3 * wave.reshape(shape))
    return fields * np.linspace(0.8, 1.2, batch).reshape(-1, *[1] * grid.ndim)


def _noisy(grid, sigma, seed=0, batch=3):
    fields = _smooth(grid, batch)
    rng = np.random.default_rng(seed)
    return fields + sigma * rng.normal(size=fields.shape)


@pytest.fixture(params=[(s, b) for s in SHAPES for b in BOUNDARIES], ids=str)
def grid(request):
    shape, boundary = request.param
    return Grid(shape, boundary=boundary)


@pytest.mark.parametrize("sigma", [0.002, 0.05])
def test_size_is_recovered(grid, sigma):
    got = [noise.estimate(_noisy(grid, sigma, seed, 12), grid) for seed in range(8)]
    assert np.mean(got) == pytest.approx(sigma, rel=0.05)
    assert np.std(got) < 0.15 * sigma


def test_a_clean_smooth_picture_has_next_to_none(grid):
    assert noise.estimate(_smooth(grid), grid) < 1e-12


def test_size_scales_and_ignores_the_mean(grid):
    fields = _noisy(grid, 0.05)
    sigma = noise.estimate(fields, grid)
    assert noise.estimate(3.0 * fields + 7.0, grid) == pytest.approx(3.0 * sigma)


def test_the_filter_keeps_a_smooth_field(grid):
    fields = _smooth(grid)
    kept = noise.low_pass(fields, grid, sigma=1e-9)
    assert kept.shape == fields.shape and kept.dtype == np.float64
    np.testing.assert_allclose(kept, fields, atol=1e-7)


@pytest.mark.parametrize("sigma", [0.005, 0.02])
def test_the_filter_takes_most_of_the_noise(grid, sigma):
    clean, noisy = _smooth(grid), _noisy(grid, sigma)
    kept = noise.low_pass(noisy, grid, sigma)
    assert np.std(kept - clean) < 0.6 * sigma
    np.testing.assert_allclose(
        kept.mean(axis=tuple(range(1, kept.ndim))),
        noisy.mean(axis=tuple(range(1, kept.ndim))),
    )


def _waves(*turns):
    x = 2 * np.pi * np.arange(64) / 64
    return sum(np.cos(k * x) for k in turns)[np.newaxis]


@pytest.mark.parametrize("turns", [(1, 2, 3), (5,), (5, 6, 7)])
def test_the_filter_cuts_where_the_pattern_ends(turns):
    """At the first weak ring beyond the strongest: a regular pattern has no long waves."""
    weak = 0.01 * _waves(10, 20, 25)
    kept = noise.low_pass(_waves(*turns) + weak, Grid((64,)), sigma=0.1)
    np.testing.assert_allclose(kept, _waves(*turns), atol=1e-12)


def test_the_filter_keeps_the_flank_of_the_pattern():
    """Twice the noise, next to the strongest ring; the same far away is noise."""
    flank = 0.0354 * _waves(6)  # its power is 2 sigma²
    kept = noise.low_pass(_waves(5) + flank, Grid((64,)), sigma=0.1)
    np.testing.assert_allclose(kept, _waves(5) + flank, atol=1e-12)
    kept = noise.low_pass(_waves(5) + 0.0354 * _waves(9), Grid((64,)), sigma=0.1)
    np.testing.assert_allclose(kept, _waves(5), atol=1e-12)


def test_only_the_shortest_waves_count_as_noise():
    """A pattern with waves up to half the Nyquist wave is none."""
    x = np.arange(48) % 8 < 3
    rows = scipy.ndimage.gaussian_filter1d(x.astype(float), 1.0, mode="wrap")
    fields = (rows[:, np.newaxis] * rows)[np.newaxis]
    assert noise.estimate(fields, Grid((48, 48))) < 1e-3 * fields.std()


def test_the_filter_keeps_harmonics():
    field = _waves(5) + 0.1 * _waves(10) + 0.05 * _waves(15)
    kept = noise.low_pass(field, Grid((64,)), sigma=0.1)
    np.testing.assert_allclose(kept, field, atol=1e-12)
    kept = noise.low_pass(field, Grid((64,)), sigma=0.2)
    np.testing.assert_allclose(kept, _waves(5) + 0.1 * _waves(10), atol=1e-12)


def test_without_noise_everything_is_kept():
    fields = np.random.default_rng(0).normal(size=(2, 32, 24))
    kept = noise.low_pass(fields, Grid((32, 24)), 0.0)
    np.testing.assert_allclose(kept, fields, atol=1e-12)
