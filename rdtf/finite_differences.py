"""Ghost cells, stencils, and every Laplacian of `rdtf.laplacians` as an operator.

    (∇²f)_i = Σ_axes (f_{i-1} - 2 f_i + f_{i+1}) / h²

is the second-order one; fourth_order has two neighbours on each side. Ghost cells wrap
around (periodic) or repeat the edge cell (no flux). Both make the Laplacian symmetric,
hence its own adjoint: the gradient is one more stencil and never passes through the
padding. compact and spectral are applied in Fourier space and are as symmetric.

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

from rdtf import fourier, laplacians
from rdtf.grids import Grid
from rdtf.types import State

# Weight of the neighbours at distance 0, 1, ... on each axis, times h².
_WEIGHTS = {
    "second_order": (-2.0, 1.0),
    "fourth_order": (-5.0 / 2.0, 4.0 / 3.0, -1.0 / 12.0),
}


def flatten(fields: tf.Tensor) -> tf.Tensor:
    """`[B, ...]` as rows, `[B, n]`."""
    return tf.reshape(fields, [fields.shape[0], -1])


def _pad(row, grid, depth):
    """Adds ghost layers on both sides of the first grid axis: `[B, cells + 2 ghosts]`.

    No-flux grids have one layer.
    """
    ghosts = depth * (grid.num_cells // grid.shape[0])
    first, last = row[:, :ghosts], row[:, -ghosts:]
    if grid.boundary == "periodic":
        first, last = last, first
    return tf.concat([first, row, last], 1)


def _shifted(padded, grid, offset):
    """The cells `offset` further along the row; 0 is the row itself."""
    begin = (padded.shape[1] - grid.num_cells) // 2 + offset
    return padded[:, begin : begin + grid.num_cells]


@functools.lru_cache(maxsize=32)
def _at_edge(grid, axis, side, distance):
    """True at the `distance` first (side -1) or last (side 1) cells along an axis."""
    n = grid.shape[axis]
    index = np.arange(grid.num_cells) // int(np.prod(grid.shape[axis + 1 :])) % n
    with tf.init_scope():  # an argument of the programs, not a constant inside them
        return tf.constant(index < distance if side < 0 else index >= n - distance)


def _stencil(padded, grid, weights):
    centre = _shifted(padded, grid, 0)
    total = weights[0] * sum(1.0 / h**2 for h in grid.spacing) * centre
    stride = grid.num_cells
    for axis, (n, spacing) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        stride //= n
        for distance, weight in enumerate(weights[1:], start=1):
            for side in (-1, 1):
                neighbour = _shifted(padded, grid, side * distance * stride)
                if axis > 0:
                    beyond = centre
                    if grid.boundary == "periodic":
                        offset = -side * (n - distance) * stride
                        beyond = _shifted(padded, grid, offset)
                    edge = _at_edge(grid, axis, side, distance)
                    neighbour = tf.where(edge, beyond, neighbour)
                total += neighbour / (spacing**2 / weight)
    return total


def _identity(tensors):
    return tensors


@dataclasses.dataclass(frozen=True)
class DiffusionOperator:
    """`operator(state, coefficients) -> (state, [D ∇²s, ...])`, and what it was built of.

    Attributes:
      grid: the grid.
      laplacian: a name of `rdtf.laplacians.LAPLACIANS`.
    """

    grid: Grid
    laplacian: str
    _diffuse: Callable

    def __call__(self, state: State, coefficients) -> tuple[State, State]:
        """See `diffusion_operator`."""
        outputs = self._diffuse(*map(flatten, (*state, *coefficients)))
        return _halves([tf.reshape(x, state[0].shape) for x in outputs])


def _laplacian_of_rows(grid, laplacian):
    """(pad, apply, read): the Laplacian of f is apply(pad(f)), and read(pad(f)) is f."""
    if laplacian not in _WEIGHTS:
        return _identity, fourier.laplacian_by_waves(grid, laplacian), _identity
    weights = _WEIGHTS[laplacian]
    return (
        lambda row: _pad(row, grid, len(weights) - 1),
        lambda padded: _stencil(padded, grid, weights),
        lambda padded: _shifted(padded, grid, 0),
    )


def diffusion_operator(
    grid: Grid,
    barrier: Callable = _identity,
    reread: bool = True,
    laplacian: str = "second_order",
) -> DiffusionOperator:
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
      laplacian: a name of `rdtf.laplacians.LAPLACIANS`.

    Raises:
      InputError: if the grid cannot carry that Laplacian.
    """
    laplacians.check(grid, laplacian)
    pad, apply, read = _laplacian_of_rows(grid, laplacian)

    @tf.custom_gradient
    def diffuse(*arguments):
        state, coefficients = _halves(arguments)
        padded = barrier([pad(field) for field in state])
        values = [read(p) for p in padded] if reread else list(state)
        terms = [d * apply(p) for d, p in zip(coefficients, padded, strict=True)]

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
        results = [apply(padded) for padded in barrier([pad(f) for f in fields])]
        return results, lambda *upstream: laplacian_of(list(upstream))

    return DiffusionOperator(grid, laplacian, diffuse)


def _halves(items):
    half = len(items) // 2
    return tuple(items[:half]), tuple(items[half:])


def _sum_to(field, like):
    """Sums `field` over the axes that `like` has only once."""
    axes = [i for i, n in enumerate(like.shape) if n == 1 and field.shape[i] != 1]
    return tf.reduce_sum(field, axes, keepdims=True) if axes else field


def laplacian(field: tf.Tensor, grid: Grid, kind: str = "second_order") -> tf.Tensor:
    """The Laplacian of one field `[B, *grid.shape]`, in units of field / length².

    `kind` is a name of `rdtf.laplacians.LAPLACIANS`.
    """
    one = tf.ones([1] * field.shape.rank, field.dtype)
    _, (result,) = diffusion_operator(grid, laplacian=kind)((field,), (one,))
    return result
