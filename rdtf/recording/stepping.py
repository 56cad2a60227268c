"""From one save time to the next, by fixed steps or by steps that adapt."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from rdtf.recording.plans import Plan
from rdtf.simulation import Simulation
from rdtf.status import Status
from rdtf.types import Carry, Params

# Between two calls of the callback: an interruption is noticed, a bar moves.
_CHUNK = 1000

# (carry, per sample: status or -1 if all is well, steps taken, time reached)
Moved = tuple[Carry, np.ndarray, np.ndarray, np.ndarray]


class Move(Protocol):
    """Takes a run from one frame to the next."""

    def __call__(self, carry: Carry, index: int, running: np.ndarray) -> Moved:
        """To frame `index`, from the one before or, for the first, from the start.

        Samples whose `running`, bool `[B]`, is False need not be stepped.
        """


def create(
    simulation: Simulation,
    params: Params,
    plan: Plan,
    tell: Callable[[int], None],
    tolerances: tuple[float, float] | None = None,
) -> Move:
    """Fixed steps or, if there are tolerances, adaptive ones.

    Args:
      simulation: what is stepped.
      params: of its model.
      plan: the frames.
      tell: called with the steps done, or with the frames done if steps adapt.
      tolerances: relative and absolute.
    """
    if tolerances is None:
        return _Fixed(simulation, params, plan, tell)
    return _Adaptive(simulation, params, plan, tell, tolerances)


@dataclasses.dataclass(frozen=True)
class _Fixed:
    """Steps of the simulation's own length, as `Simulation.rollout` takes them."""

    simulation: Simulation
    params: Params
    plan: Plan
    tell: Callable[[int], None]

    def __call__(self, carry: Carry, index: int, running: np.ndarray) -> Moved:
        """See `Move`."""
        steps = self.plan.steps
        first, last = (int(steps[index - 1]) if index else 0), int(steps[index])
        taken = np.full(len(running), last - first)
        while first < last:
            count = min(_CHUNK, last - first)
            carry = self.simulation.advance_carry(carry, self.params, count, first)
            first += count
            self.tell(first)
        well = np.full(len(running), -1)
        return carry, well, taken, np.full(len(running), self.plan.times[index])


@dataclasses.dataclass(frozen=True)
class _Adaptive(_Fixed):
    """`Simulation.integrate` from save time to save time; see there."""

    tolerances: tuple[float, float]

    def __call__(self, carry: Carry, index: int, running: np.ndarray) -> Moved:
        """See `Move`; a sample that is not running takes no steps."""
        times = self.plan.times
        start = float(times[index - 1]) if index else 0.0
        duration = np.where(running, times[index] - start, 0.0)
        end = self.simulation.integrate(carry, self.params, duration, *self.tolerances)
        status = np.array([int(code) for code in end.status])
        failed = np.where(status == Status.CONVERGED, -1, status)
        self.tell(index + 1)
        return end.state, failed, end.num_steps, start + end.time


def keep_stopped(new: Carry, old: Carry, running: np.ndarray) -> Carry:
    """`new` where a sample is running, `old` where it is not."""
    if running.all():
        return new
    return tuple(
        tf.where(np.reshape(running, (-1, *[1] * (a.shape.rank - 1))), a, b)
        for a, b in zip(new, old, strict=True)
    )
