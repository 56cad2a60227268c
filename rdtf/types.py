"""What flows between the rooms: states, parameters and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

# One float64 tensor per species, each with one batch axis and then the grid:
# [B, x], [B, y, x] or [B, z, y, x].
State = tuple["tf.Tensor", ...]

# Parameter name -> a scalar or a [B] vector, mixed freely.
Params = Mapping[str, Any]

# What a step carries: the species, and for multistep schemes their memory.
Carry = tuple["tf.Tensor", ...]

# step(carry, params, step_index) -> carry; step_index is an int32 scalar tensor, so that
# noise can be stateless in (seed, step_index).
StepFn = Callable[[Carry, Params, "tf.Tensor"], Carry]
