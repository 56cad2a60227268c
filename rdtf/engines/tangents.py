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

from rdtf import schemes
from rdtf.engines.arguments import per_cell
from rdtf.types import State, Step


def directions(prepare: Callable, params: dict, names) -> dict:
    """∂prepared/∂parameter for each of `names`: {parameter: {prepared: direction}}.

    Args:
      prepare: `prepare(params) -> prepared`, such as `schemes.prepare` of a step.
      params: name -> `[1 or B, 1]`.

    A direction is shaped as the prepared tensor, sample by sample. Those that do not
    depend on the parameter are left out.
    """
    found = {}
    for name in names:
        one = tf.ones_like(params[name])
        with tf.autodiff.ForwardAccumulator(params[name], one) as accumulator:
            prepared = prepare(params)
            slopes = {key: accumulator.jvp(value) for key, value in prepared.items()}
        found[name] = {key: x for key, x in slopes.items() if x is not None}
    return found


def begin(step: Step, state: State, tangents: dict, params: dict):
    """(carry, its tangents) at the start of a multistep scheme: see `schemes.begin`.

    Args:
      step: of the scheme, with a method `begin`.
      state: the species.
      tangents: parameter -> ∂state/∂parameter, one field per species.
      params: name -> tensor of the rank of the fields.
    """
    along = directions(dict, params, tangents)
    start = tangent_step(lambda s, p, index: schemes.begin(step, s, p), along)
    return start(state, tangents, params, None)


def tangent_step(step: Step, directions: dict) -> Callable:
    """Builds `tangent_step(state, tangents, params, step_index) -> (state, tangents)`.

    Args:
      step: any step whose operations have gradients of gradients; it may return more
        fields than it takes.
      directions: of the prepared parameters that it is given, see above.

    Tangents are a dict, parameter -> one field per species, shaped as the state; only
    the parameters in it are carried. Fields and parameters are of the same rank.
    """

    def advance(state, tangents, params, step_index) -> tuple[State, dict]:
        shape = state[0].shape
        fields = {k: tf.broadcast_to(p, per_cell(p, shape)) for k, p in params.items()}
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch((state, fields))
                after = step(state, fields, step_index)
            upstream = tuple(tf.zeros_like(field) for field in after)  # any would do
            outer.watch(upstream)
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
