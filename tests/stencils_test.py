"""The table of stencils: its orders in exact arithmetic, its symbols, its two matrices."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from rdtf.dynamics import linear
from rdtf.inverse.cropped import domain
from rdtf.operators.stencils import STENCILS, AxisStencil

AXES = {n: s for n, s in STENCILS.items() if isinstance(s, AxisStencil)}
ORDERS = {"second_order": 2, "fourth_order": 4, "sixth_order": 6}
every_axis = pytest.mark.parametrize("name", AXES)


def _moment(stencil, power):
    """Σ w_d d^power over both sides: the Taylor coefficient of f^(power), times power!."""
    centre, *others = (Fraction(n, stencil.denominator) for n in stencil.numerators)
    sides = sum(w * (d**power + (-d) ** power) for d, w in enumerate(others, start=1))
    return sides + (centre if power == 0 else 0)


def test_names():
    assert AXES.keys() == ORDERS.keys()
    assert STENCILS.keys() == {*ORDERS, "compact", "spectral"}


@every_axis
def test_order_by_taylor_moments(name):
    """Σ w f(x + d h) = h² f'' + O(h^(order + 2)), with the constant that it says."""
    stencil, order = AXES[name], ORDERS[name]
    assert stencil.order == order
    for power in range(order + 2):
        assert _moment(stencil, power) == (2 if power == 2 else 0)
    leading = _moment(stencil, order + 2) / math.factorial(order + 2)
    assert leading != 0
    assert stencil.divisor == float(1 / abs(leading))


@pytest.mark.parametrize("name", [n for n in STENCILS if n != "spectral"])
def test_leading_error_of_the_symbol(name):
    """1 + symbol / k² is k^order / divisor for long waves along an axis."""
    stencil, k = STENCILS[name], 0.1
    error = abs(1.0 + float(stencil.symbol([k, 0.0], [1.0, 1.0])) / k**2)
    assert error == pytest.approx(k**stencil.order / stencil.divisor, rel=0.01)


@every_axis
def test_weights_are_the_nearest_to_the_fractions(name):
    stencil = AXES[name]
    exact = [Fraction(n, stencil.denominator) for n in stencil.numerators]
    assert stencil.weights == tuple(float(w) for w in exact)
    assert exact[0] + 2 * sum(exact[1:]) == 0


@every_axis
@pytest.mark.parametrize("n", [7, 12])
def test_symbol_is_the_eigenvalue_of_the_matrix(name, n):
    """Of a circulant matrix: by the transform of its first row, and on a wave."""
    stencil, h = AXES[name], 0.3
    row = np.zeros(n)
    for distance, weight in enumerate(stencil.weights):
        for side in (-1, 1) if distance else (1,):
            row[side * distance % n] += weight / h**2
    angles = 2.0 * np.pi * np.arange(n) / n
    expected = np.fft.fft(row).real
    found = stencil.symbol([angles], [h])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 / h**2)
    matrix = np.array([np.roll(row, i) for i in range(n)])
    wave = np.cos(3 * angles)
    np.testing.assert_allclose(matrix @ wave, found[3] * wave, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", STENCILS)
def test_constants_are_exactly_harmonic(name):
    """Also for the part along an axis, whose other angles are 0."""
    assert STENCILS[name].symbol([np.zeros(1)] * 2, [0.3, 0.3]) == 0.0


def test_spectral_is_minus_the_square_of_k():
    k = np.linspace(-np.pi, np.pi, 7)
    found = STENCILS["spectral"].symbol([k[:, None], k[None]], [0.5, 2.0])
    expected = -((k[:, None] / 0.5) ** 2) - (k[None] / 2.0) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_compact_matrices():
    """L and M by hand; both even, rows of L sum to 0 and those of M to 1."""
    h = 0.7
    stencil, mass = STENCILS["compact"].matrices((h, h))
    nine = np.array([[1, 4, 1], [4, -20, 4], [1, 4, 1]])
    np.testing.assert_allclose(6 * h**2 * stencil, nine, rtol=0, atol=1e-14)
    share = np.array([[0, 1, 0], [1, 8, 1], [0, 1, 0]])
    np.testing.assert_allclose(12 * mass, share, rtol=0, atol=1e-14)
    assert stencil.sum() == pytest.approx(0.0, abs=1e-14)
    assert mass.sum() == pytest.approx(1.0, rel=1e-15)


def test_compact_is_of_fourth_order():
    """L f = M ∇²f exactly, for every monomial of degree five at most."""
    stencil, mass = STENCILS["compact"].matrices((1.0, 1.0))
    y, x = np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], indexing="ij")

    def power(base, n):
        return base**n if n >= 0 else 0.0 * base

    for a, b in itertools.product(range(6), repeat=2):
        if a + b > 5:
            continue
        curved = a * (a - 1) * power(y, a - 2) * x**b
        curved = curved + b * (b - 1) * y**a * power(x, b - 2)
        left, right = np.sum(stencil * y**a * x**b), np.sum(mass * curved)
        assert left == pytest.approx(right, abs=1e-13), (a, b)


@pytest.mark.parametrize("name", domain.LAPLACIANS)
def test_symbol_is_that_of_both_matrices(name):
    """L over M for waves of two dimensions; spacings are equal for compact."""
    spacing = (0.7, 0.7) if name == "compact" else (0.7, 1.1)
    y, x = np.meshgrid(np.linspace(0.0, np.pi, 5), np.linspace(0.0, 3.0, 4))

    def transform(square):
        return sum(
            square[a + 1, b + 1] * np.cos(a * y + b * x)
            for a, b in itertools.product((-1, 0, 1), repeat=2)
        )

    stencil, mass = map(transform, STENCILS[name].matrices(spacing))
    found = STENCILS[name].symbol([y, x], spacing)
    np.testing.assert_allclose(found, stencil / mass, rtol=0, atol=1e-13)


@every_axis
def test_matrices_are_the_weights_crosswise(name):
    stencil = AXES[name]
    square, one = stencil.matrices((0.5, 2.0))
    for distance, weight in enumerate(stencil.weights[1:], start=1):
        for side in (-distance, distance):
            assert square[stencil.reach + side, stencil.reach] == weight / 0.25
            assert square[stencil.reach, stencil.reach + side] == weight / 4.0
    assert square.sum() == pytest.approx(0.0, abs=1e-13)
    assert one.sum() == one[stencil.reach, stencil.reach] == 1.0


def test_names_of_rooms_that_support_some():
    assert domain.LAPLACIANS == ("second_order", "compact")
    assert linear.LAPLACIANS == tuple(ORDERS)
