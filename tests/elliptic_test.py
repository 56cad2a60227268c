"""(c - D ∇²) x = b against dense matrices, for every Laplacian, boundary, dimension."""

import functools

import numpy as np
import pytest

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.operators import laplacians

SHAPES = [(9,), (8,), (6, 5), (5, 8), (3, 4, 5)]
CASES = [
    (Grid(shape, (0.7, 0.9, 1.1)[: len(shape)], boundary), laplacian)
    for shape in SHAPES
    for boundary in BOUNDARIES
    for laplacian in ("second_order", "fourth_order", "sixth_order", "spectral")
    if boundary == "periodic" or laplacian in ("second_order", "spectral")
]
CASES += [(Grid(shape, 0.8), "compact") for shape in SHAPES if len(shape) == 2]
IDS = [f"{'x'.join(map(str, g.shape))}-{g.boundary}-{k}" for g, k in CASES]


def _stencil(n, weights, boundary):
    """A symmetric 1-D stencil; edge replication at a no-flux edge."""
    matrix = np.zeros((n, n))
    for i in range(n):
        for offset, weight in enumerate(weights):
            for j in {i - offset, i + offset}:
                j = j % n if boundary == "periodic" else min(max(j, 0), n - 1)
                matrix[i, j] += weight
    return matrix


def _spectral(n, boundary):
    """-k² of every wave, by its matrix of waves or of cosines."""
    if boundary == "no_flux":
        k = np.pi * np.arange(n) / n
        waves = np.cos(np.outer(k, np.arange(n) + 0.5))
    else:
        k = 2 * np.pi * np.fft.fftfreq(n)
        waves = np.exp(1j * np.outer(k, np.arange(n)))
    return (np.linalg.inv(waves) @ np.diag(-(k**2)) @ waves).real


def _one_axis(n, spacing, boundary, laplacian):
    if laplacian == "spectral":
        return _spectral(n, boundary) / spacing**2
    weights = {
        "second_order": [-2, 1],
        "fourth_order": [-30 / 12, 16 / 12, -1 / 12],
        "sixth_order": [-490 / 180, 270 / 180, -27 / 180, 2 / 180],
    }
    return _stencil(n, weights[laplacian], boundary) / spacing**2


def _matrix(grid, laplacian):
    if laplacian == "compact":
        h = grid.spacing[0]
        sides = [_stencil(n, [0, 1], "periodic") for n in grid.shape]
        ones = [np.eye(n) for n in grid.shape]
        cross = np.kron(sides[0], ones[1]) + np.kron(ones[0], sides[1])
        unit = np.eye(grid.num_cells)
        mass = unit + (cross - 4 * unit) / 12
        stencil = (np.kron(*sides) + 4 * cross - 20 * unit) / 6 / h**2
        return np.linalg.solve(mass, stencil)
    total = np.zeros((1, 1))
    for n, h in zip(grid.shape, grid.spacing, strict=True):
        one = _one_axis(n, h, grid.boundary, laplacian)
        total = np.kron(total, np.eye(n)) + np.kron(np.eye(len(total)), one)
    return total


_matrix = functools.lru_cache(_matrix)


def _problem(grid, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 2.0, (3, *grid.shape)), rng.normal(size=(3, *grid.shape))


def _reference(grid, laplacian, c, diffusivity, b):
    matrix = diffusivity * _matrix(grid, laplacian)
    c = np.broadcast_to(c, b.shape)
    return np.stack(
        [
            np.linalg.solve(np.diag(ci.ravel()) - matrix, bi.ravel()).reshape(bi.shape)
            for ci, bi in zip(c, b, strict=True)
        ]
    )


@pytest.fixture(params=CASES, ids=IDS)
def domain(request):
    return WholeDomain(*request.param)


def test_the_laplacian_is_the_stencil(domain):
    _, b = _problem(domain.grid)
    matrix = _matrix(domain.grid, domain.laplacian)
    expected = (b.reshape(3, -1) @ matrix.T).reshape(b.shape)
    np.testing.assert_allclose(domain.apply_laplacian(b), expected, atol=1e-11)


@pytest.mark.parametrize("diffusivity", [0.01, 1.0, 20.0])
def test_field_coefficient(domain, diffusivity):
    c, b = _problem(domain.grid)
    x, residual = domain.solve(c, diffusivity, b)
    expected = _reference(domain.grid, domain.laplacian, c, diffusivity, b)
    np.testing.assert_allclose(x, expected, atol=1e-7)
    assert 0.0 < residual < 1e-10


@pytest.mark.parametrize("diffusivity", [0.01, 20.0])
def test_uniform_coefficient(domain, diffusivity):
    _, b = _problem(domain.grid)
    x = domain.solve_uniform(0.5, diffusivity, b)
    expected = _reference(domain.grid, domain.laplacian, 0.5, diffusivity, b)
    np.testing.assert_allclose(x, expected, atol=1e-12)


def test_the_solve_is_its_own_transpose(domain):
    c, b = _problem(domain.grid)
    _, other = _problem(domain.grid, seed=1)
    x, y = domain.solve(c, 3.0, b)[0], domain.solve(c, 3.0, other)[0]
    assert np.vdot(x, other) == pytest.approx(np.vdot(b, y), rel=1e-7)


def test_no_diffusion_is_a_division():
    domain = WholeDomain(Grid((6, 5)))
    c, b = _problem(domain.grid)
    x, residual = domain.solve(c, 0.0, b)
    np.testing.assert_array_equal(x, b / c)
    assert residual == 0.0


def test_a_start_is_used():
    domain = WholeDomain(Grid((24, 24)))
    c, b = _problem(domain.grid)
    x, _ = domain.solve(c, 4.0, b, tolerance=1e-13)
    again, residual = domain.solve(c, 4.0, b, max_iterations=0, start=x)
    np.testing.assert_array_equal(again, x)
    assert residual < 1e-12
    away, residual = domain.solve(c, 4.0, b, start=x + b)
    np.testing.assert_allclose(away, x, atol=1e-8)
    assert residual < 1e-10


def test_zero_right_side_gives_zero():
    domain = WholeDomain(Grid((6, 5)))
    c, b = _problem(domain.grid)
    b[1] = 0.0
    x, residual = domain.solve(c, 1.0, b)
    np.testing.assert_array_equal(x[1], 0.0)
    assert np.abs(x[0]).max() > 0.1 and residual < 1e-10


def test_a_sample_does_not_depend_on_its_batch():
    domain = WholeDomain(Grid((6, 5)))
    c, b = _problem(domain.grid)
    x, _ = domain.solve(c, 20.0, b, tolerance=1e-13)
    for i in range(3):
        one = slice(i, i + 1)
        alone, _ = domain.solve(c[one], 20.0, b[one], tolerance=1e-13)
        np.testing.assert_allclose(alone, x[one], rtol=1e-9, atol=1e-11)


def test_no_convergence_is_told():
    domain = WholeDomain(Grid((24, 24)))
    c, b = _problem(domain.grid)
    assert domain.solve(c, 1.0, b, max_iterations=2)[1] > 1e-6
    x, residual = domain.solve(-c, 1.0, b)
    assert np.isnan(residual) and np.isnan(x).all()


def test_preconditioning_makes_it_quick():
    """About ten iterations, where the condition number is above 1000."""
    domain = WholeDomain(Grid((32, 32)))
    rng = np.random.default_rng(0)
    v = np.kron(rng.uniform(0.0, 0.4, (1, 8, 8)), np.ones((4, 4)))
    b = np.full((1, 32, 32), 0.035)
    assert domain.solve(v**2 + 0.035, 4.0, b, max_iterations=15)[1] < 1e-10


def test_every_laplacian_is_covered():
    assert {laplacian for _, laplacian in CASES} == set(laplacians.LAPLACIANS)
