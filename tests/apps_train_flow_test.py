"""apps.train_flow: a velocity that can be loaded, and refusals."""

import json

import keras
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import patterns
from rdtf.dynamics import flows, reports


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    changes = (("F", 0.022), ("k", 0.051))
    plan = patterns.Plan(
        presets=("waves",),
        num_samples=48,
        shape=(32, 32),
        steps=3000,
        chunk=48,
        pairs=2,
        changes=changes,
    )
    return patterns.generate(tmp_path_factory.mktemp("data") / "a.h5", plan)


def test_a_run(data, tmp_path, outcome):  # noqa: F811
    workdir = tmp_path / "run"
    flags = (f"--dataset={data}", f"--workdir={workdir}")
    end = outcome("train_flow", *flags, "--num_pairs=1")
    assert end.code == 0 and "cosine to the true field" in end.out
    assert (workdir / "velocity.png").stat().st_size > 0
    result = json.loads((workdir / "result.json").read_text())
    assert result["cosine"] > 0.9 and result["relative_error"] < 0.4
    samples = patterns.read(data).stacked()[:1]
    v = keras.models.load_model(workdir / "velocity.keras")(samples)
    assert np.isfinite(v).all() and v.shape == samples.shape
    assert_one_line(outcome("train_flow", *flags), "holds a run")


def test_a_u_net_from_pairs(data, tmp_path, outcome):  # noqa: F811
    """By gradient descent; states two steps apart."""
    workdir = tmp_path / "run"
    flags = (f"--dataset={data}", f"--workdir={workdir}")
    own = ("--velocity=unet", "--supervision=pairs", "--num_pairs=4", "--widths=4")
    end = outcome("train_flow", *flags, *own, "--steps=20", "--num_snapshots=40")
    assert end.code == 0
    result = json.loads((workdir / "result.json").read_text())
    assert result["compared_on"] == "held out" and result["losses"]["pairs"] > 0.0
    assert (workdir / "tensorboard").is_dir()
    again = outcome("train_flow", *flags, "--resume")
    assert again.code == 0 and "nothing is left to do" in again.out


def test_diffusivities_that_were_set():
    result = {"snapshots": 8, "pairs": 0, "lifted": ["v"]}
    assert "diffusivity of v found at or below 0.001" in reports.text(result)


def test_terms_of_a_model(data, tmp_path, outcome):  # noqa: F811
    """Two states, through the steps between them."""
    workdir = tmp_path / "run"
    flags = (f"--dataset={data}", f"--workdir={workdir}", "--velocity=library")
    pairs = ("--supervision=pairs", "--num_pairs=1")
    end = outcome("train_flow", *flags, *pairs, "--model=gray_scott")
    assert end.code == 0 and "lap(v)" in end.out
    result = json.loads((workdir / "result.json").read_text())
    assert result["relative_error"] < 1e-4  # the file has float32
    samples = patterns.read(data).stacked()[:1]
    assert keras.models.load_model(workdir / "velocity.keras")(samples).shape[0] == 1


def test_comparison():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, 4, 4, 2))
    found = flows.compare(-2.0 * truth, truth, False)
    assert found["cosine"] == pytest.approx(1.0)
    assert found["error_after_scaling"] == pytest.approx(0.0, abs=1e-6)
    found = flows.compare(-2.0 * truth, truth, True)
    assert found["cosine"] == pytest.approx(-1.0)
    assert found["relative_error"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--widths=a",), "--widths"),
        (("--supervision=pairs",), "--num_pairs of at least 1"),
        (("--velocity=library", "--terms=v: v; u: u"), "terms for u, v"),
        (("--plot_channel=2",), "--plot_channel below 2"),
        (("--velocity=skew",), "--supervision=pairs with --velocity=skew"),
        (("--velocity=unet",), "a --denoiser of apps.train_score"),
        (("--dataset=none.h5",), "a data set at none.h5"),
    ],
)
def test_what_cannot_be(data, tmp_path, outcome, flags, word):  # noqa: F811
    workdir = tmp_path / "run"
    end = outcome("train_flow", f"--dataset={data}", f"--workdir={workdir}", *flags)
    assert_one_line(end, word)
    assert not workdir.exists()
