"""Masks of every kind, and one line for a bad one."""

import numpy as np
import pytest
from PIL import Image

from rdtf import images

V = np.random.default_rng(0).random((3, 12, 10))
SEEN = V[0] > 0.4


def _write(path, pixels, **options):
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def _bytes(field):
    return np.rint(255 * field).astype(np.uint8)


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def _masks(path):
    yield _write(path / "bits.png", SEEN)
    yield _write(path / "grey.png", np.where(SEEN, 1, 0).astype(np.uint8))
    yield _write(path / "colour.png", np.stack([_bytes(1.0 * SEEN)] * 3, axis=-1))
    yield _write(path / "float.tif", np.where(SEEN, 1, np.nan).astype(np.float32))
    clear = np.stack([np.full_like(SEEN, 9, np.uint8), _bytes(1.0 * SEEN)], axis=-1)
    yield _write(path / "clear.png", clear)
    yield _npz(path / "one.npz", anything=SEEN)
    yield _npz(path / "named.npz", mask=SEEN, other=V)
    np.save(path / "mask.npy", 2.5 * SEEN)
    yield path / "mask.npy"


def test_masks_of_every_kind(tmp_path):
    for path in _masks(tmp_path):
        for shape in ((12, 10), (1, 12, 10), (3, 12, 10), (2, 5, 12, 10)):
            got = images.load_mask(path, (1, *shape))
            assert got.dtype == bool and got.shape == (1, *shape)
            np.testing.assert_array_equal(got, np.broadcast_to(SEEN, got.shape))


def test_a_mask_for_each_sample_and_of_other_dimensions(tmp_path):
    images.save_image(tmp_path / "m.tif", V > 0.4, "0:1")
    np.testing.assert_array_equal(
        images.load_mask(tmp_path / "m.tif", V.shape), V > 0.4
    )
    path = _npz(tmp_path / "m.npz", mask=V > 0.4)
    for ndim in (1, 2, 3):
        got = images.load_mask(path, (1, *V.shape) if ndim == 3 else V.shape, ndim)
        np.testing.assert_array_equal(got.reshape(V.shape), V > 0.4)


def test_masks_are_put_together(tmp_path):
    pixels = np.stack([_bytes(V[0]), _bytes(V[1] > 0.2)], axis=-1)
    path = _write(tmp_path / "v.png", pixels)
    for mask in (SEEN, _write(tmp_path / "m.png", SEEN)):
        got = images.load_image(path, "v", mask=mask)
        np.testing.assert_array_equal(got.mask[0], SEEN & (V[1] > 0.2))


BAD_MASKS = {
    "missing": (None, "m.png", ["m.png", "found none"]),
    "other shape": (SEEN[:, 1:], "m.png", ["12 x 10", "(12, 9)", "m.png"]),
    "other samples": (V[:2] > 0.4, "m.npy", ["12 x 10", "(2, 12, 10)"]),
    "one dimension": (SEEN[0], "m.npy", ["12 x 10", "(10,)"]),
    "words": (np.array([["a"]]), "m.npy", ["numbers", "m.npy"]),
    "hides all": (0 * SEEN, "m.npy", ["hides sample 0", "m.npy"]),
    "hides one": (V * [[[1]], [[0]], [[1]]], "m.npy", ["hides sample 1"]),
    "lossy": (SEEN, "m.jpg", ["without loss", "PNG"]),
    "unknown": (SEEN, "m.czi", ["m.czi", ".png"]),
}


@pytest.mark.parametrize("case", BAD_MASKS)
def test_bad_masks_are_one_line(case, tmp_path, input_error):
    array, name, words = BAD_MASKS[case]
    if array is not None and name.endswith(".npy"):
        np.save(tmp_path / name, array)
    elif array is not None:
        _write(tmp_path / name, array.astype(np.uint8), format="PNG")
    with input_error(*words):
        images.load_mask(tmp_path / name, V.shape)


def test_a_mask_among_several_arrays_is_one_line(tmp_path, input_error):
    path = _npz(tmp_path / "m.npz", a=SEEN, b=SEEN)
    with input_error("`mask`", "a, b", "rename"):
        images.load_mask(path, V.shape)
