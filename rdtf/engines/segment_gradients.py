"""A segment of steps with a gradient: by its adjoint, by tangents, or by a plain tape.

adjoint     of state and parameters; back over the steps, from checkpoints
tangents    of the parameters; beside the steps, memory independent of their number
unrolled    of both, to any order; a Python loop over the uncompiled step
"""

import tensorflow as tf
from tensorflow.python.eager import record

from rdtf import schemes
from rdtf.engines import tangents as tangents_
from rdtf.engines.base import Engine, Segment
from rdtf.status import InputError
from rdtf.types import Carry, State, Step

GRADIENTS = ("adjoint", "tangents", "unrolled")


def check_gradient(name: str) -> None:
    """Raises InputError unless there is such a gradient."""
    if name not in GRADIENTS:
        raise InputError(
            f"Expected a gradient among {', '.join(GRADIENTS)}, got {name!r}."
        )


def adjoint(engine: Engine, carry: Carry, segment: Segment) -> Carry:
    """The carry after the segment; its gradient is the engine's adjoint program."""
    count, names = len(carry), list(segment.params)
    # Checkpoints are only worth storing if somebody may ask for the gradient. If this
    # guess is wrong, the gradient runs the steps once more: slower, not wrong.
    recording = record.could_possibly_record()

    @tf.custom_gradient
    def run(*flat):
        flat = [tf.stop_gradient(x) for x in flat]  # the programs are not taped
        start = flat[:count]
        untaped = segment._replace(params=dict(zip(names, flat[count:], strict=True)))
        checkpoints = None
        if recording:
            final, checkpoints = engine.checkpointed(start, untaped)
        else:
            final = engine.forward(start, untaped)

        def gradient(*upstream):
            saved = checkpoints
            if saved is None:
                _, saved = engine.checkpointed(start, untaped)
            adjoint, sums = engine.backward(saved, untaped, upstream)
            return [*adjoint, *(sums[name] for name in names)]

        return tuple(final), gradient

    return tuple(run(*carry, *segment.params.values()))


def carry_tangents(
    engine: Engine, step: Step, start: tuple[State, dict], segment: Segment
) -> tuple[Carry, dict]:
    """(carry, its tangents) after the segment.

    Args:
      engine: whose programs take the steps.
      step: the uncompiled step, which begins a multistep scheme.
      start: (state, its tangents by parameter) before the first step.
      segment: the steps.
    """
    state, tangents = start
    if hasattr(step, "begin"):
        state, tangents = tangents_.begin(step, state, tangents, segment.params)
    return engine.tangents(state, tangents, segment)


def tangents(engine: Engine, step: Step, state: State, segment: Segment) -> Carry:
    """The carry after the segment; its gradient is that of the parameters alone.

    Args:
      engine: whose programs take the steps.
      step: the uncompiled step, which begins a multistep scheme.
      state: before the first step.
      segment: the steps.
    """
    names = list(segment.params)
    recording = record.could_possibly_record()  # see adjoint
    state = tuple(tf.stop_gradient(field) for field in state)

    @tf.custom_gradient
    def run(*flat):
        flat = [tf.stop_gradient(x) for x in flat]
        untaped = segment._replace(params=dict(zip(names, flat, strict=True)))

        def carry():
            start = state, zero_tangents(names, state)
            return carry_tangents(engine, step, start, untaped)

        carried = None
        if recording:
            final, carried = carry()
        else:
            begun = schemes.begin(step, state, untaped.params)
            final = engine.forward(begun, untaped)

        def gradient(*upstream):
            moved = carry()[1] if carried is None else carried
            return [
                _project(upstream, moved[name], param)
                for name, param in zip(names, flat, strict=True)
            ]

        return tuple(final), gradient

    return tuple(run(*segment.params.values()))


def unrolled(step: Step, carry: Carry, segment: Segment) -> Carry:
    """The carry after the segment, every operation taped by whoever watches."""
    params, first = schemes.prepare(step, segment.params), segment.first_step
    for index in range(first, first + segment.num_steps):
        carry = step(carry, params, tf.constant(index))
    return tuple(carry)


def zero_tangents(names, state: State) -> dict[str, State]:
    """Tangents of a state that does not depend on the parameters."""
    return {name: tuple(tf.zeros_like(field) for field in state) for name in names}


def _project(upstream, tangent, param):
    """Σ upstream ∂carry/∂param, over the batch too if the parameter is shared."""
    grid = list(range(1, upstream[0].shape.rank))
    total = sum(
        tf.reduce_sum(u * t, grid, keepdims=True)
        for u, t in zip(upstream, tangent, strict=True)
    )
    return tf.reduce_sum(total, 0, keepdims=True) if param.shape[0] == 1 else total
