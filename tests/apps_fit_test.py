"""apps.fit: what it finds, what it leaves in the work directory, how it goes on."""

import json
import subprocess
import sys
import time

import app_runner
import imageio.v3 as imageio
import made_patterns
import numpy as np
import pytest
from app_outcome import outcome  # noqa: F401

from rdtf import engines, storage
from rdtf.storage import load_targets

TRUTH = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}
START = "--start=" + ",".join(f"{n}={v}" for n, v in made_patterns.SEED_START.items())
BPTT = (
    "--route=bptt",
    "--window=5",
    "--warmup=6",
    "--iterations=3",
    "--batch=2",
    "--nocheck",
    "--valid_range=u=-1:3,v=0:1",
    "--transforms=Du=softplus,F=sigmoid:0.1",
)
KEYS = {
    "status",
    "advice",
    "route",
    "params",
    "start",
    "loss",
    "iterations",
    "wall_seconds",
    "true_params",
    "relative_error_percent",
    "model",
    "observe",
    "engine",
    "scheme",
    "time_step",
}


def _result(workdir):
    return json.loads((workdir / "result.json").read_text())


def _close(params, percent=0.2):
    return all(abs(params[n] / TRUTH[n] - 1.0) < percent / 100 for n in TRUTH)


@pytest.fixture(scope="session")
def spots(simulations, tmp_path_factory):
    """A target file of two small pictures."""
    path = tmp_path_factory.mktemp("targets") / "spots.npz"
    storage.save_targets(path, made_patterns.get(simulations)[1])
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run that made its own targets: (exit code, work directory)."""
    home = tmp_path_factory.mktemp("finished")
    code = app_runner.run(
        "fit",
        f"--targets={home}/made/spots.npz",
        "--truth=Du=.16,Dv=.08,F=.035,k=.065",
        "--shape=32,32",
        "--num_samples=2",
        "--tolerance=1e-5",
        "--max_steps=20000",
        START,
        f"--workdir={home}/run",
    )
    return code, home


def test_finds_all_four(finished):
    code, home = finished
    assert code == 0
    result = _result(home / "run")
    assert set(result) >= KEYS
    assert result["status"] == "converged" and result["route"] == "auto"
    assert result["true_params"] == TRUTH and _close(result["params"])
    assert result["start"] == made_patterns.SEED_START
    assert result["loss"] < 1e-6 and result["iterations"] > 3
    assert 0.0 < result["wall_seconds"] < 100.0
    for name, percent in result["relative_error_percent"].items():
        expected = 100.0 * abs(result["params"][name] / TRUTH[name] - 1.0)
        assert percent == pytest.approx(expected, rel=1e-6)
    assert result["check"]["passed"] is True
    assert result["engine"] in engines.ENGINES and result["time_step"] == 1.0


def test_what_is_left(finished):
    _, home = finished
    run = home / "run"
    left = {p.relative_to(run).parts[0] for p in run.rglob("*")}
    assert left == {
        *("result.json", "stages.jsonl", "trajectory.jsonl", "run.flags"),
        "certificates.json",
        *("fit.png", "fit.gif", "spectra.png", "tensorboard"),
    }
    assert [p.name for p in (home / "made").iterdir()] == ["spots.npz"]
    assert list((run / "tensorboard").glob("events.out.tfevents.*"))
    records = [
        json.loads(line) for line in (run / "trajectory.jsonl").read_text().splitlines()
    ]
    assert {record["engine"] for record in records} == {_result(run)["engine"]}
    assert len(records) == _result(run)["iterations"] + 1
    assert records[-1]["params"] == _result(run)["params"]
    for picture in ("fit.png", "spectra.png"):
        assert np.ptp(imageio.imread(run / picture)) > 100
    frames = imageio.imread(run / "fit.gif", index=None)
    assert len(frames) > 10 and np.ptp(frames[-1]) > 50


def test_certificates_of_the_first_and_the_last_window(finished):
    _, home = finished
    found = json.loads((home / "run" / "certificates.json").read_text())
    assert list(found) == ["first", "last"]
    for certificate in found.values():
        assert certificate["passed"] is True and certificate["num_steps"] == 50
        assert abs(certificate["taylor_slope"] - 2.0) < 0.1


def test_run_flags_do_it_again_bit_for_bit(finished):
    """In a process of its own, as a user would."""
    _, home = finished
    ended = app_runner.shell(
        "fit",
        f"--flagfile={home}/run/run.flags",
        f"--workdir={home}/again",
        "--nocheck",
    )
    assert ended.returncode == 0, ended.stderr
    first, again = _result(home / "run"), _result(home / "again")
    assert again["params"] == first["params"] and again["loss"] == first["loss"]
    assert again["check"] is None and not (home / "again" / "fit.png").exists()
    texts = [(home / d / "trajectory.jsonl").read_text() for d in ("run", "again")]
    assert texts[0] == texts[1]
    assert "Traceback" not in ended.stderr
    table = [line.split()[:2] for line in ended.stdout.splitlines()]
    for name, value in TRUTH.items():
        assert [name, f"{value:.6g}"] in table


def test_pictures_from_any_source(spots, tmp_path):
    """Single precision, no metadata, no second species: nothing is known but pixels."""
    v = load_targets(spots, "v").fields["v"].astype(np.float32)
    for name, field in (("many", v), ("one", v[0])):
        np.savez(tmp_path / f"{name}.npz", v=field)
        arguments = (f"--targets={tmp_path}/{name}.npz", START, "--nocheck")
        assert app_runner.run("fit", *arguments, f"--workdir={tmp_path}/{name}") == 0
        result = _result(tmp_path / name)
        assert _close(result["params"])
        assert not {"true_params", "relative_error_percent"} & set(result)


def test_a_frame_of_a_movie(spots, tmp_path):
    made = load_targets(spots, "v")
    movie = np.stack([0.0 * made.fields["v"][0] + 1.0, made.fields["v"][0]])
    np.savez(tmp_path / "movie.npz", v=movie)
    code = app_runner.run(
        "fit",
        f"--targets={tmp_path}/movie.npz",
        "--frame_interval=10",
        "--frame=-1",
        START,
        "--nocheck",
        f"--workdir={tmp_path}/run",
    )
    assert code == 0 and _close(_result(tmp_path / "run")["params"])


@pytest.fixture(scope="session")
def windows(spots, tmp_path_factory):
    """A finished run of route bptt."""
    workdir = tmp_path_factory.mktemp("windows")
    code = app_runner.run(
        "fit", f"--targets={spots}", START, *BPTT, f"--workdir={workdir}"
    )
    assert code == 0
    return workdir


def test_windows(windows):
    result = _result(windows)
    assert result["status"] == "max_iterations" and result["iterations"] == 3
    assert result["route"] == "bptt"
    lines = (windows / "trajectory.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == 4 and result["loss"] == min(losses)
    assert (windows / "checkpoint.npz").exists()


def test_resume_with_more_iterations(spots, windows, tmp_path):
    """The flags of the run are taken over; two more iterations are the same two."""
    workdir = tmp_path / "run"
    first = BPTT[:3] + ("--iterations=1",) + BPTT[4:]
    arguments = (f"--targets={spots}", START, f"--workdir={workdir}")
    assert app_runner.run("fit", *arguments, *first) == 0
    arguments = (f"--targets={spots}", "--iterations=3", f"--workdir={workdir}")
    assert app_runner.run("fit", *arguments, "--resume") == 0
    texts = [(d / "trajectory.jsonl").read_text() for d in (workdir, windows)]
    assert texts[0] == texts[1]
    expected = _result(windows) | {"wall_seconds": 0.0}
    assert _result(workdir) | {"wall_seconds": 0.0} == expected
    assert "--iterations=3" in (workdir / "run.flags").read_text()


def test_overwrite_removes_the_former_run_and_nothing_else(spots, windows, tmp_path):
    workdir = tmp_path / "run"
    workdir.mkdir()
    for name in ("notes.txt", "field_of_mine.npz"):
        (workdir / name).write_text("mine")
    arguments = (f"--targets={spots}", START, f"--workdir={workdir}")
    assert app_runner.run("fit", *arguments, *BPTT) == 0
    assert (workdir / "checkpoint.npz").exists()
    left = ("field.npz", "posterior.npz", "posterior.png", "stages.jsonl", "fit.png")
    for name in (*left, ".part-1a2b.png"):  # of another route, and of a kill
        (workdir / name).write_text("old")
    residual = ("--route=residual", "--nocheck", "--overwrite")
    assert app_runner.run("fit", *arguments, *residual) == 0
    names = {path.name for path in workdir.iterdir()}
    assert names == {
        *("notes.txt", "field_of_mine.npz", "run.flags", "result.json"),
        *("trajectory.jsonl", "stages.jsonl", "tensorboard"),
    }
    assert (workdir / "notes.txt").read_text() == "mine"
    assert (workdir / "stages.jsonl").read_text() != "old"
    text = (workdir / "trajectory.jsonl").read_text()
    assert '"bptt"' not in text and '"residual"' in text


def test_a_failed_start_has_an_exit_code_and_a_result(spots, outcome, tmp_path):  # noqa: F811
    ended = outcome(
        "fit",
        f"--targets={spots}",
        "--start=Du=.13,Dv=.13,F=0.9,k=0.3",
        *("--route=bptt", "--window=5", "--warmup=6", "--batch=2"),
        f"--workdir={tmp_path}/run",
    )
    assert ended.code == 1 and "start elsewhere" in ended.out
    result = _result(tmp_path / "run")
    assert result["status"] == "failed_start" and result["loss"] is None
    assert result["params"] == pytest.approx(result["start"])


def test_help_names_every_flag():
    text = app_runner.shell("fit", "--help").stdout
    for word in ("--targets", "--window", "--learning_rate", "--model", "--workdir"):
        assert word in text


def test_help_is_quick_and_light():
    code = (
        "import sys, runpy; sys.argv = ['fit', '--help']\n"
        "try: runpy.run_module('apps.fit', run_name='__main__', alter_sys=True)\n"
        "finally: print('heavy:', {'tensorflow', 'keras', 'scipy'} & set(sys.modules))"
    )
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=app_runner.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert time.monotonic() - began < 2.0
    assert "heavy: set()" in ended.stdout
    assert "python -m apps.fit --flagfile=gs.flags" in ended.stdout
