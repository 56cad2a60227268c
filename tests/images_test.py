"""Photographs as targets: every format there and back."""

import numpy as np
import pytest
from PIL import Image

from rdtf import images
from rdtf.storage import load_targets, save_targets

V = np.random.default_rng(0).random((3, 12, 10))
LEVELS = {8: 255, 16: 65535}
FORMATS = [("v.png", 8), ("v.png", 16), ("v.tif", 8), ("v.TIFF", 16), ("v.gif", 8)]


def _write(path, pixels, **options):
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def _bytes(field):
    return np.rint(255 * field).astype(np.uint8)


@pytest.mark.parametrize(("name", "bits"), FORMATS)
def test_round_trip_of_a_photograph(name, bits, tmp_path):
    path, scale = tmp_path / "new" / name, (-0.5, 1.5)
    images.save_image(path, V[0], scale, bits)
    got = images.load_image(path, "v", "-0.5:1.5", pixel_size=0.25)
    assert got.quantum == pytest.approx(2.0 / LEVELS[bits])
    np.testing.assert_allclose(got.fields["v"][0], V[0], atol=0.5001 * got.quantum)
    assert got.fields["v"].dtype == np.float64 and got.fields["v"].shape == (1, 12, 10)
    assert got.times is None and got.mask is None and got.pixel_size == 0.25
    assert got.metadata["intensity"] == "absolute"
    assert got.metadata["levels"] == LEVELS[bits] + 1
    images.save_image(tmp_path / "again" / name, got.fields["v"][0], scale, bits)
    again = images.load_image(tmp_path / "again" / name, "v", scale)
    np.testing.assert_array_equal(again.fields["v"], got.fields["v"])


@pytest.mark.parametrize(("name", "bits"), [f for f in FORMATS if f[0] != "v.png"])
def test_round_trip_of_a_movie(name, bits, tmp_path):
    images.save_image(tmp_path / name, V, "0:1", bits)
    stills = images.load_image(tmp_path / name, "v", "0:1")
    assert stills.times is None
    np.testing.assert_allclose(stills.fields["v"], V, atol=0.5001 * stills.quantum)
    movie = images.load_image(tmp_path / name, "v", "0:1", frame_interval=2.5)
    np.testing.assert_array_equal(movie.fields["v"], stills.fields["v"][np.newaxis])
    np.testing.assert_array_equal(movie.times, [0.0, 2.5, 5.0])
    last = images.still(movie, -1)
    assert last.times is None
    np.testing.assert_array_equal(last.fields["v"], stills.fields["v"][-1:])


def test_floats_are_kept_and_nan_is_unseen(tmp_path):
    field = np.where(V < 0.2, np.nan, 100 * V - 30).astype(np.float32)
    images.save_image(tmp_path / "v.tif", field, bits=32)
    got = images.load_image(tmp_path / "v.tif", "v")
    np.testing.assert_array_equal(got.fields["v"], field)
    np.testing.assert_array_equal(got.mask, np.isfinite(field))
    assert got.quantum is None and got.metadata["intensity"] == "absolute"
    assert images.load_image(tmp_path / "v.tif", "v", frame_interval=1).mask.ndim == 4


@pytest.mark.parametrize("name", ["v.png", "v.bmp", "v.tif", "v.jpg", "v.JPEG"])
def test_without_scale_levels_are_relative(name, tmp_path):
    smooth = np.outer(np.linspace(0.1, 0.9, 16), np.ones(16))
    got = images.load_image(_write(tmp_path / name, _bytes(smooth)), "v")
    np.testing.assert_allclose(got.fields["v"][0], smooth, atol=0.01)
    assert got.quantum == 1 / 255
    assert got.metadata["intensity"] == "relative"
    assert got.metadata["colour"] == "grey" and got.metadata["files"] == [name]


def test_quantum_and_metadata_survive_an_npz(tmp_path):
    got = images.load_image(_write(tmp_path / "v.png", _bytes(V[0])), "v")
    save_targets(tmp_path / "v.npz", got)
    again = load_targets(tmp_path / "v.npz", "v")
    assert again.quantum == got.quantum and again.metadata == got.metadata
    assert load_targets(_npz(tmp_path / "w.npz", v=V), "v").quantum is None


def test_colour_becomes_luminance(tmp_path):
    rgb = _bytes(np.stack(V, axis=-1))
    got = images.load_image(_write(tmp_path / "v.png", rgb), "v", "0:255")
    expected = rgb @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(got.fields["v"][0], expected, rtol=1e-12)
    assert got.metadata["colour"] == "luminance"
    grey = np.stack([rgb[..., 0]] * 3, axis=-1)
    got = images.load_image(_write(tmp_path / "v.png", grey), "v", "0:255")
    np.testing.assert_array_equal(got.fields["v"][0], grey[..., 0])
    assert got.metadata["colour"] == "equal channels"


def test_palettes_and_two_levels(tmp_path):
    picture = Image.fromarray(_bytes(V[0])).convert("P")
    picture.save(tmp_path / "v.png")
    got = images.load_image(tmp_path / "v.png", "v", (0, 255))
    np.testing.assert_array_equal(got.fields["v"][0], _bytes(V[0]))
    got = images.load_image(_write(tmp_path / "w.png", V[0] > 0.5), "v", (2, 4))
    np.testing.assert_array_equal(got.fields["v"][0], np.where(V[0] > 0.5, 4, 2))
    assert got.quantum == 2.0


@pytest.mark.parametrize("channels", [2, 4])
def test_only_full_transparency_hides(channels, tmp_path):
    alpha = np.full((12, 10), 255, np.uint8)
    alpha[0], alpha[1] = 0, 7
    pixels = np.stack([_bytes(V[0])] * (channels - 1) + [alpha], axis=-1)
    got = images.load_image(_write(tmp_path / "v.png", pixels), "v", (0, 255))
    np.testing.assert_array_equal(got.mask[0], alpha > 0)
    np.testing.assert_array_equal(got.fields["v"][0], _bytes(V[0]))
    pixels[..., -1] = 9
    assert images.load_image(_write(tmp_path / "w.png", pixels), "v").mask is None
    both = images.load_image([tmp_path / "v.png", tmp_path / "w.png"], "v")
    np.testing.assert_array_equal(both.mask, [alpha > 0, alpha > -1])


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = _write(tmp_path / "v.png", _bytes(V[0]), exif=exif)
    got = images.load_image(path, "v", (0, 255)).fields["v"][0]
    np.testing.assert_array_equal(got, np.rot90(_bytes(V[0]), -1))


def test_several_files(tmp_path):
    paths = [_write(tmp_path / f"{i}.png", _bytes(v)) for i, v in enumerate(V)]
    stills = images.load(paths, "v", "0:1")
    np.testing.assert_allclose(stills.fields["v"], V, atol=0.002)
    assert stills.metadata["files"] == ["0.png", "1.png", "2.png"]
    movie = images.load(paths, "v", "0:1", frame_interval=60)
    np.testing.assert_array_equal(movie.fields["v"], stills.fields["v"][np.newaxis])
    np.testing.assert_array_equal(movie.times, [0, 60, 120])
    for name in "ab":
        images.save_image(tmp_path / f"{name}.tif", V, "0:1")
    movies = images.load([tmp_path / "a.tif", tmp_path / "b.tif"], "v", None, None, 2)
    assert movies.fields["v"].shape == (2, 3, 12, 10) and len(movies.times) == 3


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_load_of_an_npz_is_load_targets(tmp_path):
    path = _npz(tmp_path / "v.npz", v=V, pixel_size=2.0, quantum=0.1)
    got = images.load(path, "v")
    np.testing.assert_array_equal(got.fields["v"], V)
    assert (got.pixel_size, got.quantum) == (2.0, 0.1)
    assert images.load(str(path), "v", pixel_size=3).pixel_size == 3.0
    own = V > 0.3
    path = _npz(tmp_path / "m.npz", v=V, mask=own)
    mask = _npz(tmp_path / "mask.npz", mask=V[0] > 0.5)
    got = images.load(path, "v", mask=mask)
    np.testing.assert_array_equal(got.mask, own & (V[0] > 0.5))


def test_saving_clips_like_a_camera(tmp_path):
    images.save_image(tmp_path / "v.png", 3 * V[0] - 1, "0:1")
    got = images.load_image(tmp_path / "v.png", "v", "0:1").fields["v"][0]
    np.testing.assert_allclose(got, np.clip(3 * V[0] - 1, 0, 1), atol=0.002)
