"""What flows between the rooms: states, parameters and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import tensorflow as tf

# One float64 tensor per species, each with one batch axis and then the grid:
# [B, x], [B, y, x] or [B, z, y, x].
State = tuple["tf.Tensor", ...]

# Parameter name -> a scalar or a [B] vector, mixed freely.
Params = Mapping[str, Any]

# What a step carries: the species, and for multistep schemes their memory.
Carry = tuple["tf.Tensor", ...]


class Step(Protocol):
    """One time step, as `rdtf.schemes.Scheme.make_step` builds it.

    A step may have two more methods: `prepare(params) -> params` adds what it computes
    from the parameters alone (see `rdtf.schemes.prepare`), and `begin(state, params) ->
    carry` adds the memory of a multistep scheme (see `rdtf.schemes.begin`).
    """

    def __call__(self, carry: Carry, params: Params, step_index: tf.Tensor) -> Carry:
        """Takes the step.

        Args:
          carry: float64 fields `[B, *grid.shape]`, or rows `[B, cells]`: the species,
            and the memory of a multistep scheme.
          params: name -> float64 tensor of the rank of the fields that broadcasts
            against them, prepared or not.
          step_index: int32 scalar, so that noise can be stateless in (seed, index).

        Returns:
          The carry after the step. It is differentiable in `carry` and `params`.
        """
