"""What the flags of a fit make of pictures: simulation, targets, observation."""

import json
import time

import app_runner
import numpy as np
import pytest
from app_outcome import assert_one_line, outcome  # noqa: F401

from rdtf import images, models
from rdtf.grids import Grid

V = np.random.default_rng(0).random((2, 12, 10))
GRID = {"shape": [12, 10], "spacing": [0.5, 0.5], "boundary": "no_flux"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Pictures of V in many forms."""
    home = tmp_path_factory.mktemp("home")
    for name, field in (("a", V[0]), ("b", V[1]), ("small", V[0, 1:])):
        images.save_image(home / f"{name}.png", field, "0:1")
    images.save_image(home / "movie.tif", V, "0:1", 16)
    images.save_image(home / "float.tif", np.where(V < 0.3, np.nan, V), bits=32)
    images.save_image(home / "mask.png", V[0] > 0.4, "0:1")
    np.savez(home / "hidden.npz", mask=np.zeros((12, 10)))
    np.savez(home / "v.npz", v=V, mask=V > 0.2, pixel_size=0.25, quantum=0.01)
    metadata = {"grid": GRID, "time_step": 0.05, "scheme": "rk4"}
    np.savez(home / "grid.npz", v=V, metadata=json.dumps(metadata))
    np.savez(home / "lies.npz", v=V[:, 1:], metadata=json.dumps(metadata))
    masks = [V[0] > 2.0, V[0] > 0.4]
    np.savez(home / "movie.npz", v=V, times=[0.0, 3.0], mask=masks)
    (home / "text.png").write_text("two\nlines\n")
    return home


@pytest.fixture
def load(home):
    """load(targets, flag, ...) -> (simulation, targets, observation), run.flags' shape."""

    def get(targets, *arguments):
        arguments = [argument.format(home=home) for argument in arguments]
        targets = ",".join(f"{home}/{name}" for name in targets.split(","))
        with app_runner.loaded("fit", f"--targets={targets}", *arguments) as app:
            model = models.get("gray_scott")
            found = app.targets.Source(model, model.defaults).load()
            return *found, app.flags.FLAGS.shape

    return get


def test_a_photograph_with_a_scale(load, capsys):
    simulation, targets, observation, shape = load(
        "a.png", "--scale=-1:1", "--pixel_size=0.5", "--psf_sigma=0.7", "--cropped"
    )
    assert simulation.grid == Grid((12, 10), 0.5) and shape == ["12", "10"]
    assert targets.fields["v"].shape == (1, 12, 10)
    assert observation.quantum == pytest.approx(2 / 255)
    assert observation.psf_sigma == 0.7 and observation.cells_per_pixel == 1
    assert observation.mask is None
    assert observation.cropped is True and observation.unknown_gain is False
    assert capsys.readouterr().out == ""


def test_the_gain_of_grey_levels_is_unknown_and_that_is_said(load, capsys):
    _, targets, observation, _ = load("a.png,b.png")
    assert targets.fields["v"].shape == (2, 12, 10)
    assert observation.unknown_gain is True and observation.quantum == 1 / 255
    assert observation.cropped is False and observation.psf_sigma == 0.0
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and "--scale" in line and "gain" in line


@pytest.mark.parametrize(
    ("name", "flag", "unknown"),
    [
        ("a.png", "--nounknown_gain", False),
        ("a.png", "--unknown_gain", True),
        ("float.tif", "--frame=0", False),
        ("v.npz", "--unknown_gain", True),
        ("v.npz", "--nocropped", False),
    ],
)
def test_who_knows_the_gain_is_asked(name, flag, unknown, load, capsys):
    assert load(name, flag)[2].unknown_gain is unknown
    assert capsys.readouterr().out == ""


def test_cells_of_a_pixel_refine_the_grid(load):
    simulation, targets, observation, shape = load(
        "a.png", "--cells_per_pixel=3", "--pixel_size=1.5", "--boundary=no_flux"
    )
    assert simulation.grid == Grid((36, 30), 0.5, "no_flux")
    assert targets.fields["v"].shape == (1, 12, 10) and targets.pixel_size == 1.5
    assert observation.cells_per_pixel == 3 and shape == ["12", "10"]


def test_what_a_file_says_of_its_grid_holds_for_its_pixels(load):
    simulation = load("grid.npz")[0]
    assert simulation.grid == Grid((12, 10), 0.5, "no_flux")
    assert simulation.time_step == 0.05 and simulation.scheme.name == "rk4"
    simulation = load("grid.npz", "--cells_per_pixel=2", "--shape=12,10")[0]
    assert simulation.grid == Grid((24, 20), 0.25, "no_flux")
    assert simulation.time_step != 0.05
    assert load("grid.npz", "--pixel_size=2")[0].grid == Grid((12, 10), 2.0, "no_flux")
    simulation, _, observation, _ = load("v.npz")
    assert simulation.grid == Grid((12, 10), 0.25) and observation.quantum == 0.01
    assert load("v.npz", "--pixel_size=3")[0].grid.spacing == (3.0, 3.0)
    assert load("a.png", "--spacing=0.5")[0].grid.spacing == (0.5, 0.5)


def test_masks_of_file_and_flag(load):
    observation = load("v.npz", "--mask={home}/mask.png")[2]
    np.testing.assert_array_equal(observation.mask, (V > 0.2) & (V[0] > 0.4))
    np.testing.assert_array_equal(load("float.tif")[2].mask, V >= 0.3)
    mask = load("a.png", "--mask={home}/mask.png")[2].mask
    np.testing.assert_array_equal(mask, V[:1] > 0.4)


def test_movies_are_kept_and_a_frame_is_picked(load):
    _, targets, observation, _ = load("movie.tif", "--frame_interval=2")
    np.testing.assert_array_equal(targets.times, [0.0, 2.0])
    assert targets.fields["v"].shape == (1, 2, 12, 10) and observation.mask is None
    _, targets, observation, _ = load("movie.npz")
    np.testing.assert_array_equal(targets.times, [0.0, 3.0])
    assert observation.mask.shape == targets.fields["v"].shape == (1, 2, 12, 10)
    _, targets, observation, _ = load("movie.npz", "--frame=-1")
    np.testing.assert_array_equal(targets.fields["v"], V[1:])
    np.testing.assert_array_equal(observation.mask, V[:1] > 0.4)
    _, targets, observation, _ = load("movie.tif", "--frame=1", "--scale=0:1")
    assert targets.times is None and observation.quantum == 1 / 65535
    np.testing.assert_allclose(targets.fields["v"], V[1:], atol=1e-5)
    assert load("movie.tif")[1].fields["v"].shape == (2, 12, 10)


def test_masked_movies_may_lose_frames_but_not_the_one_picked(load, input_error):
    with input_error("hides sample 0", "frame 0"):
        load("movie.npz", "--frame=0")


BAD = {
    "scale": ("a.png", ["--scale=1"], ["LOW:HIGH", "'1'"]),
    "scale order": ("a.png", ["--scale=1:0"], ["LOW < HIGH", "'1:0'"]),
    "scale of floats": ("float.tif", ["--scale=0:1"], ["no scale", "float.tif"]),
    "scale of npz": ("v.npz", ["--scale=0:1"], ["no scale", "v.npz"]),
    "pixel size": ("a.png", ["--pixel_size=0"], ["--pixel_size > 0", "got 0"]),
    "pixel nan": ("a.png", ["--pixel_size=nan"], ["--pixel_size > 0", "nan"]),
    "interval": ("a.png", ["--frame_interval=-1"], ["--frame_interval > 0", "-1"]),
    "blur": ("a.png", ["--psf_sigma=-1"], ["--psf_sigma >= 0", "got -1"]),
    "cells": ("a.png", ["--cells_per_pixel=0"], ["--cells_per_pixel", "0"]),
    "missing": ("a.png,none.png", [], ["none.png", "found none"]),
    "truth": ("none.png", ["--truth=F=.03"], ["none.png", ".npz"]),
    "text": ("text.png", [], ["readable picture", "text.png"]),
    "sizes": ("a.png,small.png", [], ["12 x 10", "11 x 10", "small.png"]),
    "mixed": ("a.png,v.npz", [], ["one .npz", "v.npz"]),
    "mask shape": ("small.png", ["--mask={home}/mask.png"], ["11 x 10", "mask.png"]),
    "mask missing": ("a.png", ["--mask={home}/none.png"], ["mask", "none.png"]),
    "all hidden": ("a.png", ["--mask={home}/hidden.npz"], ["hidden.npz", "hides"]),
    "shape": ("a.png", ["--shape=12,12"], ["--shape=12,12", "holds 12,10"]),
    "frame": ("movie.tif", ["--frame=2"], ["2 frames", "got 2"]),
    "frame of one": ("a.png", ["--frame=0"], ["several frames", "got one"]),
    "metadata": ("lies.npz", [], ["12, 10", "(2, 11, 10)"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(
    case,
    home,
    outcome,  # noqa: F811
    tmp_path,
):
    targets, arguments, words = BAD[case]
    targets = ",".join(f"{home}/{name}" for name in targets.split(","))
    arguments = [argument.format(home=home) for argument in arguments]
    ended = outcome(
        "fit", f"--targets={targets}", f"--workdir={tmp_path}/run", *arguments
    )
    assert ended.code == 2
    assert_one_line(ended, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_flag_does_not_wait_for_tensorflow(home):
    began = time.monotonic()
    ended = app_runner.shell("fit", f"--targets={home}/a.png", "--scale=high")
    assert time.monotonic() - began < 2.0
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and "'high'" in ended.stderr
