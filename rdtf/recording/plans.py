"""When frames are saved."""

import dataclasses

import numpy as np

from rdtf.engines import arguments
from rdtf.simulation import Simulation
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class Plan:
    """The frames to save.

    Attributes:
      times: float64 `[time]`, increasing.
      steps: int64 `[time]`, steps up to each; None if the steps adapt.
    """

    times: np.ndarray
    steps: np.ndarray | None

    @property
    def total(self) -> int:
        """What progress counts to: steps, or frames if the steps adapt."""
        return len(self.times) if self.steps is None else int(self.steps[-1])


def make(
    simulation: Simulation, times=None, num_steps=None, every=1, adaptive=False
) -> Plan:
    """The frames at `times`, or at steps 0, every, 2 every, ... up to `num_steps`.

    Raises:
      InputError: if not just one of the two is given, if times do not increase from 0
        on, or are no multiples of a fixed time step.
    """
    if (times is None) == (num_steps is None):
        got = "neither" if times is None else "both"
        raise InputError(f"Expected one of times and num_steps, got {got}.")
    if times is None:
        if adaptive:
            raise InputError(
                "Expected times with adaptive steps, got num_steps: how many steps "
                "there will be is not known."
            )
        every = arguments.count("every", every, 1)
        num_steps = arguments.count("num_steps", num_steps, 0)
        steps = np.arange(0, num_steps + 1, every, dtype=np.int64)
        return Plan(steps * simulation.time_step, steps)
    times = _checked(times)
    if adaptive:
        return Plan(times, None)
    steps = _whole_steps(times, simulation.time_step)
    return Plan(steps * simulation.time_step, steps)


def _checked(times):
    times = np.asarray(times, np.float64)
    if times.ndim != 1 or times.size == 0 or not np.isfinite(times).all():
        raise InputError(
            f"Expected save times as a list of finite numbers, got shape {times.shape}: "
            "such as numpy.linspace(0, 100, 11)."
        )
    if times[0] < 0.0 or (np.diff(times) <= 0.0).any():
        raise InputError(
            "Expected save times that increase, from 0 on, got others: sort them and "
            "leave out repeated ones."
        )
    return times


def _whole_steps(times, time_step):
    steps = np.rint(times / time_step)
    wrong = np.abs(times / time_step - steps) > 1e-9 * np.maximum(steps, 1.0)
    if wrong.any():
        time = float(times[wrong][0])
        near = np.floor(time / time_step) * time_step
        raise InputError(
            f"Expected save times that are multiples of the time step {time_step:g}, "
            f"got {time:g}: save at {near:g} or {near + time_step:g}, or take "
            "adaptive=True with scheme tsit5 or etdrk4."
        )
    return steps.astype(np.int64)
