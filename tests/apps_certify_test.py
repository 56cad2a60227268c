"""apps.certify: its report, its file, its exit codes."""

import json
import subprocess
import sys

import app_runner
import pytest

SMALL = (
    *("--shape=8,6", "--num_samples=2", "--preset=maze", "--time_step=1"),
    *("--until=steps", "--max_steps=40", "--num_steps=7"),
)


def test_report_and_file(tmp_path, capsys):
    output = tmp_path / "new" / "certificate.json"
    assert app_runner.run("certify", f"--output={output}", *SMALL) == 0
    found = json.loads(output.read_text())
    assert found["passed"] is True and found["num_steps"] == 7
    assert set(found["gradient"]) == {"Du", "Dv", "F", "k"}
    printed = capsys.readouterr().out.splitlines()
    assert f"gradient certificate: {found['verdict']}" in printed
    assert printed[-1] == str(output)
    before = output.read_text()
    again = (f"--output={output}", "--overwrite", *SMALL)
    assert app_runner.run("certify", *again) == 0
    assert output.read_text() == before


def test_a_wrong_gradient_has_an_exit_code(tmp_path, capsys, monkeypatch):
    from rdtf.simulation import Simulation

    right = Simulation.tangents

    def tangents(self, *arguments, **named):
        state, found = right(self, *arguments, **named)
        return state, {n: tuple(1.001 * t for t in f) for n, f in found.items()}

    monkeypatch.setattr(Simulation, "tangents", tangents)
    output = tmp_path / "certificate.json"
    assert app_runner.run("certify", f"--output={output}", *SMALL) == 1
    assert json.loads(output.read_text())["passed"] is False
    (line,) = [
        line
        for line in capsys.readouterr().err.splitlines()
        if line.startswith("error:")
    ]
    assert line.startswith("error: FAILED: adjoint against tangent")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--output=certificate.txt"], "end in .json"),
        (["--output={}"], "--overwrite"),
        (["--observe=w"], "u, v"),
        (["--preset=none"], "maze"),
        (["--params=Q=1"], "unknown: Q"),
        (["--time_step=3"], "time step"),
        (["--shape=8,x"], "--shape"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, word, input_error):
    there = tmp_path / "there.json"
    there.write_text("{}")
    flags = [flag.format(there) for flag in flags]
    if not any(flag.startswith("--output") for flag in flags):
        flags.append(f"--output={tmp_path / 'certificate.json'}")
    with input_error(word):
        app_runner.run("certify", *flags)
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]


def test_from_the_shell():
    """Help and wrong flags never wait for TensorFlow."""
    result = app_runner.shell("certify", "--num_steps=0")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    code = (
        "import sys, runpy; sys.argv = ['certify', '--help']\n"
        "try: runpy.run_module('apps.certify', run_name='__main__', alter_sys=True)\n"
        "finally: print('heavy:', {'tensorflow', 'keras', 'scipy'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=app_runner.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "heavy: set()" in ended.stdout
    assert "python -m apps.certify --preset=maze" in ended.stdout
