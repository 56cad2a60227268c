"""Recorded runs: their frames, statistics on the way, and when things happen."""

import math

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import recording
from rdtf.status import Status

FISHER = rdtf.models.get("fisher_kpp").defaults


@pytest.fixture(scope="module")
def spots(simulations, start):
    """(simulation, state, params) of two samples of Gray-Scott."""
    sim = simulations()
    return sim, start(sim, 2), sim.model.defaults


@pytest.fixture(scope="module")
def growth(simulations):
    """growth(u, ...) -> (simulation, state): uniform logistic growth from u."""
    sim = simulations("fisher_kpp", (4,), scheme="rk4", time_step=0.01)

    def state(*values):
        return (tf.constant(np.repeat(np.array(values)[:, None], 4, 1), tf.float64),)

    return lambda *values: (sim, state(*values))


@pytest.mark.parametrize("scheme", ["forward_euler", "sbdf2"])
def test_frames_are_those_of_rollout(simulations, start, scheme):
    sim = simulations(scheme=scheme, time_step=0.5)
    state, params = start(sim, 2), sim.model.defaults
    expected = sim.rollout(state, params, 40, 10)
    memory = [recording.MemoryRecorder() for _ in range(2)]
    told = []
    end = recording.record(
        sim,
        state,
        params,
        recording.Schedule(num_steps=43, every=10),
        recorders=memory[:1],
        callback=lambda *progress: told.append(progress),
    )
    times = [0.0, 5.0, 10.0, 15.0, 20.0]
    recording.record(
        sim, state, params, recording.Schedule(times=times), recorders=memory[1:]
    )
    for recorder in memory:
        movie = recorder.movie
        for name, field in zip("uv", expected, strict=True):
            np.testing.assert_array_equal(movie.fields[name], field)
        np.testing.assert_array_equal(movie.times, times)
        np.testing.assert_array_equal(movie.steps, [0, 10, 20, 30, 40])
        assert movie.metadata == recording.describe(sim, params)
    assert told == [(10, 40), (20, 40), (30, 40), (40, 40)]
    np.testing.assert_array_equal(end.state[0], expected[0][:, -1])
    assert end.status == [Status.NOT_CONVERGED] * 2 and end.events == []
    assert end.num_steps.tolist() == [40, 40] and end.num_frames.tolist() == [5, 5]
    assert end.end_times.tolist() == [20.0, 20.0]


def test_any_save_times(spots):
    sim, state, params = spots
    memory = recording.MemoryRecorder()
    recording.record(
        sim,
        state,
        params,
        recording.Schedule(times=[3.0, 4.0, 1010.0]),
        recorders=[memory],
    )
    expected = sim.advance(state, params, 1010)
    np.testing.assert_array_equal(memory.movie.fields["v"][:, -1], expected[1])
    assert memory.movie.steps.tolist() == [3, 4, 1010]


def test_statistics_are_those_of_numpy(spots):
    sim, state, params = spots
    recorders = [recording.Statistics(), recording.Series()]
    recording.record(
        sim,
        state,
        params,
        recording.Schedule(num_steps=200, every=4),
        recorders=recorders,
    )
    statistics, series = recorders
    frames = sim.rollout(state, params, 200, 4)
    assert statistics.count.tolist() == [51, 51]
    for name, field in zip("uv", np.array(frames), strict=True):
        for found, expected in (
            (statistics.mean, field.mean(axis=1)),
            (statistics.variance, field.var(axis=1)),
            (series.mean, field.mean(axis=(2, 3))),
            (series.std, field.std(axis=(2, 3))),
        ):
            np.testing.assert_allclose(found[name], expected, rtol=1e-10, atol=1e-15)
        np.testing.assert_array_equal(statistics.minimum[name], field.min(axis=1))
        np.testing.assert_array_equal(statistics.maximum[name], field.max(axis=1))
    np.testing.assert_array_equal(series.times, np.arange(0.0, 201.0, 4.0))


def test_statistics_leave_out_repeated_frames(growth):
    sim, state = growth(0.2, 0.45)
    statistics, memory = recording.Statistics(), recording.MemoryRecorder()
    half = recording.threshold("u", 0.5, stop=True)
    end = recording.record(
        sim,
        state,
        FISHER,
        recording.Schedule(num_steps=100, every=10),
        events=[half],
        recorders=[statistics, memory],
    )
    own = int(end.num_frames[1])
    assert end.num_frames[0] == 11 and 1 < own < 11
    field = memory.movie.fields["u"]
    assert (field[1, own:] == field[1, own - 1]).all()
    assert statistics.count.tolist() == [11, own]
    expected = field[1, :own].mean(axis=0)
    np.testing.assert_allclose(statistics.mean["u"][1], expected, rtol=1e-13)
    np.testing.assert_array_equal(end.state[0][1], field[1, own - 1])
    assert end.end_times[1] == pytest.approx(0.1 * (own - 1))


def test_crossing_times_of_logistic_growth(growth):
    """u = 1/2 at ln((1 - u₀) / u₀); frames 0.05 apart err by less than 1e-4."""
    values = (0.1, 0.2, 0.9)
    sim, state = growth(*values)
    events = [
        recording.threshold("u", 0.5, "up"),
        recording.threshold(lambda s: s["u"][:, 0] ** 2, 0.25, kind="squared"),
        recording.threshold("u", 0.5, "down", kind="never"),
    ]
    end = recording.record(
        sim, state, FISHER, recording.Schedule(num_steps=300, every=5), events=events
    )
    kinds = {(event.kind, event.sample): event for event in end.events}
    assert set(kinds) == {(k, s) for k in ("threshold", "squared") for s in (0, 1)}
    for (_, sample), event in kinds.items():
        start = values[sample]
        exact = math.log((1.0 - start) / start)
        # of chords: at most |m''| / m' * spacing² / 8
        assert event.time == pytest.approx(exact, abs=2e-4)
        assert event.step == 5 * math.ceil(event.time / 0.05)
        assert event.value >= 0.25
    assert end.status == [Status.NOT_CONVERGED] * 3


def test_decay_dies_out_and_settles(simulations):
    """A mode of decay rate μ: contrast and rate fall as exp(-μ t)."""
    sim = simulations("fisher_kpp", (8,), scheme="rk4", time_step=0.01)
    params = {"D": 1.0, "r": 0.0}
    mu = 4.0 * math.sin(math.pi / 8) ** 2
    wave = np.cos(2.0 * np.pi * np.arange(8) / 8)[np.newaxis]
    amplitudes = np.array([[0.4], [0.1]])
    rate = 0.04
    events = [
        recording.extinct(0.1, stop=True),
        recording.steady(rate, relative=False),
    ]
    end = recording.record(
        sim,
        (0.5 + amplitudes * wave,),
        params,
        recording.Schedule(num_steps=2000, every=5),
        events=events,
    )
    assert len(end.events) == 4
    for event in end.events:
        amplitude = float(amplitudes[event.sample, 0])
        falls = 2.0 * amplitude / 0.1
        if event.kind == "steady":
            falls = amplitude * mu / rate
        # chords of an exponential are off by μ spacing² / 8
        assert event.time == pytest.approx(math.log(falls) / mu, abs=3e-4)
    assert end.status == [Status.CONVERGED] * 2
    assert end.num_steps.max() < 2000 and end.num_steps[0] > end.num_steps[1]


def test_steady_relative_to_contrast(simulations):
    """Of a decaying mode the rate over the contrast is μ all along; at rest it is 0."""
    sim = simulations("fisher_kpp", (8,), scheme="rk4", time_step=0.01)
    params = {"D": 1.0, "r": 0.0}
    mu = 4.0 * math.sin(math.pi / 8) ** 2
    wave = 0.1 * np.cos(2.0 * np.pi * np.arange(8) / 8)
    state = (np.stack([0.5 + wave, np.full(8, 0.5)]),)
    for factor, samples in ((1.01, [0, 1]), (0.99, [1])):
        watch = recording.steady(factor * mu, stop=True)
        end = recording.record(
            sim,
            state,
            params,
            recording.Schedule(num_steps=20, every=5),
            events=[watch],
        )
        assert [event.sample for event in end.events] == samples
        assert [event.time for event in end.events] == [0.0] * len(samples)


def test_a_failed_sample_leaves_the_others_alone(simulations):
    sim = simulations("fisher_kpp", (4,), scheme="rk4", time_step=0.01)
    state = (np.repeat([[0.5], [-1e3], [0.2]], 4, 1),)
    memory, statistics = recording.MemoryRecorder(), recording.Statistics()
    end = recording.record(
        sim,
        state,
        FISHER,
        recording.Schedule(num_steps=40, every=5),
        recorders=[memory, statistics],
    )
    assert end.status[1] is Status.NOT_FINITE
    assert end.status[::2] == [Status.NOT_CONVERGED] * 2
    (event,) = end.events
    assert event.kind == "not_finite" and event.sample == 1 and math.isnan(event.value)
    assert np.isfinite(memory.movie.fields["u"]).all()
    assert np.isfinite(statistics.variance["u"]).all()
    alone = sim.rollout((state[0][::2],), FISHER, 40, 5)
    np.testing.assert_array_equal(memory.movie.fields["u"][::2], alone[0])
    assert end.num_steps[1] == event.step - 5


def test_adaptive(simulations, growth):
    sim = simulations("fisher_kpp", (4,), scheme="tsit5", time_step=0.1)
    values = np.array([0.1, 0.3])
    times = np.array([0.0, 0.123, 1.0, 1.0 + math.pi])
    memory = recording.MemoryRecorder()
    end = recording.record(
        sim,
        growth(*values)[1],
        FISHER,
        recording.Schedule(times=times, adaptive=True),
        recorders=[memory],
        events=[recording.threshold("u", 0.95, stop=True)],
    )
    odds = values[:, None] / (1.0 - values[:, None]) * np.exp(times)
    exact = odds / (1.0 + odds)
    np.testing.assert_allclose(memory.movie.fields["u"][..., 0], exact, atol=1e-6)
    np.testing.assert_array_equal(memory.movie.times, times)
    assert memory.movie.metadata["tolerances"] == [1e-6, 1e-8]
    assert memory.movie.steps[-1] == end.num_steps.max() > 4
    assert [event.sample for event in end.events] == [1]


def test_stops_when_all_have_stopped(growth):
    sim, state = growth(0.4, 0.45)
    told = []
    end = recording.record(
        sim,
        state,
        FISHER,
        recording.Schedule(num_steps=10_000, every=10),
        events=[recording.threshold("u", 0.5, stop=True)],
        callback=lambda done, total: told.append(done),
    )
    assert told[-1] == end.num_steps.max() < 100


def test_recorders_finish_when_interrupted(spots):
    finished = []

    class Last(recording.Recorder):
        def finish(self):
            finished.append(True)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recording.record(
            *spots, recording.Schedule(num_steps=9), recorders=[Last()], callback=stop
        )
    assert finished == [True]


BAD = {
    "no times": ({}, ["one of times and num_steps", "neither"]),
    "both": ({"times": [0.0], "num_steps": 3}, ["both"]),
    "multiples": ({"times": [0.0, 2.5]}, ["multiples of the time step 1", "2.5"]),
    "decreasing": ({"times": [3.0, 2.0]}, ["increase"]),
    "negative": ({"times": [-1.0]}, ["from 0 on"]),
    "nan": ({"times": [math.nan]}, ["finite"]),
    "nothing": ({"times": []}, ["finite numbers"]),
    "every": ({"num_steps": 3, "every": 0}, ["every", "0"]),
    "scheme": ({"times": [0.5], "adaptive": True}, ["tsit5", "forward_euler"]),
    "twice": (
        {"num_steps": 3, "events": [recording.steady(1.0), recording.steady(2.0)]},
        ["'steady' twice"],
    ),
    "species": ({"num_steps": 3, "events": [recording.extinct(1.0, "w")]}, ["u, v"]),
    "shape": (
        {"num_steps": 3, "events": [recording.threshold(lambda s: s["u"], 1.0)]},
        ["one number for each of 2 samples", "(2, 8, 8)"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, spots, input_error):
    arguments, words = dict(BAD[case][0]), BAD[case][1]
    events = arguments.pop("events", ())
    with input_error(*words):
        recording.record(*spots, recording.Schedule(**arguments), events=events)


def test_bad_events_are_one_line(input_error):
    with input_error("tolerance", "-1"):
        recording.steady(-1.0)
    with input_error("level", "nan"):
        recording.threshold("u", math.nan)
    with input_error("up, down, both", "'left'"):
        recording.threshold("u", 1.0, "left")
    with input_error("mean", "'sum'"):
        recording.threshold("u", 1.0, reduce="sum")
    with input_error("with a frame"):
        _ = recording.MemoryRecorder().movie
