"""apps.generate: data sets as users make them, stop them and spread them."""

import os
import signal
import subprocess
import sys
import time

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import patterns

SMALL = (
    "--until=steps",
    "--preset=maze,waves",
    "--num_samples=4",
    "--height=24",
    "--width=24",
    "--steps=60",
    "--chunk=3",
)


def test_a_data_set(tmp_path, capsys):
    output = tmp_path / "sub" / "a.h5"
    assert app_runner.run("generate", f"--output={output}", *SMALL) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{output}: ") and lines[0].endswith(" MB")
    assert lines[1].startswith("maze: 4 moving, 0 frozen") and len(lines) == 3
    data = patterns.read(output)
    assert data.fields["u"].shape == (8, 24, 24)
    assert data.metadata["time_step"] == 1.0 and data.metadata["steps"] == 60
    plan = patterns.Plan(
        presets=("maze", "waves"), num_samples=4, shape=(24, 24), steps=60, chunk=3
    )
    same = patterns.generate(tmp_path / "b.h5", plan)
    assert same.read_bytes() == output.read_bytes()


def test_a_preset_that_cannot_live(tmp_path, capsys):
    output = tmp_path / "a.h5"
    flags = ("--until=steps", "--preset=life", "--shape=16,16", "--num_samples=1")
    assert app_runner.run("generate", f"--output={output}", *flags, "--steps=900") == 1
    assert "5 of 5 starts died, 1 samples given up" in capsys.readouterr().out


def test_parameters_that_differ(tmp_path):
    output = tmp_path / "a.h5"
    app_runner.run("generate", f"--output={output}", *SMALL, "--params=F=.03")
    params = patterns.read(output).metadata["params"]
    assert params["maze"] == {"Du": 0.16, "Dv": 0.08, "F": 0.03, "k": 0.057}
    assert params["waves"]["F"] == 0.03 and params["waves"]["k"] == 0.049


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--until=steady",), "--until=steps with a data set"),
        (("--boundary=no_flux",), "no --boundary with a data set"),
        (("--shape=24,24", "--height=24"), "--height and --width, got both"),
        (("--pairs=x",), "--pairs=rate or a number of steps"),
        (("--params=Q=.03",), "unknown: Q"),
        (("--preset=no",), "preset"),
        (("--preset=maze,maze",), "different presets"),
        (("--shard=2", "--num_shards=2"), "--shard below --num_shards=2"),
        (("--ray", "--num_shards=2"), "one of --ray and --num_shards"),
        (("--resume", "--overwrite"), "one of --resume and --overwrite"),
    ],
)
def test_what_cannot_be(tmp_path, outcome, flags, word):  # noqa: F811
    end = outcome(
        "generate", f"--output={tmp_path / 'a.h5'}", "--until=steps", "--preset=maze",
        "--num_samples=1", "--steps=2", *flags,
    )  # fmt: skip
    assert_one_line(end, word)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_kept(tmp_path, outcome):  # noqa: F811
    output, partial = tmp_path / "a.h5", tmp_path / "b.h5.partial"
    output.write_text("mine")
    partial.write_text("unfinished")
    flags = ("--until=steps", "--preset=maze")
    assert_one_line(outcome("generate", f"--output={output}", *flags), "exists")
    end = outcome("generate", f"--output={tmp_path / 'b.h5'}", *flags)
    assert_one_line(end, "is unfinished: add --resume")
    end = outcome("generate", f"--output={tmp_path / 'b.h5'}", *flags, "--resume")
    assert_one_line(end, "Expected an unfinished data set")
    assert output.read_text() == "mine" and partial.read_text() == "unfinished"
    end = outcome("generate", f"--output={tmp_path / 'c.npz'}", "--preset=maze,waves")
    assert_one_line(end, "one --preset for an .npz")


@pytest.mark.slow
def test_killed_and_resumed(tmp_path):
    flags = [
        *SMALL[:2],
        "--shape=64,64",
        "--num_samples=40",
        "--steps=20000",
        "--chunk=2",
    ]
    command = [sys.executable, "-m", "apps.generate", *flags]
    whole, output = tmp_path / "whole.h5", tmp_path / "a.h5"
    subprocess.run([*command, f"--output={whole}"], cwd=app_runner.ROOT, check=True)
    process = subprocess.Popen([*command, f"--output={output}"], cwd=app_runner.ROOT)
    partial = tmp_path / "a.h5.partial"
    while not partial.exists():
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert partial.exists() and not output.exists()
    subprocess.run(
        [*command, f"--output={output}", "--resume"], cwd=app_runner.ROOT, check=True
    )
    assert output.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    from rdtf.patterns import ensembles, ray_pool

    plan = patterns.Plan(
        presets=("maze", "waves"), num_samples=6, shape=(32, 32), steps=200, chunk=2
    )
    expected = patterns.generate(tmp_path / "a.h5", plan).read_bytes()
    flag = tmp_path / "died"

    def dies_once(plan, number):
        if number == 3 and not flag.exists():
            flag.write_text("x")
            os._exit(1)
        return ensembles.make_chunk(plan, number)

    ray.init(num_cpus=2, log_to_driver=False)
    try:
        monkeypatch.setattr(ray_pool, "_make", dies_once)
        path = patterns.generate(tmp_path / "b.h5", plan, pool=ray_pool.make_chunks)
    finally:
        ray.shutdown()
    assert flag.exists() and path.read_bytes() == expected
    np.testing.assert_array_equal(patterns.read_labels(path).status, ensembles.MOVING)
