"""Truncated windows: where they start, how they run, what they cost.

A window is `window` steps with a gradient. The state enters it as a value, so nothing
behind it is differentiated. It starts

    simulated   after `warmup` steps from a fresh initial state, or so that it ends
                where the run is steady; `stride` > 0 slides it on along the trajectory.
                A window that covers all steps is full backpropagation through time;
    target      at the observed field, with the hidden species solved for.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import initial_conditions
from rdtf.inverse.problem import Problem
from rdtf.inverse.simulated.adaptive_rate import Outcome
from rdtf.inverse.steady.hidden import TargetState
from rdtf.models import validity
from rdtf.names import WINDOW_STARTS
from rdtf.status import InputError, Status
from rdtf.types import State


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowSettings:
    """How windows are laid.

    Attributes:
      window: steps with a gradient.
      warmup: steps before the first window; None runs until steady, and the window is
        the end of that run.
      stride: steps by which the window moves on per iteration; 0 starts afresh.
      start: "simulated" or "target".
      batch: samples per iteration.
      require_steady: refuse parameters whose runs do not become steady.
    """

    window: int = 50
    warmup: int | None = None
    stride: int = 0
    start: str = "simulated"
    batch: int = 8
    require_steady: bool = False

    def __post_init__(self):
        for name, lowest in (("window", 1), ("stride", 0), ("batch", 1)):
            if getattr(self, name) < lowest:
                raise InputError(
                    f"Expected {name} of at least {lowest}, got {getattr(self, name)}."
                )
        if self.warmup is not None and self.warmup < 0:
            raise InputError(f"Expected warmup of at least 0, got {self.warmup}.")
        if self.start not in WINDOW_STARTS:
            raise InputError(
                f"Expected a window start among {', '.join(WINDOW_STARTS)}, got "
                f"{self.start!r}."
            )


@dataclasses.dataclass(frozen=True)
class Draw:
    """What an iteration works on: a state to start from, and targets `[B, *grid]`."""

    state: State
    targets: tf.Tensor
    travelled: int = 0
    warm: bool = False


@dataclasses.dataclass(frozen=True)
class Window:
    """A window that is ready for the tape; state None starts at the targets."""

    state: State | None
    length: int
    draw: Draw


class Windows:
    """Draws, runs and differentiates windows of a problem.

    Args:
      problem: what is fitted.
      settings: how windows are laid.
      loss: `loss(predicted, target)`, see `rdtf.losses.LOSSES`.
    """

    def __init__(self, problem: Problem, settings: WindowSettings, loss: Callable):
        self._problem = problem
        self._settings = settings
        self._loss = loss
        self._at_targets = None
        if settings.start == "target":
            self._at_targets = TargetState(
                problem.simulation.model,
                problem.simulation.grid,
                problem.observe,
                problem.fields,
                problem.start,
            )

    def draw(self, iteration: int) -> Draw:
        """Fresh initial states and randomly chosen targets, by seed and iteration."""
        problem, settings = self._problem, self._settings
        if settings.start == "target":
            return Draw((), tf.constant(problem.fields))
        key = [problem.seed, 2**32 + iteration]
        rng = np.random.Generator(np.random.Philox(key=key))
        chosen = rng.integers(len(problem.fields), size=settings.batch)
        state = initial_conditions.create(
            problem.fresh.initial_condition,
            problem.model,
            problem.simulation.grid,
            batch=settings.batch,
            seed=problem.seed + 1 + iteration,
            params=problem.start,
        )
        return Draw(state, tf.constant(problem.fields[chosen]))

    def move_on(self, window: Window, params, iteration: int) -> Draw:
        """The draw of the next iteration: fresh, or the same run `stride` steps on."""
        stride = self._settings.stride
        travelled = window.draw.travelled + stride
        too_far = travelled > self._problem.fresh.max_steps
        if not stride or window.state is None or too_far:
            return self.draw(iteration)
        state = self._problem.simulation.advance(window.state, params, stride)
        return Draw(state, window.draw.targets, travelled, warm=True)

    def run(self, params: dict[str, float], draw: Draw) -> Outcome:
        """Simulates without a gradient; the payload is the `Window` for `loss`."""
        simulation, settings = self._problem.simulation, self._settings
        if float(np.max(simulation.stability_ratio(params))) > 1.0:
            return Outcome("time step beyond the stability bound")
        steps, length = 0, settings.window
        if settings.start == "target":
            state = None
        elif draw.warm:
            state, steps = draw.state, draw.travelled
        elif settings.warmup is not None:
            state = simulation.advance(draw.state, params, settings.warmup)
            steps = settings.warmup
        else:
            failure, state, steps, length = self._until_steady(params, draw)
            if failure:
                return Outcome(failure, steps=steps)
            steps -= length
        window = Window(state, length, draw)
        loss, final = self.loss(params, window)
        failure = _failure(validity.invalid(simulation.model, final), steps + length)
        if failure is None and not np.isfinite(float(loss)):
            failure = "loss not finite"
        return Outcome(failure, float(loss), steps + length, window)

    def loss(self, params, window: Window) -> tuple[tf.Tensor, State]:
        """(loss, final state) of a window, differentiable in `params`."""
        state = self.first_state(params, window)
        final = self._problem.simulation.advance(state, params, window.length)
        return self.compare(final, window), final

    def first_state(self, params, window: Window) -> State:
        """Where a window starts; at the targets, hidden species depend on `params`."""
        if window.state is not None:
            return window.state
        return self._at_targets.tensors(params)

    def compare(self, final: State, window: Window) -> tf.Tensor:
        """The loss of a window's final state."""
        return self._loss(final[self._problem.index], window.draw.targets)

    def _until_steady(self, params, draw):
        """(failure, state at the window's start, steps, window length)."""
        problem = self._problem
        run = problem.simulation.run_until_steady(
            draw.state, params, problem.fresh.tolerance, problem.fresh.max_steps
        )
        steps = int(run.num_steps.max())
        found = [status if status.is_invalid else None for status in run.status]
        failure = _failure(found, run.num_steps + 1)
        if failure is not None:
            return failure, None, steps, 0
        if self._settings.require_steady and Status.NOT_CONVERGED in run.status:
            return f"not steady after {steps} steps", None, steps, 0
        length = max(1, min(self._settings.window, steps))
        begin = max(0, steps - length)
        return (
            None,
            problem.simulation.advance(draw.state, params, begin),
            steps,
            length,
        )


def _failure(invalid, steps):
    """In words, the first sample that is not finite or left the range, or None."""
    for status in (Status.NOT_FINITE, Status.LEFT_VALID_RANGE):
        if status in invalid:
            sample = invalid.index(status)
            step = np.broadcast_to(steps, len(invalid))[sample]
            return f"{status.label} (sample {sample}, step {step})"
    return None
