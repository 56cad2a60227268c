"""Data sets of patterns by transactions: a kill at any write leaves chunks whole."""

import os

import h5py
import numpy as np
import pytest

from rdtf import patterns
from rdtf.patterns import store
from rdtf.patterns.ensembles import Chunk
from rdtf.storage import hdf5, journal

PLAN = patterns.Plan(presets=("maze",), num_samples=9, shape=(24, 24), steps=4, chunk=3)


def _chunk(number):
    rng = np.random.default_rng(number)
    return Chunk(
        fields={name: rng.random((3, 24, 24), np.float32) for name in "uv"},
        status=np.zeros(3, np.int8),
        attempts=np.ones(3, np.int16),
        rate=rng.random(3, np.float32),
        statistics=rng.random(
            (3, 2, 2, len(patterns.ensembles.STATISTICS)), np.float32
        ),
    )


def _write(path, numbers, resume=False):
    writer = store.Writer(path, PLAN, range(3), resume)
    try:
        for number in numbers:
            writer.write(number, _chunk(number))
    finally:
        writer.close()
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return _write(tmp_path_factory.mktemp("whole") / "a.h5", range(3)).read_bytes()


class _Kill(BaseException):
    pass


def _after(count, function):
    """`function`, which a kill keeps from being called a further time."""
    left = [count]

    def call(*arguments):
        if not left[0]:
            raise _Kill
        left[0] -= 1
        return function(*arguments)

    return call


@pytest.mark.parametrize("calls", range(14))
def test_killed_at_any_write(calls, whole, tmp_path, monkeypatch):
    """The chunks before are whole, the one under way is made again, to the same bytes."""
    path = _write(tmp_path / "a.h5", [1])
    partial = tmp_path / "a.h5.partial"
    with monkeypatch.context() as patch:
        for module, name in ((journal, "_write"), (os, "fsync")):
            patch.setattr(module, name, _after(calls, getattr(module, name)))
        with pytest.raises(_Kill):
            _write(path, [2, 0], resume=True)
            raise _Kill  # it came through
    if not path.exists():
        journal.recover(partial)
        with h5py.File(partial) as file:
            marked = np.flatnonzero(file["written"][...])
            assert 1 in marked
            for place in marked:
                rows = slice(3 * place, 3 * place + 3)
                for name in "uv":
                    np.testing.assert_array_equal(
                        file[name][rows], _chunk(place).fields[name]
                    )
        writer = store.Writer(path, PLAN, range(3), resume=True)
        assert set(writer.left) == set(range(3)) - set(marked)
        for number in writer.left:
            writer.write(number, _chunk(number))
        writer.close()
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_what_an_earlier_version_left_goes_on(whole, tmp_path):
    """It wrote in place: a kill left rows of a chunk that is not marked."""
    path = _write(tmp_path / "a.h5", [0])
    with h5py.File(tmp_path / "a.h5.partial", "r+") as file:
        file["u"][4:6] = 7.0
        file["checksum"][1] = 5
    _write(path, [1, 2], resume=True)
    assert path.read_bytes() == whole


def test_rows_need_no_room_in_memory(tmp_path, monkeypatch):
    """But for the pages at their ends, which they share with others."""
    sizes, write = [], journal._write_journal

    def watched(path, pages, size):
        sizes.append(sum(map(len, pages.values())))
        write(path, pages, size)

    monkeypatch.setattr(journal, "_write_journal", watched)
    path = tmp_path / "a.h5"
    with hdf5.create(path) as file:
        store._reserve(file, "x", (100, 1000), np.float64)
        file["n"] = 0
    opened = hdf5.Transactions(path)
    rows = slice(10, 60)
    with opened.transaction((opened.file["x"], rows)) as file:
        file["x"][rows] = 3.0
        file["n"][...] = 1
    assert 0 < sizes[-1] <= 4 * 4096
    with opened.transaction() as file:  # they are in use now
        file["x"][rows] = 4.0
    assert sizes[-1] > 50 * 8000
    opened.close()
    with h5py.File(path) as file:
        assert file["n"][()] == 1 and (file["x"][rows] == 4.0).all()
        assert not file["x"][:10].any() and not file["x"][60:].any()


def test_a_data_set_for_one_process(tmp_path, input_error):
    writer = store.Writer(tmp_path / "a.h5", PLAN, range(3))
    with input_error("a.h5.partial for one process alone"):
        journal.JournaledFile(tmp_path / "a.h5.partial")
    writer.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5.partial"]
