"""Local velocities: symmetries, divergence, and what snapshots alone say."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf import patterns
from rdtf.dynamics import rollouts
from rdtf.dynamics.local_velocity import (
    LocalVelocity,
    from_pairs,
    from_snapshots,
    start,
)
from rdtf.generative import divergence


@pytest.fixture(scope="module")
def velocity():
    """With random weights."""
    keras.utils.set_random_seed(0)
    made = LocalVelocity([0.3, 0.1], [0.2, 0.5], names=["u", "v"])
    made.build((None, None, None, 2))
    made._raw.assign([0.1, -0.5])
    return made


def _fields(seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(2, 8, 8, 2)), tf.float32)


def test_commutes_with_shifts_turns_and_mirrors(velocity):
    x = _fields()
    v = velocity(x)
    for move in (
        lambda f: tf.roll(f, [3, 5], [1, 2]),
        lambda f: tf.transpose(f, [0, 2, 1, 3]),
        lambda f: tf.reverse(f, [1]),
    ):
        np.testing.assert_allclose(velocity(move(x)), move(v), atol=1e-5)


def test_divergence_in_closed_form(velocity):
    x = _fields()
    exact = divergence.exact(velocity, x, velocity.radius)
    np.testing.assert_allclose(velocity.divergence(x), exact, rtol=1e-4)


def test_terms_and_coefficients_are_the_velocity(velocity, tmp_path):
    """v is linear in D and the last layer; and the same from its file."""
    rng = np.random.default_rng(1)
    x = _fields()
    standard = (x.numpy() - velocity.mean) / velocity.scale
    terms = velocity.terms(standard)
    coefficients = rng.normal(size=len(terms))
    coefficients[np.flatnonzero(np.diff(velocity.owners, prepend=-1))] = 0.3, 0.1
    own = LocalVelocity.from_config(velocity.get_config())
    own.build((None, None, None, 2))
    own.set_weights(velocity.get_weights())
    own.set_coefficients(coefficients)
    for s in range(2):
        rows = velocity.owners == s
        exact = np.tensordot(coefficients[rows], terms[rows], 1) * velocity.scale[s]
        np.testing.assert_allclose(own(x)[..., s], exact, rtol=1e-3, atol=1e-4)
    own.save(tmp_path / "v.keras")
    again = keras.models.load_model(tmp_path / "v.keras")
    np.testing.assert_array_equal(again(x), own(x))


@pytest.fixture(scope="module")
def bounded(velocity):
    """The same with a range, which normal states leave."""
    config = velocity.get_config() | {"low": [-1.0, -0.5], "high": [0.7, 1.5]}
    made = LocalVelocity.from_config(config)
    made.build((None, None, None, 2))
    made.set_weights(velocity.get_weights())
    return made


def test_beyond_the_range_of_the_snapshots(velocity, bounded, tmp_path):
    """R at the nearest state within it and D times the way there; within it nothing else."""
    rng = np.random.default_rng(2)
    low, high = np.array(bounded.low), np.array(bounded.high)
    mean, scale = np.array(bounded.mean), np.array(bounded.scale)
    inside = np.float32(mean + scale * rng.uniform(low, high, (2, 8, 8, 2)))
    np.testing.assert_allclose(bounded(inside), velocity(inside), rtol=1e-5, atol=1e-6)
    level = np.full((1, 4, 4, 2), 3.0, np.float32)  # no Laplacian
    edge = mean + scale * np.clip((level - mean) / scale, low, high)
    back = velocity.diffusivity.numpy() * (edge - level)
    expected = velocity(np.float32(edge)) + back
    np.testing.assert_allclose(bounded(level), expected, rtol=1e-4, atol=1e-5)
    x = _fields()
    exact = divergence.exact(bounded, x, bounded.radius)
    np.testing.assert_allclose(bounded.divergence(x), exact, rtol=1e-4)
    bounded.save(tmp_path / "v.keras")
    again = keras.models.load_model(tmp_path / "v.keras")
    np.testing.assert_array_equal(again(x), bounded(x))


def test_the_range_of_snapshots():
    x = np.zeros((4, 2, 2, 2))
    x[0, 0, 0], x[3, 1, 1] = (1.0, 2.0), (-1.0, 6.0)
    made = start(x)
    edges = np.array([made.low, made.high]) * made.scale + made.mean
    np.testing.assert_allclose(edges, [[-1.5, -1.5], [1.5, 7.5]])


def test_rollouts_end_where_the_network_alone_blows_up(velocity, bounded):
    """A reaction that drives all states away from 0; the pull stops them."""
    ends = []
    for made in (velocity, bounded):
        own = LocalVelocity.from_config(made.get_config())
        own.build((None, None, None, 2))
        keras.utils.set_random_seed(3)
        for layer in own._hidden:
            layer.set_weights([abs(w) for w in layer.get_weights()])
        own.set_coefficients(np.full(len(own.owners), 0.3))
        ends.append(rollouts.rollout(own, _fields().numpy(), 20.0, 20)[:, -1])
    assert not np.isfinite(ends[0]).any()
    np.testing.assert_allclose(own(ends[1]), 0.0, atol=1e-4)


def test_unit_of_time_and_diffusivities_at_or_below_0(velocity):
    x = _fields()
    own = LocalVelocity.from_config(velocity.get_config())
    own.build((None, None, None, 2))
    own.set_weights(velocity.get_weights())
    own.rescale(30.0)
    np.testing.assert_allclose(own(x), 30.0 * velocity(x), rtol=1e-3, atol=1e-3)
    coefficients = np.zeros(len(own.owners))
    coefficients[0] = 0.2  # of the first species; the other has 0
    own.set_coefficients(coefficients)
    assert own.lifted == (1,)
    np.testing.assert_allclose(own.diffusivity, [0.2, 1e-3], rtol=1e-4)


def test_gray_scott_without_pairs_and_without_its_terms(tmp_path):
    """A reaction that is a network, found from snapshots alone."""
    changes = (("F", 0.022), ("k", 0.051))
    plan = patterns.Plan(
        presets=("waves",),
        num_samples=96,
        shape=(32, 32),
        steps=3000,
        chunk=96,
        pairs="rate",
        changes=changes,
    )
    data = patterns.read(patterns.generate(tmp_path / "w.h5", plan))
    samples, truth = data.stacked(), data.stacked("_rate")
    velocity, found = from_snapshots(samples)
    assert _cosine(velocity(samples), truth) > 0.97 and len(found.null_vectors) == 1
    assert velocity.diffusivity.numpy().min() > 0.0
    paired = from_pairs(samples, [samples[:1]], truth[:1])
    assert _cosine(paired(samples), truth) > 0.99
    np.testing.assert_allclose(paired.diffusivity, [0.16, 0.08], rtol=0.1)


def _cosine(a, b):
    return np.sum(a * b) / np.sqrt(np.sum(np.square(a)) * np.sum(np.square(b)))
