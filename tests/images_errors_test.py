"""One line for every bad picture, and for what cannot be saved."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from rdtf import images
from rdtf.status import InputError

V = np.random.default_rng(0).random((3, 12, 10))


def _write(path, pixels, **options):
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def _bytes(field):
    return np.rint(255 * field).astype(np.uint8)


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        *(("", ["''"]), ("1", ["'1'"]), ("1:2:3", ["'1:2:3'"]), ("a:b", ["'a:b'"])),
        *(("1:0", ["'1:0'", "LOW < HIGH"]), ("1:1", ["'1:1'"]), ("0:inf", ["'0:inf'"])),
        *((None, ["None"]), (3.0, ["3.0"]), ((2, 1), ["(2, 1)"])),
    ],
)
def test_bad_scales_are_one_line(scale, words, input_error):
    with input_error("LOW:HIGH", *words):
        images.parse_scale(scale)


def _bad_file(path, case):
    """(paths, arguments) of a bad call."""
    good = _write(path / "good.png", _bytes(V[0]))
    if case == "missing":
        return path / "none.png", {}
    if case == "directory":
        (path / "dir.png").mkdir()
        return path / "dir.png", {}
    if case == "text":
        (path / "text.png").write_text("two\nlines\n")
        return path / "text.png", {}
    if case == "unknown":
        return path / "v.czi", {}
    if case == "small":
        return _write(path / "dot.png", _bytes(V[0, :2])), {}
    if case == "sizes":
        return [good, _write(path / "b.png", _bytes(V[0, 1:]))], {}
    if case == "depths":
        return [good, _write(path / "b.png", 9 * _bytes(V[0]).astype(np.uint16))], {}
    if case == "frames":
        other = [Image.fromarray(_bytes(V[0, 2:]))]
        return _write(
            path / "f.tif", _bytes(V[0]), save_all=True, append_images=other
        ), {}
    if case == "32 bits":
        return _write(path / "i.tif", 9 * _bytes(V[0]).astype(np.int32)), {}
    if case == "float scale":
        return _write(path / "f.tif", V[0].astype(np.float32)), {"scale": "0:1"}
    if case == "npz scale":
        return _npz(path / "v.npz", v=V), {"scale": "0:1"}
    if case == "npz among":
        return [good, _npz(path / "v.npz", v=V)], {}
    if case == "one frame":
        return good, {"frame_interval": 1.0}
    if case == "lengths":
        images.save_image(path / "2.tif", V[:2], "0:1")
        images.save_image(path / "3.tif", V, "0:1")
        return [path / "2.tif", path / "3.tif"], {"frame_interval": 1.0}
    if case == "all NaN":
        return _write(path / "n.tif", np.full((8, 8), np.nan, np.float32)), {}
    if case == "none":
        return [], {}
    return good, {"pixel size": {"pixel_size": 0.0}, "mask": {"mask": V[0, 1:] > 0.4}}[
        case
    ]


BAD_FILES = {
    "missing": ["readable picture", "none.png", "No such file"],
    "directory": ["readable picture", "dir.png"],
    "text": ["readable picture", "text.png", "identify"],
    "unknown": ["picture (.png", "v.czi", "TIFF"],
    "small": ["3 x 3", "(2, 10)", "dot.png", "small"],
    "sizes": ["one size", "12 x 10", "good.png", "11 x 10", "b.png"],
    "depths": ["one depth", "0..255", "0..65535"],
    "frames": ["one size", "(12, 10)", "(10, 10)"],
    "32 bits": ["8 or 16 bits", "int32", "i.tif"],
    "float scale": ["no scale", "f.tif"],
    "npz scale": ["no scale", "v.npz"],
    "npz among": ["one .npz", "2 files"],
    "one frame": ["several frames", "got one", "good.png"],
    "lengths": ["equal length", "2 to 3 frames"],
    "all NaN": ["something to be observed", "n.tif"],
    "none": ["path of a picture"],
    "pixel size": ["pixel_size > 0", "got 0"],
    "mask": ["mask of 12 x 10", "(11, 10)", "good.png"],
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_pictures_are_one_line(case, tmp_path, input_error):
    paths, arguments = _bad_file(tmp_path, case)
    with input_error(*BAD_FILES[case]):
        images.load(paths, "v", **arguments)


def test_a_video_without_plugin_is_one_line(tmp_path, monkeypatch, input_error):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with input_error("plugin", "v.mp4", "pip install", "TIFF"):
        images.load_image(tmp_path / "v.mp4", "v")


def test_damaged_files_are_one_line_or_pictures(tmp_path, capfd):
    """Whatever a decoder makes of them, and without a word on the console."""
    images.save_image(tmp_path / "v.tif", V, "0:1", 16)
    images.save_image(tmp_path / "v.gif", V, "0:1")
    images.save_image(tmp_path / "v.png", V[0], "0:1", 16)
    _write(tmp_path / "v.jpg", _bytes(V[0]))
    _write(tmp_path / "v.bmp", _bytes(V[0]))
    rng, refused = np.random.default_rng(1), 0
    for path in sorted(tmp_path.iterdir()):
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = whole[: rng.integers(0, len(whole))].copy()
            damaged[rng.integers(0, len(damaged) + 1) :][:4] = 255
            path.write_bytes(damaged.tobytes())
            try:
                images.load_image(path, "v")
            except InputError as error:
                assert "\n" not in str(error) and path.name in str(error)
                refused += 1
    assert refused > 100 and capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "field", "arguments", "words"),
    [
        ("v.jpg", V[0], ["0:1"], ["PNG", "v.jpg"]),
        ("v.png", V[0], ["0:1", 12], ["12 bits"]),
        ("v.png", V[0], [None, 32], ["32 bits"]),
        ("v.png", V, ["0:1"], ["[y, x] for", "(3, 12, 10)"]),
        ("v.tif", V[0, 0], ["0:1"], ["[y, x] or [frame, y, x]", "(10,)"]),
        ("v.tif", V[0], ["0:1", 32], ["no scale"]),
        ("v.tif", V[0], [], ["LOW:HIGH"]),
        ("v.tif", V[0] * np.nan, ["0:1"], ["finite", "32 bits"]),
    ],
)
def test_what_cannot_be_saved_is_one_line(
    name, field, arguments, words, tmp_path, input_error
):
    with input_error(*words):
        images.save_image(tmp_path / name, field, *arguments)
    assert list(tmp_path.iterdir()) == []
