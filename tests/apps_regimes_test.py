"""A small map: what it holds, resuming it, refusing bad input; its picture."""

import dataclasses
import json

import app_runner
import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import initial_conditions
from rdtf.analysis import regimes
from rdtf.analysis.regimes import Regime, curves, maps
from rdtf.viz import regimes as pictures

MAP = (
    "--shape=16,16",
    "--max_steps=600",
    "--time_step=1",
    "--axis=F=.01:.09:3",
    "--axis=k=.035:.075:2",
    "--block=4",
)


def test_a_map_holds_what_classify_says(tmp_path, simulations, capsys):
    workdir = tmp_path / "run"
    app_runner.run("regimes", f"--workdir={workdir}", *MAP)
    assert "regimes.png: " in capsys.readouterr().out
    assert (workdir / "regimes.png").stat().st_size > 5000
    found = np.load(workdir / "regimes.npz")
    np.testing.assert_array_equal(found["F"], [0.01, 0.05, 0.09])
    np.testing.assert_array_equal(found["k"], [0.035, 0.075])
    assert list(found["labels"]) == [regime.label for regime in Regime]
    sim = simulations(shape=(16, 16), time_step=1.0)
    state = initial_conditions.create(None, sim.model, sim.grid)
    params = sim.model.defaults | {"F": 0.05, "k": 0.075}
    (verdict,) = regimes.classify(sim, params, state, 600)
    assert found["regime"][1, 1] == verdict.regime
    for name, value in verdict.evidence.items():
        np.testing.assert_array_equal(found[f"evidence_{name}"][1, 1], value)
    summary = json.loads((workdir / "regimes.json").read_text())
    assert sum(summary["counts"].values()) == 6 and summary["checks"] == []


def test_a_resumed_map_is_the_uninterrupted_one(tmp_path, monkeypatch, input_error):
    workdir, log = tmp_path / "run", tmp_path / "run" / "blocks.jsonl"
    app_runner.run("regimes", f"--workdir={workdir}", *MAP)
    names = ("regimes.npz", "regimes.json", "regimes.png")
    whole = {name: (workdir / name).read_bytes() for name in names}
    lines = log.read_text().splitlines(keepends=True)
    assert len(lines) == 3
    log.write_text(lines[0] + lines[1] + lines[2][:30])  # killed while writing
    for name in names:
        (workdir / name).unlink()
    sizes = []
    original = maps._measure_block

    def spy(plan, block, callback):
        sizes.append(len(block))
        return original(plan, block, callback)

    monkeypatch.setattr(maps, "_measure_block", spy)
    app_runner.run("regimes", f"--workdir={workdir}", "--resume")
    assert sizes == [2]
    assert {name: (workdir / name).read_bytes() for name in names} == whole
    with input_error("--max_steps"):
        app_runner.run("regimes", f"--workdir={workdir}", "--resume", "--max_steps=700")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ([], "--axis twice"),
        (["--axis=F=.01:.02:2"], "--axis twice"),
        (["--axis=F=.01:.02:2", "--axis=F=.01:.02:2"], "--axis twice"),
        (["--axis=F=.01:.02", "--axis=k=.01:.02:2"], "NAME=FROM:TO:POINTS"),
        (["--axis=F=.01:.02:1", "--axis=k=.01:.02:2"], "at least 2 points"),
        (["--axis=F=-1:.02:2", "--axis=k=.01:.02:2"], "Expected F between"),
        (["--axis=Du=.1:.4:2", "--axis=k=.01:.02:2", "--time_step=2"], "time step"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, word, input_error):
    with input_error(word):
        app_runner.run("regimes", f"--workdir={tmp_path / 'run'}", *flags)
    assert not (tmp_path / "run").exists()


def _plan(sim, **axes):
    state = initial_conditions.create(None, sim.model, sim.grid)
    return maps.Plan(
        simulation=sim,
        axes=axes,
        params=sim.model.defaults,
        state=state,
        num_steps=600,
    )


def test_curves_are_bifurcations(simulations, input_error):
    sim = simulations(shape=(16, 16), time_step=1.0)
    lines = curves.curves(_plan(sim, F=[0.001, 0.1], k=[0.03, 0.07]))
    k, f = lines["saddle-node"]
    np.testing.assert_allclose(4.0 * (f + k) ** 2, f, rtol=1e-9)
    assert f.max() - f.min() > 0.09
    k, f = lines["Hopf"]
    excited = f / (2.0 * (f + k)) * (1.0 + np.sqrt(1.0 - 4.0 * (f + k) ** 2 / f))
    np.testing.assert_allclose(excited**2, k, rtol=1e-7)  # trace zero
    assert len(k) > 20 and (k - f).min() >= -1e-9  # determinant (F + k) (k - F)
    with input_error("two axes"):
        _plan(sim, F=[0.1, 0.2])


def test_checks_take_chaotic_points_only(simulations, monkeypatch):
    sim = simulations(shape=(16, 16), time_step=1.0)
    plan = _plan(sim, F=[0.01, 0.02, 0.03], k=[0.03, 0.07])
    labels = np.array([[7, 0], [3, 7], [7, 8]])
    found = maps.RegimeMap(
        axes=plan.axes, regime=labels, margin=labels, evidence={}, settings={}
    )
    asked = []

    def no_work(simulation, params, *rest, **options):
        asked.append((params["F"].numpy().tolist(), params["k"].numpy().tolist()))
        numbers = dict.fromkeys(regimes.EVIDENCE, 1.0)
        chaos = regimes.Verdict(Regime.CHAOTIC, 2.0, numbers)
        quiet = regimes.Verdict(Regime.TRANSIENT, np.nan, numbers | {"lyapunov": -1.0})
        return [regimes.Check(chaos, chaos, other) for other in (chaos, quiet)]

    monkeypatch.setattr(regimes, "check_artefact", no_work)
    rows = maps.check_chaos(plan, found, 2)
    assert asked == [([0.01, 0.03], [0.03, 0.03])]
    assert [row["agrees"] for row in rows] == [True, False]
    assert rows[1]["half_spacing"]["regime"] == "transient"
    zeros = np.zeros((3, 2), int)
    nothing = dataclasses.replace(found, regime=zeros)
    assert maps.check_chaos(plan, nothing, 2) == []


def test_any_model_can_be_mapped(tmp_path):
    app_runner.run(
        "regimes",
        f"--workdir={tmp_path / 'run'}",
        "--model=brusselator",
        "--params=Du=1,Dv=1",
        "--axis=A=1:2:2",
        "--axis=B=1.5:3:2",
        "--shape=8,8",
        "--max_steps=4000",
        "--time_step=.02",
    )
    found = np.load(tmp_path / "run" / "regimes.npz")
    # uniform at the background below B = 1 + A², a clock above it
    clock = found["B"] > 1.0 + found["A"][:, None] ** 2
    expected = np.where(clock, Regime.OSCILLATORY, Regime.HOMOGENEOUS_TRIVIAL)
    np.testing.assert_array_equal(found["regime"], expected)


def test_the_picture_shows_every_regime(tmp_path):
    numbers = np.arange(10).reshape(2, 5)
    axes = (np.array([0.0, 1.0]), np.arange(5.0))
    labels = maps.labels()
    assert len(set(pictures.COLORS)) == len(labels)
    line = {"fold": (np.array([0.0, 4.0]), np.array([0.0, 1.0]))}
    path = tmp_path / "map.png"
    pictures.regime_map(path, ("a", "b"), axes, numbers, labels, line, "all")
    assert path.stat().st_size > 10_000
    assert tf.io.decode_png(path.read_bytes()).shape[0] == 750


def test_other_settings_are_refused(tmp_path, simulations, input_error):
    sim = simulations(shape=(16, 16), time_step=1.0)
    plan = _plan(sim, F=[0.01, 0.02], k=[0.06, 0.07])
    log, seen = tmp_path / "blocks.jsonl", []
    first = maps.measure(plan, log, callback=lambda *now: seen.append(now))
    assert seen[-1] == (4, 0, 0)
    again = maps.measure(plan, log, resume=True)
    np.testing.assert_array_equal(first.regime, again.regime)
    other = _plan(rdtf.Simulation(sim.model, sim.grid, 0.5), **plan.axes)
    with input_error("another time_step"):
        maps.measure(other, log, resume=True)
