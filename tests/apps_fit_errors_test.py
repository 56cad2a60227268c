"""apps.fit with bad input: one line, an exit code, and nothing is touched."""

import json

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

V = np.random.default_rng(0).random((2, 16, 16))

BAD = {
    "model": (["--model=grey_scott"], ["--model", "gray_scott"]),
    "parameter": (["--start=Q=1"], ["Du, Dv, F, k", "unknown: Q"]),
    "no number": (["--start=F=much"], ["'F=much'"]),
    "out of bounds": (["--start=F=-1"], ["F between 0 and inf", "-1"]),
    "species": (["--observe=w"], ["u, v", "'w'"]),
    "other species": (["--observe=u"], ["'u'", "--observe"]),
    "unstable": (["--route=bptt", "--time_step=5"], ["time step of at most", "got 5"]),
    "unstable start": (
        ["--route=bptt", "--time_step=1", "--start=Du=.3"],
        ["time step of at most"],
    ),
    "window": (["--window=0"], ["--window"]),
    "batch": (["--batch=0"], ["--batch"]),
    "stride": (["--stride=-1"], ["--stride"]),
    "warmup": (["--warmup=soon"], ["--warmup", "'soon'"]),
    "route": (["--route=magic"], ["--route", "residual"]),
    "loss": (["--loss=magic"], ["--loss", "power_spectrum"]),
    "floor": (["--loss=per_pixel", "--relative_floor=1e-4"], ["'per_pixel'"]),
    "optimiser": (["--route=bptt", "--optimizer=Adamant"], ["'Adamant'"]),
    "transform": (["--route=bptt", "--transforms=F=square"], ["'square'"]),
    "transform of": (["--route=bptt", "--transforms=D=log"], ["'D'"]),
    "transform pair": (["--transforms=F"], ["NAME=VALUE", "'F'"]),
    "out of reach": (["--route=bptt", "--transforms=F=sigmoid:0.01"], ["F inside"]),
    "range": (["--valid_range=v=1"], ["v=LOW:HIGH", "'1'"]),
    "range of": (["--valid_range=w=0:1"], ["'w'"]),
    "initial condition": (["--route=bptt", "--initial_condition=stars"], ["'stars'"]),
    "windows of 16": (
        ["--route=bptt", "--loss=windowed_power_spectrum", "--targets={home}/odd.npz"],
        ["16 cells"],
    ),
    "all known": (["--known=Du=.16,Dv=.08,F=.04,k=.06"], ["to fit", "gray_scott"]),
    "missing": (["--targets={home}/none.npz"], ["none.npz", "--truth"]),
    "truth": (["--targets={home}/none.npz", "--truth=Q=1"], ["unknown: Q"]),
    "truncated": (["--targets={home}/half.npz"], ["half.npz", "complete"]),
    "text": (["--targets={home}/text.npz"], ["text.npz", "readable"]),
    "directory": (["--targets={home}"], ["readable"]),
    "NaN": (["--targets={home}/nan.npz"], ["nan.npz", "finite"]),
    "uniform": (["--targets={home}/flat.npz"], ["uniform"]),
    "hidden": (["--targets={home}/hidden.npz"], ["hidden.npz", "hides sample 1"]),
    "frame of stills": (["--targets={home}/one.npz", "--frame=0"], ["frame 0"]),
    "frame": (["--targets={home}/movie.npz", "--frame=5"], ["3 frames", "got 5"]),
    "other shape": (["--targets={home}/shape.npz"], ["16, 12", "(2, 16, 16)"]),
    "other model": (["--targets={home}/model.npz"], ["--model=schnakenberg"]),
    "strange metadata": (["--targets={home}/list.npz"], ["JSON object"]),
    "strange truth": (["--targets={home}/params.npz"], ["missing: Du"]),
    "no flag": (["targets.npz"], ["flags only", "'targets.npz'"]),
    "unknown flag": (["--windows=3"], ["windows"]),
    "resume nothing": (["--resume"], ["to resume", "none"]),
    "below a file": (["--workdir={home}/good.npz/run"], ["good.npz/run"]),
    "flags missing": (["--flagfile={home}/none.flags"], ["none.flags"]),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Target files, most of them bad."""
    home = tmp_path_factory.mktemp("home")
    grid = {"spacing": [1.0, 1.0], "boundary": "periodic"}
    np.savez(home / "good.npz", v=V)
    np.savez(home / "one.npz", v=V[0])
    np.savez(home / "odd.npz", v=V[:, :12, :12])
    np.savez(home / "nan.npz", v=np.where(V < 0.1, np.nan, V))
    np.savez(home / "flat.npz", v=np.ones((2, 16, 16)))
    np.savez(home / "hidden.npz", v=V, mask=[V[0] > 0.5, V[0] < 0.0])
    np.savez(home / "movie.npz", v=np.stack([V] * 3, axis=1))
    metadata = {
        "shape": {"grid": {**grid, "shape": [16, 12]}},
        "model": {"model": "schnakenberg"},
        "list": [1],
        "params": {"params": {"A": 1.0}},
    }
    for name, value in metadata.items():
        np.savez(home / f"{name}.npz", v=V, metadata=json.dumps(value))
    whole = (home / "good.npz").read_bytes()
    (home / "half.npz").write_bytes(whole[: len(whole) // 2])
    (home / "text.npz").write_text("two\nlines\n")
    return home


def _snapshot(path):
    return {p: p.is_file() and p.read_bytes() for p in path.rglob("*")}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, home, outcome, tmp_path):  # noqa: F811
    arguments, words = BAD[case]
    before = _snapshot(home)
    ended = outcome(
        "fit",
        f"--targets={home}/good.npz",
        f"--workdir={tmp_path}/run",
        "--iterations=1",
        *(argument.format(home=home) for argument in arguments),
    )
    assert_one_line(ended, *words)
    assert list(tmp_path.iterdir()) == []
    assert _snapshot(home) == before


def test_a_run_is_not_overwritten_by_accident(home, outcome, tmp_path):  # noqa: F811
    (tmp_path / "run.flags").write_text("--seed=3\n")
    (tmp_path / "result.json").write_text("{}")
    before = _snapshot(tmp_path)
    arguments = (f"--targets={home}/good.npz", f"--workdir={tmp_path}")
    assert_one_line(outcome("fit", *arguments), "holds a run", "--overwrite")
    ended = outcome("fit", *arguments, "--resume", "--overwrite")
    assert_one_line(ended, "got both")
    ended = outcome("fit", *arguments, "--resume", "--seed=4")
    assert_one_line(ended, "--seed", "3", "got 4")
    ended = outcome("fit", *arguments, "--overwrite", "--start=Q=1")
    assert_one_line(ended, "unknown: Q")
    ended = outcome("fit", *arguments, "--overwrite", "--observe=u")
    assert_one_line(ended, "'u'")
    assert _snapshot(tmp_path) == before
    assert_one_line(outcome("fit", arguments[0], "--resume"), "--workdir")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["--targets"]),
        (("--targets={home}/half.npz",), ["half.npz", "complete"]),
        (("--targets={home}/good.npz", "--workdir={home}/good.npz/r"), ["good.npz/r"]),
    ],
    ids=["no targets", "truncated", "below a file"],
)
def test_as_a_user_sees_it(arguments, words, home):
    before = _snapshot(home)
    ended = app_runner.shell("fit", *(a.format(home=home) for a in arguments))
    assert ended.returncode in (1, 2) and ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("error: ")
    for word in words:
        assert word in ended.stderr
    assert _snapshot(home) == before
