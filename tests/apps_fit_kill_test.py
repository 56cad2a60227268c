"""kill -9 at random moments: the fit ends with the same bits."""

import json
import random
import subprocess
import sys
import time

import app_runner
import made_patterns
import pytest

from rdtf import storage

FLAGS = (
    "--start=Du=.13,Dv=.07,F=.04,k=.06",
    *("--route=bptt", "--window=6", "--warmup=10", "--stride=4", "--batch=2"),
    *("--iterations=150", "--nocheck"),
)


def _start(targets, workdir, *arguments):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "apps.fit", f"--targets={targets}"),
            *(f"--workdir={workdir}", *FLAGS, *arguments),
        ],
        cwd=app_runner.ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _lines(workdir):
    path = workdir / "trajectory.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.slow
def test_killed_and_resumed(simulations, tmp_path):
    targets = tmp_path / "spots.npz"
    storage.save_targets(targets, made_patterns.get(simulations)[1])
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert _start(targets, whole).wait(300) == 0

    rng = random.Random(time.time_ns())
    for more in (1, 30, 60):
        before = _lines(broken)
        process = _start(targets, broken, *(["--resume"] if before else []))
        while _lines(broken) < before + more and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.3))
        process.kill()
        assert process.wait(60) == -9  # it was not done yet
        assert not (broken / "result.json").exists()
    assert _start(targets, broken, "--resume").wait(300) == 0

    texts = [(d / "trajectory.jsonl").read_text() for d in (whole, broken)]
    assert texts[0].count("\n") == 151 and texts[0] == texts[1]
    results = [json.loads((d / "result.json").read_text()) for d in (whole, broken)]
    for result in results:
        assert result.pop("wall_seconds") > 0.0
    assert results[0] == results[1]
