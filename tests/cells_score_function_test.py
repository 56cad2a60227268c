"""The score-function gradient beside exact ones of three cells."""

import itertools

import numpy as np
import pytest
from scipy import stats

from rdtf.cells import networks, score_function, utility
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.paths import Segment
from rdtf.cells.tissue import Tissue

STEPS, DT, NOISE = 40, 0.01, 0.05
START = np.array([0.52, 0.47, 0.51])
SLOPE, OFFSET = -4.0, 0.15


def _exact(slope, offset):
    """U of f = slope (s - 1/2) + offset: the end is normal, its eight orthants known."""
    matrix = np.array([[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]])
    step = np.eye(3) + DT * slope * matrix
    mean, covariance = START - 0.5, np.zeros((3, 3))
    for _ in range(STEPS):
        mean = step @ mean + DT * offset
        covariance = step @ covariance @ step.T + NOISE**2 * DT * np.eye(3)
    p = []
    for signs in itertools.product([-1.0, 1.0], repeat=3):
        turn = np.diag(signs)
        turned = np.zeros(3), turn @ covariance @ turn
        law = stats.multivariate_normal(*turned, abseps=1e-9, maxpts=10**6, seed=0)
        p.append(law.cdf(turn @ mean))
    p = np.array(p)
    active = p @ [sum(s > 0 for s in x) for x in itertools.product([-1, 1], repeat=3)]
    return utility.binary_entropy(active / 3.0) + float(p @ np.log2(p)) / 3.0


def _gradients(batches, learns=True):
    """Estimates of ∂U/∂(slope, offset)."""
    dynamics = Dynamics(Tissue((3,)), DT)
    s = networks.points().numpy() - 0.5
    table = SLOPE * s + OFFSET
    state = np.tile(START, (1024, 1))
    baseline, found = score_function.Baseline(dynamics.tissue), []
    for batch in range(batches):
        if not learns:
            baseline = score_function.Baseline(dynamics.tissue)
        segment = Segment(num_steps=STEPS, noise=NOISE, seed=batch)
        path = dynamics.path(state, table, segment)
        assert 0.0 < path.final.min() and path.final.max() < 1.0
        by_table, _ = score_function.gradient(path, STEPS, baseline)
        found.append([by_table @ s, by_table.sum()])
    return np.array(found)


def test_unbiased():
    wanted = [
        (_exact(SLOPE + 0.1, OFFSET) - _exact(SLOPE - 0.1, OFFSET)) / 0.2,
        (_exact(SLOPE, OFFSET + 0.02) - _exact(SLOPE, OFFSET - 0.02)) / 0.04,
    ]
    found = _gradients(100)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (error < 0.1 * np.abs(wanted)).all()
    assert (np.abs(found.mean(axis=0) - wanted) < 3.5 * error).all()


def test_the_table_of_what_is_known_lowers_the_variance():
    with_table, without = _gradients(30)[5:], _gradients(30, learns=False)[5:]
    assert (with_table.var(axis=0) < 0.7 * without.var(axis=0)).all()


def test_spacing_of_steps(input_error):
    with input_error("a multiple of 40 steps"):
        score_function.check_steps(50)
    with input_error("at most 12 cells"):
        score_function.Baseline(Tissue((13,)))


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_influence_is_the_derivative_of_the_utility(share):
    """What a few more replicates of a pattern add."""
    row = Tissue((3,))
    count = int(share * 1000)
    fates = np.repeat(
        np.array([[1, 0, 1], [0, 1, 0]], bool), [count, 1000 - count], axis=0
    )
    w = score_function.influence(fates)
    more = np.concatenate([fates, fates[:1]])
    grown = utility.whole(more, row).utility - utility.whole(fates, row).utility
    assert 1001 * grown == pytest.approx(w[0], abs=2e-3)
    assert w.mean() == pytest.approx(0.0, abs=1e-12)
