"""What values at the boundary do to schemes that take diffusion implicitly."""

import numpy as np
import pytest
import semi_discrete
import tensorflow as tf

import rdtf
from rdtf import Grid, models, schemes

# What is left of the order where diffusion is stiff (h D max|∇²| is 25 to 100) and
# sides have values that the reaction leads away from: cnab2 and sbdf2 keep theirs,
# strang falls to 1 (a given value) or 1.5 (a given slope), etdrk4 to about 3.
STIFF = {
    "dirichlet=.5/robin=1,1,1": {"cnab2": 2, "sbdf2": 2, "strang": 1, "etdrk4": 4},
    "neumann=.5": {"cnab2": 2, "sbdf2": 2, "strang": 1.65, "etdrk4": 3},
    "dirichlet": {"cnab2": 2, "sbdf2": 2, "strang": 2, "etdrk4": 4},
    "no_flux": {"cnab2": 2, "sbdf2": 2, "strang": 2, "etdrk4": 4},
}


@pytest.mark.parametrize("boundary", STIFF)
def test_order_where_diffusion_is_stiff(boundary):
    model, grid = models.FISHER_KPP, Grid(100, 0.01, boundary)
    params, x = {"D": 0.05, "r": 2.0}, (np.arange(100) + 0.5) / 100
    start = 0.5 + 0.3 * np.cos(2 * np.pi * x)
    if boundary == "dirichlet":
        start = np.sin(np.pi * x)
    if "robin" in boundary:
        start = 0.5 + 0.25 * x + 0.2 * np.sin(np.pi * x) ** 2
    rate = semi_discrete.right_hand_side(model, grid, params)
    exact = semi_discrete.exactly(rate, start[np.newaxis], 0.5, "Radau")
    for name, order in STIFF[boundary].items():
        errors = []
        for num_steps in (20, 40):
            arguments = (name, model, grid, start, params, 0.5, num_steps)
            errors.append(np.abs(semi_discrete.advance(*arguments)[0] - exact).max())
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2), (
            name,
            errors,
        )
        assert errors[0] < {2: 3e-3, 4: 1e-8}[schemes.get(name).order]


def test_split_values_of_the_boundary_are_not_stiff():
    """Among the reactions of strang, D b would be off by as much as the state is large.

    The state u = 1, which the value 1 keeps, stays; close to it the order is 2.
    """
    model, grid = models.FISHER_KPP, Grid(100, 0.01, "dirichlet=1")
    params, errors = {"D": 0.05, "r": 2.0}, []
    still = semi_discrete.advance("strang", model, grid, np.ones(100), params, 5.0, 10)
    np.testing.assert_allclose(still, 1.0, rtol=0, atol=1e-12)
    start = 1.0 + 0.3 * np.sin(np.pi * (np.arange(100) + 0.5) / 100)
    rate = semi_discrete.right_hand_side(model, grid, params)
    exact = semi_discrete.exactly(rate, start[np.newaxis], 0.5, "Radau")
    for num_steps in (10, 20):
        arguments = (start, params, 0.5, num_steps)
        got = semi_discrete.advance("strang", model, grid, *arguments)
        errors.append(np.abs(got[0] - exact).max())
    assert errors[0] < 1e-5 and np.log2(errors[0] / errors[1]) == pytest.approx(
        2.0, abs=0.1
    )


def _rough(count, shape):
    return np.random.default_rng(0).uniform(0.2, 0.8, (count, *shape))


def test_gradients_of_split_values_of_the_boundary():
    """Adjoint and tangents against the plain tape; a diffusivity per sample."""
    grid = Grid(6, 1.0, "dirichlet=1,.2/robin=1,2,.5,.3")
    sim = rdtf.Simulation(models.GRAY_SCOTT, grid, 0.3, "strang")
    state = tuple(tf.constant(f[np.newaxis]) for f in _rough(2, grid.shape))
    params = {
        "Du": tf.constant([0.2, 0.4], tf.float64),
        "Dv": 0.1,
        "F": 0.04,
        "k": 0.06,
    }
    params = {n: tf.constant(p, tf.float64) for n, p in params.items()}
    found = {}
    for kind in ("adjoint", "tangents", "unrolled"):
        with tf.GradientTape() as tape:
            tape.watch(params)
            u, v = sim.advance(state, params, 4, gradient=kind)
            loss = tf.reduce_sum(tf.sin(3.0 * u) * v)
        found[kind] = tape.gradient(loss, params)
    for kind in ("adjoint", "tangents"):
        for key, expected in found["unrolled"].items():
            np.testing.assert_allclose(found[kind][key], expected, rtol=1e-11)
