"""Target files: there and back, from any source, and one line for each bad one."""

import json
import pickle

import numpy as np
import pytest

from rdtf.storage import Targets, load_targets, save_targets

V = np.random.default_rng(0).random((2, 6, 5))


def _write(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_round_trip_of_stills(tmp_path):
    path = tmp_path / "new" / "stills.npz"
    metadata = {
        "params": {"F": 0.1 + 0.2},
        "grid": {"shape": [6, 5]},
        "tolerance": None,
        "seed": np.int64(3),
        "change": float("inf"),
    }
    mask = V > 0.1
    save_targets(
        path,
        Targets(
            fields={"u": 1.0 - V, "v": V},
            status=np.array([0, 1], np.int32),
            num_steps=np.array([17, 40], np.int32),
            mask=mask,
            pixel_size=0.25,
            quantum=0.01,
            metadata=metadata,
        ),
    )
    got = load_targets(path, "v")
    np.testing.assert_array_equal(got.fields["v"], V)
    np.testing.assert_array_equal(got.fields["u"], 1.0 - V)
    np.testing.assert_array_equal(got.status, [0, 1])
    np.testing.assert_array_equal(got.num_steps, [17, 40])
    np.testing.assert_array_equal(got.mask, mask)
    assert got.times is None
    assert got.pixel_size == 0.25 and got.quantum == 0.01
    assert got.metadata == metadata | {"seed": 3, "change": None}
    assert got.true_params == {"F": 0.1 + 0.2}


def test_round_trip_of_a_movie(tmp_path):
    movie = np.random.default_rng(1).random((2, 3, 6, 5))
    times = np.array([0.0, 1.5, 7.0])
    metadata = {"grid": {"shape": [6, 5]}}
    save_targets(
        tmp_path / "m.npz", Targets(fields={"v": movie}, times=times, metadata=metadata)
    )
    got = load_targets(tmp_path / "m.npz", "v")
    np.testing.assert_array_equal(got.fields["v"], movie)
    np.testing.assert_array_equal(got.times, times)
    assert got.true_params is None


@pytest.mark.parametrize("shape", [(5,), (6, 5), (4, 6, 5)])
def test_the_grid_of_the_metadata_says_which_axes_are_space(tmp_path, shape):
    metadata = json.dumps({"grid": {"shape": shape}})
    for lead, times in (((), None), ((2,), None), ((2, 3), (3,))):
        field = np.ones((*lead, *shape))
        path = _write(tmp_path / "f.npz", v=field, metadata=metadata)
        got = load_targets(path, "v", frame_interval=2.0)
        assert got.fields["v"].shape == (lead or (1,)) + shape
        assert (None if times is None else got.times.shape) == times


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8, np.int64])
def test_any_numbers_become_float64(tmp_path, dtype):
    values = (100 * V).astype(dtype)
    got = load_targets(_write(tmp_path / "f.npz", v=values), "v").fields["v"]
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, values)


def test_a_2d_array_is_one_sample(tmp_path):
    path = _write(tmp_path / "f.npz", v=V[0], u=V[1], mask=V[0] > 0.1)
    got = load_targets(path, "v")
    np.testing.assert_array_equal(got.fields["v"], V[:1])
    np.testing.assert_array_equal(got.fields["u"], V[1:])
    assert got.mask.shape == (1, 6, 5)
    assert got.metadata == {}


def test_axis_0_is_time_if_there_is_a_frame_interval_or_times(tmp_path):
    stills = load_targets(_write(tmp_path / "f.npz", v=V), "v")
    assert stills.fields["v"].shape == (2, 6, 5) and stills.times is None
    movie = load_targets(tmp_path / "f.npz", "v", frame_interval=2.5)
    np.testing.assert_array_equal(movie.fields["v"], V[np.newaxis])
    np.testing.assert_array_equal(movie.times, [0.0, 2.5])
    movie = load_targets(_write(tmp_path / "f.npz", v=V, times=[1.0, 9.0]), "v")
    np.testing.assert_array_equal(movie.fields["v"], V[np.newaxis])
    np.testing.assert_array_equal(movie.times, [1.0, 9.0])


def test_a_movie_without_times_counts_its_frames(tmp_path):
    path = _write(tmp_path / "f.npz", v=np.ones((2, 3, 6, 5)))
    np.testing.assert_array_equal(load_targets(path, "v").times, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(load_targets(path, "v", 0.5).times, [0.0, 0.5, 1.0])


def test_what_is_not_observed_need_not_be_good(tmp_path):
    path = _write(
        tmp_path / "f.npz", v=V, u=V * np.nan, cells=V > 0.5, other=np.ones(3)
    )
    assert set(load_targets(path, "v").fields) == {"v", "u"}


def test_masked_cells_may_be_missing(tmp_path):
    seen = V > 0.2
    path = _write(tmp_path / "f.npz", v=np.where(seen, V, np.nan), mask=seen)
    np.testing.assert_array_equal(np.isnan(load_targets(path, "v").fields["v"]), ~seen)


BAD_ARRAYS = {
    "no such species": ({"u": V}, ["'v'", "u", "--observe"]),
    "nothing": ({}, ["'v'", "none"]),
    "NaN": ({"v": np.where(V < 0.1, np.nan, V)}, ["finite", str((V < 0.1).sum())]),
    "infinity": ({"v": np.where(V < 0.1, np.inf, V)}, ["finite", "mask"]),
    "NaN where seen": ({"v": V * np.nan, "mask": V > 0.1}, ["finite"]),
    "one dimension": ({"v": V[0, 0]}, ["2-D grid", "(5,)"]),
    "five dimensions": ({"v": V[None, None]}, ["2-D grid", "(1, 1, 2, 6, 5)"]),
    "empty": ({"v": V[:0]}, ["numbers", "(0, 6, 5)"]),
    "words": ({"v": np.array([["a", "b"]])}, ["numbers", "<U1"]),
    "complex numbers": ({"v": V + 0j}, ["numbers", "complex128"]),
    "objects": ({"v": np.array([[{}]])}, ["readable"]),
    "mask of another shape": ({"v": V, "mask": V[:, 1:] > 0}, ["mask", "(2, 5, 5)"]),
    "times of another length": ({"v": V, "times": [0.0]}, ["times", "(2,)", "(1,)"]),
    "pixel sizes": ({"v": V, "pixel_size": [1.0, 2.0]}, ["pixel_size"]),
    "pixel size in words": ({"v": V, "pixel_size": "small"}, ["pixel_size"]),
    "quanta": ({"v": V, "quantum": [1.0, 2.0]}, ["one number", "quantum"]),
    "metadata in words": ({"v": V, "metadata": "spots"}, ["JSON", "metadata"]),
    "metadata of two lines": ({"v": V, "metadata": "{\n'a'}"}, ["JSON"]),
    "metadata as list": ({"v": V, "metadata": "[1]"}, ["JSON object"]),
    "metadata as null": ({"v": V, "metadata": "null"}, ["JSON object"]),
    "a number as grid": ({"v": V, "metadata": '{"grid": 5}'}, ["JSON object"]),
    "a grid without shape": ({"v": V, "metadata": '{"grid": {}}'}, ["JSON object"]),
    "a number as params": ({"v": V, "metadata": '{"params": 5}'}, ["JSON object"]),
    "times of stills": (
        {"v": V, "times": [0.0, 1.0], "metadata": '{"grid": {"shape": [6, 5]}}'},
        ["no times", "(2, 6, 5)"],
    ),
    "a grid of other dimensions": (
        {"v": V[0], "metadata": '{"grid": {"shape": [4, 6, 5]}}'},
        ["3-D grid", "(6, 5)"],
    ),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_one_line(case, tmp_path, input_error):
    arrays, words = BAD_ARRAYS[case]
    path = _write(tmp_path / "bad.npz", **arrays)
    with input_error("bad.npz", *words):
        load_targets(path, "v")


def _good_bytes(tmp_path):
    save_targets(tmp_path / "good.npz", Targets(fields={"v": V}))
    return (tmp_path / "good.npz").read_bytes()


@pytest.mark.parametrize("length", [0, 1, 10, 100, 700, -4])
def test_a_truncated_file_is_one_line(length, tmp_path, input_error):
    path = tmp_path / "bad.npz"
    path.write_bytes(_good_bytes(tmp_path)[:length])
    with input_error("readable .npz", "bad.npz"):
        load_targets(path, "v")


def test_a_damaged_file_is_one_line(tmp_path, input_error):
    whole, path = _good_bytes(tmp_path), tmp_path / "bad.npz"
    for start in range(50, 250, 10):
        content = bytearray(whole)
        content[start : start + 10] = b"\xff" * 10
        path.write_bytes(content)
        with input_error("readable .npz", "bad.npz"):
            load_targets(path, "v")


def test_what_is_no_npz_is_one_line(tmp_path, input_error):
    path = tmp_path / "bad.npz"
    np.save(tmp_path / "array.npy", V)
    array = (tmp_path / "array.npy").read_bytes()
    for content in (b"two\nlines\n", pickle.dumps([V]), array):
        path.write_bytes(content)
        with input_error("readable .npz", "bad.npz"):
            load_targets(path, "v")
    with input_error("readable .npz"):
        load_targets(tmp_path, "v")
    with input_error("found none", "rdtf generate"):
        load_targets(tmp_path / "missing.npz", "v")
