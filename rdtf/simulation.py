"""`Simulation`: a model on a grid, with a scheme and a time step, and its one verb.

`advance` is one compiled program with its own exact gradient, so a plain
`tf.GradientTape` around it costs three to eight forward runs (two CPU
cores, four parameters) and keeps some of the states. `tangents` carries the
derivatives by the parameters along instead, for as many steps as one likes.
"""

import dataclasses
import functools
import logging
import warnings
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import engines, schemes
from rdtf.engines import Discretization, Segment, arguments, segment_gradients
from rdtf.engines.adaptive import (
    Adaptive,
    Integration,
    check_duration,
    check_tolerances,
)
from rdtf.engines.step_search import Target
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.operators import finite_differences
from rdtf.status import InputError, StabilityError, Status
from rdtf.types import Carry, Params, State


@dataclasses.dataclass(frozen=True)
class SteadyRun:
    """The end of `run_until_steady`, per sample.

    Attributes:
      state: the final state; a sample that became invalid keeps its last valid one.
      status: list of `Status`.
      num_steps: int32 `[B]`, steps taken by each sample.
      last_change: float64 `[B]`, largest change of any cell in the last step tried;
        infinite if that step was discarded.
    """

    state: State
    status: list[Status]
    num_steps: np.ndarray
    last_change: np.ndarray


class Simulation:
    """A model bound to a grid, a Laplacian, a scheme and a time step.

    Args:
      model: the equations.
      grid: where they are solved.
      time_step: in the model's time unit; of `integrate`, that of the first step.
      scheme: a name of `rdtf.schemes.SCHEMES`, or "auto": what `rdtf.schemes.choose`
        takes for the model's default parameters; the reason goes to the log.
      engine: "auto" or a name of `rdtf.engines.ENGINES`; resolved once, see `engine`.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      varying: names of parameters that are fields, such as a feed that depends on x,
        `[*grid.shape]` or `[B, *grid.shape]`; a diffusivity among them means ∇·(D ∇s).

    All fields are float64 `[B, *grid.shape]`, one per species, in a tuple. Parameters
    are a dict; each value is a scalar (shared) or a `[B]` vector (per sample); the
    gradient of a shared one sums over the batch. A batch of 1 broadcasts against `[B]`
    parameters, so a sweep from one initial state is one call.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        time_step: float,
        scheme: str = "forward_euler",
        engine: str = "auto",
        laplacian: str = "second_order",
        varying: tuple[str, ...] = (),
    ):
        if not (np.isfinite(time_step) and time_step > 0):
            raise InputError(f"Expected a positive time step, got {time_step!r}.")
        self.model = model
        self.grid = grid
        self.time_step = float(time_step)
        if scheme == "auto":
            scheme, reason = schemes.choose(
                model, model.defaults, grid, laplacian, tuple(varying)
            )
            logging.getLogger(__name__).info("Scheme %s: %s.", scheme, reason)
        self.scheme = schemes.get(scheme)
        self.laplacian = laplacian
        self.varying = tuple(varying)
        for name in self.varying:
            if name not in model.parameters:
                raise InputError(
                    f"Expected varying parameters among {', '.join(model.parameters)}, "
                    f"got {name!r}."
                )
        grid.check_species(len(model.species))
        operator = finite_differences.diffusion_operator(grid, laplacian=laplacian)
        self._operator = operator
        self._step = self.scheme.make_step(model, operator, time_step, self.varying)
        self._discretization = Discretization(
            model=model,
            grid=grid,
            scheme=self.scheme,
            laplacian=laplacian,
            varying=self.varying,
        )
        self.engine = engines.resolve(engine, self._discretization)
        self._bind = functools.partial(
            arguments.bind, model, grid, varying=self.varying
        )
        self._programs = engines.create(
            self.engine, self._discretization, self.time_step
        )

    def advance(
        self,
        state: State,
        params: Params,
        num_steps: int,
        first_step: int = 0,
        gradient: str = "adjoint",
    ) -> State:
        """The state after `num_steps` steps, differentiable in state and parameters.

        Args:
          state: one float64 tensor `[B, *grid.shape]` per species.
          params: name -> scalar or `[B]`.
          num_steps: a Python int; 0 returns the state.
          first_step: index of the first step, for steps that depend on it.
          gradient: how a tape around this gets it, exact for the steps taken:
            "adjoint": back over the steps, from states kept every few steps;
            "tangents": of the parameters alone, beside the steps, with memory for one
            state per parameter; the starting state is a constant of gradient None;
            "unrolled": a tape over uncompiled steps, slow, to any order.

        Raises:
          InputError: if names or shapes do not fit the model and the grid.
        """
        num_steps = arguments.count("num_steps", num_steps, 0)
        segment_gradients.check_gradient(gradient)
        state, params = self._bind(state, params)
        self._warn_if_unstable(params)
        if gradient == "tangents":
            self.check_uniform("the adjoint")
            state = tuple(tf.stop_gradient(field) for field in state)
        if num_steps == 0:
            return state
        segment = Segment(params, first_step, num_steps)
        if gradient == "tangents":
            carry = segment_gradients.tangents(
                self._programs, self._step, state, segment
            )
            return carry[: len(state)]
        carry = schemes.begin(self._step, state, params)
        if gradient == "unrolled":
            carry = segment_gradients.unrolled(self._step, carry, segment)
        else:
            carry = segment_gradients.adjoint(self._programs, carry, segment)
        return carry[: len(state)]

    def begin(self, state: State, params: Params) -> Carry:
        """What the scheme carries from a state on, for `advance_carry`.

        The state itself, and for multistep schemes their memory after it.
        """
        state, params = self._bind(state, params)
        return schemes.begin(self._step, state, params)

    def advance_carry(
        self, carry: Carry, params: Params, num_steps: int, first_step: int = 0
    ) -> Carry:
        """As `advance`, from a carry to a carry: in parts as exactly as at once.

        Args:
          carry: from `begin`, or from an earlier call.
          params, num_steps, first_step: as for `advance`.

        Returns:
          The carry after the steps, differentiable as `advance` is by its adjoint.
        """
        num_steps = arguments.count("num_steps", num_steps, 0)
        count = len(self.model.species)
        state, params = self._bind(tuple(carry[:count]), params)
        if num_steps == 0:
            return (*state, *carry[count:])
        segment = Segment(params, first_step, num_steps)
        carry = (*state, *carry[count:])
        return segment_gradients.adjoint(self._programs, carry, segment)

    def tangents(
        self,
        state: State,
        params: Params,
        num_steps: int,
        tangents: dict[str, State] | None = None,
        first_step: int = 0,
    ) -> tuple[State, dict[str, State]]:
        """The state after `num_steps` steps and its derivatives by the parameters.

        Args:
          state, params, num_steps, first_step: as for `advance`.
          tangents: parameter -> ∂state/∂parameter at the start, one field
            `[B, *grid.shape]` per species, such as an earlier call returned; so a
            horizon of any length is taken in parts. Only the parameters in it are
            carried. None: of all parameters, and the state depends on none of them.

        Returns:
          (state, tangents), each sample's derivative by its own parameter, in units of
          species / parameter. Nothing here is recorded by a tape.

        Raises:
          InputError: if names or shapes do not fit the model and the grid.
        """
        num_steps = arguments.count("num_steps", num_steps, 0)
        self.check_uniform("the adjoint")
        state, params = self._bind(state, params)
        self._warn_if_unstable(params)
        if tangents is None:
            tangents = segment_gradients.zero_tangents(self.model.parameters, state)
        tangents = arguments.bind_tangents(self.model, state, tangents)
        *start, params = tf.nest.map_structure(
            tf.stop_gradient, (state, tangents, params)
        )
        count, segment = len(state), Segment(params, first_step, num_steps)
        state, tangents = segment_gradients.carry_tangents(
            self._programs, self._step, start, segment
        )
        return state[:count], {name: t[:count] for name, t in tangents.items()}

    def rollout(
        self, state: State, params: Params, num_steps: int, every: int = 1
    ) -> State:
        """The frames of a movie.

        For other times, statistics, events and files see `rdtf.recording`.

        Args:
          state, params: as for `advance`.
          num_steps: the last frame is at this step or before it.
          every: steps from one frame to the next.

        Returns:
          One field `[B, time, *grid.shape]` per species, of steps 0, every, ...
        """
        every = arguments.count("every", every, 1)
        num_steps = arguments.count("num_steps", num_steps, 0)
        count = len(self.model.species)
        carry = self.begin(state, params)
        frames = [carry[:count]]
        for first in range(0, num_steps - every + 1, every):
            carry = self.advance_carry(carry, params, every, first)
            frames.append(carry[:count])
        return tuple(tf.stack(field, axis=1) for field in zip(*frames, strict=True))

    def integrate(
        self,
        state: State,
        params: Params,
        duration,
        relative_tolerance: float = 1e-6,
        absolute_tolerance: float = 1e-8,
        max_steps: int = 10_000,
    ) -> Integration:
        """The state after `duration`, by steps as long as the tolerances allow.

        Needs a scheme with an error estimate: tsit5, or etdrk4 where diffusion is
        stiff. Each sample has steps of its own (see `rdtf.engines.step_search`); the
        first is tried at `time_step`. The gradient is that of the steps that were
        accepted, their lengths taken as given: exact but for what the tolerance allows.

        Args:
          state, params: as for `advance`.
          duration: a number, or one per sample `[B]`; in the model's time unit.
          relative_tolerance, absolute_tolerance: rtol and atol of the error of a step.
          max_steps: accepted steps, at most; a sample that needs more ends early with
            status NOT_CONVERGED, one that finds no finite step with NOT_FINITE.

        Raises:
          InputError: if the scheme has no error estimate, or numbers cannot be used.
        """
        schemes.pairs.check(self.scheme)
        check_tolerances(relative_tolerance, absolute_tolerance)
        max_steps = arguments.count("max_steps", max_steps, 1)
        state, params = self._bind(state, params)
        duration = check_duration(duration, state[0].shape[0])
        target = Target(
            duration=duration,
            first_length=tf.fill(
                duration.shape, tf.constant(self.time_step, tf.float64)
            ),
            rtol=relative_tolerance,
            atol=absolute_tolerance,
            max_steps=max_steps,
        )
        return self._adaptive.integrate(state, params, target)

    @functools.cached_property
    def _adaptive(self):
        return Adaptive(self._discretization)

    def run_until_steady(
        self,
        state: State,
        params: Params,
        tolerance: float = 1e-4,
        max_steps: int = 40_000,
        callback: Callable[[int, int], None] | None = None,
        chunk: int = 500,
    ) -> SteadyRun:
        """Runs each sample until its largest change per step is below `tolerance`.

        A converged sample takes its last step and freezes. A step that leaves the valid
        range, or is not finite, is discarded and freezes its sample; the others go on.
        Not differentiable: `advance` from the result is.

        Args:
          state, params: as for `advance`.
          tolerance: largest |change| of any cell of any species in one step.
          max_steps: at most so many steps.
          callback: called as callback(steps so far, samples still running) after every
            `chunk` steps; an exception in it (KeyboardInterrupt too) ends the run.
        """
        max_steps = arguments.count("max_steps", max_steps, 0)
        chunk = arguments.count("chunk", chunk, 1)
        if not tolerance >= 0.0:
            raise InputError(f"Expected a tolerance of at least 0, got {tolerance!r}.")
        state, params = self._bind(state, params)
        self._warn_if_unstable(params)
        batch = state[0].shape[0]
        status = np.full(batch, int(Status.NOT_CONVERGED))
        steps, change = np.zeros(batch, np.int32), np.full(batch, np.inf)
        done = 0
        while done < max_steps and (status == Status.NOT_CONVERGED).any():
            active = status == Status.NOT_CONVERGED
            count = min(chunk, max_steps - done)
            segment = Segment(params, first_step=done, num_steps=count)
            state, taken, codes, changes = self._programs.until_steady(
                state, segment, tf.constant(active), tolerance
            )
            steps[active] += taken.numpy()[active]
            status[active] = codes.numpy()[active]
            change[active] = changes.numpy()[active]
            done += count
            if callback is not None:
                callback(done, int((status == Status.NOT_CONVERGED).sum()))
        return SteadyRun(state, [Status(code) for code in status], steps, change)

    def time_derivative(self, state: State, params: Params) -> State:
        """D ∇²s + R(s), `[B, *grid.shape]` per species: what is 0 in a steady state."""
        state, params = self._bind(state, params)
        return schemes.rate(self.model, self._operator, state, params, self.varying)[1]

    def stability_ratio(self, params: Params) -> np.ndarray:
        """The time step over its bound by diffusion, `[]` or `[B]`; stable up to 1."""
        self.model.check_names(params)
        largest = schemes.largest_diffusivity(
            self.model, params, self.grid, self.laplacian, self.scheme
        )
        bound = self.scheme.largest_time_step(self.grid, 1.0, self.laplacian)
        return self.time_step * largest / bound

    def check_stability(self, params: Params) -> None:
        """Raises StabilityError if the time step exceeds the stability bound."""
        ratio = float(np.max(self.stability_ratio(params)))
        if not ratio <= 1.0:
            raise StabilityError(_unstable_message(self, ratio))

    def check_uniform(self, advice: str) -> None:
        """Raises InputError if parameters vary in space."""
        if self.varying:
            raise InputError(
                f"Expected uniform parameters, got fields of "
                f"{', '.join(self.varying)}: use {advice}."
            )

    def _warn_if_unstable(self, params):
        if not self.scheme.is_explicit:
            return
        needed = self.model.diffusivities if self.model.is_plain else params
        if not all(hasattr(params[name], "numpy") for name in needed):
            return  # a symbolic tensor inside tf.function has no value yet
        ratio = float(np.max(self.stability_ratio(params)))
        if not ratio <= 1.0:
            warnings.warn(_unstable_message(self, ratio), RuntimeWarning, stacklevel=3)


def _unstable_message(simulation, ratio):
    bound, kind = simulation.time_step / ratio, simulation.laplacian
    kind = "" if kind == "second_order" else f", {kind} Laplacian"
    return (
        f"Expected a time step of at most {bound:.4g} for these diffusivities "
        f"({simulation.scheme.name}, {simulation.grid.ndim}-D{kind}), got "
        f"{simulation.time_step:g}: lower the time step or the diffusivities."
    )
