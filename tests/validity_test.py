"""Validity of states: cell by cell, sample by sample, and as the engines see it."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf import Status, models
from rdtf.models import validity

MODEL = models.GRAY_SCOTT  # 0 <= v <= 1; u is free


@pytest.mark.parametrize(
    ("species", "value", "expected"),
    [
        (0, 1e300, None),
        (0, np.nan, Status.NOT_FINITE),
        (0, -np.inf, Status.NOT_FINITE),
        (1, 0.0, None),
        (1, 1.0, None),
        (1, np.nextafter(1.0, 2.0), Status.LEFT_VALID_RANGE),
        (1, -1e-300, Status.LEFT_VALID_RANGE),
        (1, np.inf, Status.NOT_FINITE),
        (1, np.nan, Status.NOT_FINITE),
    ],
)
def test_one_cell_decides_for_its_sample_alone(species, value, expected):
    state = [np.full((3, 4, 5), x) for x in (0.5, 0.25)]
    state[species][1, 2, 3] = value
    assert validity.invalid(MODEL, state) == [None, expected, None]
    tensors = [tf.constant(field) for field in state]
    assert validity.invalid(MODEL, tensors) == [None, expected, None]


def test_not_finite_comes_first():
    state = np.full((1, 4), 0.5), np.array([[2.0, 0.1, 0.1, 0.1]])
    assert validity.invalid(MODEL, state) == [Status.LEFT_VALID_RANGE]
    state[0][0, 3] = np.nan
    assert validity.invalid(MODEL, state) == [Status.NOT_FINITE]


@pytest.mark.parametrize("engine", ["native", "xla"])
def test_engines_refuse_what_is_not_valid(simulations, engine):
    """The step that an engine refuses is the first whose state is not valid."""
    sim = simulations(engine=engine, time_step=1.0)
    params = MODEL.defaults | {"F": 0.9, "k": -0.8}
    starts = np.array([0.2, 0.9, 1e300]).reshape(3, 1, 1) * np.ones((3, 8, 8))
    state = (tf.ones([3, 8, 8], tf.float64), tf.constant(starts))
    run = sim.run_until_steady(state, params, 0.0, 30)
    expected, steps, now = [None] * 3, [30] * 3, state
    for step in range(30):
        now = sim.advance(now, params, 1, step)
        for sample, why in enumerate(validity.invalid(MODEL, now)):
            if expected[sample] is None and why is not None:
                expected[sample], steps[sample] = why, step
    assert {Status.LEFT_VALID_RANGE, Status.NOT_FINITE} <= set(expected)
    assert [s if s.is_invalid else None for s in run.status] == expected
    assert run.num_steps.tolist() == steps


def test_statuses_that_end_a_run():
    found = [status for status in Status if status.is_invalid]
    assert found == [Status.LEFT_VALID_RANGE, Status.NOT_FINITE]
