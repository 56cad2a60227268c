"""Two processes on one target: the second is refused; a killed one keeps nobody off."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading

import app_runner
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import storage
from rdtf.storage import locks

_HOLDER = """
import sys
from rdtf import storage
storage.hold(sys.argv[1], directory=sys.argv[2] == "True")
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def _held(path, directory=False):
    """Another process that holds a path; it ends when the block does."""
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), str(directory)],
        cwd=app_runner.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout.readline() == b"held\n"
        yield child
    finally:
        child.stdin.close()
        child.wait(60)


def _names(directory):
    return sorted(path.name for path in directory.rglob("*"))


@pytest.fixture(autouse=True)
def _nothing_stays_held():
    yield
    assert not locks._held


def test_a_file_for_one_process(tmp_path, input_error):
    path = tmp_path / "new" / "a.gif"
    with _held(path):
        with input_error("a.gif for one process alone", "choose another --output"):
            storage.hold(path, "--output")
        with storage.hold(tmp_path / "new" / "b.gif"):
            assert _names(tmp_path / "new") == [".a.gif.lock", ".b.gif.lock"]
    assert _names(tmp_path) == []  # as it was before
    with storage.hold(path):
        path.write_text("a result")
    assert _names(tmp_path) == ["a.gif", "new"]


def test_a_kill_leaves_no_stale_lock(tmp_path):
    with _held(tmp_path, directory=True) as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(60)
        assert _names(tmp_path) == [".lock"]
        with storage.hold(tmp_path, directory=True):
            pass
    assert _names(tmp_path) == []


def test_threads_share_a_lock(tmp_path):
    path, held = tmp_path / "a.h5", []
    threads = [
        threading.Thread(target=lambda: held.append(storage.hold(path)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(held) == 4
    for lock in held:
        assert _names(tmp_path) == [".a.h5.lock"]
        lock.release()
    assert _names(tmp_path) == []


def test_a_lock_file_that_was_removed_is_no_lock(tmp_path):
    """Who opened it just before its holder removed it must not think that it has it."""
    path = tmp_path / "a.h5"
    first = storage.hold(path)
    handle = os.open(tmp_path / ".a.h5.lock", os.O_RDWR)
    first.release()
    assert not locks._is_open_file(handle, tmp_path / ".a.h5.lock")
    with storage.hold(path):
        assert not locks._is_open_file(handle, tmp_path / ".a.h5.lock")
    os.close(handle)


def test_a_forked_process_leaves_the_lock_to_its_parent(tmp_path):
    with storage.hold(tmp_path / "a"):
        child = os.fork()
        if not child:
            os._exit(len(locks._held))
        assert os.waitpid(child, 0)[1] == 0
        assert _names(tmp_path) == [".a.lock"]


@pytest.mark.parametrize("error", [OSError(95, "not supported"), OSError(37, "none")])
def test_without_locks_nobody_is_kept_off(error, tmp_path, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(locks.fcntl, "flock", fail)
    with storage.hold(tmp_path / "a"):
        assert _names(tmp_path) == []


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with storage.hold(tmp_path / "file" / "a.h5"), storage.hold("/proc/no/a.h5"):
        pass


@pytest.mark.parametrize(
    ("app", "target", "arguments"),
    [
        ("analyze", "--workdir", ()),
        ("simulate", "--output", ("--duration=1", "--every=1")),
        ("simulate", "--output", ("--duration=1", "--every=1", "--overwrite")),
        ("generate", "--output", ("--preset=maze", "--until=steps", "--overwrite")),
        ("generate", "--output", ("--preset=maze", "--until=steps", "--resume")),
        ("fit", "--workdir", ("--targets=missing.png",)),
    ],
)
def test_an_app_is_refused(app, target, arguments, tmp_path, outcome):  # noqa: F811
    path = tmp_path / ("run" if target == "--workdir" else "a.h5")
    with _held(path, directory=target == "--workdir"):
        ended = outcome(app, f"{target}={path}", *arguments)
        before = _names(tmp_path)
    assert_one_line(ended, f"{path} for one process alone", f"another {target}")
    assert before in ([".lock", "run"], [".a.h5.lock"])
    assert ended.code == 2


def test_a_shard_and_another(tmp_path, outcome):  # noqa: F811
    """Shards of one data set are made at the same time."""
    flags = ("--preset=maze", "--until=steps", "--num_samples=2", "--chunk=1")
    flags += (
        "--steps=2",
        "--shape=16,16",
        "--num_shards=2",
        f"--output={tmp_path}/a.h5",
    )
    with _held(tmp_path / "a-00000-of-00002.h5"):
        assert outcome("generate", *flags, "--shard=0").code == 2
        assert app_runner.run("generate", *flags, "--shard=1") in (0, 1)
    assert _names(tmp_path) == ["a-00001-of-00002.h5"]


def test_runs_of_one_second_have_directories_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with app_runner.loaded("analyze") as module:
        monkeypatch.setattr(module.common.time, "strftime", lambda _: "runs/now")
        with _held(tmp_path / "runs" / "now", directory=True):
            assert str(module.workdirs.open_workdir("analyze")) == "runs/now-2"
            assert str(module.workdirs.open_workdir("analyze")) == "runs/now-3"
        (tmp_path / "runs" / "now").mkdir()
        assert str(module.workdirs.open_workdir("analyze")) == "runs/now-4"
    assert _names(tmp_path) == ["now", "runs"]


def test_overwrite_knows_every_file_of_a_work_directory():
    """As it is written in the sources; what a run really leaves, `app_runner` checks."""
    sources = [
        *app_runner.ROOT.glob("apps/*.py"),
        *app_runner.ROOT.glob("rdtf/**/*.py"),
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    found = set(re.findall(r'(?:workdir|output|directory)\)? / "([^"]+)"', text))
    assert {
        "field.npz",
        "posterior.npz",
        "posterior.png",
        "traverse.png",
        "tensorboard",
    } <= found
    with app_runner.loaded("analyze") as module:
        known = {*module.workdirs.RUN_FILES, *module.workdirs.RUN_DIRECTORIES}
    assert found <= known
