"""Losses of all pairs and over parameters; resuming; refusing stale rows."""

import json

import app_runner
import numpy as np
import pytest
import tensorflow as tf

from rdtf import analysis, initial_conditions, losses
from rdtf.status import Status

LANDSCAPE = (
    "--shape=16,16",
    "--num_samples=2",
    "--max_steps=60",
    "--until=steps",
    "--preset=maze",
    "--loss=power_spectrum,per_pixel",
    "--axis=F=0.03:0.05:3",
    "--axis=k=0.05:0.06:2",
    "--truth=F=0.04,k=0.06",
)


def _fields(count=5, seed=0):
    return np.random.default_rng(seed).uniform(size=(count, 16, 16))


@pytest.mark.parametrize("loss", ["per_pixel", "power_spectrum"])
def test_pairs_agree_with_the_loss(loss):
    fields = _fields()
    matrix = analysis.pair_losses(analysis.sample_features(fields, loss))
    assert (matrix == matrix.T).all() and not np.diag(matrix).any()
    for i in range(5):
        for j in range(5):
            expected = losses.LOSSES[loss](
                tf.constant(fields[i : i + 1]), tf.constant(fields[j : j + 1])
            )
            np.testing.assert_allclose(matrix[i, j], expected, rtol=1e-11)


def test_features_do_not_depend_on_blocks(monkeypatch):
    whole = analysis.sample_features(_fields(), "power_spectrum")
    monkeypatch.setattr(analysis.pairs, "_BLOCK", 2)
    parts = analysis.sample_features(_fields(), "power_spectrum")
    np.testing.assert_array_equal(whole, parts)


def test_targets_mode_writes_matrix_and_picture(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", v=_fields())
    workdir = tmp_path / "run"
    app_runner.run(
        "heatmap",
        "--mode=targets",
        f"--targets={tmp_path / 't.npz'}",
        "--loss=per_pixel,radial_spectrum",
        f"--workdir={workdir}",
    )
    with np.load(workdir / "pairs.npz") as pairs:
        features = analysis.sample_features(_fields(), "per_pixel")
        np.testing.assert_array_equal(
            pairs["per_pixel"], analysis.pair_losses(features)
        )
    names = {"pairs.npz", "pairs_per_pixel.png", "pairs_radial_spectrum.png"}
    assert {p.name for p in workdir.iterdir()} == names | {"run.flags"}


def test_landscape_is_zero_at_the_truth_and_right_elsewhere(tmp_path, simulations):
    workdir = tmp_path / "run"
    app_runner.run("heatmap", f"--workdir={workdir}", "--time_step=1", *LANDSCAPE)
    assert (workdir / "landscape.png").stat().st_size > 5000
    with np.load(workdir / "landscape.npz") as found:
        loss, steps = found["loss_power_spectrum"], found["num_steps"]
        np.testing.assert_array_equal(found["F"], [0.03, 0.04, 0.05])
        np.testing.assert_array_equal(found["k"], [0.05, 0.06])
        assert found["loss_per_pixel"][1, 1] == 0.0
    assert loss.shape == (3, 2) and steps.shape == (3, 2, 2) and (steps == 60).all()
    assert loss[1, 1] == 0.0 and np.count_nonzero(loss) == 5
    sim = simulations(shape=(16, 16), time_step=1.0)
    maze = sim.model.preset("maze")
    state = initial_conditions.create(None, sim.model, sim.grid, 2, 0, maze)
    truth = sim.advance(state, {**maze, "F": 0.04, "k": 0.06}, 60)[1]
    other = sim.advance(state, {**maze, "F": 0.05, "k": 0.05}, 60)[1]
    expected = losses.power_spectrum(other, truth)
    np.testing.assert_allclose(loss[2, 0], expected, rtol=1e-12)


def test_resume_takes_the_rows_that_are_there(tmp_path, monkeypatch):
    workdir, log = tmp_path / "run", tmp_path / "run" / "rows.jsonl"
    app_runner.run("heatmap", f"--workdir={workdir}", *LANDSCAPE)
    whole = (workdir / "landscape.npz").read_bytes()
    lines = log.read_text().splitlines(keepends=True)
    assert [len(lines), json.loads(lines[1])["row"]] == [4, 0]
    log.write_text(lines[0] + lines[1] + lines[2][:40])  # killed while writing
    (workdir / "landscape.npz").unlink()
    measured = []
    original = analysis.landscape._measure_row

    def spy(part, points, targets):
        measured.append(points)
        return original(part, points, targets)

    monkeypatch.setattr(analysis.landscape, "_measure_row", spy)
    app_runner.run("heatmap", f"--workdir={workdir}", "--resume", *LANDSCAPE)
    assert [row[0]["F"] for row in measured] == [0.04, 0.05]
    assert (workdir / "landscape.npz").read_bytes() == whole
    assert log.read_text() == "".join(lines)


def test_stale_rows_are_refused(tmp_path, input_error):
    workdir, log = tmp_path / "run", tmp_path / "run" / "rows.jsonl"
    app_runner.run("heatmap", f"--workdir={workdir}", *LANDSCAPE)
    before = log.read_text()
    with input_error("--seed"):
        app_runner.run(
            "heatmap", f"--workdir={workdir}", "--resume", "--seed=1", *LANDSCAPE
        )
    with input_error("holds a run"):
        app_runner.run("heatmap", f"--workdir={workdir}", *LANDSCAPE)
    assert log.read_text() == before
    log.write_text(before.replace('"max_steps": 60', '"max_steps": 61'))
    stale = log.read_text()
    with input_error("another max_steps", "--overwrite"):
        app_runner.run("heatmap", f"--workdir={workdir}", "--resume")
    log.write_text(stale.replace('{"row"', '{row"', 1))
    with input_error("Expected a log of rows"):
        app_runner.run("heatmap", f"--workdir={workdir}", "--resume")
    app_runner.run("heatmap", f"--workdir={workdir}", "--overwrite", *LANDSCAPE)
    assert log.read_text() == before


def test_invalid_points_have_no_loss(tmp_path, simulations):
    sim = simulations(shape=(16, 16), time_step=1.0)
    maze = sim.model.preset("maze")
    state = initial_conditions.create(None, sim.model, sim.grid, 2, 0)
    target = analysis.simulate_target(sim, maze, state, "v", None, 200)
    axes = {"F": [0.029, 9.0]}  # a feed rate that no time step follows
    part = analysis.Slice(
        simulation=sim,
        axes=axes,
        params=maze,
        state=state,
        target=target,
        observe="v",
        tolerance=None,
        max_steps=200,
    )
    found = analysis.measure(part)
    assert found.num_invalid == 1 and (found.status[0] == Status.NOT_CONVERGED).all()
    assert found.losses["power_spectrum"][0] == 0.0
    assert np.isnan(found.losses["power_spectrum"][1])


def test_unpaired_loss_is_the_mean_over_all_targets(simulations):
    ours = analysis.sample_features(_fields(3), "power_spectrum")
    theirs = analysis.sample_features(_fields(4, seed=1), "power_spectrum")
    found = analysis.landscape._sample_losses(ours, theirs, paired=False)
    expected = ((ours[:, np.newaxis] - theirs) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_line_against_a_target_file(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", v=_fields())
    workdir = tmp_path / "run"
    flags = (f"--targets={tmp_path / 't.npz'}", "--shape=16,16", "--num_samples=1")
    app_runner.run(
        "heatmap",
        f"--workdir={workdir}",
        "--axis=F=.02:.06:10",
        "--max_steps=20",
        *flags,
    )
    with np.load(workdir / "landscape.npz") as found:
        assert found["loss_power_spectrum"].shape == (10,)
        assert np.isfinite(found["loss_power_spectrum"]).all()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--loss=none"], "--loss among"),
        ([], "--axis once or twice"),
        (["--axis=F=1:2:3", "--axis=F=1:2:3"], "--axis once or twice"),
        (["--axis=F=1:2"], "NAME=FROM:TO:POINTS"),
        (["--axis=F=1:2:1"], "at least 2 points"),
        (["--axis=Q=1:2:3"], "unknown: Q"),
        (["--axis=F=-1:2:3"], "Expected F between"),
        (["--axis=Du=.1:.4:3", "--time_step=2", "--shape=8,8"], "time step"),
        (["--mode=targets"], "--targets=FILE"),
        (["--mode=targets", "--targets=none.npz"], "none.npz"),
        (["--axis=F=.03:.04:2", "--targets={}"], "add --shape=16,16"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, word, input_error):
    np.savez(tmp_path / "t.npz", v=_fields(2))
    flags = [flag.format(tmp_path / "t.npz") for flag in flags]
    with input_error(word):
        app_runner.run("heatmap", f"--workdir={tmp_path / 'run'}", *flags)
    assert not (tmp_path / "run").exists()


def test_from_the_shell(tmp_path):
    result = app_runner.shell("heatmap", f"--workdir={tmp_path}", "--axis=nothing")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: Expected --axis=NAME=FROM:TO:POINTS")
