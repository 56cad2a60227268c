"""Engines: the right numbers, the same bits however they are asked for, one compile."""

import importlib
import inspect

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import Grid, engines, schemes
from rdtf.engines import xla

pytestmark = pytest.mark.parametrize("engine", engines.ENGINES)

SLOW = pytest.mark.slow  # compiling an adjoint costs seconds
# Small and uneven, so that vectorised loops have remainders.
CASES = [
    ("gray_scott", (9, 11), "periodic", "forward_euler"),
    ("brusselator", (7, 5), "no_flux", "rk4"),
    ("schnakenberg", (13,), "no_flux", "forward_euler"),
    ("gierer_meinhardt", (4, 5, 3), "periodic", "forward_euler"),
]


@pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
def sim(request, engine, simulations):
    return _case(request.param, engine, simulations)


def _case(case, engine, simulations):
    model, shape, boundary, scheme = case
    if engine == "native":
        scheme = "forward_euler"  # all it has
    return simulations(model, shape, boundary, scheme=scheme, engine=engine)


def _same(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


def _sweep(model, batch):
    """Every parameter different in every sample."""
    factors = np.linspace(0.9, 1.0, batch)
    return {name: tf.constant(p * factors) for name, p in model.defaults.items()}


def test_against_numpy(engine, simulations, start):
    """Gray-Scott by forward Euler, written out with np.roll."""
    sim = simulations(shape=(8, 6), spacing=(1.0, 1.5), engine=engine)
    u, v = (field.numpy() for field in start(sim, 2))
    p, final = sim.model.defaults, sim.advance(start(sim, 2), sim.model.defaults, 30)

    def laplacian(f):
        y, x = (np.roll(f, 1, a) - 2 * f + np.roll(f, -1, a) for a in (1, 2))
        return y + x / 1.5**2

    for _ in range(30):
        uvv = u * v * v
        du = p["Du"] * laplacian(u) - uvv + p["F"] * (1 - u)
        dv = p["Dv"] * laplacian(v) + uvv - (p["F"] + p["k"]) * v
        u, v = u + sim.time_step * du, v + sim.time_step * dv
    np.testing.assert_allclose(final[0], u, rtol=1e-13)
    np.testing.assert_allclose(final[1], v, rtol=1e-13)


def test_against_the_uncompiled_step(sim, start, unrolled):
    state, params = start(sim, 3), _sweep(sim.model, 3)
    final = sim.advance(state, params, 20)
    for a, b in zip(final, unrolled(sim, state, params, 20), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert any(np.abs(f - s).max() > 1e-3 for f, s in zip(final, state, strict=True))


def test_two_windows_are_one(sim, start):
    state, params = start(sim, 2), sim.model.defaults
    halfway = sim.advance(state, params, 13)
    _same(sim.advance(halfway, params, 24), sim.advance(state, params, 37))


def test_recording_changes_no_bit(sim, start):
    state, params = start(sim, 2), sim.model.defaults
    plain = sim.advance(state, params, 10)
    with tf.GradientTape() as tape:
        tape.watch(state)
        recorded = sim.advance(state, params, 10)
    _same(plain, recorded)


def test_one_sample_is_the_same_in_a_batch(sim, start):
    state, params = start(sim, 8), sim.model.defaults
    together = sim.advance(state, params, 25)
    for i in (0, 3, 7):
        alone = sim.advance(tuple(s[i : i + 1] for s in state), params, 25)
        _same(alone, [t[i : i + 1] for t in together])


def test_sweep_is_a_loop(sim, start):
    """One batch of parameters from one state equals a loop over them."""
    state, params = start(sim, 1), _sweep(sim.model, 4)
    sweep = sim.advance(state, params, 25)
    for i in range(4):
        one = {name: float(p[i]) for name, p in params.items()}
        _same(sim.advance(state, one, 25), [s[i : i + 1] for s in sweep])


@pytest.mark.parametrize(
    "case", [CASES[0], CASES[2], *(pytest.param(c, marks=SLOW) for c in CASES[1::2])]
)
def test_gradient_of_one_sample_is_the_same_in_a_batch(
    case, engine, simulations, start
):
    sim = _case(case, engine, simulations)
    state, params = start(sim, 4), _sweep(sim.model, 4)

    def gradient(state, params):
        with tf.GradientTape() as tape:
            tape.watch((state, params))
            final = sim.advance(state, params, 10)
            loss = sum(tf.reduce_sum(field * field * field) for field in final)
        return tape.gradient(loss, (state, params))

    states, by_params = gradient(state, params)
    exact = engine == "native"  # XLA sums a batch in another order
    for i in (0, 3):
        pick = slice(i, i + 1)
        alone, one = gradient(
            tuple(s[pick] for s in state), {n: p[pick] for n, p in params.items()}
        )
        for a, b in zip(alone, states, strict=True):
            np.testing.assert_allclose(a, b[pick], rtol=0, atol=0 if exact else 1e-13)
        for name, g in one.items():
            tolerance = 0.0 if exact else 1e-10
            np.testing.assert_allclose(g, by_params[name][pick], rtol=tolerance)


def _traces(sim):
    return {
        name: function.experimental_get_tracing_count()
        for name, function in vars(sim._programs).items()
        if hasattr(function, "experimental_get_tracing_count")
    }


def test_compiles_once(engine, simulations, start):
    """New values of the parameters, or more steps forward, are no new program."""
    if engine != "xla":
        pytest.skip("only the XLA engine traces")
    sim = simulations(shape=(5, 4), engine=engine)
    state, names = start(sim, 2), list(sim.model.parameters)

    def use(scale, num_steps):
        params = {n: p * scale for n, p in sim.model.defaults.items()}
        sim.advance(state, params, num_steps)
        sim.run_until_steady(state, params, 1e-6 * scale, num_steps, chunk=num_steps)
        sim.tangents(state, params, num_steps)
        params = {n: tf.Variable(params[n], dtype=tf.float64) for n in names}
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(sim.advance(state, params, 5)[0])
        tape.gradient(loss, params)

    use(1.0, 10)
    before = _traces(sim)
    assert sum(before.values()) >= len(before) >= 5
    for i in range(3):
        use(0.9 - 0.1 * i, 11 + i)
    assert _traces(sim) == before


@pytest.mark.parametrize("num_steps", [1, 2, 3, 4, 7, 16, 17, 50, 100, 1000])
def test_checkpoints_cover_the_steps(engine, num_steps):
    del engine
    room, length = xla.spacing(num_steps)
    assert num_steps <= room * length < max(2 * num_steps, 2)
    assert room + length <= 3 * np.sqrt(num_steps) + 1


def test_it_owes_what_the_protocol_says(engine):
    """The same methods with the same parameters."""
    made = importlib.import_module(engines.ENGINES[engine]).Engine
    owed = [name for name in vars(engines.Engine) if not name.startswith("_")]
    assert len(owed) == 5
    for name in owed:
        expected = inspect.signature(getattr(engines.Engine, name)).parameters
        assert list(inspect.signature(getattr(made, name)).parameters) == list(expected)


def test_unknown_engine(engine, input_error):
    on_grid = engines.Discretization(
        model=rdtf.models.GRAY_SCOTT, grid=Grid(8), scheme=schemes.get("forward_euler")
    )
    with input_error("auto", engine, "'cuda'"):
        engines.resolve("cuda", on_grid)
    assert engines.resolve(engine, on_grid) == engine
    assert engines.resolve("auto", on_grid) == "native"
