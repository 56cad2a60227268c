"""Schemes earn what they declare: order, stages and reach of stability."""

import cmath
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from rdtf import Grid, ReactionDiffusion, models, schemes
from rdtf.grids import BOUNDARIES
from rdtf.models import Parameter
from rdtf.operators import finite_differences
from rdtf.schemes import stiffness

NAMES = list(schemes.SCHEMES)
EXPLICIT = [n for n, s in schemes.SCHEMES.items() if s.is_explicit]
DIFFUSION = ReactionDiffusion(
    name="diffusion",
    species=("u",),
    reaction=lambda state, params: (0.0 * state[0],),
    diffusivity={"u": "D"},
    parameters={"D": Parameter(1.0, lower=0.0)},
)


def _stability_polynomial(scheme, z):
    """One step of  y' = z y  from 1."""
    (value,) = scheme.advance(lambda state: (state, (z * state[0],)), (1.0,), 1.0)
    return value


def _integrate(scheme, model, grid, state, params, time_step, num_steps):
    operator = finite_differences.diffusion_operator(grid)
    step = scheme.make_step(model, operator, time_step)
    ones = [1] * (grid.ndim + 1)
    params = {n: tf.fill(ones, tf.constant(p, tf.float64)) for n, p in params.items()}
    carry = schemes.begin(step, state, params)
    for index in range(num_steps):
        carry = step(carry, params, tf.constant(index))
    return carry[: len(state)]


def _dense_laplacian(grid):
    """The matrix of the 1-D Laplacian, written out by hand."""
    n = grid.shape[0]
    matrix = np.diag(-2.0 * np.ones(n)) + np.diag(np.ones(n - 1), 1)
    matrix += np.diag(np.ones(n - 1), -1)
    if grid.boundary == "periodic":
        matrix[0, -1] = matrix[-1, 0] = 1.0
    else:
        matrix[0, 0] = matrix[-1, -1] = -1.0
    return matrix / grid.spacing[0] ** 2


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n == "tsit5" else n for n in NAMES],
)
def test_order_in_time(name, boundary):
    """Against SciPy at tight tolerance on the same semi-discrete system."""
    scheme, model = schemes.get(name), models.SCHNAKENBERG
    grid = Grid(6, 1.5, boundary)
    params = {"Du": 0.1, "Dv": 1.0, "a": 0.1, "b": 0.9}
    begin = np.random.default_rng(0).uniform(0.5, 1.5, (2, 6))
    matrix = _dense_laplacian(grid)

    def right_hand_side(time, flat):
        u, v = flat.reshape(2, 6)
        uuv = u * u * v
        du = params["Du"] * matrix @ u + params["a"] - u + uuv
        return np.concatenate([du, params["Dv"] * matrix @ v + params["b"] - uuv])

    tight = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-14}
    exact = solve_ivp(right_hand_side, (0, 2), begin.ravel(), **tight).y[:, -1]
    errors = []
    for num_steps in (20, 40, 80):
        state = tuple(tf.constant(field[np.newaxis]) for field in begin)
        arguments = (params, 2.0 / num_steps, num_steps)
        final = _integrate(scheme, model, grid, state, *arguments)
        errors.append(np.abs(np.concatenate(final, axis=1)[0] - exact).max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert -0.1 < orders[-1] - scheme.order < (1.0 if name == "tsit5" else 0.1), orders


@pytest.mark.parametrize("name", EXPLICIT)
def test_order_and_stages_of_the_stability_polynomial(name):
    """R(z) = exp(z) + O(z^(order + 1)), and no better."""
    scheme, calls = schemes.get(name), []

    def rate(state):
        calls.append(state)
        return state, state

    scheme.advance(rate, (1.0,), 0.1)
    assert len(calls) == scheme.stages
    for direction in (-1.0, 1j, cmath.exp(0.7j)):
        errors = [
            abs(_stability_polynomial(scheme, z) - cmath.exp(z))
            for z in (0.1 * direction, 0.05 * direction)
        ]
        order = math.log2(errors[0] / errors[1]) - 1
        # The next term of tsit5 is as large as its own.
        assert order == pytest.approx(scheme.order, abs=0.3 if name == "tsit5" else 0.1)


@pytest.mark.parametrize("name", EXPLICIT)
def test_real_stability_is_the_edge_of_the_polynomial(name):
    scheme = schemes.get(name)
    edge = scheme.real_stability
    inside = [abs(_stability_polynomial(scheme, -x)) for x in np.linspace(0, edge, 500)]
    assert max(inside) <= 1.0 + 1e-12
    assert inside[-1] == pytest.approx(1.0, abs=1e-12)
    assert abs(_stability_polynomial(scheme, -edge * (1 + 1e-6))) > 1.0


@pytest.mark.parametrize("name", EXPLICIT)
@pytest.mark.parametrize("shape, spacing", [((8,), 0.5), ((6, 4), (1.0, 0.7))])
def test_diffusion_decays_inside_the_bound_and_grows_beyond(name, shape, spacing):
    """The checkerboard sits at the bound; per step it is multiplied by R(z)."""
    scheme, grid = schemes.get(name), Grid(shape, spacing)
    bound = scheme.largest_time_step(grid, 0.3)
    sign = (-1.0) ** sum(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"))
    state = (tf.constant(sign[np.newaxis]),)
    for factor, grows in ((0.99, False), (1.01, True)):
        arguments = (state, {"D": 0.3}, factor * bound, 20)
        (final,) = _integrate(scheme, DIFFUSION, grid, *arguments)
        size = np.abs(final).max()
        assert (size > 1.0) == grows
        z = -factor * scheme.real_stability
        assert size == pytest.approx(
            abs(_stability_polynomial(scheme, z)) ** 20, rel=1e-9
        )


def test_euler_in_two_dimensions_is_the_textbook_bound():
    """D dt / h² <= 1/4."""
    euler = schemes.get("forward_euler")
    bound = euler.largest_time_step(Grid((8, 8), 0.1), 2.0)
    assert 2.0 * bound / 0.1**2 == pytest.approx(0.25, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_no_diffusion_has_no_bound(name):
    scheme, grid = schemes.get(name), Grid((8, 8))
    assert scheme.largest_time_step(grid, 0.0) == math.inf
    assert schemes.default_time_step(DIFFUSION, {"D": 0.0}, grid, name) == 1.0


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(EXPLICIT), st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
@example("forward_euler", 0.25, 1.0)
def test_default_time_step_is_round_and_close_to_the_bound(name, diffusivity, h):
    scheme, grid = schemes.get(name), Grid((8, 8), h)
    step = schemes.default_time_step(DIFFUSION, {"D": diffusivity}, grid, name)
    bound = 0.8 * scheme.largest_time_step(grid, diffusivity)
    assert step <= bound < 2.5 * step * (1 + 1e-12)
    assert f"{step:.10e}"[0] in "125"
    assert step == pytest.approx(float(f"{step:.0e}"), rel=1e-14)


@pytest.mark.parametrize("exponent", [-5, -3, -1, 0, 1, 3])
def test_time_step_just_below_a_power_of_ten(exponent):
    """log10 of the float below 10^n rounds to n."""
    below = np.nextafter(10.0**exponent, 0.0)
    step = stiffness.rounded_time_step(below / 0.8)
    assert step <= 0.8 * (below / 0.8) < 2.5 * step


def test_unknown_scheme(input_error):
    with input_error(*NAMES, "'rk5'"):
        schemes.get("rk5")


def test_species_without_diffusivity_stay_put():
    """A species that is left out of `diffusivity` feels no neighbour."""
    model = ReactionDiffusion(
        name="one_moves",
        species=("u", "w"),
        reaction=lambda state, params: (0.0 * state[0], 0.0 * state[1]),
        diffusivity={"u": "D"},
        parameters={"D": Parameter(1.0)},
    )
    fields = np.random.default_rng(0).normal(size=(2, 1, 5))
    state = tuple(tf.constant(field) for field in fields)
    u, w = _integrate(schemes.get("rk4"), model, Grid(5), state, {"D": 0.2}, 0.1, 3)
    np.testing.assert_array_equal(w, fields[1])
    assert np.abs(u - fields[0]).max() > 1e-3
