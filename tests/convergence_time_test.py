"""Every scheme earns its order, against SciPy on the same equations on the same grid."""

import functools

import numpy as np
import pytest
import semi_discrete
import tensorflow as tf

import rdtf
from rdtf import Grid, models, schemes

IMPLICIT = ("cnab2", "sbdf2", "strang", "etdrk4")

# name -> (model, grid, parameters, duration, least steps)
CASES = {
    "3d": (
        models.SCHNAKENBERG,
        Grid((3, 4, 5), (1.0, 1.5, 1.2), "periodic; no_flux; periodic"),
        {"Du": 0.1, "Dv": 0.6, "a": 0.1, "b": 0.9},
        1.0,
        16,
    ),
    "held at zero": (
        models.FISHER_KPP,
        Grid((6, 5), (0.5, 0.7), "dirichlet; dirichlet/no_flux"),
        {"D": 0.1, "r": 1.5},
        2.0,
        16,
    ),
    "held": (
        models.GRAY_SCOTT,
        Grid((5, 4), 1.0, "dirichlet=1,.2/robin=1,2,.5,.3; neumann=.1"),
        {"Du": 0.3, "Dv": 0.15, "F": 0.4, "k": 0.1},
        2.0,
        16,
    ),
    "cross-diffusion": (
        models.GINZBURG_LANDAU,
        Grid((5, 4), (1.0, 1.2), "no_flux; periodic"),
        {"D": 0.15, "alpha": 1.5, "beta": -1.2},
        2.0,
        24,
    ),
    "flight": (
        models.SHIGESADA_KAWASAKI_TERAMOTO,
        Grid(8, 1.0, "no_flux"),
        {**models.SHIGESADA_KAWASAKI_TERAMOTO.defaults, "d12": 0.3, "d21": 0.1},
        0.5,
        16,
    ),
    "phases": (
        models.CAHN_HILLIARD,
        Grid((5, 6), 1.0, "periodic; no_flux"),
        {"D": 0.05, "gamma": 0.4},
        3.0,
        16,
    ),
    "stripes": (
        models.SWIFT_HOHENBERG,
        Grid(9, 1.3, "no_flux"),
        {"r": 0.4, "g": 0.3, "q": 0.8},
        1.5,
        24,
    ),
    "one stays": (
        models.FITZHUGH_NAGUMO_EXCITABLE,
        Grid(8, 1.0),
        {**models.FITZHUGH_NAGUMO_EXCITABLE.defaults, "Du": 0.4, "I": 0.3},
        2.0,
        16,
    ),
    "anisotropic": (
        semi_discrete.ANISOTROPIC,
        Grid((5, 4), (1.0, 0.8), "no_flux; periodic"),
        {"Dy": 0.05, "Dx": 0.3, "D": 0.1},
        2.0,
        16,
    ),
}
PAIRS = [
    *(("held", n) for n in schemes.SCHEMES),
    *(("cross-diffusion", n) for n in ("rk4", "tsit5", *IMPLICIT)),
    *(("phases", n) for n in ("rk4", *IMPLICIT)),
    *(("stripes", n) for n in ("rk4", "cnab2", "etdrk4")),
    *(("anisotropic", n) for n in ("heun", "cnab2", "strang", "etdrk4")),
    *(("one stays", n) for n in ("heun", "sbdf2", "etdrk4")),
    *(("3d", n) for n in ("heun", "cnab2", "etdrk4")),
    *(("held at zero", n) for n in ("rk4", "sbdf2", "strang", "etdrk4")),
    *(("flight", n) for n in ("rk4", "sbdf2")),
]


def _start(model, grid):
    """`[species, *grid.shape]`, positive and rough."""
    shape = (len(model.species), *grid.shape)
    return np.random.default_rng(0).uniform(0.2, 0.8, shape)


@functools.cache
def _exact(name):
    model, grid, params, duration, _ = CASES[name]
    rate = semi_discrete.right_hand_side(model, grid, params)
    return semi_discrete.exactly(rate, _start(model, grid), duration)


def _orders(errors):
    return np.log2(np.divide(errors[:-1], errors[1:]))


@pytest.mark.parametrize("case, name", PAIRS)
def test_order(case, name):
    model, grid, params, duration, steps = CASES[case]
    start, exact, errors = _start(model, grid), _exact(case), []
    order = schemes.get(name).order
    least = steps * (4 if order < 3 else 1)
    for num_steps in (least, 2 * least):
        arguments = (params, duration, num_steps)
        got = semi_discrete.advance(name, model, grid, start, *arguments)[0]
        errors.append(np.abs(got - exact).max())
    (found,) = _orders(errors)
    more = 1.0 if name == "tsit5" else 0.6  # its next term is as large
    assert order - 0.15 < found < order + more, (errors, found)
    assert errors[1] < 10.0 ** (-1 - order)


@pytest.mark.parametrize("name", schemes.SCHEMES)
def test_a_sweep_is_a_loop(name):
    """One state and three values of each of two parameters, one by one and at once."""
    model, grid, params, duration, steps = CASES["held"]
    swept = {"Du": np.array([0.1, 0.2, 0.3]), "F": np.array([0.4, 0.2, 0.1])}
    start = np.broadcast_to(_start(model, grid), (3, 2, *grid.shape))
    arguments = (duration, steps)
    whole = semi_discrete.advance(
        name, model, grid, start, {**params, **swept}, *arguments
    )
    assert np.abs(whole[0] - whole[2]).max() > 0.01
    for i, sample in enumerate(whole):
        one = {**params, **{n: p[i] for n, p in swept.items()}}
        alone = semi_discrete.advance(name, model, grid, start[i], one, *arguments)
        np.testing.assert_allclose(sample, alone[0], rtol=1e-13)


@pytest.mark.parametrize("name", ["cnab2", "sbdf2"])
def test_a_carry_in_parts_is_the_whole(name):
    """Bit for bit; started anew from the state alone it is another run."""
    model, grid, params, _, _ = CASES["held"]
    sim = rdtf.Simulation(model, grid, 0.2, name)
    state = tuple(tf.constant(f[np.newaxis]) for f in _start(model, grid))
    whole = carry = sim.begin(state, params)
    whole = sim.advance_carry(whole, params, 9)
    for first, count in ((0, 1), (1, 5), (6, 0), (6, 3)):
        carry = sim.advance_carry(carry, params, count, first)
    assert len(whole) == len(carry) > 2
    for a, b in zip(carry, whole, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(sim.advance(state, params, 9), whole, strict=False):
        np.testing.assert_array_equal(a, b)
    anew = sim.advance(sim.advance(state, params, 6), params, 3, 6)
    assert np.abs(anew[0] - whole[0]).max() > 1e-6
