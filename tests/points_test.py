"""Velocities of points: known flows, the Lorenz equations from snapshots, pictures."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf.dynamics.low_dimensional import (
    data,
    evaluation,
    experiments,
    networks,
    training,
)
from rdtf.dynamics.low_dimensional.polynomials import Polynomials
from rdtf.status import InputError


@pytest.fixture(scope="module")
def lorenz():
    return data.make("lorenz", 5)


def test_rates_are_those_of_the_runs(lorenz):
    """Volumes shrink at 41/3, whatever the state, and the standard is kept."""
    np.testing.assert_allclose(lorenz.samples.std(0), 1.0)
    h, x = 1e-6, data.lorenz_rate
    at = lorenz.samples[:4] * lorenz.scale + lorenz.mean
    slopes = [(x(at + h * e) - x(at - h * e)) @ e / (2.0 * h) for e in np.eye(3)]
    np.testing.assert_allclose(sum(slopes), -41.0 / 3.0, rtol=1e-6)
    np.testing.assert_allclose(x(at) / lorenz.scale, lorenz.rates[:4])


def test_points_of_known_law():
    ring = np.linalg.norm(data.make("ring").samples, axis=1)
    assert 1.0 <= ring.min() and ring.max() <= 2.0
    assert np.mean(ring**2) == pytest.approx(2.5, abs=0.03)  # uniform in area
    peaks = data.make("two_peaks").samples
    np.testing.assert_allclose(np.cov(peaks.T), [[1.25, 1.0], [1.0, 1.25]], atol=0.06)
    moons = data.make("two_moons")
    x = moons.samples * moons.scale + moons.mean
    upper = np.abs(np.hypot(*x.T) - 1.0)
    lower = np.abs(np.hypot(x[:, 0] - 1.0, x[:, 1] - 0.5) - 1.0)
    assert np.quantile(np.minimum(upper, lower), 0.99) < 0.3
    with pytest.raises(InputError, match="Expected points among lorenz"):
        data.make("torus")


def test_lorenz_from_snapshots_alone(lorenz):
    """A quadratic library, no score, no pairs, no order in time; forwards, too."""
    found = Polynomials(3)
    found.fit_snapshots(lorenz.samples[:20_000])
    v, f = found(lorenz.samples[:2048]), lorenz.rates[:2048]
    cosine = (v * f).sum() / np.sqrt((v**2).sum() * (f**2).sum())
    assert cosine > 0.95


def test_oracle_of_a_normal_law():
    """x ~ N(0, 1) and f = A x: E[f | y] = A y / (1 + σ²)."""
    rng = np.random.default_rng(0)
    x, turn = rng.normal(size=(20_000, 2)), np.array([[0.0, 1.0], [-1.0, 0.0]])
    points = data.Points(samples=x, rates=x @ turn.T, sigma=0.5)
    y = rng.normal(size=(200, 2))
    off = evaluation.oracle(y, points, 0.5) - y @ turn.T / 1.25
    assert np.sqrt(np.mean(off**2)) < 0.03
    keeps = evaluation.Comparison(points, 0.5).cosines(lambda x: -3.0 * x @ turn.T)
    assert keeps["cosine"] == pytest.approx(1.0)
    assert keeps["cosine_to_oracle"] > 0.99


def test_divergence_and_residual_of_a_network():
    velocity = networks.PointVelocity(3)
    x = tf.random.stateless_normal([5, 3], [0, 0])
    value, found = velocity.with_divergence(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        v = velocity(x)
    exact = tf.linalg.trace(tape.batch_jacobian(v, x))
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(value, v, atol=1e-6)
    whole = training.normalised_residual(v, found, -x)
    scaled = training.normalised_residual(-3.0 * v, -3.0 * found, -x)
    assert float(whole) == pytest.approx(float(scaled), rel=1e-5) and whole > 0.0


def test_clouds():
    """A turn keeps a round cloud where it is, and a drift does not."""
    x = np.random.default_rng(0).normal(size=(4000, 2))
    points = data.Points(samples=x, sigma=0.1)
    turn = evaluation.discrepancies(lambda x: x[:, ::-1] * [1.0, -1.0], points, 0.1)
    drift = evaluation.discrepancies(lambda x: np.ones_like(x), points, 0.1)
    assert abs(turn["mmd"]) < 3e-3 and drift["mmd"] > 0.1
    run = evaluation.trajectories(lambda x: 5.0 * x[:, ::-1] * [1.0, -1.0], x, 1.0, 50)
    size = np.sqrt(np.square(x).sum(-1).mean())
    back = np.cos(1.0 / size) * x + np.sin(1.0 / size) * x[:, ::-1] * [1.0, -1.0]
    np.testing.assert_allclose(run[:, -1], back, atol=1e-6)


def test_turns_that_a_law_keeps(lorenz):
    """(x, y) -> -(x, y) is in the equations of Lorenz, and so in the law."""
    assert evaluation.turns(lorenz.samples) == [[1.0, 1.0, 1.0], [-1.0, -1.0, 1.0]]
    velocity = networks.PointVelocity(3, [[1.0, 1.0, 1.0], [-1.0, -1.0, 1.0]])
    x, turn = tf.random.stateless_normal([5, 3], [0, 0]), np.float32([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(velocity(turn * x), turn * velocity(x), atol=1e-6)


def test_an_experiment(capfd):
    settings = training.Settings(steps=100, batch_size=128, learning_rate=0.01)
    done = []
    found = experiments.run(
        "two_peaks", settings, symmetric=True, progress=lambda *told: done.append(told)
    )
    assert [told[:2] for told in done] == [("score", 100), ("flow", 100)]
    assert all(np.isfinite(told[2]) for told in done) and not capfd.readouterr().err
    fields = found.result["fields"]
    assert found.result["residual"] < 0.5
    assert found.result["turns"] == [[1.0, 1.0], [-1.0, -1.0]]
    assert fields["training_free"]["mmd"] < fields["score"]["mmd"]
    with pytest.raises(InputError, match="no --num_pairs of ring"):
        experiments.run("ring", settings, num_pairs=1)
