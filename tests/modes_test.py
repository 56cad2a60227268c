"""Ghost cells, matrices and modes are one Laplacian, on every boundary."""

import numpy as np
import pytest
import semi_discrete
import tensorflow as tf

from rdtf import Grid, schemes
from rdtf.operators import fourier, laplacians, modes
from rdtf.operators.finite_differences import diffusion_operator, laplacian
from rdtf.status import InputError

GRIDS = [
    Grid((7,), 0.5),
    Grid((7,), 0.5, "no_flux"),
    Grid((8,), 0.5, "dirichlet=.7,-2/neumann=.3,.1"),
    Grid((3,), 0.5, "robin=1,2,3/no_flux"),
    Grid((6, 5), 0.5, "periodic; no_flux"),
    Grid((4, 6), (0.5, 2.0), "periodic"),
    Grid((6, 5), (0.5, 2.0), "robin=-.2,1,.5,.1/dirichlet; neumann=.3"),
    Grid((5, 4), 0.5, "no_flux; dirichlet=1,2/dirichlet=3,4"),
    Grid((4, 3, 6), (1.0, 0.3, 2.0), "no_flux; periodic; periodic"),
    Grid((4, 5, 3), (1.0, 0.3, 2.0), "periodic; dirichlet=1,2; robin=1,1,1/no_flux"),
]
every_grid = pytest.mark.parametrize("grid", GRIDS, ids=str)


def _random(grid, seed=0):
    return np.random.default_rng(seed).normal(size=(2, *grid.shape))


@every_grid
def test_ghosts_stencils_and_matrices_agree(grid):
    """For two species: by hand, by `modes.axis_matrix`, and by the operator."""
    scale = 1e-14 * laplacians.bound(grid) * 10
    fields = [_random(grid, seed) for seed in (0, 1)]
    one = tf.ones([1] * (grid.ndim + 1), tf.float64)
    _, bent = diffusion_operator(grid)(tuple(map(tf.constant, fields)), (one, one))
    for i, (field, got) in enumerate(zip(fields, bent, strict=True)):
        matrix, offset = semi_discrete.laplacian(grid, i)
        expected = (field.reshape(2, -1) @ matrix.T + offset).reshape(field.shape)
        np.testing.assert_allclose(got, expected, rtol=0, atol=scale)
        lines = modes.offsets(grid, i)
        lines = np.zeros_like(field) if lines is None else lines + 0.0 * field
        for axis in range(grid.ndim):
            line = np.moveaxis(field, axis + 1, -1) @ modes.axis_matrix(grid, axis).T
            lines += np.moveaxis(line, -1, axis + 1)
        np.testing.assert_allclose(lines, expected, rtol=0, atol=scale)


@every_grid
def test_vectors_are_orthogonal_and_diagonalise(grid):
    for axis, n in enumerate(grid.shape):
        v, matrix = modes.vectors(grid, axis), modes.axis_matrix(grid, axis)
        np.testing.assert_allclose(v.T @ v, np.eye(n), rtol=0, atol=1e-14 * n)
        whole = modes.eigenvalues(grid, axis=axis)
        line = whole[tuple(slice(None) if a == axis else 0 for a in range(grid.ndim))]
        np.testing.assert_allclose(
            v.T @ matrix @ v,
            np.diag(line),
            rtol=0,
            atol=1e-13 / grid.spacing[axis] ** 2,
        )
    lines = [modes.eigenvalues(grid, axis=axis) for axis in range(grid.ndim)]
    np.testing.assert_allclose(modes.eigenvalues(grid), sum(lines), rtol=1e-13)


def _carries(grid, kind):
    try:
        laplacians.check(grid, kind)
    except InputError:
        return False
    return True


@pytest.mark.parametrize(
    "grid, kind",
    [(g, k) for g in GRIDS for k in laplacians.LAPLACIANS if _carries(g, k)],
    ids=str,
)
def test_amplitudes_and_back(grid, kind):
    """The transforms are inverse, orthogonal where they are real, and diagonalise."""
    found, field = fourier.Modes(grid, kind), tf.constant(_random(grid))
    amplitudes = found.forward(tf.reshape(field, [2, -1]))
    back = found.backward(amplitudes, field.shape)
    np.testing.assert_allclose(back, field, rtol=0, atol=1e-13)
    if grid.boundary != "periodic":
        assert float(tf.norm(amplitudes)) == pytest.approx(
            float(tf.norm(field)), rel=1e-13
        )
    scale = 1e-14 * schemes.spectral_radius(grid, kind) * 10
    operator = diffusion_operator(grid, laplacian=kind)
    for axis in (None, *range(grid.ndim)) if kind != "compact" else (None,):
        bent = found.scale(found.eigenvalues(axis), amplitudes)
        (expected,) = operator.laplacian((field,), axis)
        got = found.backward(bent, field.shape)
        np.testing.assert_allclose(got, expected, rtol=0, atol=scale)


def test_compact_on_mixed_axes():
    """Its modes are those of the mirrored grid, periodic all round."""
    field = _random(Grid((5, 6)))
    mixed = Grid((5, 6), 0.5, "no_flux; periodic")
    twice = np.concatenate([field, field[:, ::-1]], axis=1)
    expected = laplacian(tf.constant(twice), Grid((10, 6), 0.5), "compact")[:, :5]
    got = laplacian(tf.constant(field), mixed, "compact")
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    found = fourier.Modes(mixed, "compact")
    bent = found.scale(found.eigenvalues(), found.forward(tf.constant(field)))
    np.testing.assert_allclose(
        found.backward(bent, field.shape), expected, rtol=0, atol=1e-12
    )
