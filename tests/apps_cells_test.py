"""apps.cells: a run that leaves what it promises, and refuses what cannot be."""

import json

import app_runner
import keras
import numpy as np
import pytest
from absl import flags
from app_outcome import assert_one_line, outcome  # noqa: F401

SMALL = (
    "--iterations=4",
    "--replicates=16",
    "--num_steps=40",
    "--test_replicates=1000",
)
FLAGFILES = sorted((app_runner.ROOT / "flags").glob("cells*.flags"))


def test_a_run(tmp_path, outcome):  # noqa: F811
    workdir = tmp_path / "run"
    end = outcome("cells", f"--workdir={workdir}", *SMALL)
    assert end.code == 0 and "of 1000 fresh replicates" in end.out
    names = ("network.keras", "result.json", "run.flags", "checkpoint.npz")
    pictures = ("training.png", "function.png", "patterns.png", "function.gif")
    assert all((workdir / name).stat().st_size > 0 for name in names + pictures)
    assert list((workdir / "tensorboard").iterdir())
    result = json.loads((workdir / "result.json").read_text())
    assert result["replicates"] == 1000 and result["standard_error"] > 0.0
    assert result["at_a_tenth_of_the_time_step"]["replicates"] == 1000
    assert result["replicate_steps"] == 4 * 16 * 40
    made = keras.models.load_model(workdir / "network.keras")
    assert made.count_params() == 97
    assert made.layers[-2].kernel.dtype == "float64"

    end = outcome("cells", f"--workdir={workdir}", *SMALL)
    assert_one_line(end, "holds a run")
    (workdir / "result.json").unlink()
    assert outcome("cells", f"--workdir={workdir}", "--resume").code == 0
    again = json.loads((workdir / "result.json").read_text())
    for one in (again, result):
        del one["seconds"], one["processor_seconds"]
    assert again == result

    other = (f"--workdir={tmp_path / 'other'}", *SMALL)
    start = f"--start={workdir / 'network.keras'}"
    end = outcome("cells", *other, start, "--estimator=score_function")
    assert end.code == 0


def test_a_run_in_which_nothing_changes(tmp_path, outcome):  # noqa: F811
    """One iteration has no traces that vary."""
    small = ("--num_steps=40", "--replicates=16", "--test_replicates=1000")
    workdir = tmp_path / "run"
    end = outcome("cells", f"--workdir={workdir}", *small, "--iterations=1")
    assert end.code == 0 and (workdir / "training.png").stat().st_size > 0


def test_a_lattice(tmp_path, outcome):  # noqa: F811
    flags = ("--shape=6,6", "--lattice=hexagonal", "--estimator=causal")
    workdir = tmp_path / "run"
    end = outcome("cells", f"--workdir={workdir}", *SMALL, *flags)
    assert end.code == 0 and "neighbours differ" in end.out


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ("--shape=7,a", "numbers as --shape"),
        ("--shape=2.5", "whole numbers as --shape"),
        ("--noise=.1,.2,.3", "1 to 2 numbers as --noise"),
        ("--noise=0", "positive noise"),
        ("--time_step=0", "a positive time step"),
        ("--test_replicates=100", "--test_replicates from 1000"),
        ("--estimator=causal", "a lattice"),
        ("--start=none.keras", "a network.keras to start from"),
        ("--hidden=0", "widths from 1"),
        ("--optimizer=newton", "an optimizer of Keras"),
        ("--estimator=score_function", "a multiple of 40 steps"),
    ],
)
def test_what_cannot_be(tmp_path, outcome, wrong, word):  # noqa: F811
    workdir = tmp_path / "run"
    end = outcome("cells", f"--workdir={workdir}", "--num_steps=50", wrong)
    assert_one_line(end, word)
    assert not workdir.exists()


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flag_files(path):
    """All flags exist, and describe something that can be trained."""
    with app_runner.loaded("cells", f"--flagfile={path}"):
        from apps import cells_flags

        dynamics, settings = cells_flags.dynamics(), cells_flags.settings()
        cells_flags.test(dynamics, settings)
        if flags.FLAGS.method == "gradient" and flags.FLAGS.start != "dead_zone":
            table = cells_flags.method(dynamics, settings).table()
            assert np.isfinite(table).all()


def test_there_are_flag_files():
    assert len(FLAGFILES) >= 8
    texts = [path.read_text() for path in FLAGFILES]
    assert all(text.startswith("# ") for text in texts)
