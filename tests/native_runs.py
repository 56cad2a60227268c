"""Runs of the native engine below TensorFlow, for the tests of its parts."""

import numpy as np

import rdtf
from rdtf import schemes
from rdtf.engines.native import step_runs


def make(model, shape, boundary, batch):
    """(runs, a noisy state, a table of parameters that differ by sample)."""
    model = rdtf.models.get(model)
    grid = rdtf.Grid(shape, 1.0, boundary)
    step = schemes.default_time_step(model, model.defaults, grid)
    rng = np.random.default_rng(3)
    state = rdtf.initial_conditions.create(None, model, grid, batch, seed=1)
    state = [s.numpy() + 0.05 * rng.uniform(0.1, 1.0, s.shape) for s in state]
    factors = np.linspace(0.9, 1.0, batch)[:, np.newaxis]
    table = factors * np.array(list(model.defaults.values()))
    return step_runs.StepRuns(model, grid, step), state, table


def gradient(runs, state, table, num_steps):
    """[final state, adjoint of the first state, gradients `[B, P]`]."""
    spacing, _ = runs.spacing(num_steps, len(table))
    final, saved = runs.forward(state, table, num_steps, spacing)
    upstream = [np.cos(9.0 * field) for field in final]
    adjoint, gradients = runs.backward(saved, upstream, table, num_steps)
    return [*final, *adjoint, gradients]


def same_bits(left, right):
    """Asserts that two lists of arrays are equal bit for bit."""
    assert len(left) == len(right) > 0
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)
