"""Runs in HDF5 files: whole after a kill, continued bit for bit, read with h5py alone."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import app_runner
import h5py
import numpy as np
import pytest

import rdtf
from rdtf import recording
from rdtf.storage import journal

NAMES = ("u", "v")


@pytest.fixture(scope="module")
def runs(simulations, start):
    """runs(scheme) -> (simulation, state, params) of two samples of Gray-Scott."""

    def build(scheme="forward_euler"):
        sim = simulations(scheme=scheme, time_step=1.0)
        return sim, start(sim, 2), sim.model.defaults

    return build


def _contents(path):
    """Everything that is in a file."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[...]

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _assert_same(left, right):
    left, right = _contents(left), _contents(right)
    assert set(left) == set(right)
    for name, values in left.items():
        np.testing.assert_array_equal(values, right[name], err_msg=name)


class _Stop(Exception):
    """Ends a run as Ctrl-C would."""


def _stop_at(step):
    def callback(done, total):
        if done == step:
            raise _Stop

    return callback


@pytest.mark.parametrize("compression", ["gzip", None])
def test_read_with_h5py_alone(runs, tmp_path, compression):
    path = tmp_path / "run.h5"
    sim, state, params = runs()
    recorder = recording.HDF5Recorder(
        path, chunk_frames=4, compression=compression, metadata={"seed": 3}
    )
    recording.record(
        sim,
        state,
        params,
        recording.Schedule(num_steps=50, every=5),
        recorders=[recorder],
    )
    expected = sim.rollout(state, params, 50, 5)
    with h5py.File(path, "r") as file:
        for name, field in zip(NAMES, expected, strict=True):
            data = file[name]
            np.testing.assert_array_equal(data[...], field)
            assert data.dtype == np.float64 and data.compression == compression
            assert data.maxshape == (2, None, 8, 8) and data.chunks == (1, 4, 8, 8)
            assert [d.label for d in data.dims] == ["sample", "time", "y", "x"]
        np.testing.assert_array_equal(file["times"], np.arange(0.0, 51.0, 5.0))
        np.testing.assert_array_equal(file["steps"], np.arange(0, 51, 5))
        metadata = json.loads(file["metadata"][()])
        assert metadata == {"seed": 3} | recording.describe(sim, params)
    assert list(tmp_path.iterdir()) == [path]


def test_open_hdf5_reads_what_is_sliced(runs, tmp_path):
    path = tmp_path / "run.h5"
    recorder = recording.HDF5Recorder(path, dtype="float32")
    memory = recording.MemoryRecorder()
    end = recording.record(
        *runs(),
        recording.Schedule(num_steps=40, every=5),
        recorders=[recorder, memory],
        events=[recording.threshold("v", 0.02)],
    )
    with recording.open_hdf5(path) as movie:
        assert list(movie.fields) == list(NAMES)
        assert isinstance(movie.fields["v"], h5py.Dataset)
        exact = memory.movie
        np.testing.assert_array_equal(
            movie.fields["v"][1, 2:4], exact.fields["v"][1, 2:4].astype(np.float32)
        )
        for name in ("times", "steps", "num_frames"):
            np.testing.assert_array_equal(getattr(movie, name), getattr(exact, name))
        assert (movie.events, movie.status) == (end.events, end.status)
        assert movie.metadata == exact.metadata
    assert not movie.fields["v"]  # closed


def test_memory_and_time_of_writing(runs, tmp_path):
    """At most chunk_frames in memory; every chunk is in the file once it is full."""
    path, held = tmp_path / "run.h5", []
    recorder = recording.HDF5Recorder(path, chunk_frames=3)

    def callback(done, total):
        frames = done // 2  # of index 0 to frames - 1
        held.append(recorder.num_buffered)
        shutil.copy(path, tmp_path / "copy.h5")  # as if killed here
        with h5py.File(tmp_path / "copy.h5", "r") as file:
            count = len(file["times"])
            assert file["u"].shape[1] == file["v"].shape[1] == count
            assert count == max(1, frames // 3 * 3)
            assert count + recorder.num_buffered == frames

    recording.record(
        *runs(),
        recording.Schedule(num_steps=24, every=2),
        recorders=[recorder],
        callback=callback,
    )
    assert max(held) == 2 and len(_contents(path)["times"]) == 13


@pytest.mark.parametrize(
    ("scheme", "dtype"),
    [
        ("forward_euler", "float64"),
        ("forward_euler", "float32"),
        ("sbdf2", "float64"),
    ],
)
def test_resumed_as_never_interrupted(runs, tmp_path, scheme, dtype):
    whole, broken = tmp_path / "whole.h5", tmp_path / "broken.h5"
    sim, state, params = runs(scheme)
    events = [
        recording.threshold("v", 1e-3),
        recording.threshold("u", 0.9995, "up", kind="risen", stop=True),
        recording.steady(1e-6, relative=False),
    ]
    plan = {"schedule": recording.Schedule(num_steps=300, every=6), "events": events}
    recorder = recording.HDF5Recorder(whole, chunk_frames=8, dtype=dtype)
    end = recording.record(sim, state, params, recorders=[recorder], **plan)
    assert {event.kind for event in end.events} == {"threshold", "risen", "steady"}
    assert min(end.num_frames) < 51 == max(end.num_frames)

    recorder = recording.HDF5Recorder(broken, chunk_frames=8, dtype=dtype)
    with pytest.raises(_Stop):
        recording.record(
            *(sim, state, params),
            recorders=[recorder],
            callback=_stop_at(66),
            **plan,
        )
    assert len(_contents(broken)["times"]) == 11  # also those that were gathered
    with pytest.raises(_Stop):
        recording.resume(broken, sim, params, callback=_stop_at(120), **plan)
    again = recording.resume(broken, sim, params, **plan)
    _assert_same(whole, broken)
    assert again.events == end.events and again.status == end.status
    for left, right in zip(again.state, end.state, strict=True):
        np.testing.assert_array_equal(left, right)
    once_more = recording.resume(broken, sim, params, **plan)  # nothing is left to do
    assert once_more.events == end.events
    _assert_same(whole, broken)


def test_resumed_adaptive_and_longer(simulations, tmp_path):
    sim = simulations("fisher_kpp", (4,), scheme="tsit5", time_step=0.1)
    state, params = (np.repeat([[0.1], [0.2]], 4, 1),), sim.model.defaults
    times = 0.7 * np.arange(8)
    paths = [tmp_path / "whole.h5", tmp_path / "parts.h5"]
    for path, count in zip(paths, (8, 3), strict=True):
        recorder = recording.HDF5Recorder(path, chunk_frames=2)
        recording.record(
            sim,
            state,
            params,
            recording.Schedule(times=times[:count], adaptive=True),
            recorders=[recorder],
        )
    recording.resume(
        paths[1], sim, params, recording.Schedule(times=times, adaptive=True)
    )
    _assert_same(*paths)


def test_other_recorders_see_all_frames(runs, tmp_path):
    path = tmp_path / "run.h5"
    sim, state, params = runs()
    recorder = recording.HDF5Recorder(path, chunk_frames=4)
    recording.record(
        sim,
        state,
        params,
        recording.Schedule(num_steps=20, every=2),
        recorders=[recorder],
    )
    recorders = [recording.Statistics(), recording.Statistics()]
    plan = recording.Schedule(num_steps=40, every=2)
    recording.record(sim, state, params, plan, recorders=recorders[:1])
    recording.resume(path, sim, params, plan, recorders=recorders[1:])
    for name in NAMES:
        for values in ("mean", "variance", "minimum", "maximum"):
            left, right = (getattr(r, values)[name] for r in recorders)
            np.testing.assert_array_equal(left, right)


def _abandon(path, runs):
    """The bytes of a file before and after a transaction, and of its journal."""
    sim, state, params = runs()
    recorder = recording.HDF5Recorder(path, chunk_frames=4, compression=None)
    recording.record(
        sim,
        state,
        params,
        recording.Schedule(num_steps=20, every=2),
        recorders=[recorder],
    )
    before, kept = path.read_bytes(), {}
    apply = journal._apply

    def keep(raw, name):
        note = journal.journal_path(name)
        if note.exists():
            kept["torn"], kept["journal"] = path.read_bytes(), note.read_bytes()
        apply(raw, name)

    journal._apply = keep
    try:
        recording.resume(path, sim, params, recording.Schedule(num_steps=22, every=2))
    finally:
        journal._apply = apply
    return before, kept["torn"], kept["journal"], path.read_bytes()


def test_killed_at_any_point_of_a_transaction(runs, tmp_path):
    """Every state that a kill can leave is the one before or the one after."""
    path = tmp_path / "run.h5"
    before, torn, note, after = _abandon(path, runs)
    assert len(after) >= len(torn) >= len(before)
    short = before + torn[len(before) : (len(before) + len(torn)) // 2]
    for content in (before, short, torn):  # no journal yet: h5py alone reads it
        path.write_bytes(content)
        contents = _contents(path)
        assert len(contents["times"]) == contents["u"].shape[1] == 11
    half = after[: len(after) // 2] + torn[len(after) // 2 :]
    for content in (torn, half, after):  # any part of the journal is in the file
        path.write_bytes(content)
        journal.journal_path(path).write_bytes(note)
        with recording.open_hdf5(path) as movie:
            assert len(movie.times) == movie.fields["u"].shape[1] == 12
        assert path.read_bytes() == after
        assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_journal_is_not_applied(runs, tmp_path, input_error):
    path = tmp_path / "run.h5"
    _, torn, note, _ = _abandon(path, runs)
    for content in (note[:-1], b"", b"x" + note[1:]):
        path.write_bytes(torn)
        journal.journal_path(path).write_bytes(content)
        with input_error("whole journal", "run.h5.journal"):
            recording.open_hdf5(path)
        assert path.read_bytes() == torn
    recorder = recording.HDF5Recorder(path, overwrite=True)
    recording.record(*runs(), recording.Schedule(num_steps=2), recorders=[recorder])
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file(runs, tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    sim, state, params = runs()
    plan = recording.Schedule(num_steps=40, every=2)
    written = journal._write

    def full(raw, start, data):
        if start + len(data) > 60_000:
            raise OSError(28, "No space left on device")
        written(raw, start, data)

    recorder = recording.HDF5Recorder(path, chunk_frames=4, compression=None)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="space"):
        patch.setattr(journal, "_write", full)
        recording.record(sim, state, params, plan, recorders=[recorder])
    frames = len(_contents(path)["times"])
    assert 1 <= frames < 21
    recording.resume(path, sim, params, plan)
    whole = sim.rollout(state, params, 40, 2)
    np.testing.assert_array_equal(_contents(path)["u"], whole[0])


def test_refused(runs, tmp_path, input_error):
    path = tmp_path / "run.h5"
    sim, state, params = runs()
    plan = recording.Schedule(num_steps=20, every=2)
    first = recording.HDF5Recorder(path)

    def meanwhile(done, total):
        if done == 10:
            with input_error("being written"):
                recording.open_hdf5(path)
            with input_error("for one process alone"):
                recording.resume(path, sim, params, plan)

    recording.record(sim, state, params, plan, recorders=[first], callback=meanwhile)
    kept = path.read_bytes()
    with input_error("run.h5 exists", "overwrite=True"):
        recording.HDF5Recorder(path)
    with input_error("gzip or None", "'lzf'"):
        recording.HDF5Recorder(tmp_path / "a.h5", compression="lzf")
    with input_error("float64 or float32", "'int8'"):
        recording.HDF5Recorder(tmp_path / "a.h5", dtype="int8")
    with input_error("chunk_frames", "0"):
        recording.HDF5Recorder(tmp_path / "a.h5", chunk_frames=0)
    with input_error("params of the run", "0.035", "0.01"):
        recording.resume(path, sim, params | {"F": 0.01}, plan)
    with input_error("scheme of the run", "sbdf2"):
        recording.resume(path, *runs("sbdf2")[::2], plan)
    for steps, every in ((20, 4), (10, 2)):
        times = recording.Schedule(num_steps=steps, every=every)
        with input_error("save times", "11 frames", "up to 20"):
            recording.resume(path, sim, params, times)
    with input_error("found none"):
        recording.resume(tmp_path / "none.h5", sim, params, plan)
    (tmp_path / "text.h5").write_text("no HDF5")
    h5py.File(tmp_path / "other.h5", "w").close()
    for name in ("text.h5", "other.h5"):
        with input_error("recorded run", name):
            recording.open_hdf5(tmp_path / name)
        with input_error("recorded run", name):
            recording.resume(tmp_path / name, sim, params, plan)
    assert path.read_bytes() == kept


def test_parameters_that_are_fields(tmp_path, input_error):
    path = tmp_path / "run.h5"
    model, grid = rdtf.models.get("fisher_kpp"), rdtf.Grid((4,))
    sim = rdtf.Simulation(model, grid, 0.1, varying=("r",))
    params = {"D": [1.0, 0.5], "r": np.linspace(0.5, 1.0, 4)}
    state = (np.full((1, 4), 0.1),)
    recorder = recording.HDF5Recorder(path)
    recording.record(
        sim, state, params, recording.Schedule(num_steps=4), recorders=[recorder]
    )
    recording.resume(path, sim, params, recording.Schedule(num_steps=6))
    contents = _contents(path)
    np.testing.assert_array_equal(contents["params/r"], params["r"])
    assert contents["u"].shape == (2, 7, 4)
    with input_error("field r", "another"):
        recording.resume(
            path, sim, params | {"r": np.ones(4)}, recording.Schedule(num_steps=8)
        )


def test_xarray(runs, tmp_path):
    pytest.importorskip("xarray")
    path = tmp_path / "run.h5"
    recorders = [recording.HDF5Recorder(path), recording.MemoryRecorder()]
    recording.record(
        *runs(), recording.Schedule(num_steps=20, every=2), recorders=recorders
    )
    expected = recorders[1].movie
    for source in (path, expected):
        data = recording.to_xarray(source)
        assert data["v"].dims == ("sample", "time", "y", "x")
        np.testing.assert_array_equal(data["time"], expected.times)
        np.testing.assert_array_equal(data["x"], np.arange(8) + 0.5)
        assert data["status"].values.tolist() == ["not_converged"] * 2
        assert data.attrs["model"] == "gray_scott"
        assert json.loads(data.attrs["params"])["F"] == 0.035
        for part in (
            {"time": slice(None, None, -3)},
            {"time": slice(2, 2)},
            {"sample": 1, "x": slice(6, 1, -2)},
            {"y": [5, 0, 3]},
        ):
            lazy, exact = data["v"].isel(part), expected.fields["v"]
            index = tuple(part.get(d, slice(None)) for d in data["v"].dims)
            np.testing.assert_array_equal(lazy, exact[index])
        data.close()


_WRITER = """
import sys
import rdtf
from rdtf import recording

model = rdtf.models.GRAY_SCOTT
sim = rdtf.Simulation(model, rdtf.Grid((16, 16)), 1.0, "sbdf2")
state = rdtf.initial_conditions.create(None, model, sim.grid, 2, 0)
plan = recording.Schedule(num_steps=int(sys.argv[2]), every=2)
if sys.argv[3] == "new":
    recorders = [recording.HDF5Recorder(sys.argv[1], chunk_frames=2)]
    recording.record(sim, state, model.defaults, plan, recorders=recorders)
else:
    recording.resume(sys.argv[1], sim, model.defaults, plan)
"""


def _writer(path, num_steps, how):
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(num_steps), how],
        cwd=app_runner.ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_killed_while_writing(tmp_path):
    """SIGKILL at random moments; the writer does hardly anything but write."""
    path, whole = tmp_path / "broken.h5", tmp_path / "whole.h5"
    rng, how, frames = random.Random(time.time_ns()), "new", 0
    for _ in range(6):
        size = path.stat().st_size if path.exists() else 0
        process = _writer(path, 10**7, how)
        while not (path.exists() and path.stat().st_size > size):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.5))
        process.kill()
        assert process.wait(60) == -9
        with recording.open_hdf5(path) as movie:
            assert len(movie.times) == movie.fields["v"].shape[1] > frames
            frames = len(movie.times)
            assert (np.diff(movie.steps) == 2).all()
        how = "resume"
    assert _writer(path, 2 * (frames + 20), "resume").wait(300) == 0
    assert _writer(whole, 2 * (frames + 20), "new").wait(300) == 0
    _assert_same(path, whole)
