"""The loop of a recorded run: step to a save time, look for events, hand on the frame."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from rdtf.recording import hdf5, metadata, plans, stepping
from rdtf.recording.events import Watch, Watcher
from rdtf.recording.frames import Event, Frame, Recorder, Run, Samples
from rdtf.simulation import Simulation
from rdtf.status import Status
from rdtf.types import Carry, Params, State


@dataclasses.dataclass(frozen=True)
class Recording:
    """The end of a recorded run.

    Attributes:
      state: the final state, `[B, *grid]` per species; of a stopped sample, where it
        stopped; of one that failed, its last good frame.
      status: per sample: CONVERGED if it was `steady`, NOT_FINITE, else NOT_CONVERGED.
      num_frames, num_steps: int64 `[B]`, up to the last frame of its own.
      end_times: float64 `[B]`, the time of that frame.
      events: list of `Event`.
    """

    state: State
    status: list[Status]
    num_frames: np.ndarray
    num_steps: np.ndarray
    end_times: np.ndarray
    events: list[Event]


@dataclasses.dataclass(frozen=True)
class _Setup:
    """What `record` and `resume` share."""

    simulation: Simulation
    params: Params
    plan: plans.Plan
    tolerances: tuple[float, float] | None
    tell: Callable[[int], None]

    @functools.cached_property
    def metadata(self):
        return metadata.describe(self.simulation, self.params, self.tolerances)

    @functools.cached_property
    def varying(self):
        return metadata.varying_fields(self.simulation, self.params)

    def run(self, batch):
        """See `Run`."""
        species, shape = self.simulation.model.species, self.simulation.grid.shape
        return Run(species, shape, batch, self.metadata, self.varying)


def record(
    simulation: Simulation,
    state: State,
    params: Params,
    *,
    times=None,
    num_steps: int | None = None,
    every: int = 1,
    recorders: Sequence[Recorder] = (),
    events: Sequence[Watch] = (),
    adaptive: bool = False,
    relative_tolerance: float = 1e-6,
    absolute_tolerance: float = 1e-8,
    callback: Callable[[int, int], None] | None = None,
) -> Recording:
    """Runs from save time to save time, with one frame in memory at a time.

    With fixed steps the frames are those of `Simulation.rollout`, bit for bit. A sample
    that an event stops, or that is not finite any more, keeps its last frame; the others
    go on, and the run ends when none is left. Not differentiable.

    Args:
      simulation, state, params: as for `Simulation.advance`.
      times: when frames are saved, from 0, in the model's time unit; or
      num_steps, every: at steps 0, every, 2 every, ... up to num_steps.
      recorders: each is given every frame; see `Recorder`.
      events: what to look for in the frames; see `steady`, `extinct`, `threshold`.
      adaptive: whether steps are as long as tolerances allow (`Simulation.integrate`;
        tsit5 and etdrk4 can), so that any times will do.
      relative_tolerance, absolute_tolerance: of adaptive steps.
      callback: called as callback(done, total): steps, or frames if they adapt; an
        exception in it (KeyboardInterrupt too) ends the run, and recorders finish.

    Raises:
      InputError: if times are no multiples of a fixed time step, or numbers, names or
        shapes do not fit.
    """
    tolerances = (relative_tolerance, absolute_tolerance) if adaptive else None
    setup = _set_up(simulation, params, (times, num_steps, every), tolerances, callback)
    watcher = Watcher(events)
    carry = simulation.begin(state, params)
    samples = Samples.at_start(carry[0].shape[0])
    run = setup.run(carry[0].shape[0])
    return _drive(setup, recorders, watcher, carry, samples, 0, run)


def resume(
    path,
    simulation: Simulation,
    params: Params,
    *,
    times=None,
    num_steps: int | None = None,
    every: int = 1,
    recorders: Sequence[Recorder] = (),
    events: Sequence[Watch] = (),
    adaptive: bool = False,
    relative_tolerance: float = 1e-6,
    absolute_tolerance: float = 1e-8,
    callback: Callable[[int, int], None] | None = None,
) -> Recording:
    """Goes on after the last frame of a file that an `HDF5Recorder` left.

    The file ends up as that of a run that was never interrupted, bit for bit (of its
    numbers). Later times than those first asked for make the run longer.

    Args:
      path: the file, to which the new frames are added.
      recorders: others, new ones: they are given the frames of the file first.
      simulation, params, times, num_steps, every: as they were for `record`.
      events, adaptive, relative_tolerance, absolute_tolerance, callback: likewise.

    Raises:
      InputError: if the file cannot be read, is of another run, or has frames at other
        times.
    """
    tolerances = (relative_tolerance, absolute_tolerance) if adaptive else None
    setup = _set_up(simulation, params, (times, num_steps, every), tolerances, callback)
    with hdf5.Continued(path) as file:
        file.check(setup.metadata, setup.varying, setup.plan)
        carry, samples, count = file.carry(), file.samples, file.num_frames
        file.replay(recorders, setup.run(len(samples.running)))
        watcher = Watcher(events, samples.events)
        fields = _fields(simulation, carry)
        rates = _rates(simulation, carry, params)
        watcher.start(fields, rates, float(setup.plan.times[count - 1]))
        recorders = [file.recorder, *recorders]
        return _drive(setup, recorders, watcher, carry, samples, count, None)


def _set_up(simulation, params, when, tolerances, callback):
    plan = plans.make(simulation, *when, adaptive=tolerances is not None)

    def tell(done):
        if callback is not None:
            callback(done, plan.total)

    return _Setup(simulation, params, plan, tolerances, tell)


def _drive(setup, recorders, watcher, carry, samples, first, run):
    """From frame `first` to the end; `run` is None if the recorders have started."""
    simulation, plan = setup.simulation, setup.plan
    rest = (simulation, setup.params, plan)
    if setup.tolerances is None:
        move = stepping.Fixed(*rest, setup.tell)
    else:
        move = stepping.Adaptive(*rest, setup.tolerances, setup.tell)
    try:
        if run is not None:
            for recorder in recorders:
                recorder.start(run)
        for index in range(first, len(plan.times)):
            if not samples.running.any():
                break
            carry, frame = _next_frame(setup, move, watcher, carry, samples, index)
            samples = frame.samples
            for recorder in recorders:
                recorder.add(frame)
    finally:
        for recorder in recorders:
            recorder.finish()
    return Recording(
        tuple(carry[: len(simulation.model.species)]),
        [Status(int(code)) for code in samples.status],
        *(samples.num_frames, samples.num_steps, samples.end_times),
        list(samples.events),
    )


def _next_frame(setup, move, watcher, carry, samples, index):
    """(carry, frame) at save time `index`, from those before."""
    simulation, plan = setup.simulation, setup.plan
    running, time = samples.running, float(plan.times[index])
    moved, failed, taken, reached = move(carry, index, running)
    fields = _fields(simulation, moved)
    finite = np.logical_and.reduce(
        [np.isfinite(f).reshape(len(f), -1).all(axis=1) for f in fields.values()]
    )
    failed = np.where(finite | (failed >= 0), failed, int(Status.NOT_FINITE))
    fresh = running & (failed < 0)
    if not fresh.all():
        moved = stepping.keep_stopped(moved, carry, fresh)
        fields = _fields(simulation, moved)
    steps = samples.num_steps + np.where(fresh, taken, 0)
    step = int(steps.max() if plan.steps is None else plan.steps[index])
    status, on, events = samples.status.copy(), fresh.copy(), list(samples.events)
    for sample in np.flatnonzero(running & ~fresh):
        status[sample] = failed[sample]
        kind = Status(int(failed[sample])).label
        events.append(Event(kind, int(sample), float(reached[sample]), step, math.nan))
    rates = _rates(simulation, moved, setup.params)
    for watch, event in watcher.see(fields, rates, time, step, fresh):
        events.append(event)
        on[event.sample] &= not watch.stop
        if watch.status is not None:
            status[event.sample] = int(watch.status)
    samples = Samples(
        on,
        status,
        samples.num_frames + fresh,
        steps,
        np.where(fresh, time, samples.end_times),
        tuple(events),
    )
    return moved, Frame(index, step, time, fields, fresh, moved, samples)


def _fields(simulation, carry: Carry):
    species = simulation.model.species
    return {n: f.numpy() for n, f in zip(species, carry[: len(species)], strict=True)}


def _rates(simulation, carry, params):
    """A function that gives ∂s/∂t by species, worked out when it is first asked for."""
    count = len(simulation.model.species)

    @functools.cache
    def rates():
        rate = simulation.time_derivative(tuple(carry[:count]), params)
        return _fields(simulation, rate)

    return rates
