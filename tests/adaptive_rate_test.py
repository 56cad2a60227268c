"""The adaptive learning rate: its sequence, and that nothing of a refused try stays."""

import keras
import numpy as np
import pytest

from rdtf.inverse.simulated.adaptive_rate import AdaptiveLearningRate, Outcome

SHRINK = [1e-4, 1e-5, 1e-6, 1e-7]
JUMP = [1.2e-4, 1.44e-4, 1.728e-4]
GRADIENTS = [np.float64(3.0), np.float64(-0.5)]


class _World:
    """Two variables, an optimiser, and an `evaluate` that takes the n-th try."""

    def __init__(self, accept=0, optimizer="SGD", losses=None, **config):
        self.variables = [
            keras.Variable(value, dtype="float64", name=f"p{value}")
            for value in (0.3, -2.0)
        ]
        config = {"learning_rate": 123.0, **config}
        self.optimizer = keras.optimizers.get(
            {"class_name": optimizer, "config": config}
        )
        self.optimizer.build(self.variables)
        self._accept, self._losses = accept, losses
        self.seen = []

    def values(self, everything=False):
        chosen = [*self.variables, *(self.optimizer.variables if everything else ())]
        return [v.value.numpy().copy() for v in chosen]

    def evaluate(self):
        count = len(self.seen)
        self.seen.append(self.values())
        loss = self._losses[count] if self._losses else 1.0
        failure = None if count == self._accept or self._losses else "invalid"
        p, q = map(float, self.seen[-1])
        return {"p": p, "q": q}, Outcome(failure, loss, steps=count, payload=count)

    def attempt(self, rate, loss=1.0):
        return rate.attempt(
            self.optimizer, self.variables, GRADIENTS, self.evaluate, loss
        )


def test_four_tries_shrink_then_three_jump():
    assert list(AdaptiveLearningRate(1e-4).rates()) == pytest.approx(SHRINK + JUMP)
    world = _World(accept=None)
    accepted, trials = world.attempt(AdaptiveLearningRate(1e-4))
    assert not accepted
    assert [t.rate for t in trials] == pytest.approx(SHRINK + JUMP, rel=1e-12)
    assert all(t.outcome.failure == "invalid" for t in trials)


def test_other_numbers_of_tries():
    rate = AdaptiveLearningRate(1.0, shrink=0.5, shrink_tries=2, jump=3.0, jump_tries=1)
    assert list(rate.rates()) == [1.0, 0.5, 3.0]


@pytest.mark.parametrize("accept", range(7))
def test_each_try_starts_from_the_same_point(accept):
    """Plain descent: the trial at a rate is start - rate * gradient, never a sum."""
    world = _World(accept)
    start = world.values()
    accepted, trials = world.attempt(AdaptiveLearningRate(1e-4))
    assert accepted and len(trials) == accept + 1
    rates = (SHRINK + JUMP)[: accept + 1]
    for rate, trial, seen in zip(rates, trials, world.seen, strict=True):
        for before, gradient, after in zip(start, GRADIENTS, seen, strict=True):
            assert before - after == pytest.approx(rate * gradient, rel=1e-6)
        assert trial.params == {"p": float(seen[0]), "q": float(seen[1])}
    assert trials[-1].outcome.payload == accept
    assert world.values() == world.seen[-1]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_a_refused_iteration_leaves_no_trace(optimizer):
    """Variables and every slot of the optimiser are put back to the bit."""
    world = _World(0, optimizer, weight_decay=1e-2)
    world.attempt(AdaptiveLearningRate(0.1))
    before = world.values(everything=True)
    world.seen, world._accept = [], None
    assert not world.attempt(AdaptiveLearningRate(0.1))[0]
    assert len(world.seen) == 7
    for a, b in zip(before, world.values(everything=True), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_acceptance_after_refusals_is_one_step_at_that_rate(optimizer):
    """As if the refused tries had not been: slots and step count too."""
    tried, once = _World(2, optimizer), _World(0, optimizer)
    for world in (tried, once):  # some state to begin with
        world._accept, kept = 0, world._accept
        world.attempt(AdaptiveLearningRate(1e-2))
        world.seen, world._accept = [], kept
    tried.attempt(AdaptiveLearningRate(1e-2))
    once.attempt(AdaptiveLearningRate(1e-2 * 0.1**2))
    for a, b in zip(tried.values(True), once.values(True), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(tried.optimizer.iterations.value) == 2


def test_nothing_is_carried_over():
    rate = AdaptiveLearningRate(1e-4)
    for accept in (3, 6, 0):
        world = _World(accept)
        trials = world.attempt(rate)[1]
        assert [t.rate for t in trials] == pytest.approx((SHRINK + JUMP)[: accept + 1])
        assert rate.rate == 1e-4


def test_unless_the_rate_is_kept():
    rate = AdaptiveLearningRate(1e-4, keep=True)
    assert _World(2).attempt(rate)[1][-1].rate == pytest.approx(1e-6)
    assert next(rate.rates()) == pytest.approx(1e-6)
    assert _World(4).attempt(rate)[1][-1].rate == pytest.approx(1.2e-6)
    assert not _World(None).attempt(rate)[0]
    assert rate.rate == pytest.approx(1.2e-6)


def test_decrease_asks_for_a_lower_loss():
    """Armijo: loss <= before - c * rate * |g|², with |g|² = 9.25."""
    rate = AdaptiveLearningRate(1.0, decrease=0.1)
    losses = [0.08, 0.91, 0.98]  # asked: below 0.075, 0.9075, 0.99075
    accepted, trials = _World(losses=losses).attempt(rate)
    assert accepted
    assert [t.outcome.failure for t in trials] == ["no decrease", "no decrease", None]
    assert _World(losses=[0.07]).attempt(rate)[0]
    worse = [float("nan")] * 3 + [1.0 + 1e-12] * 4
    accepted, trials = _World(losses=worse).attempt(AdaptiveLearningRate(1.0))
    assert accepted and len(trials) == 1  # not asked: a loss may even be NaN here
    accepted, trials = _World(losses=worse).attempt(
        AdaptiveLearningRate(1.0, decrease=0.0)
    )
    assert not accepted and len(trials) == 7


def test_a_failure_is_named_before_a_missing_decrease():
    rate = AdaptiveLearningRate(1.0, decrease=0.1)
    _, trials = _World(accept=None).attempt(rate)
    assert {t.outcome.failure for t in trials} == {"invalid"}
