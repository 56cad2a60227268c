"""The report, its files, and what it refuses."""

import json
import subprocess
import sys

import app_runner
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401


def test_gray_scott(tmp_path, capsys):
    app_runner.run(
        "analyze",
        "--params=F=.04,k=.06",
        "--over=k,F",
        "--range=k=.03:.07",
        f"--workdir={tmp_path}",
    )
    text = capsys.readouterr().out
    assert "∂u/∂t = Du ∇²u + F (1 - u) - u v²" in text
    assert "marginal" in text and "stable node" in text
    assert "exactly on the saddle-node 4 (F + k)² = F" in text
    result = json.loads((tmp_path / "analysis.json").read_text(encoding="utf-8"))
    assert result["boundaries"]["saddle_node"]["on"]
    assert result["curves"]["saddle_node"]
    for name in ("dispersion.png", "bifurcations.png", "run.flags"):
        assert (tmp_path / name).stat().st_size > 0


def test_equations_as_text(tmp_path, capsys):
    text = "u: a - u + u^2*v + lap(u); v: b - u^2*v + d*lap(v); a = .1; b = .9; d = 10"
    arguments = ("--over=d,a", "--shape=64,64", "--laplacian=spectral")
    app_runner.run(
        "analyze", f"--equations={text}", *arguments, f"--workdir={tmp_path}"
    )
    assert "8.56763" in capsys.readouterr().out


def test_a_named_state_and_one_parameter(tmp_path, capsys):
    app_runner.run(
        "analyze",
        "--model=cahn_hilliard",
        "--state=u=.2",
        "--over=gamma",
        f"--workdir={tmp_path}",
    )
    assert "Something is conserved" in capsys.readouterr().out
    assert not (tmp_path / "bifurcations.png").exists()


def test_without_tensorflow(tmp_path):
    code = (
        "import sys; sys.argv = ['analyze', '--model=fisher_kpp', "
        f"'--workdir={tmp_path}']\n"
        "import runpy\n"
        "try:\n    runpy.run_module('apps.analyze', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=app_runner.ROOT, check=True)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--range=k=.03",), ("--range=NAME=FROM:TO",)),
        (("--over=F,k", "--range=Du=0:1"), ("'Du'",)),
        (("--over=F,q",), ("'q'",)),
        (("--over=F", "--range=F=0:1"), ("two parameters",)),
        (("--state=u=3,v=1",), ("Expected a uniform state",)),
        (("--state=9",), ("below",)),
        (("--model=cahn_hilliard",), ("continuum",)),
    ],
)
def test_refused(outcome, tmp_path, arguments, words):  # noqa: F811
    end = outcome("analyze", *arguments, f"--workdir={tmp_path}")
    assert_one_line(end, *words)
    assert end.code == 2
