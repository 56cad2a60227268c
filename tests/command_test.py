"""The command rdtf: apps by task, run as `python -m apps.NAME` does; flag files by name."""

import subprocess
import sys

import app_runner
import pytest

import rdtf
from rdtf import command

ROOT = app_runner.ROOT


def _shell(*command_line, cwd=ROOT, path=ROOT):
    """The finished process of `python command_line`, which finds packages on `path`."""
    return subprocess.run(
        [sys.executable, *map(str, command_line)],
        check=False,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(path), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def _apps():
    return {
        path.stem
        for path in (ROOT / "apps").glob("*.py")
        if "common.run(main)" in path.read_text(encoding="utf-8")
    }


def test_every_app_has_one_task():
    apps = [app for group in command.TASKS.values() for app in group]
    assert len(apps) >= 18
    assert sorted(apps) == sorted(_apps())


def test_help_lists_apps_and_flag_files(capsys):
    assert command.main(["--help"]) == 0
    text = capsys.readouterr().out
    for task, apps in command.TASKS.items():
        assert f"\n{task}:\n" in text
        for app in apps:
            assert f"\n  {app} " in text
    assert "Finds a model's parameters from pictures of its patterns." in text
    assert "gs.flags" in text and "cells_square.flags" in text
    assert command.main([]) == 0
    assert capsys.readouterr().out == text


def test_help_is_light():
    heavy = "{'tensorflow', 'numpy', 'absl', 'sympy'} & set(sys.modules)"
    code = f"from rdtf import command; command.main([]); import sys; print({heavy})"
    assert _shell("-c", code).stdout.splitlines()[-1] == "set()"


def test_version(capsys):
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"rdtf {rdtf.__version__}\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fitt", "near is fit"),
        ("rank-models", "near is rank_models"),
        ("common", "rdtf --help"),  # a module of apps, but none of them
        ("--model=nagumo", "rdtf --help"),
    ],
)
def test_unknown_app(capsys, name, words):
    assert command.main([name, "--help"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("error: ") and repr(name) in err and words in err


@pytest.mark.parametrize(
    ("flag", "code"), [("--params=F=.04,k=.06", 0), ("--params=F=x", 2)]
)
def test_an_app_is_as_python_m_runs_it(tmp_path, flag, code):
    ended = []
    for program in ("apps.analyze", "rdtf analyze"):
        workdir = tmp_path / program.replace(" ", "_")
        arguments = [*program.split(), flag, "--over=k", f"--workdir={workdir}"]
        ended.append(_shell("-m", *arguments))
        ended[-1].stdout = ended[-1].stdout.replace(str(workdir), "WORKDIR")
    assert ended[0].returncode == ended[1].returncode == code
    assert (ended[0].stdout, ended[0].stderr) == (ended[1].stdout, ended[1].stderr)
    if code == 0:
        flags = [(p / "run.flags").read_text() for p in sorted(tmp_path.iterdir())]
        assert flags[0] == flags[1] and "--over=k" in flags[0]


def test_help_of_an_app_names_the_command():
    text = _shell("-m", "rdtf", "analyze", "--help").stdout
    assert "    rdtf analyze --" in text and "\nThis task:\n" in text
    assert "python -m" not in text and "analyze.py" not in text


def test_another_package_called_apps_is_not_run(tmp_path):
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "__init__.py").touch()
    (tmp_path / "apps" / "analyze.py").write_text("print('another')")
    ended = _shell("-m", "rdtf", "analyze", cwd=tmp_path)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert str(tmp_path / "apps") in ended.stderr and str(ROOT) in ended.stderr


def test_flag_files_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ours, cells = str(ROOT / "gs.flags"), str(ROOT / "flags" / "cells_square.flags")
    assert command._with_paths(["--flagfile=gs.flags"]) == [f"--flagfile={ours}"]
    assert command._with_paths(["-flagfile", "gs.flags"]) == ["-flagfile", ours]
    assert command._flag_file("cells_square.flags") == cells
    assert command._flag_file("flags/cells_square.flags") == cells
    for name in (
        "none.flags",
        "elsewhere/gs.flags",
        "/gs.flags",
        "",
        "~",
        "../gs.flags",
    ):
        assert command._flag_file(name) == name
    assert (
        command._with_paths(["--", "--flagfile=gs.flags"])[1] == "--flagfile=gs.flags"
    )
    assert command._with_paths(["--output=gs.flags", "gs.flags"])[1] == "gs.flags"


def test_a_flag_file_that_is_there_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gs.flags").write_text("--model=nagumo\n")
    assert command._flag_file("gs.flags") == "gs.flags"


def test_flag_files_are_read(tmp_path):
    (tmp_path / "over.flags").write_text("--over=nothing\n")
    ended = _shell("-m", "rdtf", "analyze", "--flagfile=over.flags", cwd=tmp_path)
    assert ended.returncode == 2 and "nothing" in ended.stderr
    ended = _shell("-m", "rdtf", "certify", "--flagfile=gs.flags", cwd=tmp_path)
    assert ended.returncode == 2 and "'targets'" in ended.stderr  # a flag of fit alone
