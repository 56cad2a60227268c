"""apps.simulate: a file that streams, that can be continued, and one line for the rest."""

import os
import signal
import subprocess
import sys
import time

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

import rdtf
from rdtf import recording

SMALL = ("--shape=8,8", "--duration=40", "--every=4", "--chunk_frames=4")


def _arrays(path):
    with recording.open_hdf5(path) as movie:
        return {n: f[...] for n, f in movie.fields.items()} | {"times": movie.times}


def test_streams_a_run(tmp_path, capsys):
    path = tmp_path / "sub" / "run.h5"
    arguments = (*SMALL, "--preset=maze", "--params=F=.03", "--num_samples=2")
    app_runner.run("simulate", f"--output={path}", *arguments, "--seed=5")
    line = capsys.readouterr().out
    assert line.startswith(f"{path}: 2 not_converged; 11 frames up to time 40; no ev")
    assert line.endswith(" MB\n")
    model, grid = rdtf.models.GRAY_SCOTT, rdtf.Grid((8, 8))
    with recording.open_hdf5(path) as movie:
        params = {"Du": 0.16, "Dv": 0.08, "F": 0.03, "k": 0.057}
        assert movie.metadata["params"] == params
        assert movie.metadata["seed"] == 5
        assert movie.metadata["initial_condition"] == "central_square"
        sim = rdtf.Simulation(model, grid, movie.metadata["time_step"])
        state = rdtf.initial_conditions.create(None, model, grid, 2, 5, params)
        expected = sim.rollout(state, params, 40, 4)
        np.testing.assert_array_equal(movie.fields["v"][...], expected[1])


@pytest.mark.parametrize(
    ("stop", "status", "steps"),
    [
        ("steady", "converged", ["--scheme=rk4"]),
        ("extinct", "not_converged", ["--scheme=tsit5", "--adaptive"]),
    ],
)
def test_stops_when_it_is_over(stop, status, steps, tmp_path, capsys):
    path = tmp_path / "run.h5"
    arguments = ("--shape=8", "--model=fisher_kpp", "--duration=500", "--every=5")
    chosen = (f"--stop_when={stop}", "--tolerance=1e-3", "--float32", "--nocompress")
    app_runner.run("simulate", f"--output={path}", *arguments, *chosen, *steps)
    line = capsys.readouterr().out
    assert f": 1 {status}; " in line and f"; events: 1 {stop}; " in line
    with recording.open_hdf5(path) as movie:
        assert movie.times[-1] < 500.0 and movie.fields["u"].dtype == np.float32
        np.testing.assert_allclose(movie.fields["u"][0, -1], 1.0, atol=1e-3)


def test_goes_on_to_a_longer_duration(tmp_path, capsys):
    paths = [tmp_path / "whole.h5", tmp_path / "parts.h5"]
    for path, duration in zip(paths, (40, 24), strict=True):
        arguments = (f"--output={path}", *SMALL, f"--duration={duration}")
        app_runner.run("simulate", *arguments)
    app_runner.run("simulate", f"--output={paths[1]}", *SMALL, "--resume")
    whole, parts = map(_arrays, paths)
    for name, values in whole.items():
        np.testing.assert_array_equal(values, parts[name])
    assert "11 frames" in capsys.readouterr().out.splitlines()[-1]


BAD = {
    "suffix": (["--output=run.npz"], [".h5", "run.npz"]),
    "duration": (["--duration=-1"], ["--duration", "-1"]),
    "every": (["--every=0"], ["--every", "0"]),
    "multiple": (["--duration=41"], ["multiple of --every", "41", "take 40"]),
    "time step": (["--every=2.5"], ["multiples of the time step 1", "2.5"]),
    "resume": (["--resume"], ["to resume", "none"]),
    "both": (["--resume", "--overwrite"], ["one of --resume and --overwrite"]),
    "unstable": (["--time_step=4"], ["time step of at most"]),
    "adaptive": (["--adaptive"], ["tsit5", "forward_euler"]),
    "stop": (["--stop_when=bored"], ["--stop_when", "steady"]),
    "preset": (["--preset=spotty"], ["spots", "'spotty'"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, outcome, tmp_path):  # noqa: F811
    arguments, words = BAD[case]
    ended = outcome("simulate", f"--output={tmp_path}/f.h5", *SMALL, *arguments)
    assert_one_line(ended, *words)
    assert list(tmp_path.iterdir()) == []


def test_existing_files_are_kept(outcome, tmp_path, capfd):  # noqa: F811
    path = tmp_path / "f.h5"
    path.write_text("precious")
    ended = outcome("simulate", f"--output={path}", *SMALL)
    assert_one_line(ended, "--resume", "--overwrite", "f.h5")
    ended = outcome("simulate", f"--output={path}", *SMALL, "--resume")
    assert_one_line(ended, "recorded run", "f.h5")
    assert path.read_text() == "precious"
    app_runner.run("simulate", f"--output={path}", *SMALL, "--overwrite")
    kept = path.read_bytes()
    capfd.readouterr()
    for flag, words in (
        ("--seed=3", ["--seed", "0", "3"]),
        ("--num_samples=2", ["--num_samples", "1", "2"]),
        ("--params=F=.01", ["params", "0.01"]),
        ("--every=8", ["save times"]),
    ):
        ended = outcome("simulate", f"--output={path}", *SMALL, "--resume", flag)
        assert_one_line(ended, *words)
    assert path.read_bytes() == kept


def test_ctrl_c_leaves_a_file_to_resume(tmp_path, capsys):
    """A SIGINT on the way, then --resume."""
    path = tmp_path / "run.h5"
    command = [sys.executable, "-m", "apps.simulate", f"--output={path}", *SMALL]
    process = subprocess.Popen(
        [*command, "--duration=4000000"],
        cwd=app_runner.ROOT,
        env=os.environ | {"COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not path.exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.startswith(f"{path}: 1 not_converged; ") and out.count("\n") == 1
    assert err.endswith("error: Stopped by hand.\n") and "Traceback" not in err
    arrays = _arrays(path)
    count = len(arrays["times"])
    assert arrays["v"].shape == (1, count, 8, 8)
    end = 4 * (count + 3)
    app_runner.run(
        "simulate", f"--output={path}", *SMALL, f"--duration={end}", "--resume"
    )
    assert f" {count + 4} frames up to time {end}; " in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [path]
