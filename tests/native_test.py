"""The native engine: as exact as XLA, the same bits however the work is divided."""

import concurrent.futures
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import engines, schemes
from rdtf.engines.native import crews, source, windows
from rdtf.models import MODELS

EULER = schemes.get("forward_euler")
# (shape, boundary): uneven, so that vectors and teams have remainders.
SPACES = [((37, 19), "periodic"), ((37, 19), "no_flux"), ((33,), "no_flux")]
SPACES += [((17, 5, 6), "periodic"), ((17, 5, 6), "no_flux")]


def _window(model, shape, boundary, batch, carried=(), spacing=1.0):
    """(windows, a noisy state, a table of parameters that differ by sample)."""
    model = rdtf.models.get(model)
    grid = rdtf.Grid(shape, spacing, boundary)
    fastest = max(model.defaults[name] for name in model.diffusivity.values())
    step = schemes.suggest_time_step(EULER, grid, fastest)
    rng = np.random.default_rng(3)
    state = rdtf.initial_conditions.create(None, model, grid, batch, seed=1)
    state = [s.numpy() + 0.05 * rng.uniform(0.1, 1.0, s.shape) for s in state]
    state += [rng.normal(size=state[0].shape) for _ in state for _ in carried]
    factors = np.linspace(0.9, 1.0, batch)[:, np.newaxis]
    table = factors * np.array(list(model.defaults.values()))
    return windows.Windows(model, grid, step, carried), state, table


def _gradient(window, state, table, num_steps):
    spacing, _ = window.spacing(num_steps, len(table))
    final, saved = window.forward(state, table, num_steps, spacing)
    upstream = [np.cos(9.0 * field) for field in final]
    adjoint, gradients = window.backward(saved, upstream, table, num_steps)
    return [*final, *adjoint, gradients]


def _same_bits(left, right):
    assert len(left) == len(right) > 0
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


def _divide(monkeypatch, threads, window=None, levels=1, block=1):
    """Teams as large as they can be, and sweeps of `levels` steps."""
    monkeypatch.setattr(crews, "num_threads", lambda: threads)
    if window is not None:
        monkeypatch.setattr(window, "_largest_team", threads)
        monkeypatch.setattr(window, "_levels", levels)
        monkeypatch.setattr(window, "_block", block)


@pytest.mark.parametrize("shape, boundary", SPACES)
def test_any_division_of_the_work_gives_the_same_bits(shape, boundary, monkeypatch):
    window, state, table = _window("gray_scott", shape, boundary, batch=3)
    _divide(monkeypatch, 1, window)
    reference = _gradient(window, state, table, 23)
    for threads, levels, block in [(2, 1, 1), (2, 3, 2), (5, 4, 6), (3, 8, 1)]:
        _divide(monkeypatch, threads, window, levels, block)
        _same_bits(_gradient(window, state, table, 23), reference)
        one = _gradient(window, [s[1:2] for s in state], table[1:2], 23)
        _same_bits(one, [r[1:2] for r in reference])


def test_runs_until_steady_do_not_depend_on_threads(monkeypatch):
    window, state, table = _window("gray_scott", (37, 19), "periodic", batch=4)
    active = np.array([True, True, False, True])
    results = []
    for threads in (1, 2, 3):
        _divide(monkeypatch, threads, window)
        final, *rest = window.steady(state, table, active, 2e-3, 300)
        results.append([*final, *rest])
    _same_bits(results[1], results[0])
    _same_bits(results[2], results[0])
    assert len(set(results[0][2])) > 2, "samples end at different steps"


def _only_the_first(calls):
    for function, *arguments in calls[:1]:
        function(*arguments)


def _one_after_the_other(calls):
    for function, *arguments in calls:
        function(*arguments)


@pytest.mark.parametrize("together", [_only_the_first, _one_after_the_other])
def test_work_of_absent_and_late_threads_is_done(together, monkeypatch):
    window, state, table = _window("gray_scott", (37, 19), "periodic", batch=1)
    active = np.array([True])

    def everything():
        final, *rest = window.steady(state, table, active, 2e-3, 300)
        return [*_gradient(window, state, table, 23), *final, *rest]

    _divide(monkeypatch, 1, window)
    reference = everything()
    monkeypatch.setattr(crews, "_together", together)
    _divide(monkeypatch, 3, window, levels=2)
    _same_bits(everything(), reference)


def test_two_python_threads_at_once(monkeypatch):
    """Each gets what it gets alone, though the pool has two threads for all."""
    window, state, table = _window("gray_scott", (64, 64), "periodic", batch=3)
    _divide(monkeypatch, 2, window)
    reference = _gradient(window, state, table, 40)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(_gradient, window, state, table, 40) for _ in range(16)]
        for call in calls:
            _same_bits(call.result(timeout=60), reference)


def test_states_computed_again_change_nothing(monkeypatch):
    """Checkpoints on two levels, when one level would keep too much."""
    window, state, table = _window("gray_scott", (9, 11), "periodic", batch=2)
    reference = _gradient(window, state, table, 100)
    plenty = window.spacing(100, 2)
    monkeypatch.setattr(windows, "_SAVED_BYTES", 8 * window._area * 2 * 4)
    spacing, length = window.spacing(100, 2)
    assert plenty[0] == plenty[1] == length < spacing
    assert -(-100 // spacing) <= 4
    _same_bits(_gradient(window, state, table, 100), reference)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10, 99, 1000, 10**5, 10**7])
def test_memory_of_a_window_is_bounded(num_steps):
    window, _, _ = _window("gray_scott", (128, 128), "periodic", batch=1)
    spacing, length = window.spacing(num_steps, batch=8)
    assert spacing % length == 0
    kept = -(-num_steps // spacing) * 8 + 2 * (spacing // length + length)
    assert 8 * window._area * kept < 1.5 * 2**30


@pytest.mark.parametrize("model", MODELS)
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
            scale = np.abs(b).max()
            assert scale > 0.0
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
    assert engines.resolve("auto", model, EULER) == "xla"
    assert engines.resolve("auto", rdtf.models.GRAY_SCOTT, schemes.get("rk4")) == "xla"
    with input_error("made_up", "engine xla"):
        engines.resolve("native", model, EULER)
    with input_error("rk4", "engine xla"):
        engines.resolve("native", rdtf.models.GRAY_SCOTT, schemes.get("rk4"))


def test_without_numba(monkeypatch, input_error):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    assert engines.resolve("auto", rdtf.models.GRAY_SCOTT, EULER) == "xla"
    with input_error("rdtf[native]", "engine xla"):
        engines.resolve("native", rdtf.models.GRAY_SCOTT, EULER)


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
    _same_bits(graph(feed), work(feed))
    _same_bits(graph(feed + 0.001), work(feed + 0.001))
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
    _same_bits(clean, [np.delete(f, 1, 0) for f in final])


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


def test_kernels_of_all_models_are_written_alike():
    """Generated text is a function of the equations: the cache depends on it."""
    for model in MODELS.values():
        grid = rdtf.Grid((4, 4))
        assert source.generate(model, grid, ()) == source.generate(model, grid, ())
