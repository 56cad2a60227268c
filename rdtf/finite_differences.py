"""Ghost cells and the second-order Laplacian.

    (∇²f)_i = Σ_axes (f_{i-1} - 2 f_i + f_{i+1}) / h²

Ghost cells wrap around (periodic) or repeat the edge cell (no flux). Both make the
Laplacian symmetric, hence its own adjoint: the gradient is one more stencil and never
passes through the padding.

Inside, a field is one row of cells, `[B, cells]`: ghost layers are added on the first
grid axis alone, by one copy, and every neighbour is a shifted slice of that row; where
it would cross the edge of another axis, a second slice is selected. XLA turns this into
plain vector loads, which it does not where indices have to be split into coordinates.
"""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.grids import Grid
from rdtf.types import State


def flatten(fields: tf.Tensor) -> tf.Tensor:
    """`[B, ...]` as rows, `[B, n]`."""
    return tf.reshape(fields, [fields.shape[0], -1])


def _pad(row, grid):
    """Adds a ghost layer on both sides of the first grid axis: `[B, cells + 2 layer]`."""
    layer = grid.num_cells // grid.shape[0]
    first, last = row[:, :layer], row[:, -layer:]
    if grid.boundary == "periodic":
        first, last = last, first
    return tf.concat([first, row, last], 1)


def _shifted(padded, grid, offset):
    """The cells `offset` further along the row; 0 is the row itself."""
    begin = grid.num_cells // grid.shape[0] + offset
    return padded[:, begin : begin + grid.num_cells]


@functools.lru_cache(maxsize=32)
def _at_edge(grid, axis, side):
    """True at the first (side -1) or last (side 1) cell along an axis, `[cells]`."""
    index = np.arange(grid.num_cells) // int(np.prod(grid.shape[axis + 1 :]))
    with tf.init_scope():  # an argument of the programs, not a constant inside them
        return tf.constant(
            index % grid.shape[axis] == (0 if side < 0 else grid.shape[axis] - 1)
        )


def _stencil(padded, grid):
    centre = _shifted(padded, grid, 0)
    total = -2.0 * sum(1.0 / h**2 for h in grid.spacing) * centre
    stride = grid.num_cells
    for axis, (n, spacing) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        stride //= n
        for side in (-1, 1):
            neighbour = _shifted(padded, grid, side * stride)
            if axis > 0:
                beyond = centre
                if grid.boundary == "periodic":
                    beyond = _shifted(padded, grid, -side * (n - 1) * stride)
                neighbour = tf.where(_at_edge(grid, axis, side), beyond, neighbour)
            total += neighbour / spacing**2
    return total


def _identity(tensors):
    return tensors


def diffusion_operator(
    grid: Grid, barrier: Callable = _identity, reread: bool = True
) -> Callable:
    """Builds `operator(state, coefficients) -> (state, [D ∇²s, ...])`.

    Differentiable to any order. With G the gradient of a loss with respect to D ∇²s,

        dL/ds = D ∇²G,      dL/dD = Σ_cells s ∇²G

    because the Laplacian is self-adjoint: one stencil serves both. Broadcast over the
    grid, a coefficient gets its gradient as the field s ∇²G, whose sum is exact.

    Args:
      grid: the grid; fields are `[B, *grid.shape]` or rows `[B, cells]`, coefficients
        `[1 or B, 1, ...]` of the same rank, or fields that are uniform in space.
      barrier: a function from a list of tensors to the same list, which an engine puts
        between padding and use, so that the compiler does not recompute the padding
        for every neighbour.
      reread: return the state as read back from the padded arrays (one array less to
        load in a fused step) rather than as given.
    """

    def laplacians(fields):
        return [
            _stencil(padded, grid)
            for padded in barrier([_pad(f, grid) for f in fields])
        ]

    @tf.custom_gradient
    def diffuse(*arguments):
        state, coefficients = _halves(arguments)
        padded = barrier([_pad(field, grid) for field in state])
        values = [_shifted(p, grid, 0) for p in padded] if reread else list(state)
        terms = [
            d * _stencil(p, grid) for d, p in zip(coefficients, padded, strict=True)
        ]

        def gradient(*upstream):
            adjoint = laplacian_of(_halves(upstream)[1])
            by_state = [
                g + d * a
                for g, d, a in zip(upstream, coefficients, adjoint, strict=False)
            ]
            by_coefficient = [
                _sum_to(s * a, d)
                for s, d, a in zip(state, coefficients, adjoint, strict=True)
            ]
            return [*by_state, *by_coefficient]

        return [*values, *terms], gradient

    @tf.custom_gradient
    def laplacian_of(fields):
        return laplacians(fields), lambda *upstream: laplacian_of(list(upstream))

    def operator(state: State, coefficients) -> tuple[State, State]:
        outputs = diffuse(*map(flatten, (*state, *coefficients)))
        return _halves([tf.reshape(x, state[0].shape) for x in outputs])

    return operator


def _halves(items):
    half = len(items) // 2
    return tuple(items[:half]), tuple(items[half:])


def _sum_to(field, like):
    """Sums `field` over the axes that `like` has only once."""
    axes = [i for i, n in enumerate(like.shape) if n == 1 and field.shape[i] != 1]
    return tf.reduce_sum(field, axes, keepdims=True) if axes else field


def laplacian(field: tf.Tensor, grid: Grid) -> tf.Tensor:
    """The Laplacian of one field `[B, *grid.shape]`, in units of field / length²."""
    one = tf.ones([1] * field.shape.rank, field.dtype)
    _, (result,) = diffusion_operator(grid)((field,), (one,))
    return result
