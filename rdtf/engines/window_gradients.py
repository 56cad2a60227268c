"""A window of steps with a gradient: by its adjoint, by tangents, or by a plain tape.

    adjoint     of state and parameters; back over the steps, from checkpoints
    tangents    of the parameters; beside the steps, memory independent of their number
    unrolled    of both, to any order; a Python loop over the uncompiled step

States are tuples of float64 `[B, *grid.shape]`; parameters a dict of `[1 or B, 1, ...]`.
"""

import tensorflow as tf
from tensorflow.python.eager import record

from rdtf import schemes
from rdtf.engines import tangents as tangents_
from rdtf.status import InputError
from rdtf.types import Carry, State, StepFn

GRADIENTS = ("adjoint", "tangents", "unrolled")


def check_gradient(name: str) -> None:
    """Raises InputError unless there is such a gradient."""
    if name not in GRADIENTS:
        raise InputError(
            f"Expected a gradient among {', '.join(GRADIENTS)}, got {name!r}."
        )


def adjoint(programs, state: State, params, first: int, num_steps: int) -> State:
    """The state after the window; its gradient is the engine's adjoint program."""
    species, names = len(state), list(params)
    # Checkpoints are only worth storing if somebody may ask for the gradient. If this
    # guess is wrong, the gradient runs the window once more: slower, not wrong.
    recording = record.could_possibly_record()

    @tf.custom_gradient
    def run(*flat):
        flat = [tf.stop_gradient(x) for x in flat]  # the programs are not taped
        start = flat[:species]
        values = dict(zip(names, flat[species:], strict=True))
        window = (values, first, num_steps)
        checkpoints = None
        if recording:
            final, checkpoints = programs.checkpointed(start, *window)
        else:
            final = programs.forward(start, *window)

        def gradient(*upstream):
            saved = checkpoints
            if saved is None:
                _, saved = programs.checkpointed(start, *window)
            adjoint, sums = programs.backward(saved, *window, upstream)
            return [*adjoint, *(sums[name] for name in names)]

        return tuple(final), gradient

    return tuple(run(*state, *params.values()))


def carry_tangents(
    programs, step: StepFn, state: State, tangents: dict, params, first, num_steps
) -> tuple[Carry, dict]:
    """(carry, its tangents) after the window, from a state and its tangents."""
    if hasattr(step, "begin"):
        state, tangents = tangents_.begin(step, state, tangents, params)
    return programs.tangents(state, tangents, params, first, num_steps)


def tangents(
    programs, step: StepFn, state: State, params, first: int, num_steps: int
) -> Carry:
    """The carry after the window; its gradient is that of the parameters alone."""
    names = list(params)
    recording = record.could_possibly_record()  # see adjoint
    start = tuple(tf.stop_gradient(field) for field in state)

    @tf.custom_gradient
    def run(*flat):
        flat = [tf.stop_gradient(x) for x in flat]
        window = (dict(zip(names, flat, strict=True)), first, num_steps)

        def carry():
            none = zero_tangents(names, start)
            return carry_tangents(programs, step, start, none, *window)

        carried = None
        if recording:
            final, carried = carry()
        else:
            begun = schemes.begin(step, start, window[0])
            final = programs.forward(begun, *window)

        def gradient(*upstream):
            moved = carry()[1] if carried is None else carried
            return [
                _project(upstream, moved[name], param)
                for name, param in zip(names, flat, strict=True)
            ]

        return tuple(final), gradient

    return tuple(run(*params.values()))


def unrolled(step: StepFn, state: State, params, first: int, num_steps: int) -> State:
    """The state after the window, every operation taped by whoever watches."""
    params = schemes.prepare(step, params)
    for index in range(first, first + num_steps):
        state = step(state, params, tf.constant(index))
    return tuple(state)


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
