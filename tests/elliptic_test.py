"""(c - D ∇²) x = b, against sparse LU of a matrix that is built column by column."""

import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

from rdtf import Grid
from rdtf.elliptic import laplacian_symbol, solve, solve_uniform
from rdtf.finite_differences import laplacian
from rdtf.grids import BOUNDARIES

SHAPES = [(9,), (8,), (6, 5), (5, 8), (3, 4, 5)]
GRIDS = [
    Grid(shape, tuple(0.7 + 0.2 * i for i in range(len(shape))), boundary)
    for shape in SHAPES
    for boundary in BOUNDARIES
]
IDS = [f"{'x'.join(map(str, g.shape))}-{g.boundary}" for g in GRIDS]


def _neighbours(n, spacing, boundary):
    """The 1-D Laplacian, from scratch."""
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in (i - 1, i + 1):
            j = j % n if boundary == "periodic" else min(max(j, 0), n - 1)
            matrix[i, j] += 1.0 / spacing**2
            matrix[i, i] -= 1.0 / spacing**2
    return scipy.sparse.csr_matrix(matrix)


def _matrix(grid):
    total = scipy.sparse.csr_matrix((1, 1))
    for n, spacing in zip(grid.shape, grid.spacing, strict=True):
        total = scipy.sparse.kronsum(_neighbours(n, spacing, grid.boundary), total)
    return scipy.sparse.csc_matrix(total)


def _reference(grid, c, diffusivity, b):
    return np.array(
        [
            scipy.sparse.linalg.spsolve(
                scipy.sparse.diags(np.broadcast_to(ci, grid.shape).ravel())
                - di * _matrix(grid),
                bi.ravel(),
            ).reshape(grid.shape)
            for ci, di, bi in zip(c, diffusivity, b, strict=True)
        ]
    )


def _problem(grid, seed=0):
    """c, D and b of three samples, as NumPy: D is far larger than c and far smaller."""
    rng = np.random.default_rng(seed)
    c = rng.uniform(0.05, 2.0, (3, *grid.shape))
    return c, np.array([0.01, 1.0, 20.0]), rng.normal(size=(3, *grid.shape))


def _column(values, grid):
    return tf.reshape(tf.constant(values, tf.float64), [-1, *[1] * grid.ndim])


@pytest.mark.parametrize("grid", GRIDS, ids=IDS)
def test_field_coefficient(grid):
    c, diffusivity, b = _problem(grid)
    x, residual = solve(
        grid, tf.constant(c), _column(diffusivity, grid), tf.constant(b)
    )
    np.testing.assert_allclose(x, _reference(grid, c, diffusivity, b), atol=1e-7)
    assert x.dtype == tf.float64
    assert float(residual) < 1e-10


@pytest.mark.parametrize("grid", GRIDS, ids=IDS)
def test_uniform_coefficient(grid):
    _, diffusivity, b = _problem(grid)
    c = np.array([0.5, 1.0, 2.0])
    x = solve_uniform(
        grid, _column(c, grid), _column(diffusivity, grid), tf.constant(b)
    )
    np.testing.assert_allclose(x, _reference(grid, c, diffusivity, b), atol=1e-12)


@pytest.mark.parametrize("solver", [solve, solve_uniform])
def test_one_diffusivity_for_all_samples(solver):
    grid = GRIDS[IDS.index("6x5-no_flux")]
    _, _, b = _problem(grid)
    c = np.full((3, 1, 1), 0.3)
    if solver is solve:
        c = np.broadcast_to(c, b.shape)
    x = solver(grid, tf.constant(c), _column([2.0], grid), tf.constant(b))
    x = x[0] if solver is solve else x
    np.testing.assert_allclose(x, _reference(grid, c, [2.0] * 3, b), atol=1e-8)


@pytest.mark.parametrize("grid", GRIDS, ids=IDS)
def test_symbol_is_the_spectrum(grid):
    """Every eigenvalue of the matrix, as often as it occurs."""
    symbol = laplacian_symbol(grid)
    if grid.boundary == "no_flux":  # its mirrored self has each cosine once
        got = symbol[tuple(slice(n) for n in grid.shape)]
    else:  # rfft leaves out the conjugates of the last axis
        n = grid.shape[-1]
        got = np.concatenate([symbol, symbol[..., 1 : (n + 1) // 2]], axis=-1)
    expected = np.linalg.eigvalsh(_matrix(grid).toarray())
    np.testing.assert_allclose(np.sort(got.ravel()), expected, atol=1e-10)
    assert symbol.min() >= -grid.laplacian_bound - 1e-12


@pytest.mark.parametrize("grid", GRIDS, ids=IDS)
def test_it_inverts_the_laplacian_of_the_solver(grid):
    """The same operator as that of the time steps, not only that of this test."""
    c, diffusivity, b = _problem(grid, seed=1)
    d = _column(diffusivity, grid)
    x, _ = solve(grid, tf.constant(c), d, tf.constant(b))
    np.testing.assert_allclose(c * x - d * laplacian(x, grid), b, atol=1e-8)


def test_zero_right_side_gives_zero():
    grid = Grid((6, 5))
    c, diffusivity, b = _problem(grid)
    b[1] = 0.0
    x, residual = solve(
        grid, tf.constant(c), _column(diffusivity, grid), tf.constant(b)
    )
    np.testing.assert_array_equal(x[1], 0.0)
    np.testing.assert_allclose(x, _reference(grid, c, diffusivity, b), atol=1e-7)
    assert float(residual) < 1e-10


def test_a_sample_does_not_depend_on_its_batch():
    grid = Grid((6, 5))
    c, diffusivity, b = _problem(grid)
    d = _column(diffusivity, grid)
    x, _ = solve(grid, tf.constant(c), d, tf.constant(b), tolerance=1e-13)
    for i in range(3):
        one = slice(i, i + 1)
        alone, _ = solve(
            grid, tf.constant(c[one]), d[one], tf.constant(b[one]), tolerance=1e-13
        )
        np.testing.assert_allclose(alone, x[one], rtol=1e-9, atol=1e-11)


def test_no_convergence_is_told():
    grid = Grid((24, 24))
    c, diffusivity, b = _problem(grid)
    d = _column(diffusivity, grid)
    _, residual = solve(grid, tf.constant(c), d, tf.constant(b), max_iterations=2)
    assert float(residual) > 1e-6
    _, residual = solve(grid, tf.constant(-c), d, tf.constant(b), max_iterations=50)
    assert not float(residual) < 1e-6


def test_preconditioning_makes_it_quick():
    """About ten iterations, where the condition number is above 1000."""
    grid = Grid((32, 32))
    rng = np.random.default_rng(0)
    v = np.kron(rng.uniform(0.0, 0.4, (1, 8, 8)), np.ones((4, 4)))
    c, b = tf.constant(v**2 + 0.035), tf.fill([1, 32, 32], tf.constant(0.035, "double"))
    _, residual = solve(grid, c, _column([4.0], grid), b, max_iterations=15)
    assert float(residual) < 1e-10
