"""Utility of cell fates: known answers, standard errors, and smooth estimators of it."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from rdtf.cells import estimators, evaluation, networks, utility
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.tissue import Tissue

ROW = Tissue((7,))
PHASE = np.arange(7) % 2 == 1


def _mix(*patterns, times=500):
    return np.repeat(np.array(patterns, bool), times, axis=0)


@pytest.mark.parametrize(
    ("patterns", "found", "kind"),
    [
        (_mix(PHASE), 0.9852, "alternating"),
        (_mix(PHASE, ~PHASE), 0.8571, "alternating"),
        (_mix([0] * 7), 0.0, "uniform"),
        (_mix([0] * 7, [1] * 7), 0.8571, "uniform"),  # the loophole
        (_mix([1, 1, 1, 0, 0, 0, 0]), 0.9852, "domains"),
    ],
)
def test_patterns_of_seven_cells(patterns, found, kind):
    measured = utility.whole(patterns, ROW)
    assert measured.utility == pytest.approx(found, abs=1e-4)
    assert measured.kind == kind
    assert measured.consensus == (1.0 if kind == "uniform" else 0.0)


def test_patterns_of_three_cells():
    row = Tissue((3,))
    unique = (np.arange(8)[:, None] >> np.arange(3)) & 1 == 1
    found = utility.whole(unique, row)
    assert found.reproducibility == pytest.approx(1.0, abs=1e-12)
    assert found.num_patterns == 8 and found.utility == pytest.approx(0.0, abs=1e-12)
    two = utility.whole(_mix([0, 1, 0], [1, 0, 0]), row)
    assert two.reproducibility == pytest.approx(1.0 / 3.0, abs=1e-12)
    assert two.disagreement == pytest.approx(0.75) and two.num_patterns == 2


def test_random_fates_are_called_random():
    fates = np.random.default_rng(0).random((4000, 7)) < 0.5
    found = utility.whole(fates, ROW)
    assert found.kind == "random" and abs(found.utility - found.bias) < 0.005
    assert found.num_patterns == 128 and found.bias == pytest.approx(0.0033, rel=0.02)


def test_standard_error_and_bias_are_those_seen():
    dynamics, table = Dynamics(), networks.sigmoidal()
    many = evaluation.evaluate(dynamics, table, 300, 0.1, 16384)
    few = [evaluation.evaluate(dynamics, table, 300, 0.1, 256, s) for s in range(60)]
    values = np.array([found.utility for found in few])
    told = np.mean([found.standard_error for found in few])
    assert values.std() == pytest.approx(told, rel=0.25)
    excess = values.mean() - many.utility
    assert excess == pytest.approx(few[0].bias, abs=4.0 * told / np.sqrt(60))
    assert excess > 0.0


def test_independent_fates_have_no_utility_and_hardly_an_error():
    """What an active replicate adds to S_pattern it takes by its surprise."""
    fates = np.random.default_rng(0).random((4000, 3)) < 0.3
    found = utility.whole(fates, Tissue((3,)))
    assert found.standard_error < 1e-3 and abs(found.utility) < 2e-3


@pytest.mark.parametrize("lattice", ["square", "hexagonal"])
def test_causal_entropy(lattice):
    tissue = Tissue((8, 8), "free", lattice)
    rng = np.random.default_rng(0)
    fair = rng.random((500, 64)) < 0.5
    found = utility.measure(fair, tissue)
    assert found.reproducibility == pytest.approx(1.0, abs=1e-3)
    stripes = np.indices((8, 8))[1] % 2 == 0
    phases = rng.random((500, 1)) < 0.5
    found = utility.measure(stripes.ravel() ^ phases, tissue)
    assert found.reproducibility == 0.0 and found.utility > 0.99
    noisy = (stripes.ravel() ^ phases) ^ (rng.random((500, 64)) < 0.1)
    found = utility.measure(noisy, tissue)
    spread = [
        utility.measure(part, tissue).utility for part in np.split(noisy, 20)
    ]  # of 25 replicates each
    assert found.standard_error == pytest.approx(np.std(spread) / np.sqrt(20), rel=0.6)
    assert utility.binary_entropy(0.1) < found.reproducibility < 0.7


def test_contexts_come_before_and_are_neighbours():
    for lattice, sites in (("square", 9), ("hexagonal", 7)):
        tissue = Tissue((4, 4), "free", lattice)
        site, before = utility.contexts(tissue)
        assert len(site) == sites and (before < site[:, None]).all()
        near = np.array(
            [np.isin(b, tissue.neighbours[s]) for s, b in zip(site, before)]
        )
        assert near.all() if lattice == "hexagonal" else (near.sum(1) == 2).all()


def _binary_states(shape=(40, 7), seed=0):
    draws = np.random.default_rng(seed).random((shape[0], 2))
    first = np.where(draws[:, :1] < 0.3, PHASE, ~PHASE)
    return (first ^ (draws[:, 1:] < 0.2)) * 1.0


@pytest.mark.parametrize(
    "estimate",
    [
        lambda s: estimators.bernoulli(s, 80.0),
        lambda s: estimators.kernel(s, 80.0, 0.1),
        lambda s: estimators.straight_through(s, 80.0, 0.1),
    ],
)
def test_estimators_are_exact_on_decided_cells(estimate):
    states = _binary_states()
    exact = utility.whole(states > 0.5, ROW).utility
    assert float(estimate(tf.constant(states))) == pytest.approx(exact, abs=1e-6)


def test_causal_estimator_is_exact_on_decided_cells():
    tissue = Tissue((5, 6), "free", "hexagonal")
    fates = np.random.default_rng(0).random((30, 30)) < 0.4
    exact = utility.causal(fates, tissue).utility
    states = tf.constant(fates.reshape(30, 5, 6) * 1.0)
    found = float(estimators.causal(states, 80.0, tissue))
    assert found == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("name", ["kernel", "bernoulli", "causal"])
def test_gradients_of_estimators(name):
    tissue = Tissue((3, 3))
    estimate = estimators.get(name, tissue, 0.4)
    rng = np.random.default_rng(0)
    states = tf.constant(rng.random((12, 3, 3)))
    along = tf.constant(rng.normal(size=(12, 3, 3)))
    with tf.GradientTape() as tape:
        tape.watch(states)
        value = estimate(states, 5.0)
    found = float(tf.reduce_sum(along * tape.gradient(value, states)))
    ends = [float(estimate(states + h * along, 5.0)) for h in (1e-6, -1e-6)]
    assert found == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_why_the_published_estimator_does_not_learn_to_reproduce():
    """Its gradient is that of S_pattern alone; the kernel of raw states has both."""
    states = tf.constant(np.random.default_rng(0).random((50, 7)))

    def gradient(estimate):
        with tf.GradientTape() as tape:
            tape.watch(states)
            value = estimate(states)
        return tape.gradient(value, states).numpy()

    def only_pattern(s):
        hard = tf.cast(s >= 0.5, s.dtype)
        q = estimators.soft_fates(s + tf.stop_gradient(hard - s), 10.0)
        p = tf.reduce_mean(q)
        return -(p * tf.math.log(p) + (1 - p) * tf.math.log(1 - p)) / np.log(2.0)

    wanted = gradient(only_pattern)
    published = gradient(lambda s: estimators.straight_through(s, 10.0, 0.1))
    np.testing.assert_allclose(published, wanted, rtol=1e-6, atol=1e-12)
    raw = gradient(lambda s: estimators.kernel(s, 10.0, 0.4))
    assert np.linalg.norm(raw) > 10.0 * np.linalg.norm(wanted)


def test_references():
    dynamics = Dynamics()
    tanh = evaluation.evaluate(dynamics, networks.sigmoidal(), 1000, 0.1)
    assert tanh.utility == pytest.approx(0.62, abs=0.02)
    for found in (
        evaluation.evaluate(dynamics, networks.dead_zone(), 1000, 0.1, 4096),
        evaluation.at_finer_step(dynamics, networks.dead_zone(), 1000, 0.1, 1024),
    ):
        assert found.utility == pytest.approx(0.80, abs=0.01 + found.standard_error)
        assert found.disagreement > 0.9 and found.consensus == 0.0


def test_edges_held_at_zero_choose_the_phase():
    dynamics = Dynamics(Tissue((7,), "fixed"))
    found = evaluation.evaluate(dynamics, networks.sigmoidal(), 1000, 0.1, 1024)
    assert 0.95 < found.utility < 0.986 and found.consensus == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: utility.whole(np.zeros((5, 6), bool), ROW), "fates [replicate, 7]"),
        (lambda: utility.causal(np.zeros((5, 7), bool), ROW), "a lattice of 2 x 2"),
        (lambda: estimators.get("soft", ROW, 0.4), "an estimator among bernoulli"),
        (lambda: estimators.get("bernoulli", Tissue((13,)), 0.4), "at most 12 cells"),
    ],
)
def test_bad_input(call, words, input_error):
    with input_error(words):
        call()


def test_a_utility_is_plain_numbers():
    found = dataclasses.asdict(utility.whole(_mix(PHASE), ROW))
    assert all(type(value) in (int, float) for value in found.values())
