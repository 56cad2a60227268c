"""The Laplacian: exact on its eigenvectors, second order, its own adjoint."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.operators import laplacians
from rdtf.operators.finite_differences import diffusion_operator, laplacian

GRIDS = [
    Grid(shape, spacing, boundary)
    for shape, spacing in (
        ((7,), (0.5,)),
        ((6, 5), (0.5, 2.0)),
        ((4, 3, 6), (1.0, 0.3, 2.0)),
    )
    for boundary in BOUNDARIES
]


def _random(grid, batch=2, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(batch, *grid.shape)))


def _mode(grid, numbers, phase):
    """An eigenvector of the discrete Laplacian and its eigenvalue in closed form."""
    field, eigenvalue = np.ones(grid.shape), 0.0
    for axis, (n, h, k) in enumerate(
        zip(grid.shape, grid.spacing, numbers, strict=True)
    ):
        x = np.arange(n)
        if grid.boundary == "periodic":
            angle = 2 * np.pi * k / n
            wave = np.cos(angle * x + phase)
        else:
            angle = np.pi * k / n
            wave = np.cos(angle * (x + 0.5))
        field = field * wave.reshape([-1 if a == axis else 1 for a in range(grid.ndim)])
        eigenvalue -= (2.0 - 2.0 * np.cos(angle)) / h**2
    return field, eigenvalue


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_fourier_eigenvalues(data):
    ndim = data.draw(st.integers(1, 3))
    shape = data.draw(st.tuples(*[st.integers(3, 9)] * ndim))
    spacing = data.draw(st.tuples(*[st.floats(0.1, 3.0)] * ndim))
    grid = Grid(shape, spacing, data.draw(st.sampled_from(BOUNDARIES)))
    numbers = [data.draw(st.integers(0, n - 1)) for n in shape]
    field, eigenvalue = _mode(grid, numbers, data.draw(st.floats(0.0, 3.0)))
    result = laplacian(tf.constant(field[np.newaxis]), grid)[0]
    np.testing.assert_allclose(
        result, eigenvalue * field, rtol=0, atol=1e-13 * laplacians.bound(grid)
    )


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_matrix_is_symmetric_and_within_its_bound(grid):
    n = grid.num_cells
    basis = tf.reshape(tf.eye(n, dtype=tf.float64), [n, *grid.shape])
    matrix = tf.reshape(laplacian(basis, grid), [n, n]).numpy()
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-14)
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert eigenvalues[-1] == pytest.approx(0.0, abs=1e-12)
    assert eigenvalues[-2] < -1e-3  # only constants are in the kernel
    assert -eigenvalues[0] <= laplacians.bound(grid) * (1 + 1e-13)


def test_bound_is_reached_by_the_checkerboard():
    grid = Grid((4, 6), (0.5, 2.0))
    checkerboard = (-1.0) ** np.add.outer(np.arange(4), np.arange(6))[np.newaxis]
    np.testing.assert_allclose(
        laplacian(tf.constant(checkerboard), grid),
        -laplacians.bound(grid) * checkerboard,
        rtol=1e-14,
    )


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_self_adjoint(grid):
    f, g = _random(grid, seed=1), _random(grid, seed=2)
    left = tf.reduce_sum(laplacian(f, grid) * g)
    right = tf.reduce_sum(f * laplacian(g, grid))
    assert float(left) == pytest.approx(float(right), rel=1e-12)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_constants_go_to_zero_and_mass_is_kept(grid):
    constant = tf.fill([1, *grid.shape], tf.constant(3.7, tf.float64))
    scale = laplacians.bound(grid)
    np.testing.assert_allclose(laplacian(constant, grid), 0.0, atol=1e-14 * scale)
    total = tf.reduce_sum(laplacian(_random(grid), grid))
    assert abs(float(total)) < 1e-12 * scale * grid.num_cells


def _smooth(boundary, x, y):
    """A function that fits the unit square's boundary, and its Laplacian."""
    factor = 2 * np.pi if boundary == "periodic" else np.pi
    s, c = factor * np.cos(factor * x), np.sin(factor * x)
    if boundary == "no_flux":  # cosines have zero slope at 0 and 1
        s, c = -factor * np.sin(factor * x), np.cos(factor * x)
    wave = np.cos(factor * y)
    return np.exp(c) * wave, np.exp(c) * wave * (s**2 - factor**2 * (c + 1))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_second_order(boundary):
    errors = []
    for n in (32, 64, 128):
        grid = Grid((n, 2 * n), (1 / n, 1 / (2 * n)), boundary)
        x, y = np.meshgrid(
            *[(np.arange(m) + 0.5) / m for m in grid.shape], indexing="ij"
        )
        field, exact = _smooth(boundary, x, y)
        result = laplacian(tf.constant(field[np.newaxis]), grid)[0]
        errors.append(np.abs(result - exact).max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all(np.abs(orders - 2.0) < 0.1), orders


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_stencil_on_a_padded_array(grid):
    field = _random(grid).numpy()
    mode = "wrap" if grid.boundary == "periodic" else "edge"
    padded = np.pad(field, [(0, 0), *[(1, 1)] * grid.ndim], mode=mode)
    expected = 0.0
    for axis, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True), start=1):
        for offset, weight in ((0, 1.0), (1, -2.0), (2, 1.0)):
            index = [slice(None), *[slice(1, -1)] * grid.ndim]
            index[axis] = slice(offset, offset + n)
            expected = expected + weight * padded[tuple(index)] / h**2
    result = laplacian(tf.constant(field), grid)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def _coefficients(kind, grid):
    shape = {"scalar": [1], "batch": [2]}[kind] + [1] * grid.ndim
    rng = np.random.default_rng(7)
    return [tf.constant(rng.uniform(0.5, 2.0, shape)) for _ in range(2)]


def _loss(operator, grid, inputs):
    values, terms = operator(tuple(inputs[:2]), inputs[2:])
    weights = [_random(grid, seed=seed) for seed in (11, 12)]
    return sum(
        tf.reduce_sum(tf.sin(w * t) + v**3)
        for w, t, v in zip(weights, terms, values, strict=True)
    )


def _gradient(operator, grid, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = _loss(operator, grid, inputs)
    return tape.gradient(loss, inputs)


def _shifted(inputs, directions, factor):
    return [x + factor * d for x, d in zip(inputs, directions, strict=True)]


@pytest.mark.parametrize("kind", ["scalar", "batch"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_custom_gradient_to_second_order(grid, kind):
    """Along one random direction of both states and both coefficients."""
    operator = diffusion_operator(grid)
    inputs = [_random(grid, seed=1), _random(grid, seed=2), *_coefficients(kind, grid)]
    rng = np.random.default_rng(3)
    directions = [tf.constant(rng.normal(size=x.shape)) for x in inputs]
    h = 1e-6

    gradient = _gradient(operator, grid, inputs)
    for part, direction in enumerate(directions):  # each argument by itself
        only = [d * (i == part) for i, d in enumerate(directions)]
        ahead, behind = (
            _loss(operator, grid, _shifted(inputs, only, sign * h)) for sign in (1, -1)
        )
        slope = float(tf.reduce_sum(gradient[part] * direction))
        assert slope == pytest.approx(float(ahead - behind) / (2 * h), rel=2e-6)

    with tf.GradientTape() as outer:
        outer.watch(inputs)
        inner = _gradient(operator, grid, inputs)
        along = sum(
            tf.reduce_sum(g * d) for g, d in zip(inner, directions, strict=True)
        )
    product = outer.gradient(along, inputs)
    ahead, behind = (
        _gradient(operator, grid, _shifted(inputs, directions, sign * h))
        for sign in (1, -1)
    )
    for exact, a, b in zip(product, ahead, behind, strict=True):
        expected = (a - b) / (2 * h)
        scale = float(tf.reduce_max(tf.abs(expected)))
        np.testing.assert_allclose(exact, expected, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("reread", [True, False])
def test_variants_for_engines_agree(reread):
    """A barrier and the re-read centre change the speed, never a number."""
    grid, seen = GRIDS[2], []

    def barrier(tensors):
        seen.extend(tensors)
        return tensors

    inputs = [_random(grid, seed=1), _random(grid, seed=2)]
    inputs += _coefficients("batch", grid)
    plain, variant = diffusion_operator(grid), diffusion_operator(grid, barrier, reread)
    pairs = zip(
        itertools.chain(*plain(inputs[:2], inputs[2:])),
        itertools.chain(*variant(inputs[:2], inputs[2:])),
        strict=True,
    )
    for expected, got in pairs:
        np.testing.assert_array_equal(got, expected)
    assert {tuple(t.shape) for t in seen} == {(2, 6 * 5 + 2 * 5)}  # two ghost rows
    expected = _gradient(plain, grid, inputs)
    for e, g in zip(expected, _gradient(variant, grid, inputs), strict=True):
        np.testing.assert_array_equal(g, e)
