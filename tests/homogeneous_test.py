"""Uniform states against their closed forms."""

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rdtf import ReactionDiffusion, homogeneous, models
from rdtf import math as rdtf_math
from rdtf.models import Parameter


def _states(model, **changes):
    return homogeneous.states(model, {**model.defaults, **changes})


def _gray_scott(feed, kill):
    """(1, 0), and v = F (1 - u) / (F + k) with u v = F + k where that is real."""
    found = [(1.0, 0.0)]
    if feed > 4 * (feed + kill) ** 2:
        root = math.sqrt(1 - 4 * (feed + kill) ** 2 / feed)
        for u in ((1 - root) / 2, (1 + root) / 2):
            found.append((u, feed * (1 - u) / (feed + kill)))
    return np.array(sorted(found))


@settings(max_examples=30, deadline=None)
@given(st.floats(0.001, 0.1), st.floats(0.02, 0.08))
def test_gray_scott(feed, kill):
    assume(abs(feed - 4 * (feed + kill) ** 2) > 1e-6)
    np.testing.assert_allclose(
        _states(models.GRAY_SCOTT, F=feed, k=kill),
        _gray_scott(feed, kill),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("feed, kill", [(0.04, 0.06), (0.0625, 0.0625)])
def test_gray_scott_at_the_saddle_node(feed, kill):
    """On F = 4 (F + k)² exactly, the pair is one double root at u = 1/2."""
    expected = [[0.5, feed / 2 / (feed + kill)], [1.0, 0.0]]
    np.testing.assert_allclose(
        _states(models.GRAY_SCOTT, F=feed, k=kill), expected, atol=1e-7
    )


@pytest.mark.parametrize(
    "feed, kill, blue",
    [
        (0.042, 0.059, (0.415626, 0.243007)),
        (0.030, 0.053, (0.357288, 0.232305)),
        (0.026, 0.051, (0.351806, 0.218871)),
        (0.098, 0.057, (0.430380, 0.360147)),
    ],
)
def test_gray_scott_blue_states(feed, kill, blue):
    found = _states(models.GRAY_SCOTT, F=feed, k=kill)
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found[0], blue, atol=6e-7)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_two_supplies_give_one_state(a, b):
    np.testing.assert_allclose(
        _states(models.SCHNAKENBERG, a=a, b=b), [[a + b, b / (a + b) ** 2]], rtol=1e-9
    )
    np.testing.assert_allclose(
        _states(models.BRUSSELATOR, A=a, B=b), [[a, b / a]], rtol=1e-9
    )


@pytest.mark.parametrize("rho0, mu, nu", [(0.1, 1.0, 1.2), (0.01, 0.7, 1.5)])
def test_gierer_meinhardt(rho0, mu, nu):
    """The root of the numerator at a = h = 0 is a pole of a² / h, not a state."""
    a = (rho0 + nu) / mu
    np.testing.assert_allclose(
        _states(models.GIERER_MEINHARDT, rho0=rho0, mu=mu, nu=nu),
        [[a, a**2 / nu]],
        rtol=1e-12,
    )


@pytest.mark.parametrize("k", [0.005, -0.3, 1.0])
def test_fitzhugh_nagumo_of_pdebench(k):
    root = -math.copysign(abs(k) ** (1 / 3), k)
    found = _states(models.FITZHUGH_NAGUMO, kappa=-k, epsilon=1.0, gamma=1.0)
    np.testing.assert_allclose(found, [[root, root]], rtol=1e-12)
    if k == 0.005:
        assert found[0, 0] == pytest.approx(-0.1709976, abs=1e-7)


def test_fitzhugh_nagumo_bistable():
    u = math.sqrt(1 - 1 / 4)  # u - u³ - u / 4 = 0
    expected = [[-u, -u / 4], [0.0, 0.0], [u, u / 4]]
    found = _states(models.FITZHUGH_NAGUMO, kappa=0.0, gamma=4.0)
    np.testing.assert_allclose(found, expected, atol=1e-14)


def _one_species(reaction):
    return ReactionDiffusion(
        name="one",
        species=("u",),
        reaction=lambda state, params: (reaction(state[0], params["r"]),),
        diffusivity={},
        parameters={"r": Parameter(1.0)},
    )


def test_no_real_state():
    found = homogeneous.states(_one_species(lambda u, r: u * u + r), {"r": 1.0})
    assert found.shape == (0, 1)


def test_bad_input(input_error):
    with input_error("rational", "one"):
        homogeneous.states(_one_species(lambda u, r: rdtf_math.exp(u) - r), {"r": 2.0})
    with input_error("missing: r"):
        homogeneous.states(_one_species(lambda u, r: u - r), {})


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.1, 5.0), min_size=6, max_size=6))
def test_competitors(rates):
    """Both, either alone, or none: four states, whose zeros are exactly zero."""
    r1, r2, a1, a2, b1, b2 = rates
    assume(abs(a1 * a2 - b1 * b2) > 0.05)
    both = np.linalg.solve([[a1, b1], [b2, a2]], [r1, r2])
    assume(np.abs(both).min() > 1e-3)
    found = _states(
        models.SHIGESADA_KAWASAKI_TERAMOTO, r1=r1, r2=r2, a1=a1, a2=a2, b1=b1, b2=b2
    )
    expected = sorted([(0.0, 0.0), (0.0, r2 / a2), (r1 / a1, 0.0), tuple(both)])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("f, q", [(1.4, 0.002), (3.0, 0.002), (0.7, 0.02)])
def test_oregonator(f, q):
    """(1 - u) (u + q) = f (u - q) besides (0, 0); q is in a denominator too."""
    pair = np.roots([1.0, f + q - 1.0, -q * (1.0 + f)])
    expected = [[u, u] for u in sorted([0.0, *pair])]
    np.testing.assert_allclose(
        _states(models.OREGONATOR, f=f, q=q), expected, rtol=1e-9, atol=1e-15
    )


@pytest.mark.parametrize("preset", ["turing", "onset"])
def test_thomas(preset):
    """The zeros of the one equation left when v is eliminated."""
    p = models.THOMAS.preset(preset)

    def left(u):
        v = p["b"] - (p["a"] - u) / p["alpha"]
        return (p["a"] - u) * (1 + u + p["K"] * u * u) - p["rho"] * u * v

    grid = np.linspace(-200.0, 200.0, 4001)
    brackets = [(a, b) for a, b in itertools.pairwise(grid) if left(a) * left(b) < 0]
    us = np.array([scipy.optimize.brentq(left, a, b, xtol=1e-13) for a, b in brackets])
    expected = np.stack([us, p["b"] - (p["a"] - us) / p["alpha"]], axis=1)
    found = homogeneous.states(models.THOMAS, p)
    assert len(found) == 3
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("model", [models.LAMBDA_OMEGA, models.GINZBURG_LANDAU])
def test_oscillators_rest_at_zero_alone(model):
    assert _states(model).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    "model, changes",
    [
        (models.CAHN_HILLIARD, {}),  # zero
        (models.LAMBDA_OMEGA, {"beta": 0.0}),  # the circle s = 1
        (models.GRAY_SCOTT, {"F": 0.0}),  # v = 0 with any u
    ],
)
def test_a_continuum_is_refused(model, changes, input_error):
    with input_error("continuum", model.name):
        _states(model, **changes)


def test_parameters_without_a_value(input_error):
    with input_error("finite", "r = nan"):
        homogeneous.states(_one_species(lambda u, r: u - r), {"r": float("nan")})
