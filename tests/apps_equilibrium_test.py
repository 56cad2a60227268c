"""apps.train_equilibrium, on patterns and on points; apps.train_flow does the same."""

import json

import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import patterns
from rdtf.dynamics import rollouts, snapshots, velocities
from rdtf.generative.baselines import ResNet


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(a data set, a denoiser of it)."""
    directory = tmp_path_factory.mktemp("data")
    plan = patterns.Plan(
        presets=("waves",), num_samples=8, shape=(16, 16), steps=50, chunk=8
    )
    data = patterns.read(patterns.generate(directory / "a.h5", plan))
    network = ResNet((16, 16), 2, names=data.metadata["species"])
    network.build_from_config({})
    network.adapt(data.stacked())
    network.save(directory / "denoiser.keras")
    return directory / "a.h5", directory / "denoiser.keras"


def test_a_run_by_a_score(made, tmp_path, outcome):  # noqa: F811
    workdir = tmp_path / "run"
    flags = (f"--dataset={made[0]}", f"--denoiser={made[1]}", f"--workdir={workdir}")
    flags += ("--epochs=1", "--batch_size=8", "--probes=0")
    end = outcome("train_equilibrium", *flags)
    assert end.code == 0 and "cosine to the true field" in end.out
    assert list((workdir / "tensorboard").rglob("events*"))
    result = json.loads((workdir / "result.json").read_text())
    assert {"trained", "training_free", "random", "oracle"} <= set(result)
    assert result["oracle"]["cosine"] > result["trained"]["cosine_noised"]
    velocity = velocities.load(workdir / "velocity.keras")
    start = snapshots.in_units(patterns.read(made[0]))[:1]
    run = rollouts.rollout(velocity, start, 0.01, 2)
    assert run.shape == (1, 2, 16, 16, 2)
    again = outcome("train_equilibrium", *flags[:3], "--resume")
    assert again.code == 0 and "nothing is left to do" in again.out
    other = (f"--workdir={tmp_path / 'other'}", "--supervision=equilibrium")
    assert outcome("train_flow", *flags[:2], *flags[3:], *other).code == 0
    assert json.loads((tmp_path / "other" / "result.json").read_text()) == result


@pytest.mark.parametrize("app", ["train_equilibrium", "train_flow"])
def test_a_run_on_points(tmp_path, outcome, app):  # noqa: F811
    flags = ("--dataset=two_peaks", f"--workdir={tmp_path / 'run'}", "--steps=20")
    end = outcome(app, *flags)
    assert end.code == 0 and "learned" in end.out
    assert (tmp_path / "run" / "velocity.png").stat().st_size > 0


@pytest.mark.slow
def test_lorenz(tmp_path, outcome):  # noqa: F811
    flags = ("--dataset=lorenz", f"--workdir={tmp_path / 'run'}", "--steps=20")
    end = outcome("train_equilibrium", *flags, "--num_pairs=500", "--symmetric")
    assert end.code == 0 and "polynomials" in end.out
    assert (tmp_path / "run" / "velocity.png").stat().st_size > 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["pairs"] == 500 and len(result["turns"]) == 2
    assert result["fields"]["polynomials"]["cosine"] > 0.95


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ((), "--denoiser, of apps.train_score"),
        (("--velocity=unet",), "no --velocity of an equilibrium flow"),
        (("--dataset=ring", "--sym=1"), "no --sym of points"),
        (("--supervision=pairs", "--alpha=.5"), "no --alpha without an equilibrium"),
        (("--denoiser=none.keras",), "a denoiser in none.keras"),
        (("--denoiser=SCORE", "--alpha=.5"), "--alpha=0.8, the only level"),
    ],
)
def test_what_cannot_be(made, tmp_path, outcome, flags, word):  # noqa: F811
    flags = [flag.replace("SCORE", str(made[1])) for flag in flags]
    workdir = tmp_path / "run"
    own = (f"--dataset={made[0]}", f"--workdir={workdir}", "--supervision=equilibrium")
    assert_one_line(outcome("train_flow", *own, *flags), word)
    if not {"--velocity=unet", "--supervision=pairs"} & set(flags):
        assert_one_line(outcome("train_equilibrium", *own[:2], *flags), word)
    assert not workdir.exists()
