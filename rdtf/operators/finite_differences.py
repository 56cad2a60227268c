"""Ghost cells, stencils, and every Laplacian as a differentiable operator.

    (∇²f)_i = Σ_axes (f_{i-1} - 2 f_i + f_{i+1}) / h²

is the second-order one; fourth_order has two neighbours on each side, sixth_order
three. Ghost cells wrap around (periodic), mirror the cells at the edge (no flux), or
are α edge + β (see `rdtf.grids.Side`). All make its linear part symmetric, hence its
own adjoint: the gradient is one more stencil and never passes through the padding.
compact and spectral are applied in Fourier space and are as symmetric.

Inside, a field is one row of cells, `[B, cells]`: ghost layers are added on the first
grid axis alone, by one copy, and every neighbour is a shifted slice of that row; where
it would cross the edge of another axis, a second slice is selected. XLA turns this into
plain vector loads, which it does not where indices have to be split into coordinates.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.grids import Grid
from rdtf.operators import fourier, laplacians, modes
from rdtf.operators.stencils import STENCILS, AxisStencil
from rdtf.types import State


def flatten(fields: tf.Tensor) -> tf.Tensor:
    """`[B, ...]` as rows, `[B, n]`."""
    return tf.reshape(fields, [fields.shape[0], -1])


def _pad(row, grid, depth):
    """Ghost layers on both sides of the first grid axis: `[B, cells + 2 ghosts]`."""
    size = grid.num_cells // grid.shape[0]
    sides = grid.sides[0]
    if sides is None:
        ghosts = depth * size
        return tf.concat([row[:, -ghosts:], row, row[:, :ghosts]], 1)
    alpha = [side.reflection(grid.spacing[0]) for side in sides]
    last = grid.num_cells - size
    low = [_times(alpha[0], row[:, i * size :][:, :size]) for i in range(depth)]
    high = [_times(alpha[1], row[:, last - i * size :][:, :size]) for i in range(depth)]
    return tf.concat([*reversed(low), row, *high], 1)


def _times(alpha, values):
    return values if alpha == 1.0 else alpha * values


def _shifted(padded, grid, offset):
    """The cells `offset` further along the row; 0 is the row itself."""
    begin = (padded.shape[1] - grid.num_cells) // 2 + offset
    return padded[:, begin : begin + grid.num_cells]


@functools.lru_cache(maxsize=64)
def _at_edge(grid, axis, side, first, last):
    """True where the low (-1) or high (1) edge is `first` to `last` - 1 cells away."""
    n = grid.shape[axis]
    index = np.arange(grid.num_cells) // int(np.prod(grid.shape[axis + 1 :])) % n
    index = index if side < 0 else n - 1 - index
    with tf.init_scope():  # an argument of the programs, not a constant inside them
        return tf.constant((first <= index) & (index < last))


def _stencil(padded, grid, weights, axes):
    centre = _shifted(padded, grid, 0)
    total = weights[0] * sum(1.0 / grid.spacing[a] ** 2 for a in axes) * centre
    for axis in axes:
        stride = int(np.prod(grid.shape[axis + 1 :]))
        for distance, weight in enumerate(weights[1:], start=1):
            for side in (-1, 1):
                neighbour = _shifted(padded, grid, side * distance * stride)
                if axis > 0:
                    place = axis, side, distance
                    neighbour = _across(padded, grid, place, neighbour)
                total += neighbour / (grid.spacing[axis] ** 2 / weight)
    return total


def _across(padded, grid, place, neighbour):
    """`neighbour`, with what lies beyond the edges of an axis put right.

    It is `distance` cells away on one side (-1 or 1) along the axis: `place` is (axis,
    side, distance).
    """
    axis, side, distance = place
    sides, n = grid.sides[axis], grid.shape[axis]
    stride = int(np.prod(grid.shape[axis + 1 :]))
    if sides is None:
        beyond = _shifted(padded, grid, -side * (n - distance) * stride)
        return tf.where(_at_edge(grid, axis, side, 0, distance), beyond, neighbour)
    alpha = sides[max(side, 0)].reflection(grid.spacing[axis])
    for cell in range(distance):  # so far from the edge, its ghost is a mirror image
        offset = -side * (distance - 2 * cell - 1) * stride
        beyond = _times(alpha, _shifted(padded, grid, offset))
        edge = _at_edge(grid, axis, side, cell, cell + 1)
        neighbour = tf.where(edge, beyond, neighbour)
    return neighbour


@functools.lru_cache(maxsize=32)
def offsets(grid: Grid, species: int) -> tf.Tensor | None:
    """What the boundary adds to the Laplacian of a species, `[1, cells]`, or None."""
    values = modes.offsets(grid, species)
    if values is None:
        return None
    with tf.init_scope():
        return tf.constant(values.reshape(1, -1))


def _identity(tensors):
    return tensors


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiffusionOperator:
    """`operator(state, coefficients) -> (state, [D ∇²s, ...])` and what it is built of.

    Attributes:
      grid: the grid.
      kind: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      barrier: see `diffusion_operator`.
      diffuse: the same on rows, as one operation with a gradient of its own.
    """

    grid: Grid
    kind: str
    barrier: Callable
    diffuse: Callable

    def __call__(self, state: State, coefficients) -> tuple[State, State]:
        """See `diffusion_operator`."""
        outputs = self.diffuse(*map(flatten, (*state, *coefficients)))
        return _halves([tf.reshape(x, state[0].shape) for x in outputs])

    def laplacian(self, fields: State, axis: int | None = None) -> State:
        """∇² of each field, or its part along one axis, for boundary values of zero.

        Linear, its own adjoint, and differentiable to any order.
        """
        apply = _linear(self.grid, self.kind, self.barrier, axis)
        results = apply(*map(flatten, fields))
        return tuple(
            tf.reshape(r, f.shape) for r, f in zip(results, fields, strict=True)
        )


def _laplacian_of_rows(grid, laplacian, axis=None):
    """(pad, apply, read): the Laplacian of f is apply(pad(f)), read(pad(f)) is f."""
    stencil = STENCILS[laplacian]
    if not isinstance(stencil, AxisStencil):
        by_waves = fourier.laplacian_by_waves(grid, laplacian, axis)
        return _identity, by_waves, _identity
    axes = range(grid.ndim) if axis is None else (axis,)
    return (
        lambda row: _pad(row, grid, stencil.reach),
        lambda padded: _stencil(padded, grid, stencil.weights, axes),
        lambda padded: _shifted(padded, grid, 0),
    )


def _linear(grid, laplacian, barrier, axis=None):
    """∇² of rows as an operation whose gradient is itself."""
    pad, apply, _ = _laplacian_of_rows(grid, laplacian, axis)

    @tf.custom_gradient
    def laplacian_of(*fields):
        results = [apply(padded) for padded in barrier([pad(f) for f in fields])]
        return results, lambda *upstream: laplacian_of(*upstream)

    return laplacian_of


def diffusion_operator(
    grid: Grid,
    barrier: Callable = _identity,
    reread: bool = True,
    laplacian: str = "second_order",
) -> DiffusionOperator:
    """Builds `operator(state, coefficients) -> (state, [D ∇²s, ...])`.

    Differentiable to any order. The Laplacian is ∇²s = L s + b, L self-adjoint, and b
    zero but where a boundary has a value. With G the gradient of a loss with respect to
    D ∇²s,

        dL/ds = D L G,      dL/dD = Σ_cells (s L G + b G)

    so one stencil serves both. Broadcast over the grid, a coefficient gets its gradient
    as a field, whose sum is exact.

    Args:
      grid: the grid; fields are `[B, *grid.shape]` or rows `[B, cells]`, coefficients
        `[1 or B, 1, ...]` of the same rank, or fields that are uniform in space.
      barrier: a function from a list of tensors to the same list, which an engine puts
        between padding and use, so that the compiler does not recompute the padding
        for every neighbour.
      reread: return the state as read back from the padded arrays (one array less to
        load in a fused step) rather than as given.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.

    Raises:
      InputError: if the grid cannot carry that Laplacian.
    """
    laplacians.check(grid, laplacian)
    diffuse = _diffuse(grid, barrier, reread, laplacian)
    return DiffusionOperator(
        grid=grid, kind=laplacian, barrier=barrier, diffuse=diffuse
    )


def _diffuse(grid, barrier, reread, laplacian):
    """`diffuse(*state, *coefficients) -> (*state, *terms)` of rows."""
    pad, apply, read = _laplacian_of_rows(grid, laplacian)
    laplacian_of = _linear(grid, laplacian, barrier)

    @tf.custom_gradient
    def diffuse(*arguments):
        state, coefficients = _halves(arguments)
        padded = barrier([pad(field) for field in state])
        values = [read(p) for p in padded] if reread else list(state)
        bent = _plus_given(grid, [apply(p) for p in padded])
        terms = [d * x for d, x in zip(coefficients, bent, strict=True)]

        def gradient(*upstream):
            by_values, by_terms = _halves(upstream)
            adjoint = laplacian_of(*by_terms)
            by_state = [
                g + d * a
                for g, d, a in zip(by_values, coefficients, adjoint, strict=True)
            ]
            by_coefficient = [s * a for s, a in zip(state, adjoint, strict=True)]
            by_coefficient = _plus_given(grid, by_coefficient, by_terms)
            return [*by_state, *map(_sum_to, by_coefficient, coefficients)]

        return [*values, *terms], gradient

    return diffuse


def _plus_given(grid, rows, factors=None):
    """Adds what boundary values add to the Laplacian of each species, b or b G."""
    if grid.reflects:
        return rows
    given = [0.0 if (b := offsets(grid, i)) is None else b for i in range(len(rows))]
    if factors is not None:
        given = [b * g for b, g in zip(given, factors, strict=True)]
    return [x + b for x, b in zip(rows, given, strict=True)]


def _halves(items):
    half = len(items) // 2
    return tuple(items[:half]), tuple(items[half:])


def _sum_to(field, like):
    """Sums `field` over the axes that `like` has only once."""
    axes = [i for i, n in enumerate(like.shape) if n == 1 and field.shape[i] != 1]
    return tf.reduce_sum(field, axes, keepdims=True) if axes else field


def laplacian(field: tf.Tensor, grid: Grid, kind: str = "second_order") -> tf.Tensor:
    """The Laplacian of one field `[B, *grid.shape]`, in units of field / length².

    `kind` is a name of `rdtf.operators.laplacians.LAPLACIANS`.
    """
    one = tf.ones([1] * field.shape.rank, field.dtype)
    _, (result,) = diffusion_operator(grid, laplacian=kind)((field,), (one,))
    return result
