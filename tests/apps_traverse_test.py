"""apps.traverse on a recorded path; bad input in one line."""

import json

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

PATH = [(0.05, 0.05), (0.036, 0.058), (0.035, 0.06)]


@pytest.fixture
def trajectory(tmp_path):
    """Three iterations that cross the saddle-node between the last two."""
    path = tmp_path / "run" / "trajectory.jsonl"
    path.parent.mkdir()
    lines = [
        {
            "stage": "bptt",
            "iteration": i,
            "params": {"Du": 0.16, "Dv": 0.08, "F": feed, "k": kill},
            "loss": 200.0 - i,
            "gradient": {"Du": 1.0, "Dv": 1.0, "F": 1.0, "k": 1.0},
            "status": "ok",
        }
        for i, (feed, kill) in enumerate(PATH)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_recorded_path(trajectory, tmp_path, capsys):
    output = tmp_path / "out"
    app_runner.run(
        "traverse",
        f"--trajectory={trajectory}",
        "--over=k,F",
        "--shape=16,16",
        "--max_steps=400",
        "--initial_condition=noise",  # dies out: no exponent has to be measured
        f"--output={output}",
    )
    told = capsys.readouterr().out
    assert "1 to 2: saddle_node crossed at 1." in told and "traverse.png" in told
    found = json.loads((output / "traverse.json").read_text())
    assert found["over"] == ["k", "F"] and len(found["points"]) == 3
    last = found["points"][-1]
    assert last["params"]["k"] == 0.06 and last["distances"]["saddle_node"] < 0
    assert last["regime"] and last["loss"] == 198.0
    assert last["relative_slope"] == pytest.approx(
        np.linalg.norm([0.16, 0.08, 0.035, 0.06])
    )
    assert (output / "traverse.png").stat().st_size > 10_000


def test_a_map_is_drawn_below_without_simulating(trajectory, tmp_path, monkeypatch):
    from rdtf.analysis import traversal

    monkeypatch.setattr(traversal, "distances", lambda *_: {})
    path = tmp_path / "regimes.npz"
    axes = {"F": [0.02, 0.06], "k": [0.04, 0.05, 0.07]}
    np.savez(
        path,
        **axes,
        regime=np.arange(6).reshape(2, 3),
        metadata=json.dumps({"axes": axes}),
    )
    flags = (f"--trajectory={trajectory}", f"--map={path}", "--max_steps=0")
    app_runner.run("traverse", *flags, "--over=k,F", "--points=2")
    found = json.loads((trajectory.parent / "traverse.json").read_text())
    assert [p["place"] for p in found["points"]] == [0, 2]
    assert {p["regime"] for p in found["points"]} == {None}
    assert (trajectory.parent / "traverse.png").stat().st_size > 10_000


def test_a_fit_that_failed_at_its_start_is_one_point(trajectory, capsys):
    trajectory.write_text(trajectory.read_text().splitlines()[0])
    app_runner.run("traverse", f"--trajectory={trajectory}", "--max_steps=0")
    assert "no boundary is crossed" in capsys.readouterr().out
    assert (trajectory.parent / "traverse.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("--trajectory=nowhere.jsonl", "trajectory of a fit in nowhere.jsonl"),
        ("--trajectory=pyproject.toml", "trajectory of a fit in pyproject.toml"),
        ("--over=k,q", "got 'q'"),
        ("--over=k", "two parameters in --over"),
        ("--over=k,k", "different parameters"),
        ("--map=nowhere.npz", "map of regimes"),
        ("--map=pyproject.toml", "map of regimes"),
        ("--points=1", "--points"),
        ("--model=brusselator", "unknown: F, k"),
    ],
)
def test_bad_input_is_one_line(trajectory, flag, word, outcome):  # noqa: F811
    assert_one_line(outcome("traverse", f"--trajectory={trajectory}", flag), word)
    assert not (trajectory.parent / "traverse.json").exists()


def test_a_map_of_other_parameters_is_refused(trajectory, tmp_path, outcome):  # noqa: F811
    path = tmp_path / "regimes.npz"
    axes = {"F": [0.02, 0.06], "Du": [0.1, 0.2]}
    np.savez(
        path, **axes, regime=np.zeros((2, 2), int), metadata=json.dumps({"axes": axes})
    )
    end = outcome(
        "traverse", f"--trajectory={trajectory}", f"--map={path}", "--over=k,F"
    )
    assert_one_line(end, "Expected a map over k, F, got one over F, Du")
