"""From one save time to the next, by fixed steps or by steps that adapt."""

from collections.abc import Callable

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


class Fixed:
    """Steps of the simulation's own length, as `Simulation.rollout` takes them."""

    def __init__(
        self,
        simulation: Simulation,
        params: Params,
        plan: Plan,
        tell: Callable[[int], None],
    ):
        self._simulation, self._params = simulation, params
        self._plan, self._tell = plan, tell

    def __call__(self, carry: Carry, index: int, running: np.ndarray) -> Moved:
        """To frame `index`, from the one before or, for the first, from the start."""
        steps = self._plan.steps
        first, last = (int(steps[index - 1]) if index else 0), int(steps[index])
        taken = np.full(len(running), last - first)
        while first < last:
            count = min(_CHUNK, last - first)
            carry = self._simulation.advance_carry(carry, self._params, count, first)
            first += count
            self._tell(first)
        well = np.full(len(running), -1)
        return carry, well, taken, np.full(len(running), self._plan.times[index])


class Adaptive:
    """`Simulation.integrate` from save time to save time; see there."""

    def __init__(
        self,
        simulation: Simulation,
        params: Params,
        plan: Plan,
        tolerances: tuple[float, float],
        tell: Callable[[int], None],
    ):
        self._simulation, self._params = simulation, params
        self._plan, self._tolerances, self._tell = plan, tolerances, tell

    def __call__(self, carry: Carry, index: int, running: np.ndarray) -> Moved:
        """As `Fixed`; a sample that is not running takes no steps."""
        times = self._plan.times
        start = float(times[index - 1]) if index else 0.0
        duration = np.where(running, times[index] - start, 0.0)
        end = self._simulation.integrate(
            carry, self._params, duration, *self._tolerances
        )
        status = np.array([int(code) for code in end.status])
        failed = np.where(status == Status.CONVERGED, -1, status)
        self._tell(index + 1)
        return end.state, failed, end.num_steps, start + end.time


def keep_stopped(new: Carry, old: Carry, running: np.ndarray) -> Carry:
    """`new` where a sample is running, `old` where it is not."""
    if running.all():
        return new
    return tuple(
        tf.where(np.reshape(running, (-1, *[1] * (a.shape.rank - 1))), a, b)
        for a, b in zip(new, old, strict=True)
    )
