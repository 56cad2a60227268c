"""The camera: its transpose, what it does to waves and pixels, and its first guess."""

import numpy as np
import pytest

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.inverse.observation.camera import Camera
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.solvers.elliptic import WholeDomain

SHAPES = [(12,), (12, 8), (8, 6, 6)]
GRIDS = [Grid(s, (0.8, 1.1, 0.9)[: len(s)], b) for s in SHAPES for b in BOUNDARIES]
IDS = [f"{len(g.shape)}d-{g.boundary}" for g in GRIDS]


def _camera(grid, sigma=0.0, factor=1, mask=None):
    observation = Observation(psf_sigma=sigma, cells_per_pixel=factor, mask=mask)
    return Camera(observation, WholeDomain(grid))


def _mask(camera, batch=1):
    shape = (batch, *camera.pixels.shape)
    return np.random.default_rng(5).random(shape) < 0.6


@pytest.fixture(params=GRIDS, ids=IDS)
def grid(request):
    return request.param


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("sigma", "factor"), [(0, 1), (1.3, 1), (0, 2), (0.9, 2)])
def test_transpose(grid, sigma, factor, masked):
    camera = _camera(grid, sigma, factor)
    if masked:
        camera = _camera(grid, sigma, factor, _mask(camera, 2))
    rng = np.random.default_rng(0)
    field = rng.normal(size=(2, *grid.shape))
    picture = rng.normal(size=(2, *camera.pixels.shape))
    assert camera.see(field).shape == picture.shape
    assert camera.see_transposed(picture).shape == field.shape
    for how in (True, False):
        seen = np.vdot(picture, camera.see(field, masked=how))
        back = np.vdot(camera.see_transposed(picture, masked=how), field)
        assert seen == pytest.approx(back, rel=1e-12) and abs(seen) > 1e-3
    assert camera.is_identity == (sigma == 0 and factor == 1 and not masked)


def test_what_is_hidden_is_zero_and_does_not_matter(grid):
    mask = _mask(_camera(grid, 1.0))
    camera = _camera(grid, 1.0, mask=mask)
    rng = np.random.default_rng(0)
    picture = camera.see(rng.normal(size=(1, *grid.shape)))
    np.testing.assert_array_equal(picture[~mask], 0.0)
    assert np.abs(picture[mask]).min() > 0.0
    back = camera.see_transposed(picture)
    dirt = np.where(mask, picture, 7.0)
    np.testing.assert_array_equal(camera.see_transposed(dirt), back)


def _wave(grid, turns):
    """A cosine with `turns` periods (no-flux: half periods) along each axis."""
    field, k2 = np.ones((1, *grid.shape)), 0.0
    for axis, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        k = turns * np.pi * (2 if grid.boundary == "periodic" else 1) / n
        wave = np.cos(k * (np.arange(n) + 0.5))
        shape = [1] * (grid.ndim + 1)
        shape[axis + 1] = n
        field, k2 = field * wave.reshape(shape), k2 + (k / h) ** 2
    return field, k2


@pytest.mark.parametrize("turns", [0, 1])
def test_a_blurred_wave(grid, turns):
    sigma = 0.7
    wave, k2 = _wave(grid, turns)
    expected = np.exp(-0.5 * sigma**2 * k2) * wave
    np.testing.assert_allclose(_camera(grid, sigma).see(wave), expected, atol=1e-13)


def test_the_blur_is_a_gaussian_in_space():
    camera = _camera(Grid((64,), 0.5), 1.5)
    point = np.zeros((1, 64))
    point[0, 32] = 1.0
    x = 0.5 * (np.arange(64) - 32)
    gauss = 0.5 * np.exp(-0.5 * (x / 1.5) ** 2) / 1.5 / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(camera.see(point)[0], gauss, atol=1e-12)


def test_pixels_are_means(grid):
    field = np.random.default_rng(0).normal(size=(2, *grid.shape))
    camera = _camera(grid, factor=2)
    expected = field
    for axis in range(1, field.ndim):
        even = np.take(expected, range(0, expected.shape[axis], 2), axis)
        odd = np.take(expected, range(1, expected.shape[axis], 2), axis)
        expected = (even + odd) / 2
    np.testing.assert_allclose(camera.see(field), expected, atol=1e-14)
    pixels = camera.pixels
    assert pixels.shape == expected.shape[1:] and pixels.boundary == grid.boundary
    assert pixels.spacing == tuple(2 * h for h in grid.spacing)


def test_the_mean_transfer_is_what_pixels_leave_of_a_wave(grid):
    """Seen and spread again, a wave keeps the square of it, beside its aliases."""
    camera = _camera(grid, 0.6, 2)
    wave, _ = _wave(grid, 1)
    back = camera.see_transposed(camera.see(wave)) * 2**grid.ndim
    kept = np.vdot(wave, back) / np.vdot(wave, wave)
    domain = WholeDomain(grid)
    spectrum = np.abs(domain.forward(wave))
    transfer = np.broadcast_to(camera.mean_transfer, spectrum.shape)
    strongest = np.unravel_index(spectrum.argmax(), spectrum.shape)
    assert kept == pytest.approx(transfer[strongest] ** 2, rel=1e-9)
    assert 0.05 < kept < 0.95


def _smooth(grid, batch=2):
    """A band-limited field."""
    domain = WholeDomain(grid)
    white = np.random.default_rng(1).normal(size=(batch, *grid.shape))
    k2 = -WholeDomain(grid, "spectral").symbol
    return 0.5 + domain.filter(1.0 * (k2 < 0.6), white)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(
    ("sigma", "factor", "masked"), [(0.8, 1, False), (0, 2, False), (0.5, 1, True)]
)
def test_guess(boundary, sigma, factor, masked):
    """A band-limited field returns, where the pictures are clean."""
    grid = Grid((24, 32), 1.0, boundary)
    mask = np.random.default_rng(2).random((1, 24, 32)) < 0.8 if masked else None
    camera = _camera(grid, sigma, factor, mask)
    field = _smooth(grid)
    picture = camera.see(field)
    found = camera.guess(picture, 1e-3 * field.std())
    error = np.sqrt(np.mean((found - field) ** 2)) / field.std()
    blind = np.sqrt(np.mean((field - field.mean()) ** 2)) / field.std()
    assert error < (0.1 if factor == 2 else 0.02) < 0.2 * blind
    assert np.std(camera.see(found) - picture) < 2e-3 * field.std()


def test_guess_does_not_fit_the_noise():
    grid = Grid((32, 32))
    camera = _camera(grid, 0.8)
    field = _smooth(grid, 1)
    sigma = 0.1 * field.std()
    noise = sigma * np.random.default_rng(3).normal(size=field.shape)
    found = camera.guess(camera.see(field) + noise, sigma)
    left = np.std(camera.see(found) - camera.see(field) - noise)
    assert 0.7 * sigma < left < 1.05 * sigma
    assert np.std(found - field) < sigma


def test_pixels_have_to_fit(input_error):
    with input_error("5 cells per pixel divide", "(12, 8)"):
        _camera(Grid((12, 8)), factor=5)
