"""What programs take: float64 fields and parameters whose shapes fit each other."""

import functools

import numpy as np
import tensorflow as tf

from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError
from rdtf.types import Params, State


def bind(
    model: ReactionDiffusion,
    grid: Grid,
    state: State,
    params: Params,
    varying: tuple[str, ...] = (),
) -> tuple[State, dict[str, tf.Tensor]]:
    """State and parameters as float64 tensors whose shapes fit each other.

    Args:
      model: whose species and parameters they are.
      grid: on which the fields are.
      state: one field `[1 or B, *grid.shape]` per species.
      params: name -> scalar or `[B]`.
      varying: names of parameters that are fields instead, `[*grid.shape]` or
        `[1 or B, *grid.shape]`.

    Returns:
      (fields `[B, *grid.shape]`, name -> `[1 or B, 1, ...]`, or `[1 or B, *grid.shape]`
      if it is in `varying`).

    Raises:
      InputError: if names or shapes do not fit the model and the grid.
    """
    model.check_names(params)
    if not isinstance(state, (tuple, list)) or len(state) != len(model.species):
        raise InputError(
            f"Expected a state tuple with one field for each of "
            f"{', '.join(model.species)}."
        )
    state = [float64(field) for field in state]
    values = {name: float64(params[name]) for name in model.parameters}
    for name in varying:
        values[name] = _field(name, values[name], grid)
    batches = {s.shape[0] for s in state if s.shape.rank == grid.ndim + 1}
    batches |= {
        p.shape[0] for n, p in values.items() if n in varying or p.shape.rank == 1
    }
    batch = max(batches, default=1)
    for field in state:
        if field.shape[1:] != grid.shape or field.shape[0] not in (1, batch):
            raise InputError(_shape_message([batch, *grid.shape], field))
    for name, value in values.items():
        rank = value.shape.rank
        if (rank > 1 and name not in varying) or (
            rank and value.shape[0] not in (1, batch)
        ):
            raise InputError(
                f"Expected {name} to be a scalar or a vector of length {batch}, got "
                f"shape {list(value.shape)}."
            )
    shape = [batch, *grid.shape]
    state = tuple(
        s if s.shape[0] == batch else tf.broadcast_to(s, shape) for s in state
    )
    column = _column_shape(grid.ndim)
    return state, {
        name: value if name in varying else tf.reshape(value, column)
        for name, value in values.items()
    }


def _field(name, value, grid):
    """A parameter that varies in space as `[1 or B, *grid.shape]`."""
    if value.shape == grid.shape:
        return value[tf.newaxis]
    if value.shape[1:] != grid.shape:
        raise InputError(
            f"Expected {name}, which varies in space, as a field {list(grid.shape)}, "
            f"or one per sample, got shape {list(value.shape)}."
        )
    return value


@functools.cache
def _column_shape(ndim):
    """[-1, 1, ...] as a tensor: a list would be converted anew in every reshape."""
    with tf.init_scope():
        return tf.constant([-1] + [1] * ndim)


def bind_tangents(
    model: ReactionDiffusion, state: State, tangents: dict[str, State]
) -> dict[str, State]:
    """Float64 tensors `[B, *grid.shape]`, one per species, by parameter.

    Raises:
      InputError: if names or shapes do not fit the model and the state.
    """
    for name, fields in tangents.items():
        if name not in model.parameters:
            raise InputError(
                f"Expected tangents of the parameters {', '.join(model.parameters)} of "
                f"{model.name}; unknown: {name}."
            )
        if not isinstance(fields, (tuple, list)) or len(fields) != len(model.species):
            raise InputError(
                f"Expected the tangent of {name} as a tuple with one field for each of "
                f"{', '.join(model.species)}."
            )
    tangents = {n: tuple(float64(f) for f in fields) for n, fields in tangents.items()}
    for fields in tangents.values():
        for field in fields:
            if field.shape != state[0].shape:
                raise InputError(_shape_message(state[0].shape, field))
    return tangents


def count(name: str, value, lowest: int) -> int:
    """An integer of at least `lowest`; raises InputError if it is none."""
    if not isinstance(value, (int, np.integer)) or value < lowest:
        raise InputError(
            f"Expected {name} to be an integer of at least {lowest}, got {value!r}."
        )
    return int(value)


def float64(value) -> tf.Tensor:
    """A float64 tensor, or a variable as it is if it is float64."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return value if value.dtype == tf.float64 else tf.cast(value, tf.float64)
    return tf.convert_to_tensor(value, tf.float64)


def per_cell(param: tf.Tensor, shape) -> list[int]:
    """The shape in which the gradient of a parameter is gathered, before it is summed.

    One number per cell, the `shape` [B, cells] of a state, for a plain parameter
    `[1 or B, 1]`; for a prepared one (see `schemes.prepare`) its own, for every sample.
    """
    own = list(param.shape[1:])
    return list(shape) if own == [1] else [shape[0], *own]


def _shape_message(shape, field):
    return f"Expected fields of shape {list(shape)}, got {list(field.shape)}."
