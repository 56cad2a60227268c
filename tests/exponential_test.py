"""ETDRK4: φ functions to round-off, diffusion exact, order 4, exact gradients."""

import mpmath
import numpy as np
import pytest
import tensorflow as tf
import window_inputs

import rdtf
from rdtf import Grid, ReactionDiffusion, models, schemes
from rdtf.models import Parameter, Start
from rdtf.operators import laplacians
from rdtf.operators.finite_differences import diffusion_operator
from rdtf.operators.laplacians import LAPLACIANS
from rdtf.schemes import exponential, phi, stiffness

ARGUMENTS = [0.0, -1e-300, 1e-8, -1e-8, -1e-3, -0.3, 0.9, -0.999999]
ARGUMENTS += [-1.0, 1.0, -1.000001, -2.0, 3.0, -30.0, -700.0, -1e5]


def _exactly(index, z):
    """φ_index by 60 digits."""
    with mpmath.workdps(60):
        z = mpmath.mpf(z)
        if abs(z) < 1e-6:
            terms = (z**k / mpmath.factorial(k + index) for k in range(9))
            return mpmath.fsum(terms)
        powers = (z**k / mpmath.factorial(k) for k in range(index))
        return (mpmath.exp(z) - mpmath.fsum(powers)) / z**index


def test_phi_functions_and_their_slopes():
    """Against 60 digits; the slopes against differences in these."""
    z = tf.constant(ARGUMENTS, tf.float64)
    for index in (1, 2, 3):
        with tf.GradientTape() as tape:
            tape.watch(z)
            values = phi.phi_functions(z)[index - 1]
        slopes = tape.gradient(values, z)
        for argument, value, slope in zip(ARGUMENTS, values, slopes, strict=True):
            assert float(value) == pytest.approx(
                float(_exactly(index, argument)), rel=3e-15
            )
            with mpmath.workdps(60):
                h = mpmath.mpf(10) ** -15
                ahead, behind = (_exactly(index, argument + s * h) for s in (1, -1))
                expected = float((ahead - behind) / (2 * h))
            assert float(slope) == pytest.approx(expected, rel=1e-13)


def test_weights_are_those_of_the_paper():
    """Kassam & Trefethen's closed forms, at z where they lose no digits."""
    z, h = np.array([-2.0, -5.0, 4.0]), 0.3
    w = exponential.weights(tf.constant(z), h)
    e = np.exp(z)
    expected = {
        "half_decay": np.exp(z / 2),
        "half": h * (np.exp(z / 2) - 1) / z,
        "first": h * (-4 - z + e * (4 - 3 * z + z**2)) / z**3,
        "middle": 2 * h * (2 + z + e * (-2 + z)) / z**3,
        "last": h * (-4 - 3 * z - z**2 + e * (4 - z)) / z**3,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(w[name], value, rtol=1e-13)


def _step(model, grid, time_step, kind="spectral"):
    operator = diffusion_operator(grid, laplacian=kind)
    return schemes.ETDRK4.make_step(model, operator, time_step)


def _columns(params, grid):
    ones = [1] * grid.ndim
    return {
        n: tf.reshape(tf.constant(p, tf.float64), [-1, *ones])
        for n, p in params.items()
    }


def _random(grid, batch=2, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(batch, *grid.shape)))


PAIR = ReactionDiffusion(
    name="pair",
    species=("u", "w"),
    reaction=lambda state, params: (
        params["r"] * state[0] * (1.0 - state[1]),
        state[0] - state[1] ** 2,
    ),
    diffusivity={"u": "D"},
    parameters={"D": Parameter(0.8, lower=0.0), "r": Parameter(0.4)},
    start=Start(background=(0.8, 0.5)),
)


@pytest.mark.parametrize("shape", [(9,), (6, 8), (3, 4, 5)])
@pytest.mark.parametrize("kind", LAPLACIANS)
def test_diffusion_is_exact(kind, shape):
    """exp(h D ∇²) in one step of any length, one diffusivity per sample."""
    if kind == "compact" and len(shape) != 2:
        pytest.skip("2-D only")
    grid, time_step, rates = Grid(shape, 0.5), 0.7, np.array([0.0, 0.3, 40.0])
    u, axes = _random(grid, batch=3), tuple(range(1, len(shape) + 1))
    params = _columns({"D": rates, "r": 0.0}, grid)
    after, _ = _step(PAIR, grid, time_step, kind)((u, 0.0 * u), params, tf.constant(0))
    column = rates.reshape(-1, *[1] * len(shape))
    waves = np.fft.rfftn(u, axes=axes)
    waves = waves * np.exp(time_step * column * laplacians.symbol(grid, kind))
    expected = np.fft.irfftn(waves, shape, axes=axes)
    np.testing.assert_allclose(after, expected, rtol=0, atol=1e-14)


def test_species_that_does_not_diffuse_takes_runge_kutta():
    """And with D = 0 both do."""
    grid, rng = Grid(7), np.random.default_rng(1)
    state = tuple(tf.constant(rng.uniform(0.2, 1.0, (2, 7))) for _ in range(2))
    params = _columns({"D": 0.0, "r": 0.8}, grid)
    operator = diffusion_operator(grid)
    expected = schemes.RK4.make_step(PAIR, operator, 0.3)(state, params, tf.constant(0))
    got = _step(PAIR, grid, 0.3)(state, params, tf.constant(0))
    for a, b, before in zip(got, expected, state, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
        assert np.abs(a - before).max() > 0.01


@pytest.mark.parametrize("kind", ["fourth_order", "spectral"])
def test_order_in_time(kind):
    """From a smooth state, where diffusion is stiff: h D max|k²| is above 10."""
    grid, model = Grid(16, 0.5), models.SCHNAKENBERG
    params = _columns(model.defaults, grid)
    wave = np.cos(2 * np.pi * np.arange(16) / 16)[np.newaxis]
    start = (tf.constant(1.0 + 0.2 * wave), tf.constant(0.9 - 0.1 * wave))

    def run(num_steps):
        step, state = _step(model, grid, 1.0 / num_steps, kind), start
        prepared = schemes.prepare(step, params)
        for index in range(num_steps):
            state = step(state, prepared, tf.constant(index))
        return np.concatenate(state)

    exact = run(96)
    errors = [np.abs(run(n) - exact).max() for n in (6, 12, 24)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.abs(orders - 4.0).max() < 0.3, (errors, orders)


@pytest.fixture(scope="module")
def sim():
    return rdtf.Simulation(PAIR, Grid((6, 5), 0.5), 0.3, "etdrk4", laplacian="spectral")


@pytest.fixture(scope="module")
def gray_scott():
    model, grid = models.GRAY_SCOTT, Grid((6, 5), 0.5)
    return rdtf.Simulation(model, grid, 0.7, "etdrk4", laplacian="spectral")


def _gradient(advance, state, params):
    with tf.GradientTape() as tape:
        tape.watch((state, params))
        loss = window_inputs.smooth(advance(state, params))
    return tape.gradient(loss, (state, params))


def _assert_close(got, expected, tolerance):
    for g, e in zip(tf.nest.flatten(got), tf.nest.flatten(expected), strict=True):
        scale = float(tf.reduce_max(tf.abs(e)))
        assert scale > 0.0
        np.testing.assert_allclose(g, e, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) for n in ("sim", "gray_scott")]
)
def test_gradients(name, request, start, unrolled):
    """Adjoint and tangents against the plain tape, and the tape against differences."""
    sim = request.getfixturevalue(name)
    state, params = window_inputs.create(sim, start)
    assert {p.shape.rank for p in params.values()} == {0, 1}

    def advance(state, params, gradient="adjoint"):
        return sim.advance(state, params, 5, gradient=gradient)

    tape = _gradient(lambda s, p: unrolled(sim, s, p, 5), state, params)
    _assert_close(_gradient(advance, state, params), tape, 1e-11)
    tangents = _gradient(lambda s, p: advance(s, p, "tangents"), state, params)[1]
    _assert_close(tangents, tape[1], 1e-11)
    _assert_close(
        _gradient(lambda s, p: advance(s, p, "unrolled"), state, params), tape, 1e-11
    )

    rng = np.random.default_rng(5)
    for part, whole in zip(tape, (state, params), strict=True):
        flat = tf.nest.flatten(whole)
        for i, (x, g) in enumerate(zip(flat, tf.nest.flatten(part), strict=True)):
            move = x * rng.uniform(-1.0, 1.0, x.shape)

            def loss(size, i=i, move=move, flat=flat, whole=whole):
                moved = [f + size * move * (j == i) for j, f in enumerate(flat)]
                moved = tf.nest.pack_sequence_as(whole, moved)
                inputs = (moved, params) if whole is state else (state, moved)
                return float(window_inputs.smooth(advance(*inputs)))

            h = 1e-3
            slope = (8 * (loss(h) - loss(-h)) - loss(2 * h) + loss(-2 * h)) / (12 * h)
            assert float(tf.reduce_sum(g * move)) == pytest.approx(slope, rel=1e-6)


def test_same_bits_however_it_is_asked_for(sim, start):
    """In two parts, under a tape; a sweep of parameters in a batch is a loop."""
    state, params = window_inputs.create(sim, start)
    whole = sim.advance(state, params, 12)
    parts = sim.advance(sim.advance(state, params, 5), params, 7, first_step=5)
    with tf.GradientTape() as tape:
        tape.watch(state)
        recorded = sim.advance(state, params, 12)
    for other in (parts, recorded):
        for a, b in zip(other, whole, strict=True):
            np.testing.assert_array_equal(a, b)
    for i in range(2):
        one = {"D": params["D"][i], "r": params["r"]}
        alone = sim.advance(tuple(s[i : i + 1] for s in state), one, 12)
        for a, b in zip(alone, whole, strict=True):
            np.testing.assert_array_equal(a[0], b[i])


def test_steady_states_of_the_equations_stand_still(simulations, start):
    """A pattern polished by Newton does not move, though the step is long."""
    model = models.LENGYEL_EPSTEIN
    sim = simulations(model.name, (16, 16))
    params = model.preset("stripes")
    pattern = sim.advance(start(sim, 1), params, round(40.0 / sim.time_step))
    steady = rdtf.steady_state(sim, pattern, params)
    assert steady.status == [rdtf.Status.CONVERGED]
    assert np.std(steady.state[0]) > 0.4
    step, state = _step(model, sim.grid, 0.1, sim.laplacian), steady.state
    for index in range(5):
        state = step(state, _columns(params, sim.grid), tf.constant(index))
    for a, b in zip(state, steady.state, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


def test_no_diffusive_bound(sim, input_error):
    grid = sim.grid
    assert schemes.ETDRK4.largest_time_step(grid, 1e9, "spectral") == np.inf
    sim.check_stability({"D": 1e9, "r": 0.0})
    assert sim.stability_ratio(sim.model.defaults) == 0.0
    with input_error("forward_euler", "etdrk4", "use engine xla"):
        rdtf.Simulation(sim.model, grid, 1.0, "etdrk4", "native")


def test_default_time_step_is_that_of_the_reaction():
    """Brusselator at A = 1, B = 3: eigenvalues of [[2, 1], [-3, -1]], of size 1."""
    model, grid = models.BRUSSELATOR, Grid((8, 8))
    params = model.preset("oscillation")
    rate = schemes.reaction_rate(model, params)
    assert rate == pytest.approx(1.0, rel=1e-12)
    step = schemes.default_time_step(model, params, grid, "etdrk4", "spectral")
    assert step == pytest.approx(0.2, rel=1e-14)
    for rate, expected in ((0.0, 1.0), (0.1, 1.0), (30.0, 0.005)):
        step = stiffness.rounded_time_step(np.inf, rate)
        assert step == pytest.approx(expected, rel=1e-14)
