"""Ghost cells and the second-order Laplacian.

    (∇²f)_i = Σ_axes (f_{i-1} - 2 f_i + f_{i+1}) / h²

Ghost cells wrap around (periodic) or repeat the edge cell (no flux). Both make the
Laplacian symmetric, hence its own adjoint: the gradient is one more stencil and never
passes through the padding.
"""

from collections.abc import Callable

import tensorflow as tf

from rdtf.grids import Grid
from rdtf.types import State


def pad(field: tf.Tensor, grid: Grid) -> tf.Tensor:
    """Adds one ghost cell on each side of every grid axis of `field` [B, *grid.shape]."""
    for axis in range(grid.ndim, 0, -1):  # whole rows last: they are copied fastest
        first = [slice(None)] * axis + [slice(None, 1)]
        last = [slice(None)] * axis + [slice(-1, None)]
        if grid.boundary == "periodic":
            first, last = last, first
        field = tf.concat([field[tuple(first)], field, field[tuple(last)]], axis)
    return field


def _interior(padded, ndim):
    return padded[(slice(None), *[slice(1, -1)] * ndim)]


def _stencil(padded, grid):
    centre = _interior(padded, grid.ndim)
    total = -2.0 * sum(1.0 / h**2 for h in grid.spacing) * centre
    for axis, spacing in enumerate(grid.spacing, start=1):
        for neighbour in (slice(None, -2), slice(2, None)):
            index = [slice(None), *[slice(1, -1)] * grid.ndim]
            index[axis] = neighbour
            total += padded[tuple(index)] / spacing**2
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
      grid: the grid; fields are `[B, *grid.shape]`, coefficients `[1 or B, 1, ...]` or
        fields that are uniform in space.
      barrier: a function from a list of tensors to the same list, which an engine puts
        between padding and use, so that the compiler does not recompute the padding
        for every neighbour.
      reread: return the state as read back from the padded arrays (one array less to
        load in a fused step) rather than as given.
    """

    def laplacians(fields):
        return [
            _stencil(padded, grid) for padded in barrier([pad(f, grid) for f in fields])
        ]

    @tf.custom_gradient
    def flat(*arguments):
        state, coefficients = _halves(arguments)
        padded = barrier([pad(field, grid) for field in state])
        values = [_interior(p, grid.ndim) for p in padded] if reread else list(state)
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
        return _halves(flat(*state, *coefficients))

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
