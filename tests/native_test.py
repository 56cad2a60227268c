"""The native engine: as exact as XLA, for any model, inside and outside of graphs."""

import os
import subprocess
import sys

import native_runs
import numpy as np
import pytest
import sympy
import tensorflow as tf

import rdtf
from rdtf import engines, schemes
from rdtf.engines.native import step_runs
from rdtf.models import MODELS


def _resolve(name, model, scheme="forward_euler"):
    on_grid = engines.Discretization(
        model=model, grid=rdtf.Grid((8, 8)), scheme=schemes.get(scheme)
    )
    return engines.resolve(name, on_grid)


def test_states_computed_again_change_nothing(monkeypatch):
    """Checkpoints on two levels, when one level would keep too much."""
    runs, state, table = native_runs.make("gray_scott", (9, 11), "periodic", batch=2)
    reference = native_runs.gradient(runs, state, table, 100)
    plenty = runs.spacing(100, 2)
    monkeypatch.setattr(step_runs, "_SAVED_BYTES", 8 * runs._area * 2 * 4)
    spacing, length = runs.spacing(100, 2)
    assert plenty[0] == plenty[1] == length < spacing
    assert -(-100 // spacing) <= 4
    native_runs.same_bits(native_runs.gradient(runs, state, table, 100), reference)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10, 99, 1000, 10**5, 10**7])
def test_memory_of_a_run_is_bounded(num_steps):
    runs, _, _ = native_runs.make("gray_scott", (128, 128), "periodic", batch=1)
    spacing, length = runs.spacing(num_steps, batch=8)
    assert spacing % length == 0
    kept = -(-num_steps // spacing) * 8 + 2 * (spacing // length + length)
    assert 8 * runs._area * kept < 1.5 * 2**30


@pytest.mark.parametrize(
    "model",
    [
        m
        if m in ("gray_scott", "oregonator")
        else pytest.param(m, marks=pytest.mark.slow)
        for m in (*list(MODELS)[:6], "oregonator")
    ],
)
def test_agrees_with_xla_over_a_thousand_steps(model, simulations, start):
    """States to 1e-12, gradients to 1e-9, relative to the largest number."""
    results = []
    for engine in ("native", "xla"):
        sim = simulations(model, (12, 10), engine=engine)
        state = start(sim, 2)
        params = {n: tf.constant([p, 0.98 * p]) for n, p in sim.model.defaults.items()}
        final = sim.advance(state, params, 1000)
        with tf.GradientTape() as tape:
            tape.watch((state, params))
            after = sim.advance(state, params, 60)
            loss = sum(tf.reduce_sum(tf.sin(3.0 * field)) for field in after)
        gradient = tape.gradient(loss, (state, params))
        results.append((final, tf.nest.flatten(gradient)))
    for tolerance, left, right in zip((1e-12, 1e-9), *results, strict=True):
        for a, b in zip(left, right, strict=True):
            scale = max(np.abs(b).max(), 1e-4)  # what dies or cancels leaves nothing
            assert np.abs(b).max() > 0.0
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def test_unequal_spacings(simulations, start):
    results = []
    for engine in ("native", "xla"):
        sim = simulations("gray_scott", (9, 11), spacing=(1.0, 1.5), engine=engine)
        results.append(sim.advance(start(sim, 2), sim.model.defaults, 50))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def _made_up(reaction, diffusivity=(("a", "Da"),)):
    return rdtf.ReactionDiffusion(
        name="made_up",
        species=("a", "b"),
        reaction=reaction,
        diffusivity=dict(diffusivity),
        parameters={
            n: rdtf.Parameter(0.1 + 0.2 * i) for i, n in enumerate(["Da", "x", "y"])
        },
    )


def _functions(state, params):
    """Every function of rdtf.math, powers of all kinds, and constants to all digits."""
    m, (a, b) = rdtf.math, state
    one = m.exp(-a) + m.tanh(params["x"] * b) - 1.0 / 3.0 * m.sqrt(1.0 + a**2) * b**-3
    two = (
        m.sin(a) * m.cos(b) + m.log(1.0 + b**2) - m.abs(a - b) ** 1.5 / (2 + a**4) ** 2
    )
    return one, params["y"] * two - b


def test_a_user_s_model_with_a_species_that_does_not_diffuse(start):
    model = _made_up(_functions)
    results = []
    for engine in ("native", "xla"):
        sim = rdtf.Simulation(model, rdtf.Grid((6, 7)), 0.1, engine=engine)
        rng = np.random.default_rng(0)
        state = tuple(tf.constant(rng.uniform(0.5, 1.5, (2, 6, 7))) for _ in range(2))
        params = {n: tf.constant(p, tf.float64) for n, p in model.defaults.items()}
        with tf.GradientTape() as tape:
            tape.watch((state, params))
            final = sim.advance(state, params, 20)
            loss = sum(tf.reduce_sum(f**2) for f in final)
        results.append([*final, *tf.nest.flatten(tape.gradient(loss, (state, params)))])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_auto_leaves_to_xla_what_sympy_cannot_trace(input_error):
    model = _made_up(lambda state, params: (tf.nn.relu(state[0]), -state[1]))
    assert _resolve("auto", model) == "xla"
    assert _resolve("auto", rdtf.models.GRAY_SCOTT, "rk4") == "xla"
    with input_error("made_up", "engine xla"):
        _resolve("native", model)
    with input_error("rk4", "engine xla"):
        _resolve("native", rdtf.models.GRAY_SCOTT, "rk4")


def test_a_function_that_numba_does_not_know(input_error):
    def reaction(state, params):
        return sympy.besselj(0, state[0]), -state[1]

    sim = rdtf.Simulation(_made_up(reaction), rdtf.Grid((4, 4)), 0.1, engine="native")
    zeros = tf.zeros((1, 4, 4), tf.float64)
    with input_error("made_up", "engine xla"):
        sim.advance((zeros, zeros), sim.model.defaults, 1)


def test_without_numba(monkeypatch, input_error):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    assert _resolve("auto", rdtf.models.GRAY_SCOTT) == "xla"
    with input_error("rdtf[native]", "engine xla"):
        _resolve("native", rdtf.models.GRAY_SCOTT)


def test_inside_a_tf_function(simulations, start):
    sim = simulations(shape=(9, 11), engine="native")
    state = start(sim, 2)

    def work(feed):
        params = {**sim.model.defaults, "F": feed}
        with tf.GradientTape() as tape:
            tape.watch(feed)
            final = sim.advance(state, params, 12)
            loss = tf.reduce_sum(final[1] ** 2)
        return *final, tape.gradient(loss, feed)

    feed = tf.constant([0.03, 0.04], tf.float64)
    graph = tf.function(work)
    native_runs.same_bits(graph(feed), work(feed))
    native_runs.same_bits(graph(feed + 0.001), work(feed + 0.001))
    assert graph(feed)[0].shape == (2, 9, 11)


def test_inside_jit_compile_one_line_names_xla(simulations, start, input_error):
    sim = simulations(shape=(9, 11), engine="native")
    state = start(sim, 1)
    compiled = tf.function(
        lambda u: sim.advance((u, state[1]), sim.model.defaults, 3),
        jit_compile=True,
        autograph=False,
    )
    with input_error('engine="xla"', "jit_compile"):
        compiled(state[0])


def test_values_that_are_not_finite_stay_in_their_sample(simulations, start):
    sim = simulations(shape=(9, 11), engine="native")
    u, v = (field.numpy() for field in start(sim, 3))
    u[1, 4, 4] = np.nan
    final = sim.advance((u, v), sim.model.defaults, 20)
    assert np.isnan(final[0][1]).any()
    clean = sim.advance(
        (np.delete(u, 1, 0), np.delete(v, 1, 0)), sim.model.defaults, 20
    )
    native_runs.same_bits(clean, [np.delete(f, 1, 0) for f in final])


_COUNT_COMPILED = """
import sys, numpy as np, rdtf
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    sim = rdtf.Simulation(rdtf.models.GRAY_SCOTT, rdtf.Grid((8, 8)), 1.0, engine="native")
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid, 1, 0)
    sim.advance(state, sim.model.defaults, 3)
print(len(recorder.buffer))
"""


@pytest.mark.slow
def test_the_second_process_compiles_nothing(tmp_path):
    environment = {
        **os.environ,
        "RDTF_CACHE_DIR": str(tmp_path / "kernels"),
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
    }
    compiled = [
        int(
            subprocess.run(
                [sys.executable, "-c", _COUNT_COMPILED],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(2)
    ]
    assert compiled[0] > 0 == compiled[1]
