"""Linear elliptic problems  (c - D ∇²) x = b  on a grid, with c > 0.

Where c is uniform, one Fourier transform solves them exactly. Where it is a field, the
operator is symmetric positive definite: conjugate gradients (Hestenes & Stiefel 1952),
preconditioned by the uniform problem, need about ten iterations. A no-flux grid is
mirrored to a periodic one, which is exact for edge replication.
"""

import numpy as np
import tensorflow as tf

from rdtf.finite_differences import laplacian
from rdtf.grids import Grid

_FORWARD = {1: tf.signal.rfft, 2: tf.signal.rfft2d, 3: tf.signal.rfft3d}
_INVERSE = {1: tf.signal.irfft, 2: tf.signal.irfft2d, 3: tf.signal.irfft3d}


def laplacian_symbol(grid: Grid) -> np.ndarray:
    """Eigenvalues of the second-order Laplacian, in the layout of `rfftn`.

    A no-flux grid has those of its mirrored, twice as long self.
    """
    total = 0.0
    for axis, (n, spacing) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        n = n if grid.boundary == "periodic" else 2 * n
        waves = np.arange(n // 2 + 1 if axis == grid.ndim - 1 else n)
        values = (2.0 * np.cos(2.0 * np.pi * waves / n) - 2.0) / spacing**2
        shape = [1] * grid.ndim
        shape[axis] = -1
        total = total + values.reshape(shape)
    return total


def solve_uniform(grid: Grid, c: tf.Tensor, diffusivity: tf.Tensor, b: tf.Tensor):
    """Solves (c - D ∇²) x = b for c and D `[1 or B, 1, ...]`, b `[B, *grid.shape]`."""
    field = b
    if grid.boundary == "no_flux":
        for axis in range(1, grid.ndim + 1):
            field = tf.concat([field, tf.reverse(field, [axis])], axis)
    symbol = c - diffusivity * tf.constant(laplacian_symbol(grid))
    spectrum = _FORWARD[grid.ndim](field) / tf.cast(symbol, tf.complex128)
    solution = _INVERSE[grid.ndim](spectrum, field.shape[1:])
    return solution[(slice(None), *[slice(n) for n in grid.shape])]


def solve(
    grid: Grid,
    c: tf.Tensor,
    diffusivity: tf.Tensor,
    b: tf.Tensor,
    tolerance: float = 1e-10,
    max_iterations: int = 500,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Solves (c - D ∇²) x = b for a field c > 0, sample by sample.

    Args:
      grid: the grid.
      c, b: `[B, *grid.shape]`.
      diffusivity: `[1 or B, 1, ...]`.
      tolerance: on |residual| / |b|, per sample.
      max_iterations: of conjugate gradients.

    Returns:
      (x `[B, *grid.shape]`, largest relative residual): the latter tells whether it
      converged; it is NaN if c is not positive enough for the method.
    """
    axes = list(range(1, grid.ndim + 1))

    def dot(x, y):
        return tf.reduce_sum(x * y, axes, keepdims=True)

    def ratio(x, y):
        return tf.math.divide_no_nan(x, y)

    smallest = tf.reduce_min(c, axes, keepdims=True)
    uniform = 0.5 * (smallest + tf.reduce_mean(c, axes, keepdims=True))
    scale = dot(b, b)

    def precondition(r):
        return solve_uniform(grid, uniform, diffusivity, r)

    def unfinished(i, x, r, *_):
        worst = tf.reduce_max(ratio(dot(r, r), scale))
        return (i < max_iterations) & (worst > tolerance**2)

    def iterate(i, x, r, direction, product):
        image = c * direction - diffusivity * laplacian(direction, grid)
        step = ratio(product, dot(direction, image))
        x, r = x + step * direction, r - step * image
        conditioned = precondition(r)
        following = dot(r, conditioned)
        direction = conditioned + ratio(following, product) * direction
        return i + 1, x, r, direction, following

    first = precondition(b)
    start = (tf.constant(0), tf.zeros_like(b), b, first, dot(b, first))
    _, x, r, *_ = tf.while_loop(unfinished, iterate, start)
    return x, tf.sqrt(tf.reduce_max(ratio(dot(r, r), scale)))
