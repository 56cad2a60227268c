"""Real fields as waves, and operators that are diagonal in them.

    f̂_k = Σ_x f_x exp(-i k x),    f_x = 1/N Σ_k f̂_k exp(i k x)

A real field needs half of the waves on its last axis (the layout of `rfftn`); there, c_k
says how many waves a column stands for, 1 or 2. In these terms the two transforms are
each other's adjoint but for a factor,

    dL/df = N from_waves(dL/df̂ / c),    dL/df̂ = c / N to_waves(dL/df),

so a gradient is one more transform of the same kind, to any order.
"""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import laplacians
from rdtf.grids import Grid

_FORWARD = {1: tf.signal.rfft, 2: tf.signal.rfft2d, 3: tf.signal.rfft3d}
_INVERSE = {1: tf.signal.irfft, 2: tf.signal.irfft2d, 3: tf.signal.irfft3d}


def to_waves(fields: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Fields `[B, *shape]` as complex waves `[B, ..., shape[-1] // 2 + 1]`."""

    @tf.custom_gradient
    def transform(fields):
        def gradient(upstream):
            factor = np.prod(shape) / _waves_per_column(shape)
            return from_waves(scale(tf.constant(factor), upstream), shape)

        return _FORWARD[len(shape)](fields), gradient

    return transform(fields)


def from_waves(waves: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """The fields `[B, *shape]` of waves: the inverse of `to_waves`."""

    @tf.custom_gradient
    def transform(waves):
        def gradient(upstream):
            factor = _waves_per_column(shape) / np.prod(shape)
            return scale(tf.constant(factor), to_waves(upstream, shape))

        return _INVERSE[len(shape)](waves, shape), gradient

    return transform(waves)


def scale(factor: tf.Tensor, waves: tf.Tensor) -> tf.Tensor:
    """Complex waves times real factors that broadcast: half the work of complex ones."""
    return tf.complex(factor * tf.math.real(waves), factor * tf.math.imag(waves))


def _waves_per_column(shape):
    count = np.full(shape[-1] // 2 + 1, 2.0)
    count[0] = 1.0
    if shape[-1] % 2 == 0:
        count[-1] = 1.0
    return count


@functools.lru_cache(maxsize=32)
def symbol(grid: Grid, laplacian: str) -> tf.Tensor:
    """The eigenvalues of a Laplacian, `laplacians.symbol`, as a tensor."""
    with tf.init_scope():  # an argument of the programs, not a constant inside them
        return tf.constant(laplacians.symbol(grid, laplacian))


def laplacian_by_waves(grid: Grid, laplacian: str) -> Callable:
    """Builds `apply(rows) -> rows`, both `[B, cells]`: the Laplacian of that name.

    A no-flux grid is mirrored along each axis to a periodic one, which is exact for
    edge replication, and its own part of the result is kept. Without a gradient of its
    own: the caller knows that the Laplacian is self-adjoint.
    """
    mirrored = grid.boundary == "no_flux"
    shape = tuple(2 * n if mirrored else n for n in grid.shape)
    eigenvalues = symbol(grid, laplacian)

    def apply(rows):
        fields = tf.reshape(rows, [-1, *grid.shape])
        if mirrored:
            for axis in range(1, grid.ndim + 1):
                fields = tf.concat([fields, tf.reverse(fields, [axis])], axis)
        fields = from_waves(scale(eigenvalues, to_waves(fields, shape)), shape)
        if mirrored:
            fields = fields[(slice(None), *[slice(n) for n in grid.shape])]
        return tf.reshape(fields, rows.shape)

    return apply
