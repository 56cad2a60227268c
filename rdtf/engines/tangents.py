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

from rdtf.engines.arguments import per_cell
from rdtf.types import State, StepFn


def directions(prepare: Callable, params: dict, names) -> dict:
    """∂prepared/∂parameter for each of `names`: {parameter: {prepared: direction}}.

    Args:
      prepare: `prepare(params) -> prepared`, such as `schemes.prepare` of a step.
      params: name -> `[1 or B, 1]`.

    A direction is shaped as the prepared tensor, sample by sample. Those that do not
    depend on the parameter are left out.
    """
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as inner:
            inner.watch(params)
            prepared = prepare(params)
        upstream = {key: tf.zeros_like(value) for key, value in prepared.items()}
        outer.watch(upstream)
        slopes = {
            (name, key): inner.gradient(value, params[name], upstream[key])
            for key, value in prepared.items()
            for name in names
        }
    found = {name: {} for name in names}
    for (name, key), slope in slopes.items():
        if slope is not None:
            one = tf.ones_like(slope)
            found[name][key] = outer.gradient(slope, upstream[key], one)
    return found


def tangent_step(step: StepFn, directions: dict) -> Callable:
    """Builds `tangent_step(state, tangents, params, step_index) -> (state, tangents)`.

    Args:
      step: any step whose operations have gradients of gradients.
      directions: of the prepared parameters that it is given, see above.

    Tangents are a dict, parameter -> one field per species, shaped as the state; only
    the parameters in it are carried. Fields and parameters are of the same rank.
    """

    def advance(state, tangents, params, step_index) -> tuple[State, dict]:
        shape = state[0].shape
        fields = {k: tf.broadcast_to(p, per_cell(p, shape)) for k, p in params.items()}
        upstream = tuple(tf.zeros_like(field) for field in state)  # any would do
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
            outer.watch(upstream)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch((state, fields))
                after = step(state, fields, step_index)
            by_state, by_fields = inner.gradient(
                after, (state, fields), upstream, tf.UnconnectedGradients.ZERO
            )
        moved = {}
        for name, tangent in tangents.items():
            along = {
                key: tf.broadcast_to(d, fields[key].shape)
                for key, d in directions[name].items()
            }
            moved[name] = outer.gradient(
                (*by_state, *(by_fields[key] for key in along)),
                upstream,
                (*tangent, *along.values()),
                tf.UnconnectedGradients.ZERO,
            )
        return after, moved

    return advance
