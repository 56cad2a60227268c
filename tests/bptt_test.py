"""Truncated backpropagation: windows of every kind, exact gradients, every ending."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
from fit_runner import run_stages

import rdtf
from rdtf import initial_conditions, inverse, losses
from rdtf.constraints import Constraints
from rdtf.inverse import FreshPatterns, OptimizerSettings, Problem, WindowSettings
from rdtf.inverse.simulated.windows import Windows
from rdtf.status import FitStatus

START = {"Du": 0.13, "Dv": 0.07, "F": 0.04, "k": 0.06}
TRUTH = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}
KINDS = {
    "warmup": {"window": 6, "warmup": 10},
    "no warmup": {"window": 6, "warmup": 0},
    "until steady": {"window": 6, "warmup": None},
    "everything": {"window": 1000, "warmup": None},
    "stride": {"window": 6, "warmup": 10, "stride": 4},
    "target": {"window": 6, "start": "target"},
}


@pytest.fixture(scope="session")
def problem(simulations):
    """Four pictures, 60 steps old; runs until steady stop after 25 steps."""
    sim = simulations(shape=(12, 12), time_step=1.0)
    state = initial_conditions.create(None, sim.model, sim.grid, 4, 9)
    fields = sim.advance(state, TRUTH, 60)[1].numpy()
    return Problem(
        simulation=sim,
        observe="v",
        fields=fields,
        start=START,
        seed=1,
        fresh=FreshPatterns(max_steps=25),
    )


def _settings(kind="warmup", loss="power_spectrum", optimizer=(), **windows):
    optimizer = {"name": "SGD", "learning_rate": 1e-4, "iterations": 3} | dict(
        optimizer
    )
    return inverse.Settings(
        route="bptt",
        loss=losses.LOSSES[loss],
        windows=WindowSettings(batch=2, **(KINDS[kind] | windows)),
        optimizer=OptimizerSettings(**optimizer),
    )


def _fit(problem, workdir, settings, listeners=(), resume=False):
    (stage,) = run_stages(problem, workdir, settings, listeners, resume)
    text = (workdir / "trajectory.jsonl").read_text()
    return stage, [json.loads(line) for line in text.splitlines()]


def _windows(problem, settings):
    return Windows(problem, settings.windows, settings.loss)


@pytest.mark.parametrize("kind", KINDS)
def test_three_iterations(kind, problem, tmp_path):
    """Each record holds the exact gradient of the loss it names, where it names it."""
    settings = _settings(kind)
    stage, records = _fit(problem, tmp_path, settings)
    assert stage.stage == "bptt" and stage.status is FitStatus.MAX_ITERATIONS
    assert stage.iterations == 3
    assert [r["iteration"] for r in records] == [0, 1, 2, 3]
    assert all(r["status"] == "ok" for r in records)
    assert records[0]["params"] == pytest.approx(START, rel=1e-14)
    best = min(records, key=lambda r: r["loss"])
    assert stage.params == best["params"] and stage.loss == best["loss"]
    assert all(np.ptp([r["params"][n] for r in records]) > 0 for n in START)

    windows = _windows(problem, settings)
    window = windows.run(START, windows.draw(0)).payload
    signs = {"Du": 1, "Dv": -1, "F": 1, "k": -1}
    direction = {n: signs[n] * v for n, v in START.items()}

    def at(h):
        return float(
            windows.loss({n: START[n] + h * direction[n] for n in START}, window)[0]
        )

    assert at(0.0) == pytest.approx(records[0]["loss"], rel=1e-9)
    h = 1e-5
    central = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    slope = sum(records[0]["gradient"][n] * d for n, d in direction.items())
    assert slope == pytest.approx(central, rel=1e-6)
    for name, value in START.items():  # transforms are logarithms
        raw = records[0]["gradient"][name] * value
        assert records[0]["raw_gradient"][name] == pytest.approx(raw, rel=1e-9)


@pytest.mark.parametrize("loss", losses.LOSSES)
def test_steps_descend_along_the_former_gradient(loss, problem, tmp_path):
    """Plain descent: raw_{i+1} = raw_i - rate * gradient_i, to single-precision rates."""
    if loss == "windowed_power_spectrum":
        pytest.skip("needs whole tiles of 16 cells")
    _, records = _fit(problem, tmp_path, _settings(loss=loss))
    for before, after in itertools.pairwise(records):
        for name in START:
            moved = np.log(after["params"][name] / before["params"][name])
            expected = -after["rate"] * before["raw_gradient"][name]
            assert moved == pytest.approx(expected, rel=1e-4, abs=1e-13)


def test_a_window_over_everything_is_full_backpropagation(problem):
    settings = _settings("everything")
    windows = _windows(problem, settings)
    draw = windows.draw(0)
    outcome = windows.run(START, draw)
    assert outcome.failure is None
    assert (outcome.payload.length, outcome.steps) == (25, 25)
    gradients = []
    for loss_of in (
        lambda p: windows.loss(p, outcome.payload)[0],
        lambda p: settings.loss(
            problem.simulation.advance(draw.state, p, 25)[1], draw.targets
        ),
    ):
        params = {n: tf.Variable(v, dtype=tf.float64) for n, v in START.items()}
        with tf.GradientTape() as tape:
            loss = loss_of(params)
        gradients.append(
            [float(loss), *map(float, tape.gradient(loss, params).values())]
        )
    assert gradients[0] == gradients[1]


def test_the_window_ends_where_the_run_is_steady(problem):
    windows = _windows(problem, _settings("until steady"))
    draw = windows.draw(0)
    window = windows.run(START, draw).payload
    _, final = windows.loss(
        {n: tf.constant(v, tf.float64) for n, v in START.items()}, window
    )
    run = problem.simulation.run_until_steady(
        draw.state, START, problem.fresh.tolerance, problem.fresh.max_steps
    )
    for a, b in zip(final, run.state, strict=True):
        np.testing.assert_array_equal(a, b)


def test_stride_moves_on_along_one_run(problem):
    windows = _windows(problem, _settings("stride"))
    draw = windows.draw(0)
    first = windows.run(START, draw).payload
    following = windows.move_on(first, START, 1)
    assert following.warm and following.travelled == 4
    expected = problem.simulation.advance(draw.state, START, 14)
    for a, b in zip(following.state, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    np.testing.assert_array_equal(following.targets, draw.targets)
    for _ in range(6):  # 28 steps is beyond max_steps: a fresh run
        following = windows.move_on(windows.run(START, following).payload, START, 7)
    assert not following.warm and following.travelled == 0
    for a, b in zip(following.state, windows.draw(7).state, strict=True):
        np.testing.assert_array_equal(a, b)


def test_draws_differ_by_iteration_and_seed_and_repeat(problem, simulations):
    windows = _windows(problem, _settings())
    fields = [windows.draw(i).state[1].numpy().tobytes() for i in (0, 1, 2, 0)]
    assert len(set(fields)) == 3 and fields[0] == fields[3]
    chosen = {windows.draw(i).targets.numpy().tobytes() for i in range(12)}
    assert len(chosen) > 4
    for i in range(3):
        for target in windows.draw(i).targets.numpy():
            assert any(np.array_equal(target, field) for field in problem.fields)


def test_adam_and_transforms(problem, tmp_path):
    kinds = {"Du": "softplus", "Dv": "softplus", "F": "sigmoid:0.1", "k": "sigmoid:0.1"}
    optimizer = {"name": "Adam", "learning_rate": 1e-3, "transforms": kinds}
    _, records = _fit(problem, tmp_path, _settings(optimizer=optimizer))
    raw = [
        Constraints(problem.simulation.model, kinds).raw(r["params"]) for r in records
    ]
    for name in START:  # Adam's first step is the rate, whatever the gradient
        assert abs(raw[1][name] - raw[0][name]) == pytest.approx(1e-3, rel=1e-3)


def test_one_program_for_a_whole_fit(problem, tmp_path):
    """No iteration compiles anything that the one before has compiled."""
    sim = problem.simulation
    sim = rdtf.Simulation(sim.model, sim.grid, sim.time_step, engine="xla")
    problem = dataclasses.replace(problem, simulation=sim)
    programs = sim._programs
    jitted = [programs._forward, programs._checkpointed, programs._backward]
    counts = []

    def count(record):
        counts.append([p.experimental_get_tracing_count() for p in jitted])

    optimizer = {"iterations": 5}
    _fit(problem, tmp_path, _settings(optimizer=optimizer), listeners=[count])
    assert len(counts) == 6 and counts[0] == counts[-1]


def test_the_best_is_kept_not_the_last(problem, tmp_path):
    """Uphill, by a negative rate."""
    settings = _settings("target", optimizer={"learning_rate": -1e-2})
    stage, records = _fit(problem, tmp_path, settings)
    losses_seen = [record["loss"] for record in records]
    assert losses_seen == sorted(losses_seen) and len(set(losses_seen)) == 4
    assert stage.params == records[0]["params"] and stage.loss == losses_seen[0]


def test_a_failed_start_is_a_status(problem, tmp_path):
    for change, word in (
        ({"start": START | {"Du": 0.3}}, "stability bound"),
        ({"start": START | {"k": 0.3, "F": 0.9}}, "left_valid_range (sample 0, step "),
    ):
        fields = {**vars(problem), **change}
        stage, records = _fit(Problem(**fields), tmp_path, _settings())
        assert stage.status is FitStatus.FAILED_START
        assert stage.params == pytest.approx(change["start"], rel=1e-12, abs=1e-300)
        assert len(records) == 1 and word in records[0]["status"]
        assert records[0]["loss"] is None


def test_not_steady_may_be_a_failure(problem, tmp_path):
    settings = _settings("until steady", require_steady=True)
    stage, records = _fit(problem, tmp_path, settings)
    assert stage.status is FitStatus.FAILED_START
    assert records[0]["status"] == "not steady after 25 steps"


def test_no_rate_accepted_keeps_the_best(problem, tmp_path):
    kinds = dict.fromkeys(START, "identity")
    optimizer = {"learning_rate": 1e9, "transforms": kinds}
    stage, records = _fit(problem, tmp_path, _settings(optimizer=optimizer))
    assert stage.status is FitStatus.NO_RATE_ACCEPTED
    assert stage.params == pytest.approx(START, rel=1e-14)
    assert stage.loss == records[0]["loss"]
    assert [r["status"] for r in records] == ["ok", "no learning rate was accepted"]
    tried = records[-1]["tried"]
    assert len(tried) == 7 and all(t["outcome"] != "ok" for t in tried)
    assert records[-1]["params"] == records[0]["params"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window": 0}, "window of at least 1, got 0"),
        ({"stride": -1}, "stride of at least 0"),
        ({"batch": 0}, "batch of at least 1"),
        ({"warmup": -1}, "warmup of at least 0"),
        ({"start": "end"}, "simulated, target, got 'end'"),
    ],
)
def test_bad_windows(change, words, input_error):
    with input_error(words):
        WindowSettings(**change)


def test_an_optimiser_that_there_is_not(input_error):
    with input_error("SGD or Adam", "'Adamant'"):
        OptimizerSettings(name="Adamant")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": np.inf}, "finite learning_rate, got inf"),
        ({"decrease": np.nan}, "finite decrease"),
        ({"weight_decay": np.nan}, "weight_decay of at least 0"),
        ({"iterations": -1}, "iterations of at least 0, got -1"),
    ],
)
def test_bad_numbers_of_an_optimiser(change, words, input_error):
    with input_error(words):
        OptimizerSettings(**change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"route": "residul"}, "auto, residual, windows, bptt, got 'residul'"),
        ({"form": "norms"}, "norm, integral, or None, got 'norms'"),
        ({"route": "bptt"}, "a loss for route bptt"),
        ({"loss": "power_spectrum"}, "rdtf.losses.LOSSES['power_spectrum']"),
        ({"polish_window": 0}, "polish_window of at least 1, got 0"),
    ],
)
def test_bad_settings(change, words, input_error):
    with input_error(words):
        inverse.Settings(**change)
