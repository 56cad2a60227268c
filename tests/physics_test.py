"""Fronts, growing waves, energies and decay: measured, against closed forms."""

import numpy as np
import pytest
import semi_discrete
from scipy.interpolate import CubicSpline

from rdtf import Grid, models, schemes
from rdtf.operators import modes

LINE = Grid(400, 0.25, "no_flux")
(X,) = (0.25 * (np.arange(400) + 0.5),)


def _crossing(u):
    """Where a front is 1/2."""
    (place,) = CubicSpline(X, u - 0.5).roots(extrapolate=False)
    return place


@pytest.mark.parametrize(
    "model, params, front, speed",
    [
        (
            models.FISHER_KPP,
            {"D": 0.8, "r": 1.2},
            lambda x: (1.0 + np.exp(np.sqrt(1.2 / 4.8) * x)) ** -2,
            5.0 * np.sqrt(1.2 * 0.8 / 6.0),
        ),
        (
            models.NAGUMO,
            {"D": 1.5, "a": 0.2},
            lambda x: 1.0 / (1.0 + np.exp(x / np.sqrt(3.0))),
            np.sqrt(0.75) * 0.6,
        ),
        (
            models.NAGUMO,
            {"D": 1.5, "a": 0.7},
            lambda x: 1.0 / (1.0 + np.exp(x / np.sqrt(3.0))),
            np.sqrt(0.75) * -0.4,
        ),
    ],
    ids=["fisher", "nagumo", "nagumo_retreats"],
)
def test_fronts(model, params, front, speed):
    """They keep their shape and their speed, to a millionth in a tenth of the domain."""
    duration, place = 10.0, 40.0
    start = front(X - place)
    (end,) = semi_discrete.advance(
        "etdrk4", model, LINE, start, params, duration, 200, "spectral"
    )[0]
    measured = (_crossing(end) - _crossing(start)) / duration
    assert measured == pytest.approx(speed, rel=1e-6)
    np.testing.assert_allclose(end, front(X - place - speed * duration), atol=1e-6)


def test_a_front_from_a_patch_is_the_slowest_one():
    """Of Fisher-KPP, behind 2 sqrt(r D) by 3/2 ln t at first (Bramson 1983)."""
    params, start = {"D": 1.0, "r": 1.0}, 1.0 * (X < 10.0)
    places = []
    for duration in (20.0, 30.0):
        arguments = (params, duration, int(10 * duration))
        end = semi_discrete.advance(
            "strang", models.FISHER_KPP, LINE, start, *arguments
        )
        places.append(_crossing(end[0, 0]))
    expected = 2.0 - 1.5 * np.log(30.0 / 20.0) / 10.0
    assert np.diff(places)[0] / 10.0 == pytest.approx(expected, rel=5e-3)


def _growth(model, params, state, jacobian, k, duration):
    """The rate at which the fastest wave of number k on a uniform state grows.

    From its own direction, an eigenvector of `jacobian`, and of that alone.
    """
    grid = Grid(16, 2 * np.pi / k / 16)
    rates, vectors = np.linalg.eig(jacobian)
    fastest = np.argmax(rates.real)
    x = k * grid.spacing[0] * np.arange(16)
    size, direction = 1e-7, vectors[:, fastest]
    wave = np.real(direction[:, np.newaxis] * np.exp(1j * x))
    state = np.asarray(state)[:, np.newaxis]
    (end,) = semi_discrete.advance(
        "etdrk4", model, grid, state + size * wave, params, duration, 200, "spectral"
    )
    left = np.linalg.inv(vectors)[fastest]
    before, after = (
        left @ np.fft.rfft(moved, axis=1)[:, 1] for moved in (size * wave, end - state)
    )
    return np.log(after / before) / duration, rates[fastest]


# Jacobians of the reactions about uniform states, by hand, and waves.
def _schnakenberg():
    p = {"Du": 1.0, "Dv": 10.0, "a": 0.1, "b": 0.9}
    slopes = [[-1.0 + 2.0 * 0.9, 1.0], [-2.0 * 0.9, -1.0]]
    return models.SCHNAKENBERG, p, (1.0, 0.9), slopes, (1.0, 10.0), 0.5644, 0.057191


def _brusselator():
    p = {"Du": 7.0, "Dv": 56.0, "A": 4.5, "B": 6.9}
    slopes = [[6.9 - 1.0, 4.5**2], [-6.9, -(4.5**2)]]
    return models.BRUSSELATOR, p, (4.5, 6.9 / 4.5), slopes, (7.0, 56.0), 0.476744, None


def _fitzhugh_nagumo():
    p = models.FITZHUGH_NAGUMO.preset("pdebench")
    u = -(0.005 ** (1 / 3))
    assert u == pytest.approx(-0.1709976, abs=1e-7)
    slopes = [[1.0 - 3.0 * u * u, -1.0], [1.0, -1.0]]
    return models.FITZHUGH_NAGUMO, p, (u, u), slopes, (1e-3, 5e-3), 13.884, 0.272315


@pytest.mark.parametrize("case", [_schnakenberg, _brusselator, _fitzhugh_nagumo])
@pytest.mark.parametrize("factor", [1.0, 0.6])
def test_growth_of_turing_waves(case, factor):
    """At the fastest wave number and beside it, where some decay."""
    model, params, state, slopes, diffusivities, k, known = case()
    k = factor * k
    jacobian = np.array(slopes) - k**2 * np.diag(diffusivities)
    measured, expected = _growth(model, params, state, jacobian, k, 4.0)
    assert measured == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert abs(expected.real) > 1e-3
    if known and factor == 1.0:
        assert measured.real == pytest.approx(known, rel=2e-5)


@pytest.mark.parametrize("k", [0.3, 0.6, 1.1])
def test_growth_of_ginzburg_landau(k):
    """About 0: 1 - (1 + i alpha) k²; and about the oscillation exp(-i beta t).

    λ² + 2 (1 + k²) λ + (1 + alpha²) k⁴ + 2 (1 + alpha beta) k² = 0, in the frame that
    turns with it.
    """
    alpha, beta, duration = 2.0, -1.2, 1.2
    model, params = models.GINZBURG_LANDAU, {"D": 1.0, "alpha": alpha, "beta": beta}
    zero = [[1.0 - k**2, alpha * k**2], [-alpha * k**2, 1.0 - k**2]]
    measured, _ = _growth(model, params, (0.0, 0.0), np.array(zero), k, duration)
    assert measured.real == pytest.approx(1.0 - k**2, rel=1e-6)
    assert abs(measured.imag) == pytest.approx(alpha * k**2, rel=1e-6)

    constant = (1.0 + alpha**2) * k**4 + 2.0 * (1.0 + alpha * beta) * k**2
    expected = np.max(np.roots([1.0, 2.0 * (1.0 + k**2), constant]))
    grid = Grid(16, 2 * np.pi / k / 16)
    wave = np.cos(k * grid.spacing[0] * np.arange(16))
    # With A = exp(-i beta t) (1 + p + i q): the eigenvector of expected.
    p, q = alpha * k**2, expected + k**2 + 2.0
    start = 1.0 + 1e-7 * (p + 1j * q) * wave
    fields = np.stack([start.real, start.imag])
    (end,) = semi_discrete.advance(
        "etdrk4", model, grid, fields, params, duration, 200, "spectral"
    )
    turned = (end[0] + 1j * end[1]) * np.exp(1j * beta * duration)
    before, after = (np.fft.fft(a.real)[1].real for a in (start, turned))
    assert np.log(after / before) / duration == pytest.approx(expected, rel=1e-4)


def _spectrum(model, params, mean, length, duration):
    """(k, rate) of waves 1 to 10 of a line, all small and at once."""
    grid = Grid(64, length / 64)
    x = 2 * np.pi * np.arange(64) / 64
    start = mean + 1e-9 * sum(np.cos(j * x + j) for j in range(1, 11))
    (end,) = semi_discrete.advance(
        "etdrk4", model, grid, start, params, duration, 100, "spectral"
    )[0]
    before, after = (np.abs(np.fft.rfft(u - mean)[1:11]) for u in (start, end))
    k = 2 * np.pi * np.arange(1, 11) / length
    return k, np.log(after / before) / duration


def test_growth_of_swift_hohenberg():
    """r - (1 - k²)², largest at k = 1: wave 6 of 6 wavelengths."""
    params = {"r": 0.2, "g": 0.5, "q": 1.0}
    k, rates = _spectrum(models.SWIFT_HOHENBERG, params, 0.0, 12 * np.pi, 3.0)
    np.testing.assert_allclose(rates, 0.2 - (1.0 - k**2) ** 2, rtol=1e-5, atol=1e-5)
    assert np.argmax(rates) + 1 == 6


@pytest.mark.parametrize("mean", [0.0, 0.3])
def test_growth_of_cahn_hilliard(mean):
    """D k² (k_cut² - gamma k²), k_cut² = 1 - 3 u²: fastest at half of k_cut² / gamma."""
    params, cut = {"D": 0.7, "gamma": 0.8}, 1.0 - 3.0 * mean**2
    length = 2 * np.pi * 5 / np.sqrt(0.5 * cut / 0.8)  # wave 5 is the fastest
    k, rates = _spectrum(models.CAHN_HILLIARD, params, mean, length, 2.0)
    expected = 0.7 * k**2 * (cut - 0.8 * k**2)
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-5)
    assert np.argmax(rates) + 1 == 5


def _energy(u, grid, well, gradient):
    """Σ well (u² - 1)² / 4 + gradient |∇u|² / 2, by the grid's own Laplacian."""
    matrix, _ = semi_discrete.laplacian(grid)
    u = u.ravel()
    return np.sum(well * (u * u - 1.0) ** 2 / 4.0) - 0.5 * gradient * u @ (matrix @ u)


def _energies(name, model, grid, params, steps, time_step, well, gradient):
    """(energies, masses) after every 10 steps, from noise."""
    u = np.random.default_rng(1).normal(0.1, 0.3, grid.shape)
    energies, masses = [], []
    for _ in range(steps // 10 + 1):
        energies.append(_energy(u, grid, well, gradient))
        masses.append(u.sum())
        arguments = (params, 10 * time_step, 10)
        u = semi_discrete.advance(name, model, grid, u, *arguments)[0, 0]
    return np.array(energies), np.array(masses)


@pytest.mark.parametrize("name", schemes.SCHEMES)
def test_cahn_hilliard_keeps_its_mass_and_loses_energy(name):
    grid, params = Grid((12, 10), 1.0, "no_flux; periodic"), {"D": 1.0, "gamma": 0.6}
    explicit = schemes.get(name).is_explicit
    steps, time_step = (200, 0.02) if explicit else (200, 0.05)
    energies, masses = _energies(
        name, models.CAHN_HILLIARD, grid, params, steps, time_step, 1.0, 0.6
    )
    np.testing.assert_allclose(masses, masses[0], rtol=0, atol=1e-12 * grid.num_cells)
    assert (np.diff(energies) < 0.0).all()
    assert energies[-1] < 0.85 * energies[0]


@pytest.mark.parametrize("name", schemes.SCHEMES)
def test_allen_cahn_loses_energy(name):
    grid, params = Grid((12, 10), 1.0, "no_flux; periodic"), {"D": 0.5, "r": 1.3}
    energies, masses = _energies(
        name, models.ALLEN_CAHN, grid, params, 100, 0.1, 1.3, 0.5
    )
    assert (np.diff(energies) < 1e-14 * energies[0]).all()
    assert energies[-1] < 0.5 * energies[0]
    assert abs(masses[-1] - masses[0]) > 1.0  # nothing keeps that


@pytest.mark.parametrize(
    "shape, boundary, kind",
    [
        ((9,), "periodic", "spectral"),
        ((9,), "dirichlet", "second_order"),
        ((9,), "robin=1,2,0/no_flux", "second_order"),
        ((6, 5), "no_flux", "compact"),
        ((6, 5), "dirichlet/no_flux; periodic", "second_order"),
        ((6, 5), "no_flux; periodic", "fourth_order"),
        ((3, 4, 5), "periodic; no_flux; dirichlet", "second_order"),
        ((3, 4, 5), "no_flux", "spectral"),
    ],
)
def test_modes_of_heat_decay_exactly(shape, boundary, kind):
    """exp(D λ t) for every single mode, as one batch, in one step of etdrk4 and strang."""
    grid = Grid(shape, 0.7, boundary)
    lines = [modes.vectors(grid, axis) for axis in range(grid.ndim)]
    every = lines[0]
    for line in lines[1:]:
        every = np.kron(every, line)
    rates = modes.eigenvalues(grid, kind).ravel()
    start = every.T.reshape(-1, *shape)
    for name in ("etdrk4", "strang"):
        end = semi_discrete.advance(
            name, semi_discrete.DIFFUSION, grid, start, {"D": 0.3}, 0.9, 1, kind
        )
        expected = np.exp(0.3 * 0.9 * rates)[:, np.newaxis] * every.T
        np.testing.assert_allclose(
            end.reshape(expected.shape), expected, rtol=0, atol=1e-14
        )
