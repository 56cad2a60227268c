"""Several parameter sets from one initial state, frame by frame."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from rdtf.models import validity
from rdtf.simulation import Simulation
from rdtf.status import InputError, Status
from rdtf.types import Params, State


class Frame(NamedTuple):
    """A moment of a sweep.

    Attributes:
      step: steps taken.
      state: one `[P, *grid]` field per species.
      sick: per parameter set, None or (first step at which a frame was not valid,
        `Status.LEFT_VALID_RANGE` or `Status.NOT_FINITE`).
    """

    step: int
    state: State
    sick: list[tuple[int, Status] | None]


def stack_params(params: Sequence[Mapping[str, float]]) -> Params:
    """One parameter dict of `[P]` vectors from P dicts of numbers."""
    return {
        name: tf.constant([p[name] for p in params], tf.float64) for name in params[0]
    }


def frames(
    simulation: Simulation,
    state: State,
    params: Sequence[Mapping[str, float]],
    num_steps: int,
    every: int = 1,
) -> Iterator[Frame]:
    """Frames at steps 0, every, 2 every, ... up to `num_steps`, one at a time.

    They are the states of `Simulation.advance`, bit for bit those that a fit sees: the
    program is the same, and a sample's bits do not depend on its batch. A sick set goes
    on as it is, and so do the others.

    Args:
      simulation: what to run.
      state: one initial state for all, `[1, *grid]`, or one each, `[P, *grid]`.
      params: P dicts of numbers.
    """
    if every < 1:
        raise InputError(f"Expected at least 1 step per frame, got {every}.")
    stacked = stack_params(params)
    shape = [len(params), *simulation.grid.shape]
    state = tuple(tf.broadcast_to(field, shape) for field in state)
    sick = [None] * len(params)
    for step in range(0, num_steps + 1, every):
        if step:
            with warnings.catch_warnings():  # an unstable set is seen in its frames
                warnings.simplefilter("ignore", RuntimeWarning)
                state = simulation.advance(state, stacked, every, step - every)
        found = validity.invalid(simulation.model, state)
        sick = [
            old or (None if new is None else (step, new))
            for old, new in zip(sick, found, strict=True)
        ]
        yield Frame(step, state, sick)
