"""What an installation holds: a checkout by its path, a wheel without other names."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import app_runner
import pytest

ROOT = app_runner.ROOT


@pytest.fixture
def clone(tmp_path):
    """A copy of the source tree, in a directory called rdtf as a clone is."""
    left_out = shutil.ignore_patterns(
        *(".?*", "build", "dist", "data", "docs", "runs", "__pycache__", "*.egg-info")
    )
    return shutil.copytree(ROOT, tmp_path / "work" / "rdtf", ignore=left_out)


def _shell(*command, cwd, **environment):
    """The finished process."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        check=False,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


def _build(kind, clone):
    """What `setuptools.build_meta` makes of the tree: pip and build call the same."""
    folder = clone.parent / kind
    folder.mkdir()
    code = f"from setuptools import build_meta as b; b.build_{kind}({str(folder)!r})"
    ended = _shell("-c", code, cwd=clone)
    assert ended.returncode == 0, ended.stderr
    (built,) = folder.iterdir()
    return built


def _names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_a_script_beside_a_clone_finds_the_package(clone, tmp_path):
    """Any folder called rdtf hides what a finder finds, but not what is on the path."""
    wheel = _build("editable", clone)
    assert not [name for name in _names(wheel) if name.endswith(".py")]
    venv.create(tmp_path / "venv", with_pip=False)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    script = clone.parent / "script.py"
    script.write_text("import rdtf, apps\nprint(rdtf.__file__, apps.__file__)\n")
    for where in (clone.parent, tmp_path):
        ended = subprocess.run(
            [tmp_path / "venv" / "bin" / "python", script],
            check=False,
            cwd=where,
            env={},
            capture_output=True,
            text=True,
        )
        assert ended.stderr == ""
        files = [clone / name / "__init__.py" for name in ("rdtf", "apps")]
        assert [pathlib.Path(f) for f in ended.stdout.split()] == files


def test_wheel_holds_the_apps_inside_rdtf(clone):
    former = clone / "build" / "lib" / "apps"
    former.mkdir(parents=True)
    (former / "old.py").touch()
    wheel = _build("wheel", clone)
    names = _names(wheel)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"rdtf"}
    assert "rdtf/py.typed" in names
    for path in [*ROOT.glob("rdtf/**/*.py"), *ROOT.glob("apps/*.py")]:
        name = path.relative_to(ROOT).as_posix()
        assert name.replace("apps/", "rdtf/apps/") in names
    flag_files = [ROOT / "gs.flags", *ROOT.glob("flags/*.flags")]
    assert {f"rdtf/flags/{path.name}" for path in flag_files} <= names
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = (name for name in names if name.endswith("entry_points.txt"))
        text = archive.read(entry).decode()
    assert "[console_scripts]\nrdtf = rdtf.command:main" in text


@pytest.mark.slow
def test_a_source_distribution_makes_the_same_wheel(clone, tmp_path):
    with tarfile.open(_build("sdist", clone)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (tree,) = (tmp_path / "unpacked").iterdir()
    assert _names(_build("wheel", tree)) == _names(_build("wheel", clone))


@pytest.fixture
def installed(clone, tmp_path):
    """installed(argument, ...): the command rdtf of a wheel, called from a directory.

    Another package called apps comes first on the path, and a checkout may be on it.
    """
    pip = ("-m", "pip", "--disable-pip-version-check")
    options = ("--no-deps", "--no-build-isolation", "-w", tmp_path / "wheel", clone)
    ended = _shell(*pip, "wheel", *options, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (wheel,) = (tmp_path / "wheel").iterdir()
    target = tmp_path / "target"
    options = ("--no-deps", "--no-index", "--target", target, wheel)
    ended = _shell(*pip, "install", *options, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (tmp_path / "other" / "apps").mkdir(parents=True)
    (tmp_path / "other" / "apps" / "__init__.py").write_text("raise SystemExit(99)")
    path = os.pathsep.join(str(p) for p in (tmp_path / "other", target))
    here = tmp_path / "here"
    here.mkdir()

    def call(*arguments):
        script = target / "bin" / "rdtf"
        return _shell(script, *arguments, cwd=here, PYTHONPATH=path, COLUMNS="80")

    return call


@pytest.mark.slow
def test_an_installed_wheel_works_anywhere(installed, tmp_path):
    listed = installed("--help")
    assert listed.returncode == 0 and "\nfit from pictures:\n" in listed.stdout
    assert "gs.flags" in listed.stdout
    assert "\n    rdtf fit --flagfile=gs.flags\n" in installed("fit", "--help").stdout

    small = ("--shape=32,32", "--num_samples=1")
    ended = installed("generate", "--output=spots.npz", "--preset=spots", *small)
    assert ended.returncode == 0, ended.stderr

    ended = installed(
        *("fit", "--flagfile=gs.flags", "--targets=spots.npz", *small),
        *("--nocheck", "--workdir=run", "--route=residual"),
    )
    assert ended.returncode == 0, ended.stderr
    lines = (tmp_path / "here" / "run" / "run.flags").read_text().splitlines()
    assert "--observe=v" in lines and "--shape=32,32" in lines
    assert "--start=Du=0.126928,Dv=0.126928,F=0.05,k=0.05" in lines

    ended = installed("fit", "--flagfile=gs.flags", "--route=none")
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
