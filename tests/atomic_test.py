"""Writing files: all or nothing, and JSON that any reader accepts."""

import json
import os

import numpy as np
import pytest

from rdtf import storage
from rdtf.storage import Targets, load_targets, save_targets

V = np.random.default_rng(0).random((2, 6, 5))


def test_writing_replaces_all_or_nothing(tmp_path):
    path = tmp_path / "f.json"
    storage.write_json(path, {"a": 1})

    def interrupted(error):
        with pytest.raises(error), storage.atomic(path) as temporary:
            temporary.write_text("half")
            raise error

    for error in (ValueError, KeyboardInterrupt):
        interrupted(error)
        assert json.loads(path.read_text()) == {"a": 1}
        assert os.listdir(tmp_path) == ["f.json"]
    os.link(path, path.with_suffix(".old"))
    with storage.atomic(path) as temporary:
        temporary.write_text("whole")
        assert json.loads(path.read_text()) == {"a": 1}  # until the block ends
    assert path.read_text() == "whole"
    # A reader that holds the old file keeps it whole: it was replaced, not rewritten.
    assert json.loads(path.with_suffix(".old").read_text()) == {"a": 1}
    assert set(os.listdir(tmp_path)) == {"f.json", "f.old"}


def test_a_failed_save_keeps_the_old_targets(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    save_targets(path, Targets(fields={"v": V}))

    def fails(stream, **arrays):
        stream.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fails)
    with pytest.raises(OSError, match="disk full"):
        save_targets(path, Targets(fields={"v": 2.0 * V}))
    np.testing.assert_array_equal(load_targets(path, "v").fields["v"], V)
    assert os.listdir(tmp_path) == ["t.npz"]


def test_files_have_customary_permissions(tmp_path):
    mask = os.umask(0o027)
    try:
        storage.write_text(tmp_path / "f", "")
    finally:
        os.umask(mask)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, input_error):
    (tmp_path / "file").write_text("")
    with input_error("to write", "below", "another place"):
        storage.write_text(tmp_path / "file" / "below", "")
    assert (tmp_path / "file").read_text() == ""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write anywhere")
    with input_error("to write", "closed"):
        storage.write_text(closed / "f", "")


def test_json_keeps_every_digit_and_has_no_nan(tmp_path):
    value = {
        1: [np.float64(0.1), np.int32(2), np.bool_(True)],
        "b": (float("nan"), -np.inf, np.float32(0.5)),
        "c": np.array([[1.0, np.nan]]),
        "d": {"e": 1 / 3, "f": None, "g": "text"},
    }
    storage.write_json(tmp_path / "f.json", value)
    text = (tmp_path / "f.json").read_text()
    assert text.endswith("}\n") and "NaN" not in text
    assert json.loads(text) == {
        "1": [0.1, 2, True],
        "b": [None, None, 0.5],
        "c": [[1.0, None]],
        "d": {"e": 1 / 3, "f": None, "g": "text"},
    }
