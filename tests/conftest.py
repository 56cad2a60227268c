"""Shared fixtures. Simulations are cached: each new one costs seconds of compiling."""

import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # threads of BLAS spin where processes share cores
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import schemes
from rdtf.operators import finite_differences


@functools.cache
def _simulation(model, shape, boundary, spacing, scheme, engine, time_step, laplacian):
    model = rdtf.models.get(model)
    grid = rdtf.Grid(shape, spacing, boundary)
    if time_step is None:
        time_step = schemes.default_time_step(
            model, model.defaults, grid, scheme, laplacian
        )
    return rdtf.Simulation(model, grid, time_step, scheme, engine, laplacian)


@pytest.fixture(scope="session")
def simulations():
    """simulations(model, shape, ...) -> the one Simulation of these arguments."""

    def get(
        model="gray_scott",
        shape=(8, 8),
        boundary="periodic",
        spacing=1.0,
        scheme="forward_euler",
        engine="auto",
        time_step=None,
        laplacian="second_order",
    ):
        return _simulation(
            model, shape, boundary, spacing, scheme, engine, time_step, laplacian
        )

    return get


@pytest.fixture(scope="session")
def start():
    """start(sim, batch, seed) -> the model's customary state, noisier everywhere."""

    def build(sim, batch=1, seed=0):
        state = rdtf.initial_conditions.create(None, sim.model, sim.grid, batch, seed)
        rng = np.random.default_rng(seed)
        return tuple(s + 0.05 * rng.uniform(0.1, 1.0, s.shape) for s in state)

    return build


@pytest.fixture(scope="session")
def unrolled():
    """A plain Python loop over the uncompiled step: the reference for every engine."""

    def advance(sim, state, params, num_steps):
        operator = finite_differences.diffusion_operator(
            sim.grid, laplacian=sim.laplacian
        )
        step = sim.scheme.make_step(sim.model, operator, sim.time_step)
        ones = [1] * sim.grid.ndim
        params = {
            name: tf.reshape(tf.convert_to_tensor(p, tf.float64), [-1, *ones])
            for name, p in params.items()
        }
        carry = schemes.begin(step, state, params)
        for index in range(num_steps):
            carry = step(carry, params, tf.constant(index))
        return carry[: len(state)]

    return advance


@pytest.fixture(scope="session")
def input_error():
    """`with input_error("words"):` expects a one-line InputError with these words."""
    return _InputErrorOfOneLine


class _InputErrorOfOneLine:
    def __init__(self, *words, kind=rdtf.InputError):
        self._words, self._raises = words, pytest.raises(kind)

    def __enter__(self):
        self._info = self._raises.__enter__()

    def __exit__(self, *exception):
        handled = self._raises.__exit__(*exception)
        message = str(self._info.value)
        assert message and "\n" not in message
        for word in self._words:
            assert word in message
        return handled
