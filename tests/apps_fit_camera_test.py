"""apps.fit and apps.rank_models on photographs: noise, gain, masks, crops, movies."""

import json

import app_runner
import made_patterns
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import images, storage

TRUTH = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}
START = "--start=" + ",".join(f"{n}={v}" for n, v in made_patterns.SEED_START.items())


@pytest.fixture(scope="module")
def field(simulations):
    """v of a small steady pattern."""
    return made_patterns.get(simulations)[1].fields["v"][0]


def _noisy(field, ratio=0.02, seed=0):
    rng = np.random.default_rng(seed)
    return field + ratio * field.std() * rng.normal(size=field.shape)


def _fit(workdir, target, *more):
    arguments = (f"--targets={target}", f"--workdir={workdir}", START, "--nocheck")
    code = app_runner.run("fit", *arguments, *more)
    return code, json.loads((workdir / "result.json").read_text())


def _worst(params):
    return max(abs(params[n] / TRUTH[n] - 1.0) for n in TRUTH)


def test_a_noisy_photograph_gives_intervals(field, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    images.save_image(photo, _noisy(field), (0.0, 0.5), bits=16)
    code, result = _fit(tmp_path / "run", photo, "--scale=0:0.5")
    assert code == 0 and result["status"] == "converged"
    names = ["residual", "errors_in_variables", "bootstrap"]
    assert [stage["stage"] for stage in result["stages"]] == names
    assert _worst(result["params"]) < 0.1
    for name, (low, high) in result["intervals"].items():
        assert low < result["params"][name] < high
        assert high - low < result["params"][name]
    assert storage.load_targets(tmp_path / "run" / "field.npz", "v")
    shown = capsys.readouterr().out
    assert "95 % interval" in shown and "Laplacian" in shown


def test_levels_without_a_scale_leave_the_gain_open(field, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    images.save_image(photo, field, (field.min(), field.max()), bits=16)
    _, open_ = _fit(tmp_path / "open", photo)
    shown = capsys.readouterr().out
    assert "only Du/F, Dv/(F+k), Dv^2/Du" in shown
    products = open_["stages"][0]["determined"]
    assert products["Du/F"] == pytest.approx(TRUTH["Du"] / TRUTH["F"], rel=0.01)
    _, known = _fit(tmp_path / "known", photo, "--known=Dv=0.08")
    assert _worst(known["params"]) < 0.01
    assert known["params"]["gain"] == pytest.approx(np.ptp(field), rel=0.01)


def test_a_mask_hides(field, tmp_path):
    rng = np.random.default_rng(1)
    seen = rng.random(field.shape) > 0.2
    shown = np.where(seen, _noisy(field), 9.0)
    target = tmp_path / "masked.npz"
    np.savez(target, v=shown[None], mask=seen[None])
    code, result = _fit(tmp_path / "run", target)
    assert code == 0 and _worst(result["params"]) < 0.1


def test_a_crop_of_a_pattern(field, tmp_path):
    target = tmp_path / "crop.npz"
    np.savez(target, v=field[None, 2:26, 3:27])
    code, result = _fit(tmp_path / "run", target, "--cropped")
    assert code == 0 and result["stages"][0]["stage"] == "cropped"
    assert _worst(result["params"]) < 0.02


def test_what_no_parameters_explain_is_said(tmp_path, capsys):
    rng = np.random.default_rng(2)
    target = tmp_path / "noise.npz"
    smooth = np.fft.ifft2(
        np.fft.fft2(rng.normal(size=(16, 16)))
        * np.exp(-40.0 * np.hypot(*np.meshgrid(*[np.fft.fftfreq(16)] * 2)))
    ).real
    np.savez(target, v=smooth[None])
    code, result = _fit(tmp_path / "run", target)
    assert code == 1 and result["status"] == "unexplained"
    assert "do not believe" in capsys.readouterr().out


def test_posterior_needs_a_small_picture(tmp_path, outcome):  # noqa: F811
    target = tmp_path / "large.npz"
    np.savez(target, v=np.random.default_rng(0).random((1, 40, 40)))
    ended = outcome(
        "fit", f"--targets={target}", "--posterior", f"--workdir={tmp_path}"
    )
    assert_one_line(ended, "1024 cells", "1600")


def test_rank_models_finds_the_one(field, tmp_path, capsys):
    target = tmp_path / "v.npz"
    np.savez(target, v=field[None])
    arguments = (f"--targets={target}", f"--workdir={tmp_path / 'run'}")
    code = app_runner.run(
        "rank_models", *arguments, "--models=gray_scott,fitzhugh_nagumo"
    )
    assert code == 0
    ranking = json.loads((tmp_path / "run" / "ranking.json").read_text())
    assert (ranking[0]["model"], ranking[0]["observe"]) == ("gray_scott", "v")
    assert ranking[0]["relative"] < 0.2 * ranking[1]["relative"]
    assert "gray_scott, seen as v" in capsys.readouterr().out
