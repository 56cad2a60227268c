"""Certificates pass what is right, refuse what is not, and warn of chaos."""

import json

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf.gradients import certificate, measures
from rdtf.models import MODELS

SHAPES = [(6, 5), (9,), (3, 4, 5)]


def _loss(state):
    """Smooth, nonlinear, and different for every cell and species."""
    total = 0.0
    for index, field in enumerate(state):
        rng = np.random.default_rng(index)
        total += tf.reduce_mean(tf.sin(3.0 * field) * rng.normal(size=field.shape))
    return total


@pytest.fixture
def sim(simulations):
    return simulations(shape=(6, 5), spacing=1.25)


@pytest.mark.parametrize("model", [*list(MODELS)[:6], "ginzburg_landau"])
def test_every_model_passes(model, simulations, start):
    index = list(MODELS).index(model)
    sim = simulations(model, SHAPES[index % 3], spacing=1.25)
    params = {
        name: value * (1.0 if i % 2 else np.array([0.9, 1.0]))
        for i, (name, value) in enumerate(sim.model.defaults.items())
    }
    found = certificate(sim, start(sim, 2), params, _loss, 7)
    assert found.passed and not found.exploding, found.table()
    assert abs(found.taylor_slope - 2.0) < 0.1 and len(found.taylor_sizes) >= 4
    assert found.dot_gap < 1e-10
    assert max(found.difference_gaps.values()) < 1e-5
    assert found.horizons == (1, 3, 7) and len(found.gradient_norms) == 3
    for name, value in params.items():
        assert np.shape(found.gradient[name]) == np.shape(value)
    assert "passed (Taylor slope 2.0" in found.verdict or "1.9" in found.verdict
    assert found.engine == sim.engine and found.model == model


def test_same_seed_same_certificate(sim, start):
    arguments = (sim, start(sim, 2), sim.model.defaults, _loss, 7)
    first = certificate(*arguments, seed=3)
    assert certificate(*arguments, seed=3) == first
    assert certificate(*arguments, seed=4).taylor_remainders != first.taylor_remainders


def test_its_parts_are_what_they_say(sim, start):
    """Gradient and norms against plain tapes, and JSON without NaN."""
    state = start(sim, 2)
    params = {n: tf.constant(p, tf.float64) for n, p in sim.model.defaults.items()}
    found = certificate(sim, state, params, _loss, 7)
    for steps, norm in zip(found.horizons, found.gradient_norms, strict=True):
        with tf.GradientTape() as tape:
            tape.watch(params)
            value = _loss(sim.advance(state, params, steps))
        gradient = tape.gradient(value, params)
        expected = np.linalg.norm([gradient[n] * p for n, p in params.items()])
        assert norm == pytest.approx(expected, rel=1e-9)
    assert found.loss == pytest.approx(float(value))
    assert found.gradient == pytest.approx({n: float(g) for n, g in gradient.items()})
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert written["passed"] is True and written["verdict"] == found.verdict
    lines = found.table().splitlines()
    assert lines[-1] == f"gradient certificate: {found.verdict}"
    assert all(any(line.startswith(name) for line in lines) for name in params)


@pytest.mark.parametrize("wrong", ["everything", "one parameter", "the state"])
def test_a_wrong_gradient_fails(wrong, sim, start, monkeypatch):
    """By a thousandth, wherever it is."""
    right = sim._programs.backward

    def backward(*arguments):
        adjoint, sums = right(*arguments)
        if wrong != "one parameter":
            adjoint = tuple(1.001 * a for a in adjoint)
        if wrong == "everything":
            sums = {name: 1.001 * total for name, total in sums.items()}
        if wrong == "one parameter":
            sums = sums | {"F": 1.001 * sums["F"]}
        return adjoint, sums

    monkeypatch.setattr(sim._programs, "backward", backward)
    found = certificate(sim, start(sim, 2), sim.model.defaults, _loss, 7)
    assert not found.passed and found.verdict.startswith("FAILED: ")
    assert found.taylor_slope < 1.2
    assert (found.dot_gap > 1e-5) == (wrong != "the state")
    gaps = {name: gap > 5e-4 for name, gap in found.difference_gaps.items()}
    assert gaps["F"] == (wrong != "the state")
    assert gaps["k"] == (wrong == "everything")


def test_a_wrong_tangent_fails(sim, start, monkeypatch):
    right = sim._programs.tangents

    def tangents(*arguments):
        state, found = right(*arguments)
        return state, {n: tuple(1.001 * t for t in fs) for n, fs in found.items()}

    monkeypatch.setattr(sim._programs, "tangents", tangents)
    found = certificate(sim, start(sim, 2), sim.model.defaults, _loss, 7)
    assert not found.passed and "adjoint against tangent" in found.verdict


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_what_is_not_finite_is_a_verdict(kind, sim, start):
    state = start(sim, 2)

    def loss(final):
        if kind == "loss":
            return tf.reduce_mean(final[0]) / 0.0
        return tf.sqrt(tf.reduce_mean((final[0] - tf.stop_gradient(final[0])) ** 2))

    found = certificate(sim, state, sim.model.defaults, loss, 7)
    assert not found.passed and found.verdict == f"FAILED: {kind} not finite"
    assert json.dumps(found.to_dict(), allow_nan=False) and found.table()


def test_what_the_loss_holds_is_constant(sim, start):
    """Such as the picture that a window starts from."""
    state = start(sim, 2)

    def loss(final):
        return tf.reduce_mean((final[1] - state[1]) ** 2)

    found = certificate(sim, state, sim.model.defaults, loss, 7)
    assert found.passed, found.table()


def test_a_dead_pattern_passes(sim):
    """Next to no gradient: what is left is round-off, and no fault."""
    ones = (tf.ones([2, 6, 5], tf.float64), tf.zeros([2, 6, 5], tf.float64))
    found = certificate(sim, ones, sim.model.defaults, _loss, 7)
    assert found.passed, found.table()


def test_chaos_is_a_warning():
    """Lorenz (1963) in every cell: chaotic at rho 28, steady at rho 10."""

    def reaction(state, params):
        x, y, z = state
        return 10.0 * (y - x), x * (params["rho"] - z) - y, x * y - 8.0 / 3.0 * z

    parameters = {"D": rdtf.Parameter(0.01), "rho": rdtf.Parameter(28.0)}
    lorenz = rdtf.ReactionDiffusion(
        name="lorenz",
        species=tuple("xyz"),
        reaction=reaction,
        diffusivity={"x": "D"},
        parameters=parameters,
    )
    sim = rdtf.Simulation(lorenz, rdtf.Grid((4,)), 0.01)
    rng = np.random.default_rng(0)
    state = tuple(10.0 + rng.normal(size=[1, 4]) for _ in "xyz")

    def certify(rho):
        params = {"D": 0.01, "rho": rho}
        settled = sim.advance(state, params, 500)
        return certificate(
            sim, settled, params, lambda final: tf.reduce_mean(final[2] ** 2), 800
        )

    chaotic, steady = certify(28.0), certify(10.0)
    assert chaotic.exploding and 0.003 < chaotic.growth_rate < 0.05
    assert chaotic.doubling_steps == pytest.approx(np.log(2) / chaotic.growth_rate)
    assert "double every" in chaotic.table()
    assert steady.passed and not steady.exploding, steady.table()
    assert abs(steady.growth_rate) < 1e-3


def test_extrapolated_differences():
    """Of sin at 1, the error estimate bounds the error."""
    sizes = [0.1 * 0.25**i for i in range(8)]
    values = [(np.sin(1 + h) - np.sin(1 - h)) / (2 * h) for h in sizes]
    limit, error = measures._extrapolated(sizes, values, 1e-16)
    assert abs(limit - np.cos(1.0)) <= error < 1e-11


def test_bad_input_is_one_line(sim, start, input_error):
    state, params = start(sim, 2), sim.model.defaults
    with input_error("at least 1 step", "0"):
        certificate(sim, state, params, _loss, 0)
    with input_error("scalar loss", "[2, 6, 5]"):
        certificate(sim, state, params, lambda final: final[0], 7)
