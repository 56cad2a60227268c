"""Tangents: the derivatives of the state by the parameters, carried along.

With T_p = ∂state/∂p, one step does

    T_p <- (∂step/∂state) T_p + ∂step/∂p,

so no state has to be kept: the memory does not grow with the number of steps, the cost
grows with the number of parameters.

Both terms come from the step's own adjoint, A(w) = (∂step/∂(state, p))ᵀ w. It is linear
in w, so its transpose, the tangent, is once more a gradient: of A with respect to w.
"""

from collections.abc import Callable

import tensorflow as tf

from rdtf.types import State, StepFn


def tangent_step(step: StepFn) -> Callable:
    """Builds `tangent_step(state, tangents, params, step_index) -> (state, tangents)`.

    Args:
      step: any step whose operations have gradients of gradients.

    Tangents are a dict, parameter -> one field per species, shaped as the state; only
    the parameters in it are carried. Fields and parameters are of the same rank.
    """

    def advance(state, tangents, params, step_index) -> tuple[State, dict]:
        shape = state[0].shape
        fields = {name: tf.broadcast_to(p, shape) for name, p in params.items()}
        upstream = tuple(tf.zeros_like(field) for field in state)  # any would do
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
            outer.watch(upstream)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch((state, fields))
                after = step(state, fields, step_index)
            by_state, by_fields = inner.gradient(
                after, (state, fields), upstream, tf.UnconnectedGradients.ZERO
            )
        one = tf.ones_like(state[0])
        moved = {
            name: outer.gradient(
                (*by_state, by_fields[name]),
                upstream,
                (*tangent, one),
                tf.UnconnectedGradients.ZERO,
            )
            for name, tangent in tangents.items()
        }
        return after, moved

    return advance
