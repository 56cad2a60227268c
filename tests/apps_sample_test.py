"""apps.sample and apps.evaluate on an untrained denoiser: the whole path, and refusals."""

import json

import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import patterns, storage
from rdtf.generative import denoiser, likelihood, training
from rdtf.generative.baselines import ResNet
from rdtf.generative.denoiser import Denoiser


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(denoiser, data set) as paths."""
    folder = tmp_path_factory.mktemp("made")
    data = patterns.generate(
        folder / "a.h5",
        patterns.Plan(
            presets=("maze",), num_samples=48, shape=(24, 24), steps=60, chunk=48
        ),
    )
    model = Denoiser((24, 24), names=["u", "v"])
    model.build_from_config({})
    model.adapt(patterns.read(data).stacked())
    model.save(folder / "d.keras")
    return folder / "d.keras", data


def test_samples_and_their_scores(made, tmp_path, outcome):  # noqa: F811
    output, table = tmp_path / "s.npz", tmp_path / "s.json"
    flags = (f"--denoiser={made[0]}", f"--output={output}", "--num_samples=16")
    end = outcome("sample", *flags, "--steps=4")
    assert end.code == 0 and "16 samples of 24 x 24 cells" in end.out
    fields = storage.load_targets(output, "v").fields
    assert set(fields) == {"u", "v"} and fields["u"].shape == (16, 24, 24)
    end = outcome(
        "evaluate", f"--samples={output}", f"--dataset={made[1]}", "--held_out=.7",
        f"--output={table}", "--critic_steps=5", f"--figure={tmp_path / 'e.png'}",
        "--likelihood=3", f"--denoiser={made[0]}",
    )  # fmt: skip
    assert end.code == 0 and "drifts in 5 steps" in end.out
    found = json.loads(table.read_text())
    assert found["spectrum"]["samples"] > 0.0
    told = found["likelihood"]
    assert told["patterns"] == 3 and told["nats_per_value"] == _likelihood(made, 3)
    assert "ln p of 3 held-out patterns with noise 0.05: " in end.out
    assert f"{told['nats_per_value']:.4f} ± {told['standard_error']:.4f}" in end.out
    assert (tmp_path / "e.png").stat().st_size > 0
    end = outcome("sample", *flags, "--shape=48,24", "--steps=2", "--overwrite")
    assert end.code == 0
    assert storage.load_targets(output, "v").fields["u"].shape == (16, 48, 24)
    assert_one_line(outcome("sample", *flags), "exists")


def _likelihood(made, count):
    """Of the patterns that a training with --held_out=.7 would not see."""
    samples = patterns.read(made[1]).stacked()
    held = samples[training.split(len(samples), 0.7, 0)[1]]
    trained = denoiser.load(made[0])
    return likelihood.log_likelihood(trained, held[:count]).mean()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--shape=20,24",), "multiples of 8"),
        (("--shape=a",), "--shape as y,x"),
        (("--output=a.h5",), "to end in .npz"),
        (("--denoiser=none.keras",), "a denoiser in none.keras"),
        (("--sigma_max=.001",), "sigma_max"),
        (("--preset=maze",), "trained without"),
        (("--preset=maze", "--params=F=1"), "got both"),
    ],
)
def test_what_cannot_be_sampled(made, tmp_path, outcome, flags, word):  # noqa: F811
    output = tmp_path / "s.npz"
    end = outcome("sample", f"--denoiser={made[0]}", f"--output={output}", *flags)
    assert_one_line(end, word)
    assert not output.exists()


def test_what_cannot_be_evaluated(made, tmp_path, outcome):  # noqa: F811
    output = tmp_path / "s.npz"
    storage.save_targets(output, storage.Targets(fields={"w": np.zeros((16, 24, 24))}))
    end = outcome("evaluate", f"--samples={output}", f"--dataset={made[1]}")
    assert_one_line(end, "v")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--likelihood=2",), "--likelihood and --denoiser together"),
        (("--likelihood=6", "--denoiser=none.keras"), "--likelihood from 2 to 5"),
        (("--likelihood=1", "--denoiser=none.keras"), "--likelihood from 2 to 5"),
        (("--likelihood=2", "--denoiser=none.keras"), "a denoiser in none.keras"),
    ],
)
def test_likelihoods_that_cannot_be(made, tmp_path, outcome, flags, word):  # noqa: F811
    output, fields = tmp_path / "s.npz", np.zeros((16, 24, 24))
    storage.save_targets(output, storage.Targets(fields={"u": fields, "v": fields}))
    end = outcome("evaluate", f"--samples={output}", f"--dataset={made[1]}", *flags)
    assert_one_line(end, word)


def test_networks_without_a_likelihood(made, input_error):
    with input_error("a ResNet", "--objective=edm"):
        likelihood.check(ResNet((24, 24)), ["u", "v"], (24, 24))
    with input_error("patterns of u, v", "got u, w"):
        likelihood.check(denoiser.load(made[0]), ["u", "w"], (24, 24))
    with input_error("multiples of 8"):
        likelihood.check(denoiser.load(made[0]), ["u", "v"], (20, 24))
