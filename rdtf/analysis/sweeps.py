"""Several parameter sets from one initial state, frame by frame."""

import dataclasses
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
      invalid: per parameter set, None or (first step at which a frame was not valid,
        `Status.LEFT_VALID_RANGE` or `Status.NOT_FINITE`).
    """

    step: int
    state: State
    invalid: list[tuple[int, Status] | None]


def stack_params(params: Sequence[Mapping[str, float]]) -> Params:
    """One parameter dict of `[P]` vectors from P dicts of numbers."""
    return {
        name: tf.constant([p[name] for p in params], tf.float64) for name in params[0]
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """Frames at steps 0, every, 2 every, ... up to `num_steps`; iterating runs it.

    They are the states of `Simulation.advance`, bit for bit those of a fit: the
    program is the same, and a sample's bits do not depend on its batch. A set that is
    no longer valid goes on as it is, and so do the others.

    Attributes:
      simulation: what runs.
      state: one initial state for all, `[1, *grid]`, or one each, `[P, *grid]`.
      params: P dicts of numbers.
      num_steps: of the run.
      every: steps between frames.

    Raises:
      InputError: if `every` is below 1.
    """

    simulation: Simulation
    state: State
    params: Sequence[Mapping[str, float]]
    num_steps: int
    every: int = 1

    def __post_init__(self):
        if self.every < 1:
            raise InputError(f"Expected at least 1 step per frame, got {self.every}.")

    def __len__(self) -> int:
        return self.num_steps // self.every + 1

    def __iter__(self) -> Iterator[Frame]:
        stacked = stack_params(self.params)
        shape = [len(self.params), *self.simulation.grid.shape]
        state = tuple(tf.broadcast_to(field, shape) for field in self.state)
        invalid = [None] * len(self.params)
        for step in range(0, self.num_steps + 1, self.every):
            if step:
                with warnings.catch_warnings():  # frames show an unstable set
                    warnings.simplefilter("ignore", RuntimeWarning)
                    state = self.simulation.advance(
                        state, stacked, self.every, step - self.every
                    )
            found = validity.invalid(self.simulation.model, state)
            invalid = [
                old or (None if new is None else (step, new))
                for old, new in zip(invalid, found, strict=True)
            ]
            yield Frame(step, state, invalid)
