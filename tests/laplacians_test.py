"""Every Laplacian: its order, its eigenvalues, its adjoint, its bound on the time step."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import Grid, models, schemes
from rdtf.operators import laplacians
from rdtf.operators.finite_differences import diffusion_operator, laplacian
from rdtf.operators.laplacians import LAPLACIANS

EQUAL, UNEQUAL = Grid((8, 6), 0.5), Grid((6, 5), (0.5, 2.0))
PAIRS = [
    *((kind, EQUAL) for kind in LAPLACIANS),
    *((kind, Grid(7, 0.5)) for kind in LAPLACIANS if kind != "compact"),
    *((kind, UNEQUAL) for kind in LAPLACIANS if kind != "compact"),
    ("compact", Grid((5, 4), 2.0)),
    ("fourth_order", Grid((3, 4, 5), (1.0, 0.3, 2.0))),
    ("sixth_order", Grid((3, 4, 5), (1.0, 0.3, 2.0))),
    ("sixth_order", Grid((6, 5), (0.5, 2.0), "no_flux")),
    ("sixth_order", Grid((3, 4, 3), (1.0, 0.3, 2.0), "no_flux")),
    ("spectral", Grid((4, 3, 6), (1.0, 0.3, 2.0))),
    ("spectral", Grid(7, 0.5, "no_flux")),
    ("spectral", Grid((6, 5), (0.5, 2.0), "no_flux")),
    ("spectral", Grid((4, 3, 6), (1.0, 0.3, 2.0), "no_flux")),
]
every_pair = pytest.mark.parametrize(
    "kind, grid", PAIRS, ids=[f"{k}-{g.ndim}d-{g.boundary}" for k, g in PAIRS]
)


def _random(grid, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(2, *grid.shape)))


def _matrix(grid, kind):
    n = grid.num_cells
    basis = tf.reshape(tf.eye(n, dtype=tf.float64), [n, *grid.shape])
    return tf.reshape(laplacian(basis, grid, kind), [n, n]).numpy()


def _smooth(shape, factor):
    """exp(wave) times a wave on the unit square, and its Laplacian."""
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij")
    wave, slope = np.cos(factor * x), factor * np.sin(factor * x)
    field = np.exp(wave) * np.cos(factor * y)
    return field, field * (slope**2 - factor**2 * (wave + 1.0))


def _error(n, kind, boundary="periodic"):
    grid = Grid((n, n), 1.0 / n, boundary)
    field, exact = _smooth(grid.shape, 2 * np.pi if boundary == "periodic" else np.pi)
    result = laplacian(tf.constant(field[np.newaxis]), grid, kind)[0]
    return np.abs(result - exact).max()


@pytest.mark.parametrize(
    "kind, order, counts",
    [
        ("second_order", 2, (64, 128, 256)),
        ("fourth_order", 4, (64, 128, 256)),
        ("sixth_order", 6, (96, 192)),  # beyond, rounding shows
        ("compact", 4, (64, 128, 256)),
    ],
)
def test_order(kind, order, counts):
    errors = [_error(n, kind) for n in counts]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.abs(orders - order).max() < 0.05, orders


@pytest.mark.parametrize("boundary, cells", [("periodic", 12), ("no_flux", 6)])
def test_spectral_accuracy(boundary, cells):
    """A third more cells gain nearly two digits, and thrice as many all of them."""
    counts = (cells, cells * 4 // 3, cells * 5 // 3, cells * 3)
    errors = [_error(n, "spectral", boundary) for n in counts]
    assert errors[1] < 0.02 * errors[0] and errors[2] < 0.02 * errors[1]
    assert errors[3] < 1e-10


@every_pair
def test_symbol_is_the_eigenvalue_of_every_wave(kind, grid):
    mirrored = grid.boundary == "no_flux"
    symbol = (laplacians.cosine_symbol if mirrored else laplacians.symbol)(grid, kind)
    for numbers in itertools.product(*map(range, symbol.shape)):
        field = np.ones(grid.shape)
        phase = 0.0
        for axis, (k, n) in enumerate(zip(numbers, grid.shape, strict=True)):
            line = (np.arange(n) + 0.5) / 2.0 if mirrored else np.arange(n)
            shape = [-1 if a == axis else 1 for a in range(grid.ndim)]
            angle = (2 * np.pi * k / n * line).reshape(shape)
            if mirrored:
                field = field * np.cos(angle)
            phase = phase + angle
        if not mirrored:
            field = np.cos(phase + 0.4)
        result = laplacian(tf.constant(field[np.newaxis]), grid, kind)[0]
        scale = np.abs(symbol).max()
        np.testing.assert_allclose(
            result, symbol[numbers] * field, rtol=0, atol=2e-13 * scale
        )


@every_pair
def test_symmetric_with_the_bound_of_its_symbol(kind, grid):
    matrix = _matrix(grid, kind)
    bound = schemes.spectral_radius(grid, kind)
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-13 * bound)
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert abs(eigenvalues[-1]) < 1e-12 * bound  # constants, and nothing else
    assert eigenvalues[-2] < -1e-4 * bound
    assert -eigenvalues[0] <= bound * (1 + 1e-13)
    if grid.boundary == "periodic" and not any(n % 2 for n in grid.shape):
        assert -eigenvalues[0] == pytest.approx(bound, rel=1e-12)


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("second_order", 8.0),
        ("fourth_order", 32 / 3),
        ("sixth_order", 544 / 45),
        ("compact", 16.0),
        ("spectral", 2 * np.pi**2),
    ],
)
def test_bound_in_closed_form(kind, expected):
    """All are largest at the checkerboard."""
    radius = schemes.spectral_radius(Grid((8, 8), 0.5), kind)
    assert radius == pytest.approx(expected / 0.5**2, rel=1e-14)


@pytest.mark.parametrize("shape", [(3,), (4,), (9,), (3, 4), (7, 6)])
@pytest.mark.parametrize(
    "kind, weights, share",
    [
        ("fourth_order", (-1, 16, -30, 16, -1), 12),
        ("sixth_order", (2, -27, 270, -490, 270, -27, 2), 180),
    ],
)
def test_stencils_of_higher_order(shape, kind, weights, share):
    grid = Grid(shape, tuple(0.5 + np.arange(len(shape))))
    field, expected = _random(grid).numpy(), 0.0
    for axis, h in enumerate(grid.spacing, start=1):
        for offset, weight in enumerate(weights, start=-(len(weights) // 2)):
            expected += weight * np.roll(field, offset, axis) / (share * h**2)
    result = laplacian(tf.constant(field), grid, kind)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_compact_is_the_mehrstellen_scheme():
    """M ∇²f = L f, both nine-point stencils written out."""
    grid, h = Grid((6, 7), 0.5), 0.5
    field = _random(grid).numpy()

    def around(f):
        sides = sum(np.roll(f, s, a) for s in (-1, 1) for a in (1, 2))
        corners = sum(np.roll(f, (s, t), (1, 2)) for s in (-1, 1) for t in (-1, 1))
        return sides, corners

    result = laplacian(tf.constant(field), grid, "compact").numpy()
    left = result + (around(result)[0] - 4 * result) / 12
    sides, corners = around(field)
    right = (corners + 4 * sides - 20 * field) / (6 * h**2)
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-11)


def _loss(operator, grid, inputs):
    values, terms = operator(tuple(inputs[:2]), inputs[2:])
    weights = [_random(grid, seed) for seed in (11, 12)]
    return sum(
        tf.reduce_sum(tf.sin(0.1 * w * t) + v**3)
        for w, t, v in zip(weights, terms, values, strict=True)
    )


def _gradient(operator, grid, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = _loss(operator, grid, inputs)
    return tape.gradient(loss, inputs)


@every_pair
def test_gradient_to_second_order(kind, grid):
    """Along one random direction of both states and both coefficients."""
    operator = diffusion_operator(grid, laplacian=kind)
    ones = [1] * grid.ndim
    coefficients = [tf.constant([0.7, 1.3]), tf.constant([0.9])]
    inputs = [_random(grid, seed=1), _random(grid, seed=2)]
    inputs += [tf.reshape(tf.cast(c, tf.float64), [-1, *ones]) for c in coefficients]
    rng = np.random.default_rng(3)
    directions = [tf.constant(rng.normal(size=x.shape)) for x in inputs]

    def moved(size):
        return [x + size * d for x, d in zip(inputs, directions, strict=True)]

    def central(function):
        h = 1e-4
        near, far = (
            [(a - b) / (2 * s) for a, b in zip(function(s), function(-s), strict=True)]
            for s in (h, 2 * h)
        )
        return [(4 * a - b) / 3 for a, b in zip(near, far, strict=True)]

    with tf.GradientTape() as outer:
        outer.watch(inputs)
        gradient = _gradient(operator, grid, inputs)
        pairs = zip(gradient, directions, strict=True)
        along = sum(tf.reduce_sum(g * d) for g, d in pairs)
    (slope,) = central(lambda size: [_loss(operator, grid, moved(size))])
    assert float(along) == pytest.approx(float(slope), rel=1e-6)
    product = outer.gradient(along, inputs)
    expected = central(lambda size: _gradient(operator, grid, moved(size)))
    for got, e in zip(product, expected, strict=True):
        scale = float(tf.reduce_max(tf.abs(e)))
        np.testing.assert_allclose(got, e, rtol=0, atol=1e-6 * scale)


def test_grids_that_cannot_carry_one(input_error):
    for kind in ("fourth_order", "compact"):
        with input_error("periodic or no_flux", kind, "dirichlet"):
            rdtf.Simulation(
                models.GRAY_SCOTT, Grid(8, 1.0, "dirichlet"), 1.0, laplacian=kind
            )
    with input_error("equal spacings", "fourth_order"):
        diffusion_operator(UNEQUAL, laplacian="compact")
    with input_error("second_order, fourth_order, sixth_order", "'unheard_of'"):
        laplacian(_random(EQUAL), EQUAL, "unheard_of")


def test_engines(input_error):
    sim = rdtf.Simulation(models.GRAY_SCOTT, EQUAL, 0.1, laplacian="spectral")
    assert (sim.engine, sim.laplacian) == ("xla", "spectral")
    sim = rdtf.Simulation(models.GRAY_SCOTT, EQUAL, 0.1)
    assert sim.laplacian == "second_order"
    with input_error("second_order", "got compact", "use engine xla"):
        rdtf.Simulation(
            models.GRAY_SCOTT, EQUAL, 0.1, engine="native", laplacian="compact"
        )


@pytest.mark.parametrize("kind", LAPLACIANS[1:])
def test_simulation_steps_with_it(kind, simulations, start):
    """Forward Euler with the dense matrix of the Laplacian, in NumPy."""
    sim = simulations(shape=(8, 6), spacing=0.5, laplacian=kind)
    p, matrix = sim.model.defaults, _matrix(sim.grid, kind)
    u, v = (field.numpy().reshape(2, -1) for field in start(sim, 2))
    final = sim.advance(start(sim, 2), p, 20)
    rates = sim.time_derivative(start(sim, 2), p)
    for step in range(20):
        uvv = u * v * v
        du = p["Du"] * u @ matrix - uvv + p["F"] * (1 - u)
        dv = p["Dv"] * v @ matrix + uvv - (p["F"] + p["k"]) * v
        if step == 0:
            for rate, expected in zip(rates, (du, dv), strict=True):
                np.testing.assert_allclose(
                    tf.reshape(rate, [2, -1]), expected, rtol=0, atol=1e-12
                )
        u, v = u + sim.time_step * du, v + sim.time_step * dv
    for got, expected in zip(final, (u, v), strict=True):
        np.testing.assert_allclose(
            tf.reshape(got, [2, -1]), expected, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_stability_bound(kind, simulations, start, input_error):
    """The fastest wave decays just inside the bound and grows just beyond."""
    grid = Grid((8, 6), 0.5)
    euler = schemes.get("forward_euler")
    bound = euler.largest_time_step(grid, 0.16, kind)
    eigenvalues, waves = np.linalg.eigh(_matrix(grid, kind))
    wave = tf.reshape(waves[:, 0], [1, *grid.shape])
    assert bound * 0.16 * -eigenvalues[0] == pytest.approx(2.0, rel=1e-12)
    still = {**models.GRAY_SCOTT.defaults, "F": 0.0, "k": 0.0}
    operator = diffusion_operator(grid, laplacian=kind)
    for factor, grows in ((0.99, False), (1.01, True)):
        step = euler.make_step(models.GRAY_SCOTT, operator, factor * bound)
        params = {
            n: tf.fill([1, 1, 1], tf.cast(x, tf.float64)) for n, x in still.items()
        }
        after, _ = step((wave, 0.0 * wave), params, tf.constant(0))
        assert (np.abs(after).max() > np.abs(wave).max()) == grows
    sim = rdtf.Simulation(models.GRAY_SCOTT, grid, bound * 1.001, laplacian=kind)
    with input_error(f"{bound:.4g}", kind=rdtf.StabilityError):
        sim.check_stability(sim.model.defaults)
    step = schemes.default_time_step(
        sim.model, sim.model.defaults, grid, laplacian=kind
    )
    assert 0.4 * 0.8 * bound <= step <= 0.8 * bound


def test_a_swing_at_a_jump_is_not_sick(simulations, start):
    """v is 0 outside its square; the spectral Laplacian takes it a little below."""
    sim = simulations(shape=(16, 16), laplacian="spectral", engine="xla")
    state = rdtf.initial_conditions.create(None, sim.model, sim.grid)
    after = sim.advance(state, sim.model.defaults, 1)[1]
    assert -0.05 < float(tf.reduce_min(after)) < -1e-3
    for shift, status in ((0.0, "not_converged"), (-0.06, "left_valid_range")):
        moved = (state[0], state[1] + shift)
        run = sim.run_until_steady(moved, sim.model.defaults, 0.0, 3, chunk=3)
        assert [s.label for s in run.status] == [status]


def test_implicit_gradients_say_what_they_need(simulations, start, input_error):
    sim = simulations(shape=(8, 6), spacing=0.5, laplacian="spectral")
    state, params = start(sim, 2), sim.model.defaults
    with input_error("second_order", "spectral", "Simulation.advance"):
        rdtf.steady_state(sim, state, params)
    with input_error("second_order", "spectral"):
        rdtf.gradients.implicit(sim, state, params, state)
