"""apps.evaluate_flow: a table beside persistence, and refusals."""

import json

import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401
from PIL import Image

from rdtf import patterns
from rdtf.dynamics import flows, snapshots
from rdtf.generative.denoiser import Denoiser

CHANGES = (("F", 0.022), ("k", 0.051))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(velocity, runs) as paths."""
    folder = tmp_path_factory.mktemp("made")
    plan = patterns.Plan(
        presets=("waves",),
        num_samples=24,
        shape=(32, 32),
        steps=3000,
        chunk=24,
        pairs="rate",
        changes=CHANGES,
    )
    data = patterns.read(patterns.generate(folder / "a.h5", plan))
    velocity, _ = flows.train(data, flows.Options(supervision="pairs", num_pairs=2))
    velocity.save(folder / "v.keras")
    plan = patterns.Plan(
        presets=("waves",),
        num_samples=4,
        shape=(32, 32),
        steps=3000,
        seed=1,
        frames=13,
        every=5,
        changes=CHANGES,
    )
    return folder / "v.keras", patterns.generate(folder / "r.h5", plan), folder / "a.h5"


def test_better_than_persistence(made, tmp_path, outcome):  # noqa: F811
    paths = [tmp_path / name for name in ("e.json", "e.gif", "e.png")]
    flags = (f"--velocity={made[0]}", f"--dataset={made[1]}", "--long=6")
    output, gif, figure = paths
    files = (f"--output={output}", f"--gif={gif}", f"--figure={figure}")
    end = outcome("evaluate_flow", *flags, *files)
    assert end.code == 0 and "frames 6 to 12" in end.out
    result = json.loads(output.read_text())
    methods = ("true equation", "velocity", "persistence")
    true, ours, still = (result[name]["vrmse"] for name in methods)
    for a, b, c in zip(true, ours, still, strict=True):
        assert a["mean"] < b["mean"] < 0.3 * c["mean"]
    assert result["blown_up"] == 0.0 and result["long"]["blown_up"] == 0.0
    assert 0.0 <= result["long"]["spectrum"]["velocity"] < 1.0
    assert result["field"]["cosine"] > 0.99
    assert len(result["field"]["error_by_wavenumber"][0]) == 16
    with Image.open(gif) as pictures:
        assert pictures.n_frames == 12
    assert figure.stat().st_size > 0


@pytest.mark.slow
def test_residual_with_a_score(made, tmp_path, outcome):  # noqa: F811
    network = Denoiser((32, 32), names=["u", "v"])
    network.build_from_config({})
    network.adapt(snapshots.in_units(patterns.read(made[1]))[:, 0])
    network.save(tmp_path / "d.keras")
    flags = (f"--velocity={made[0]}", f"--dataset={made[1]}")
    end = outcome("evaluate_flow", *flags, f"--denoiser={tmp_path / 'd.keras'}")
    assert end.code == 0 and "residual at σ = 0.4" in end.out


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--velocity=none.keras",), "a velocity in none.keras"),
        (("--dataset=none.h5",), "a data set at none.h5"),
        (("--gif=a.png",), "end in .gif"),
        (("--plot_channel=2",), "--plot_channel below 2"),
    ],
)
def test_what_cannot_be(made, outcome, flags, word):  # noqa: F811
    given = (f"--velocity={made[0]}", f"--dataset={made[1]}", *flags)
    assert_one_line(outcome("evaluate_flow", *given), word)


def test_stills_are_no_runs(made, outcome):  # noqa: F811
    end = outcome("evaluate_flow", f"--velocity={made[0]}", f"--dataset={made[2]}")
    assert_one_line(end, "with frames")
