"""What a run hands out: frames, events, and where each sample stands."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from rdtf.status import Status
from rdtf.types import Carry


class Event(NamedTuple):
    """Something that happened to one sample.

    Attributes:
      kind: of the `Watch` that saw it, or the label of a `Status` that ended the
        sample.
      sample: its index.
      time: when, by linear interpolation between the frames around it; of a sample that
        failed, the end of the interval in which it did.
      step: of the frame at which it was found.
      value: what was measured at that frame; NaN of a sample that failed.
    """

    kind: str
    sample: int
    time: float
    step: int
    value: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples:
    """Where each sample of a run stands, at a frame.

    Attributes:
      running: bool `[B]`; False once it stopped: its further frames repeat its last.
      status: int32 `[B]`, codes of `Status`.
      num_frames: int64 `[B]`, frames of its own.
      num_steps: int64 `[B]`, steps taken up to the last of these.
      end_times: float64 `[B]`, the time of the last of these.
      events: so far, in the order in which they were found.
    """

    running: np.ndarray
    status: np.ndarray
    num_frames: np.ndarray
    num_steps: np.ndarray
    end_times: np.ndarray
    events: tuple[Event, ...] = ()

    @classmethod
    def at_start(cls, batch: int) -> "Samples":
        """All running, without a frame."""
        return cls(
            running=np.ones(batch, bool),
            status=np.full(batch, int(Status.NOT_CONVERGED), np.int32),
            num_frames=np.zeros(batch, np.int64),
            num_steps=np.zeros(batch, np.int64),
            end_times=np.zeros(batch),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frame:
    """A saved moment.

    Attributes:
      index: of the frame, from 0.
      step: steps taken; of adaptive runs the most that any sample took.
      time: in the model's time unit.
      fields: species -> float64 `[B, *grid]`.
      fresh: bool `[B]`, False where a stopped sample repeats its last frame.
      carry: all that the scheme needs to go on from here; None of one read from a file.
      samples: where they stand, this frame included; of one read from a file, at the
        end of the file.
    """

    index: int
    step: int
    time: float
    fields: Mapping[str, np.ndarray]
    fresh: np.ndarray
    carry: Carry | None
    samples: Samples


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What is known before the first frame.

    Attributes:
      species: names, in order.
      grid: its shape.
      batch: number of samples.
      metadata: see `rdtf.recording.describe`.
      varying: parameter -> array, of those that are fields.
    """

    species: tuple[str, ...]
    grid: tuple[int, ...]
    batch: int
    metadata: dict
    varying: Mapping[str, np.ndarray]


class Recorder(Protocol):
    """Takes the frames of a run, one at a time, in order.

    A subclass overrides what it needs: the methods here do nothing.
    """

    def start(self, run: Run) -> None:
        """Before the first frame."""

    def add(self, frame: Frame) -> None:
        """Every frame; its arrays may be kept, not changed."""

    def finish(self) -> None:
        """After the last frame, or when an exception ended the run."""
