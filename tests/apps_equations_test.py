"""--equations: a model of one's own in every app, and one line for what is none."""

import json

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import models
from rdtf.models import parameters_text
from rdtf.storage import load_targets

TEXT = "u: Du*lap(u) - u*v^2 + F*(1-u); v: Dv*lap(v) + u*v^2 - (F+k)*v; F=.04; k=.06"
VALUES = "Du=.16,Dv=.08"
SMALL = ("--shape=12,12", "--num_samples=1", "--until=steps", "--max_steps=9")


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(TEXT.replace(";", "  # a comment\n"), encoding="utf-8")
    return path


@pytest.mark.parametrize("from_file", [False, True])
def test_generate_keeps_the_equations(from_file, text_file, tmp_path):
    output = tmp_path / "f.npz"
    equations = f"@{text_file}" if from_file else TEXT
    arguments = (f"--equations={equations}", f"--params={VALUES}", *SMALL)
    app_runner.run("generate", f"--output={output}", *arguments)
    made = load_targets(output, "v")
    assert made.fields["u"].shape == (1, 12, 12)
    assert made.metadata["model"] == "user"
    again = models.from_equations(made.metadata["equations"])
    assert again.source == models.from_equations(TEXT).source
    assert set(made.true_params) == set(again.parameters)


def test_orders_of_two_and_four(tmp_path):
    text = "u: r*u - u^3 - (u + 2*lap(u) + lap(lap(u))); r = 0.5"
    output = tmp_path / "f.npz"
    app_runner.run("generate", f"--output={output}", f"--equations={text}", *SMALL)
    made = load_targets(output, "u")
    assert np.isfinite(made.fields["u"]).all() and made.metadata["time_step"] < 0.05


BAD = {
    "no value": (
        [f"--equations={TEXT}", "--params=Du=1"],
        ["a value for Dv", "--params"],
    ),
    "no text": (["--equations="], ["'u: D*lap(u)"]),
    "no file": (["--equations=@none.txt"], ["'none.txt'"]),
    "no equation": (["--equations=u: v*lap(u); v: 1"], ["'v * lap(u)'"]),
    "two models": ([f"--equations={TEXT}", "--model=gray_scott"], ["--model", "both"]),
    "no parameter": ([f"--equations={TEXT}", "--params=Q=1"], ["unknown: Q"]),
    "no preset": ([f"--equations={TEXT}", "--preset=maze"], ["'maze'"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, outcome, tmp_path):  # noqa: F811
    arguments, words = BAD[case]
    ended = outcome("generate", f"--output={tmp_path}/f.npz", *SMALL, *arguments)
    assert_one_line(ended, *words)
    assert "flag --equations" not in ended.err  # it is said in our words
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def written(tmp_path):
    """Patterns of Gray-Scott, and the same of one's own equations."""
    paths = []
    for name, chosen in (
        ("built_in", ["--model=gray_scott"]),
        ("mine", [f"--equations={TEXT}"]),
    ):
        paths.append(tmp_path / f"{name}.npz")
        chosen += [f"--output={paths[-1]}", f"--params={VALUES}", *SMALL]
        app_runner.run("generate", *chosen)
    return paths


def _source(path, *arguments):
    with app_runner.loaded("fit", f"--targets={path}", *arguments) as app:
        model = app.simulation_flags.model_from_flags()
        start = parameters_text.full_params(model, "Du=.1,Dv=.1")
        return app.targets.Source(parameters_text.filled(model, start), start).load()


def test_targets_of_either_can_be_held_against_equations(written, input_error):
    built_in, mine = written
    for path in written:
        simulation, found, _ = _source(path, f"--equations={TEXT}")
        assert simulation.model.defaults["Du"] == 0.1  # none in the text: the start's
        assert found.true_params["Du"] == 0.16
    _, found, _ = _source(built_in, "--equations=v: Du*lap(v) - Dv*v")
    assert found.true_params is None  # of other parameters
    with input_error("gray_scott", "add --equations='u: Du"):
        _source(mine)


def test_a_run_can_be_done_again(written, text_file, tmp_path):
    """run.flags holds the equations themselves, and no --model beside them."""
    workdir = tmp_path / "run"
    arguments = (f"--workdir={workdir}", "--axis=F=.03:.04:2", f"--params={VALUES}")
    app_runner.run("heatmap", f"--equations=@{text_file}", *arguments, *SMALL)
    text_file.unlink()
    lines = (workdir / "run.flags").read_text(encoding="utf-8").splitlines()
    source = models.from_equations(TEXT).source
    assert f"--equations={source}" in lines
    assert not any(line.startswith("--model") for line in lines)
    app_runner.run("heatmap", f"--workdir={workdir}", "--resume")
    again = f"--workdir={tmp_path}/again"
    app_runner.run("heatmap", f"--flagfile={workdir}/run.flags", again)
    rows = [
        [json.loads(line) for line in (path / "rows.jsonl").open(encoding="utf-8")]
        for path in (workdir, tmp_path / "again")
    ]
    assert len(rows[0]) == len(rows[1]) > 0


def test_animate(tmp_path):
    output = tmp_path / "f.gif"
    arguments = (
        f"--equations={TEXT}",
        "--shape=8,8",
        "--steps=4",
        "--steps_per_frame=2",
    )
    app_runner.run("animate", f"--output={output}", f"--params={VALUES}", *arguments)
    assert output.stat().st_size > 0


def test_certify(tmp_path, capsys):
    output = tmp_path / "f.json"
    chosen = (f"--equations={TEXT}", f"--params={VALUES}", "--num_steps=3", *SMALL)
    app_runner.run("certify", f"--output={output}", *chosen)
    assert json.loads(output.read_text(encoding="utf-8"))["model"] == "user"
    assert "user" in capsys.readouterr().out


def test_what_fits_would_leave_out_is_refused(outcome, tmp_path):  # noqa: F811
    """Residuals are of one diffusivity per species: cross-diffusion would be ignored."""
    text = f"--equations={TEXT}; w: lap(u) - w"
    targets = f"--targets={tmp_path}/f.npz"
    ended = outcome("fit", text, targets, "--start=Du=1,Dv=1")
    assert_one_line(ended, "inside ∇²", "user", "--route=bptt")
    ended = outcome("rank_models", text, targets, "--models=gray_scott")
    assert_one_line(ended, "inside ∇²", "user", "leave it out")
    assert list(tmp_path.iterdir()) == []
