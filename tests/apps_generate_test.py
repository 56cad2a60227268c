"""apps.generate: targets that can be made again, and one line for what cannot."""

import json

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf.storage import load_targets

SMALL = ("--shape=16,16", "--num_samples=2", "--tolerance=1e-2")


def _snapshot(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_until_steady(tmp_path, capsys):
    output = tmp_path / "sub" / "maze.npz"
    arguments = (f"--output={output}", "--preset=maze", "--params=F=.03", *SMALL)
    assert app_runner.run("generate", *arguments, "--seed=5") == 0
    assert capsys.readouterr().out.startswith(f"{output}: 2 converged; ")
    made = load_targets(output, "v")
    assert set(made.fields) == {"u", "v"} and made.fields["u"].shape == (2, 16, 16)
    assert made.true_params == {"Du": 0.16, "Dv": 0.08, "F": 0.03, "k": 0.057}
    assert made.status.tolist() == [0, 0] and made.num_steps.min() > 0
    expected = {
        "model": "gray_scott",
        "grid": {"shape": [16, 16], "spacing": [1.0, 1.0], "boundary": "periodic"},
        "laplacian": "second_order",
        "scheme": "forward_euler",
        "time_step": 1.0,
        "initial_condition": "central_square",
        "seed": 5,
        "tolerance": 1e-2,
        "max_steps": 40_000,
    }
    assert made.metadata == made.metadata | expected
    app_runner.run("generate", *arguments, "--seed=5", "--overwrite")
    again = load_targets(output, "v")
    for name in made.fields:
        np.testing.assert_array_equal(again.fields[name], made.fields[name])


def test_exactly_so_many_steps(tmp_path):
    output = tmp_path / "f.npz"
    app_runner.run(
        "generate", f"--output={output}", *SMALL, "--until=steps", "--max_steps=37"
    )
    made = load_targets(output, "v")
    assert made.num_steps.tolist() == [37, 37] and made.status.tolist() == [1, 1]
    assert made.metadata["tolerance"] is None


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (("--model=schnakenberg", "--shape=12"), (1, 12)),
        (("--model=brusselator", "--shape=4,5,6", "--boundary=no_flux"), (1, 4, 5, 6)),
        (("--scheme=rk4", "--spacing=0.5", "--initial_condition=noise"), (1, 8, 8)),
    ],
)
def test_models_dimensions_schemes(arguments, shape, tmp_path):
    output = tmp_path / "f.npz"
    small = ("--shape=8,8", "--num_samples=1", "--until=steps", "--max_steps=20")
    app_runner.run("generate", f"--output={output}", *small, *arguments)
    with np.load(output) as archive:
        metadata = json.loads(str(archive["metadata"]))
        names = set(archive.files) - {"metadata", "status", "num_steps"}
        assert len(names) == 2
        for name in names:
            assert archive[name].shape == shape
            assert np.isfinite(archive[name]).all()
    assert metadata["grid"]["shape"] == list(shape[1:])


def test_exponential_scheme_and_spectral_laplacian(tmp_path):
    """Its time step is that of the reaction: a fifth of 1 / 5.25, rounded down."""
    output = tmp_path / "f.npz"
    small = ("--shape=8,8", "--num_samples=1", "--until=steps", "--max_steps=20")
    chosen = ("--model=lengyel_epstein", "--laplacian=spectral", "--scheme=etdrk4")
    app_runner.run("generate", f"--output={output}", *small, *chosen)
    made = load_targets(output, "v")
    expected = {"laplacian": "spectral", "scheme": "etdrk4", "time_step": 0.02}
    assert made.metadata == made.metadata | expected | {"engine": "xla"}
    assert made.num_steps.tolist() == [20]


BAD = {
    "model": (["--model=grey_scott"], ["--model", "gray_scott"]),
    "preset": (["--preset=spotty"], ["spots", "'spotty'"]),
    "parameter": (["--params=Q=1"], ["Du, Dv, F, k", "unknown: Q"]),
    "no number": (["--params=F=much"], ["NAME=NUMBER", "'F=much'"]),
    "no equals": (["--params=F"], ["NAME=NUMBER", "'F'"]),
    "out of bounds": (["--params=F=-1"], ["F between 0 and inf", "-1"]),
    "not a number": (["--params=F=nan"], ["F between"]),
    "shape": (["--shape=16,x"], ["--shape as integers", "16,x"]),
    "tiny shape": (["--shape=2,16"], ["at least 3", "(2, 16)"]),
    "four dimensions": (["--shape=4,4,4,4"], ["1 to 3 integers"]),
    "spacing": (["--spacing=-1"], ["positive spacing", "-1"]),
    "boundary": (["--boundary=open"], ["a boundary as periodic", "'open'"]),
    "initial condition": (["--initial_condition=stars"], ["noise", "'stars'"]),
    "unstable": (["--time_step=5"], ["time step of at most", "got 5"]),
    "time step": (["--time_step=0"], ["positive time step", "0"]),
    "scheme": (["--scheme=leapfrog"], ["--scheme", "forward_euler"]),
    "laplacian": (["--laplacian=eighth_order"], ["--laplacian", "spectral"]),
    "compact": (
        ["--laplacian=compact", "--boundary=dirichlet=1"],
        ["periodic or no_flux", "compact"],
    ),
    "values": (["--boundary=dirichlet=1,2,3"], ["boundary value, or 2", "got 3"]),
    "native": (["--laplacian=spectral", "--engine=native"], ["use engine xla"]),
    "no samples": (["--num_samples=0"], ["--num_samples"]),
    "no steps": (["--max_steps=0"], ["--max_steps"]),
    "tolerance": (["--tolerance=-1"], ["tolerance of at least 0", "-1"]),
    "flag": (["--tolerence=1"], ["tolerence"]),
    "no flag": (["spots"], ["flags only", "'spots'"]),
    "suffix": (["--output=f.txt"], [".npz", "f.txt"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, outcome, tmp_path):  # noqa: F811
    arguments, words = BAD[case]
    ended = outcome("generate", f"--output={tmp_path}/f.npz", *SMALL, *arguments)
    assert_one_line(ended, *words)
    assert list(tmp_path.iterdir()) == []


def test_existing_files_are_kept(outcome, tmp_path):  # noqa: F811
    (tmp_path / "f.npz").write_text("precious")
    before = _snapshot(tmp_path)
    ended = outcome("generate", f"--output={tmp_path}/f.npz", *SMALL)
    assert_one_line(ended, "--overwrite", "f.npz")
    ended = outcome("generate", f"--output={tmp_path}/f.npz/g.npz", *SMALL)
    assert_one_line(ended, "g.npz")
    assert _snapshot(tmp_path) == before


def test_as_a_user_runs_it(tmp_path):
    output = tmp_path / "f.npz"
    small = ("--shape=12,12", "--num_samples=1", "--until=steps", "--max_steps=9")
    ended = app_runner.shell("generate", f"--output={output}", *small)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{output}: 1 not_converged; 9 to 9 steps\n"
    assert "Traceback" not in ended.stderr and "WARNING" not in ended.stderr
    assert load_targets(output, "v").fields["v"].shape == (1, 12, 12)
    ended = app_runner.shell("generate", "--preset=maze")
    assert ended.returncode == 2 and "--output" in ended.stderr
    assert ended.stderr.count("\n") == 1 and ended.stdout == ""
