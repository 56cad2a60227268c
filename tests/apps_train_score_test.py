"""apps.train_score: a run that leaves what it promises, and refuses what cannot be."""

import json

import keras
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import patterns


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "a.h5"
    return patterns.generate(
        path,
        patterns.Plan(
            presets=("maze", "waves"), num_samples=12, shape=(24, 24), steps=60
        ),
    )


def test_a_run(data, tmp_path, outcome):  # noqa: F811
    workdir = tmp_path / "run"
    flags = (f"--dataset={data}", f"--workdir={workdir}", "--batch_size=8")
    end = outcome(
        "train_score", *flags, "--epochs=1", "--picture_every=1", "--condition=params"
    )
    assert end.code == 0 and "squared error over the Wiener filter's" in end.out
    names = ("denoiser.keras", "samples.png", "denoised.png", "run.flags")
    assert all((workdir / name).stat().st_size > 0 for name in names)
    assert list((workdir / "tensorboard").iterdir())
    result = json.loads((workdir / "result.json").read_text())
    assert result["held_out"] == 2 and len(result["error_over_wiener"]) == 5
    found = keras.models.load_model(workdir / "denoiser.keras")
    assert found.shape == (24, 24) and found.condition.parameters == ["F", "k"]
    made = f"--output={tmp_path / 's.npz'}"
    made = (made, f"--denoiser={workdir / 'denoiser.keras'}", "--num_samples=2")
    assert outcome("sample", *made, "--steps=2", "--params=F=.03,k=.06").code == 0
    end = outcome("sample", *made, "--overwrite", "--preset=maze")
    assert_one_line(end, "parameters F, k")
    end = outcome("train_score", *flags, "--epochs=1")
    assert_one_line(end, "holds a run")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--dataset=none.h5",), "a data set at none.h5"),
        (("--plot_channel=2",), "--plot_channel below 2"),
        (("--size=small",), "multiples of 16"),
    ],
)
def test_what_cannot_be(data, tmp_path, outcome, flags, word):  # noqa: F811
    workdir = tmp_path / "run"
    end = outcome("train_score", f"--dataset={data}", f"--workdir={workdir}", *flags)
    assert_one_line(end, word)
    assert not workdir.exists()
