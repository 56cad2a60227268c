"""When frames are saved, and by which steps."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rdtf.engines import arguments
from rdtf.simulation import Simulation
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True)
class Plan:
    """The frames to save, of one simulation.

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
    """When frames are saved: at `times`, or every so many steps up to `num_steps`.

    Attributes:
      times: when frames are saved, from 0, in the model's time unit; or
      num_steps: up to which frames are saved at steps 0, every, 2 every, ...
      every: steps between such frames.
      adaptive: whether steps are as long as tolerances allow (`Simulation.integrate`;
        tsit5 and etdrk4 can), so that any times will do.
      relative_tolerance: of adaptive steps.
      absolute_tolerance: likewise, in units of the species.
    """

    times: Sequence[float] | np.ndarray | None = None
    num_steps: int | None = None
    every: int = 1
    adaptive: bool = False
    relative_tolerance: float = 1e-6
    absolute_tolerance: float = 1e-8

    @property
    def tolerances(self) -> tuple[float, float] | None:
        """Relative and absolute, of adaptive steps; None of fixed ones."""
        if not self.adaptive:
            return None
        return self.relative_tolerance, self.absolute_tolerance

    def plan(self, simulation: Simulation) -> Plan:
        """The frames that a simulation saves.

        Raises:
          InputError: if not just one of times and num_steps is given, if times do not
            increase from 0 on, or are no multiples of a fixed time step.
        """
        if (self.times is None) == (self.num_steps is None):
            got = "neither" if self.times is None else "both"
            raise InputError(f"Expected one of times and num_steps, got {got}.")
        if self.times is None:
            steps = self._steps()
        else:
            times = _checked(self.times)
            if self.adaptive:
                return Plan(times, None)
            steps = _whole_steps(times, simulation.time_step)
        return Plan(steps * simulation.time_step, steps)

    def _steps(self):
        if self.adaptive:
            raise InputError(
                "Expected times with adaptive steps, got num_steps: how many steps "
                "there will be is not known."
            )
        every = arguments.count("every", self.every, 1)
        num_steps = arguments.count("num_steps", self.num_steps, 0)
        return np.arange(0, num_steps + 1, every, dtype=np.int64)


def _checked(times):
    times = np.asarray(times, np.float64)
    if times.ndim != 1 or times.size == 0 or not np.isfinite(times).all():
        raise InputError(
            f"Expected save times as a list of finite numbers, got shape "
            f"{times.shape}: such as numpy.linspace(0, 100, 11)."
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
