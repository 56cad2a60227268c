"""Pictures: every pixel of a frame, every frame of a GIF, every figure on disk."""

import imageio.v3 as imageio
import matplotlib
import numpy as np
import pytest

from rdtf import viz
from rdtf.viz import frames as frames_module


def _colormap(value, name="magma"):
    """The colour of a value between 0 and 1, found without `colorize`."""
    levels = frames_module.LEVELS
    level = min(int(value * levels), levels - 1)
    return np.array(matplotlib.colormaps[name]((level + 0.5) / levels, bytes=True)[:3])


def test_colorize_spans_the_range_and_clips():
    rgb = viz.colorize(np.array([-9.0, 0.0, 0.3, 1.0, 9.0, np.nan, np.inf]), 0.0, 1.0)
    assert rgb.dtype == np.uint8 and rgb.shape == (7, 3)
    for i, value in enumerate([0.0, 0.0, 0.3, 1.0, 1.0]):
        np.testing.assert_array_equal(rgb[i], _colormap(value))
    np.testing.assert_array_equal(rgb[5:], [frames_module.MISSING] * 2)


@pytest.mark.parametrize(
    ("low", "high", "name", "word"),
    [
        (1.0, 1.0, "magma", "vmin < vmax"),
        (0.0, np.nan, "magma", "vmin < vmax"),
        (0.0, 1.0, "no such map", "colormap"),
    ],
)
def test_colorize_refuses(low, high, name, word, input_error):
    with input_error(word):
        viz.colorize(np.zeros((2, 2)), low, high, name)


def test_upscale_makes_squares():
    image = viz.upscale(np.array([[1, 2], [3, 4]]), 2)
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(image, expected)


def test_space_time_grows_downwards_then_scrolls():
    strip = viz.SpaceTime(3)
    first = strip(np.array([[0.0, 0.0]]))
    np.testing.assert_array_equal(first[0, :, 0], [0.0, np.nan, np.nan])
    for time in range(1, 5):
        picture = strip(np.full((1, 2), float(time)))
    np.testing.assert_array_equal(picture[0, :, 0], [2.0, 3.0, 4.0])


def test_panels_show_every_cell():
    fields = np.random.default_rng(0).uniform(size=(3, 4, 5))
    draw = viz.PanelFrames(["a", "b", "c"], (4, 5), 0.0, 1.0, panel_size=20)
    frame = draw(fields, "title")
    for panel, field in enumerate(fields):
        x, y = draw._corner(panel)
        cells = frame[y : y + 16, x : x + 20]
        np.testing.assert_array_equal(cells[2::4, 2::4], viz.colorize(field, 0.0, 1.0))
        np.testing.assert_array_equal(cells[::4, ::4], cells[3::4, 3::4])


def test_notes_change_their_panel_only_and_frames_keep_their_size():
    fields = np.zeros((2, 8, 8))
    draw = viz.PanelFrames(["long caption " * 9, "b"], (8, 8), 0.0, 1.0)
    plain, noted = draw(fields, "one"), draw(fields, "one", ["", "not finite"])
    assert plain.shape == noted.shape
    x, y = draw._corner(1)
    changed = (plain != noted).any(axis=2)
    assert changed[y : y + 256, x : x + 256].sum() == changed.sum() > 0
    assert len(np.unique(noted.reshape(-1, 3), axis=0)) <= 256


def test_gif_is_exact_and_keeps_time(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 2, (6, 9, 3)).astype(np.uint8) * 200 for _ in range(4)]
    frames[2] = frames[1].copy()  # nothing changes
    frames[3] = frames[1].copy()
    frames[3][2:4, 5] = [1, 2, 3]  # a small rectangle changes
    path = tmp_path / "a.gif"
    assert viz.write_gif(path, iter(frames), fps=30.0) == 4
    different = [frames[0], frames[1], frames[3]]
    np.testing.assert_array_equal(imageio.imread(path, index=None), different)
    durations = [imageio.immeta(path, index=i)["duration"] for i in range(3)]
    assert durations == [30, 60, 30]
    assert imageio.immeta(path)["loop"] == 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]


def test_gif_with_too_many_colours_comes_close(tmp_path):
    ramp = np.arange(32 * 32, dtype=np.uint32).reshape(32, 32)
    frame = np.stack([ramp % 256, ramp // 4, 0 * ramp], axis=2).astype(np.uint8)
    flat = np.full_like(frame, 7)  # fewer colours than before
    viz.write_gif(tmp_path / "a.gif", [frame, flat, frame])
    found = imageio.imread(tmp_path / "a.gif", index=None)
    assert np.abs(found[[0, 2]].astype(int) - frame).mean() < 8
    np.testing.assert_array_equal(found[1], flat)


def test_gif_is_streamed_and_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.gif"
    path.write_bytes(b"old")

    def frames():
        yield np.zeros((4, 4, 3), np.uint8)
        assert list(tmp_path.glob(".part-*"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        viz.write_gif(path, frames())
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("frames", "fps", "word"),
    [
        ([], 20.0, "at least one frame"),
        ([np.zeros((2, 2, 3)), np.zeros((3, 2, 3))], 20.0, "shape"),
        ([np.zeros((2, 2, 3))], 99.0, "fps"),
    ],
)
def test_gif_refuses(frames, fps, word, input_error, tmp_path):
    with input_error(word):
        viz.write_gif(tmp_path / "a.gif", frames, fps)
    assert not list(tmp_path.iterdir())


def _seen(path):
    """A figure that was written is an image with something on it."""
    image = imageio.imread(path)
    assert min(image.shape[:2]) > 200 and image[..., :3].std() > 5
    return image


@pytest.mark.parametrize("shape", [(16,), (8, 9), (6, 8, 7)])
def test_compare_and_spectra(shape, tmp_path):
    rng = np.random.default_rng(0)
    rows = {
        "target": rng.normal(size=(3, *shape)),
        "found": rng.normal(size=(2, *shape)),
    }
    viz.compare(tmp_path / "c.png", rows, "title", "v")
    viz.power_spectra(tmp_path / "s.png", rows, "title")
    _seen(tmp_path / "c.png"), _seen(tmp_path / "s.png")


def test_compare_survives_flat_and_missing_fields_but_not_none(tmp_path, input_error):
    rows = {"flat": np.ones((1, 4, 4)), "missing": np.full((1, 4, 4), np.nan)}
    viz.compare(tmp_path / "c.png", rows)
    _seen(tmp_path / "c.png")
    with input_error("at least one sample"):
        viz.compare(tmp_path / "d.png", {"none": np.ones((0, 4, 4))})


def test_ring_average_of_a_wave_peaks_at_its_wave_number():
    from rdtf.viz import figures

    x = np.mgrid[:32, :24][1]
    wave = np.sin(2 * np.pi * 5 * x / 24)[np.newaxis]
    waves, heights = figures._ring_average(figures._log_power(wave))
    assert waves[np.argmax(heights)] == 5 and waves[-1] == 12
    deep = np.sin(2 * np.pi * 3 * np.arange(10) / 10)[None, :, None, None]
    deep = deep * np.ones((1, 10, 12, 14))
    waves, heights = figures._ring_average(figures._log_power(deep))
    assert waves[np.argmax(heights)] == 3 and waves[-1] == 5


@pytest.mark.parametrize("size", [1, 3, 20])
def test_heatmap(size, tmp_path):
    matrix = np.abs(np.subtract.outer(np.arange(size), np.arange(size)) * 1.0)
    matrix[-1, 0] = np.nan
    viz.heatmap(tmp_path / "h.png", matrix, [f"name {i}" for i in range(size)])
    viz.heatmap(tmp_path / "g.png", matrix, quantiles=None)
    _seen(tmp_path / "h.png")


def test_landscapes_mark_the_truth(tmp_path):
    x, y = np.linspace(0.0, 1.0, 5), np.linspace(0.0, 2.0, 4)
    line = {"a": np.array([1e3, 1.0, 0.0, np.nan, 2.0]), "b": np.arange(5.0)}
    viz.landscape(tmp_path / "1.png", {"F": x}, line, {"F": 0.5})
    plane = {"a": np.add.outer(y, x) ** 8, "b": np.full((4, 5), np.nan)}
    viz.landscape(tmp_path / "2.png", {"k": y, "F": x}, plane, {"F": 0.5, "k": 1.0})
    viz.landscape(tmp_path / "3.png", {"k": y, "F": x}, plane, {"F": 0.5})
    _seen(tmp_path / "1.png")
    marked, bare = _seen(tmp_path / "2.png"), _seen(tmp_path / "3.png")
    assert (marked != bare).any()
    grey = (bare[..., :3] == 191).all(axis=-1)
    assert grey.mean() > 0.1  # the panel without a single valid run
