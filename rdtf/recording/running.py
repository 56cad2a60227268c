"""The loop of a recorded run: step to a save time, find events, hand on the frame."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from rdtf.recording import hdf5, metadata, stepping
from rdtf.recording.events import Watch, Watcher
from rdtf.recording.frames import Event, Frame, Recorder, Run, Samples
from rdtf.recording.plans import Schedule
from rdtf.simulation import Simulation
from rdtf.status import Status
from rdtf.types import Carry, Params, State


@dataclasses.dataclass(frozen=True, kw_only=True)
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


def record(
    simulation: Simulation,
    state: State,
    params: Params,
    schedule: Schedule,
    *,
    recorders: Sequence[Recorder] = (),
    events: Sequence[Watch] = (),
    callback: Callable[[int, int], None] | None = None,
) -> Recording:
    """Runs from save time to save time, with one frame in memory at a time.

    With fixed steps the frames are those of `Simulation.rollout`, bit for bit. A sample
    that an event stops, or that is not finite any more, keeps its last frame; the
    others go on, and the run ends when none is left. Not differentiable.

    Args:
      simulation, state, params: as for `Simulation.advance`.
      schedule: when frames are saved, and whether steps adapt.
      recorders: each is given every frame; see `Recorder`.
      events: what to look for in the frames; see `steady`, `extinct`, `threshold`.
      callback: called as callback(done, total): steps, or frames if they adapt; an
        exception in it (KeyboardInterrupt too) ends the run, and recorders finish.

    Raises:
      InputError: if times are no multiples of a fixed time step, or numbers, names or
        shapes do not fit.
    """
    loop = _Loop(simulation, params, schedule, Watcher(events), callback)
    carry = simulation.begin(state, params)
    samples = Samples.at_start(carry[0].shape[0])
    run = loop.run(carry[0].shape[0])
    return loop.drive(recorders, carry, samples, 0, run)


def resume(
    path,
    simulation: Simulation,
    params: Params,
    schedule: Schedule,
    *,
    recorders: Sequence[Recorder] = (),
    events: Sequence[Watch] = (),
    callback: Callable[[int, int], None] | None = None,
) -> Recording:
    """Goes on after the last frame of a file that an `HDF5Recorder` left.

    The file ends up as that of a run that was never interrupted, bit for bit (of its
    numbers). Later times than those first asked for make the run longer.

    Args:
      path: the file, to which the new frames are added.
      simulation, params, schedule: as they were for `record`.
      recorders: others, new ones: they are given the frames of the file first.
      events, callback: as for `record`.

    Raises:
      InputError: if the file cannot be read, is of another run, or has frames at other
        times.
    """
    loop = _Loop(simulation, params, schedule, Watcher(events), callback)
    with hdf5.Continued(path) as file:
        file.check(loop.metadata, loop.varying, loop.plan)
        carry, samples, count = file.carry(), file.samples, file.num_frames
        file.replay(recorders, loop.run(len(samples.running)))
        fields = _fields(simulation, carry)
        rates = _rates(simulation, carry, params)
        time = float(loop.plan.times[count - 1])
        loop.watcher.start(fields, rates, time, samples.events)
        return loop.drive([file.recorder, *recorders], carry, samples, count)


class _Loop:
    """What `record` and `resume` share."""

    def __init__(self, simulation, params, schedule, watcher, callback):
        self.simulation, self.params, self.watcher = simulation, params, watcher
        self.plan, self._tolerances = schedule.plan(simulation), schedule.tolerances
        total = self.plan.total

        def tell(done):
            if callback is not None:
                callback(done, total)

        self._move = stepping.create(
            simulation, params, self.plan, tell, self._tolerances
        )

    @functools.cached_property
    def metadata(self):
        return metadata.describe(self.simulation, self.params, self._tolerances)

    @functools.cached_property
    def varying(self):
        return metadata.varying_fields(self.simulation, self.params)

    def run(self, batch):
        """See `Run`."""
        return Run(
            species=self.simulation.model.species,
            grid=self.simulation.grid.shape,
            batch=batch,
            metadata=self.metadata,
            varying=self.varying,
        )

    def drive(self, recorders, carry, samples, first, run=None):
        """From frame `first` to the end; no `run` if the recorders have started."""
        try:
            if run is not None:
                for recorder in recorders:
                    recorder.start(run)
            for index in range(first, len(self.plan.times)):
                if not samples.running.any():
                    break
                frame = self._next_frame(carry, samples, index)
                carry, samples = frame.carry, frame.samples
                for recorder in recorders:
                    recorder.add(frame)
        finally:
            for recorder in recorders:
                recorder.finish()
        return Recording(
            state=tuple(carry[: len(self.simulation.model.species)]),
            status=[Status(int(code)) for code in samples.status],
            num_frames=samples.num_frames,
            num_steps=samples.num_steps,
            end_times=samples.end_times,
            events=list(samples.events),
        )

    def _next_frame(self, carry, samples, index):
        """The frame at save time `index`, from those before."""
        running, time = samples.running, float(self.plan.times[index])
        moved, failed, taken, reached = self._move(carry, index, running)
        fields = _fields(self.simulation, moved)
        finite = np.logical_and.reduce(
            [np.isfinite(f).reshape(len(f), -1).all(axis=1) for f in fields.values()]
        )
        failed = np.where(finite | (failed >= 0), failed, int(Status.NOT_FINITE))
        fresh = running & (failed < 0)
        if not fresh.all():
            moved = stepping.keep_stopped(moved, carry, fresh)
            fields = _fields(self.simulation, moved)
        steps = samples.num_steps + np.where(fresh, taken, 0)
        step = int(steps.max() if self.plan.steps is None else self.plan.steps[index])
        status, on, events = samples.status.copy(), fresh.copy(), list(samples.events)
        for sample in np.flatnonzero(running & ~fresh):
            status[sample] = failed[sample]
            kind = Status(int(failed[sample])).label
            when = float(reached[sample])
            events.append(Event(kind, int(sample), when, step, math.nan))
        rates = _rates(self.simulation, moved, self.params)
        for watch, event in self.watcher.see(fields, rates, time, step, fresh):
            events.append(event)
            on[event.sample] &= not watch.stop
            if watch.status is not None:
                status[event.sample] = int(watch.status)
        return Frame(
            index=index,
            step=step,
            time=time,
            fields=fields,
            fresh=fresh,
            carry=moved,
            samples=Samples(
                running=on,
                status=status,
                num_frames=samples.num_frames + fresh,
                num_steps=steps,
                end_times=np.where(fresh, time, samples.end_times),
                events=tuple(events),
            ),
        )


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
