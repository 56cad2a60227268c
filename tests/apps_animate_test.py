"""Animations show the very states that a fit sees, and no panel stops another."""

import json

import app_runner
import imageio.v3 as imageio
import numpy as np
import pytest
import tensorflow as tf

from rdtf import analysis, initial_conditions, viz
from rdtf.status import Status

SETS = [
    {"Du": 0.16, "Dv": 0.08, "F": 0.029, "k": 0.057},
    {"Du": 0.14, "Dv": 0.06, "F": 0.035, "k": 0.065},
    {"Du": 0.15, "Dv": 0.09, "F": 0.05, "k": 0.06},
]
SMALL = ("--shape=16,16", "--steps=40", "--steps_per_frame=20")


def _bits(state, sample):
    return [field[sample].numpy().tobytes() for field in state]


@pytest.mark.parametrize(
    ("shape", "scheme"),
    [
        ((24, 20), "forward_euler"),
        pytest.param((24, 20), "rk4", marks=pytest.mark.slow),
        ((40,), "heun"),
    ],
)
def test_frames_are_bit_for_bit_what_training_sees(simulations, shape, scheme):
    sim = simulations(shape=shape, scheme=scheme, time_step=1.0)
    one = initial_conditions.create(None, sim.model, sim.grid, 1, seed=3)
    eight = initial_conditions.create(None, sim.model, sim.grid, 8, seed=3)
    frames = list(
        analysis.Sweep(simulation=sim, state=one, params=SETS, num_steps=60, every=20)
    )
    assert [frame.step for frame in frames] == [0, 20, 40, 60]
    for panel, params in enumerate(SETS):
        variables = {n: tf.Variable(x, dtype=tf.float64) for n, x in params.items()}
        for frame in frames:
            seen = sim.advance(eight, params, frame.step)
            assert _bits(frame.state, panel) == _bits(seen, 0)
        with tf.GradientTape() as tape:
            seen = sim.advance(eight, variables, 60)
            loss = tf.reduce_sum(seen[1])
        assert _bits(frames[-1].state, panel) == _bits(seen, 0)
        assert tape.gradient(loss, variables["F"]) is not None


def test_an_invalid_panel_stops_no_other(simulations):
    sim = simulations(shape=(16, 16), time_step=1.0)
    state = initial_conditions.create(None, sim.model, sim.grid, 1)
    unstable = {**SETS[0], "Du": 0.7, "Dv": 0.7}
    greedy = {**SETS[0], "k": -0.05}  # v grows beyond 1
    run = {"simulation": sim, "state": state, "num_steps": 400, "every": 20}
    frames = list(analysis.Sweep(params=[SETS[0], unstable, greedy], **run))
    alone = list(analysis.Sweep(params=SETS[:1], **run))
    assert frames[0].invalid == [None, None, None]
    healthy, unstable, greedy = frames[-1].invalid
    assert healthy is None and unstable[1] in (
        Status.LEFT_VALID_RANGE,
        Status.NOT_FINITE,
    )
    assert greedy[1] == Status.LEFT_VALID_RANGE and 0 < greedy[0] <= 400
    assert _bits(frames[-1].state, 0) == _bits(alone[-1].state, 0)


def test_pixels_are_the_states(tmp_path, simulations):
    output = tmp_path / "a.gif"
    app_runner.run(
        "animate",
        f"--output={output}",
        *SMALL,
        "--preset=maze",
        "--params=F=0.05",
        "--vmin=0",
        "--vmax=0.5",
        "--colormap=viridis",
        "--time_step=1",
        "--seed=4",
    )
    frames = imageio.imread(output, index=None)
    assert len(frames) == 3
    sim = simulations(shape=(16, 16), time_step=1.0)
    state = initial_conditions.create(None, sim.model, sim.grid, 1, seed=4)
    draw = viz.PanelFrames(["maze: x", "y"], (16, 16), 0.0, 0.5)
    params = [sim.model.preset("maze"), {**sim.model.defaults, "F": 0.05}]
    for panel, values in enumerate(params):
        x, y = draw._corner(panel)
        y += frames.shape[1] - draw._blank.height  # captions may be of two lines
        for number, frame in enumerate(frames):
            v = sim.advance(state, values, 20 * number)[1][0].numpy()
            cells = frame[y + 8 : y + 256 : 16, x + 8 : x + 256 : 16]
            np.testing.assert_array_equal(cells, viz.colorize(v, 0.0, 0.5, "viridis"))


def test_trajectory_panels(tmp_path, capsys):
    path = tmp_path / "trajectory.jsonl"
    lines = [
        {"stage": "windows", "iteration": i, "params": {**SETS[0], "F": 0.03 + i / 1e3}}
        for i in range(6)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "win'
    path.write_text(text)
    with app_runner.loaded(
        "animate", "--output=x.gif", f"--params={path}", "--every=2"
    ) as app:
        from rdtf import models

        names, params = app.panels(models.GRAY_SCOTT)
    assert names == ("windows 0", "windows 2", "windows 4", "windows 5")
    assert params[-1] == lines[-1]["params"]


@pytest.mark.parametrize("flags", [("--shape=24",), ("--shape=6,8,10",)])
def test_one_and_three_dimensions(tmp_path, flags, capsys):
    output = tmp_path / "a.gif"
    app_runner.run("animate", f"--output={output}", *SMALL, *flags)
    assert len(imageio.imread(output, index=None)) == 3
    assert capsys.readouterr().out == f"{output}: 1 panels\n"


def test_unstable_panel_is_captioned(tmp_path, capsys):
    output = tmp_path / "a.gif"
    app_runner.run(
        "animate", f"--output={output}", *SMALL, "--time_step=1", "--params=Du=3"
    )
    assert "panel 1: not_finite by step 20" in capsys.readouterr().out
    last = imageio.imread(output, index=2)
    assert ((last == (176, 0, 32)).all(axis=2)).sum() > 1000


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--output=a.png"], "end in .gif"),
        (["--colormap=none"], "colormap"),
        (["--vmin=1", "--vmax=0"], "--vmin below --vmax"),
        (["--species=w"], "species"),
        (["--params=Q=1"], "unknown: Q"),
        (["--params=F"], "NAME=NUMBER"),
        (["--params=missing.jsonl"], "trajectory"),
        (["--preset=none"], "preset"),
        (["--shape=2"], "grid shape"),
        (["--initial_condition=none"], "initial condition"),
        (["--params=F=.03"] * 65, "at most 64 panels"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, word, input_error):
    with input_error(word):
        app_runner.run("animate", f"--output={tmp_path / 'a.gif'}", *flags)
    assert not list(tmp_path.iterdir())


def test_from_the_shell_an_existing_file_is_kept(tmp_path):
    output = tmp_path / "a.gif"
    output.write_bytes(b"mine")
    result = app_runner.shell("animate", f"--output={output}")
    assert result.returncode == 2 and output.read_bytes() == b"mine"
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
