"""Real fields as waves, and operators that are diagonal in them.

    f̂_k = Σ_x f_x exp(-i k x),    f_x = 1/N Σ_k f̂_k exp(i k x)

A real field needs half of the waves on its last axis (the layout of `rfftn`); there,
c_k says how many waves a column stands for, 1 or 2. In these terms the two transforms
are each other's adjoint but for a factor,

    dL/df = N from_waves(dL/df̂ / c),    dL/df̂ = c / N to_waves(dL/df),

so a gradient is one more transform of the same kind, to any order.
"""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.grids import Grid
from rdtf.operators import laplacians, modes

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
    """Complex waves times real factors that broadcast, for half the work."""
    return tf.complex(factor * tf.math.real(waves), factor * tf.math.imag(waves))


def _waves_per_column(shape):
    count = np.full(shape[-1] // 2 + 1, 2.0)
    count[0] = 1.0
    if shape[-1] % 2 == 0:
        count[-1] = 1.0
    return count


@functools.lru_cache(maxsize=32)
def _symbol(grid, laplacian, axis):
    """The eigenvalues of a Laplacian, or of its part along an axis, as a tensor."""
    with tf.init_scope():  # an argument of the programs, not a constant inside them
        return tf.constant(laplacians.symbol(grid, laplacian, axis))


def laplacian_by_waves(grid: Grid, laplacian: str, axis: int | None = None) -> Callable:
    """Builds `apply(rows) -> rows`, both `[B, cells]`: the Laplacian of that name.

    `axis` takes its part along one axis alone.

    Axes without flux are mirrored to periodic ones, which is exact for edge
    replication, and the grid's own part of the result is kept. Without a gradient of
    its own: the caller knows that the Laplacian is self-adjoint.
    """
    mirrored = [a for a, is_mirrored in enumerate(grid.is_mirrored) if is_mirrored]
    shape = tuple(2 * n if a in mirrored else n for a, n in enumerate(grid.shape))
    eigenvalues = _symbol(grid, laplacian, axis)

    def apply(rows):
        fields = tf.reshape(rows, [-1, *grid.shape])
        if mirrored:
            for after_batch in (a + 1 for a in mirrored):
                reverse = tf.reverse(fields, [after_batch])
                fields = tf.concat([fields, reverse], after_batch)
        fields = from_waves(scale(eigenvalues, to_waves(fields, shape)), shape)
        if mirrored:
            fields = fields[(slice(None), *[slice(n) for n in grid.shape])]
        return tf.reshape(fields, rows.shape)

    return apply


class Modes:
    """Fields as amplitudes of the eigenmodes of a Laplacian, and back.

    Waves by fast transforms on a grid that is periodic all round; else real amplitudes
    by one matrix product per axis, see `rdtf.operators.modes`.
    """

    def __init__(self, grid: Grid, laplacian: str):
        laplacians.check(grid, laplacian)
        self._grid, self._laplacian = grid, laplacian
        self._fast = grid.boundary == "periodic"
        if not self._fast:
            with tf.init_scope():
                self._vectors = [
                    tf.constant(modes.vectors(grid, axis)) for axis in range(grid.ndim)
                ]

    def eigenvalues(self, axis: int | None = None) -> tf.Tensor:
        """Of the Laplacian, or of its part along an axis: `[*amplitudes]`."""
        if self._fast:
            return _symbol(self._grid, self._laplacian, axis)
        with tf.init_scope():
            return tf.constant(modes.eigenvalues(self._grid, self._laplacian, axis))

    def forward(self, rows: tf.Tensor) -> tf.Tensor:
        """Amplitudes `[B, ...]` of fields of any shape `[B, ...]` over the cells."""
        fields = tf.reshape(rows, [-1, *self._grid.shape])
        if self._fast:
            return to_waves(fields, self._grid.shape)
        return self._along_axes(fields, transpose=True)

    def backward(self, amplitudes: tf.Tensor, shape) -> tf.Tensor:
        """The fields of amplitudes, in that shape."""
        if self._fast:
            return tf.reshape(from_waves(amplitudes, self._grid.shape), shape)
        return tf.reshape(self._along_axes(amplitudes, transpose=False), shape)

    def scale(self, factor: tf.Tensor, amplitudes: tf.Tensor) -> tf.Tensor:
        """Amplitudes times real factors that broadcast."""
        return scale(factor, amplitudes) if self._fast else factor * amplitudes

    def _along_axes(self, fields, transpose):
        for axis, vectors in enumerate(self._vectors):
            before = int(np.prod(self._grid.shape[:axis]))
            n = self._grid.shape[axis]
            if axis == self._grid.ndim - 1:  # one product for all, not many small ones
                lines = tf.reshape(fields, [-1, n])
                fields = tf.matmul(lines, vectors, transpose_b=not transpose)
            else:
                stacked = [-1, n, self._grid.num_cells // before // n]
                columns = tf.reshape(fields, stacked)
                fields = tf.matmul(vectors, columns, transpose_a=transpose)
        return tf.reshape(fields, [-1, *self._grid.shape])
