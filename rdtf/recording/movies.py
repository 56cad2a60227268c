"""Recorded runs as arrays: of a file, read where they are needed, or of memory."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

import h5py
import numpy as np

from rdtf.recording import hdf5, layout
from rdtf.recording.frames import Event, Frame, Recorder, Run
from rdtf.status import InputError, Status
from rdtf.storage import journal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Movie:
    """Frames of every sample; a context manager that closes its file, if it has one.

    Attributes:
      fields: species -> `[sample, time, *grid]`, an array or what is sliced like one.
      times, steps: float64 and int64 `[time]`.
      status: list of `Status`, per sample.
      num_frames: int64 `[sample]`; later frames repeat the last of these.
      events: list of `Event`.
      metadata: see `rdtf.recording.describe`, and what was noted besides.
    """

    fields: Mapping[str, np.ndarray | h5py.Dataset]
    times: np.ndarray
    steps: np.ndarray
    status: list[Status]
    num_frames: np.ndarray
    events: list[Event]
    metadata: dict
    close: Callable[[], None] = lambda: None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class MemoryRecorder(Recorder):
    """Keeps all frames in memory; `movie` gives them."""

    def start(self, run: Run) -> None:
        """Forgets what was before."""
        self._run, self._frames, self._samples = run, [], None

    def add(self, frame: Frame) -> None:
        """Keeps the frame."""
        self._frames.append((frame.time, frame.step, frame.fields))
        self._samples = frame.samples

    @property
    def movie(self) -> Movie:
        """Everything so far.

        Raises:
          InputError: before the first frame.
        """
        if not getattr(self, "_frames", None):
            raise InputError("Expected a run with a frame, got none: record one first.")
        times, steps, fields = zip(*self._frames, strict=True)
        stacked = {n: np.stack([f[n] for f in fields], 1) for n in self._run.species}
        return Movie(
            fields=stacked,
            times=np.array(times),
            steps=np.array(steps, np.int64),
            status=[Status(int(code)) for code in self._samples.status],
            num_frames=self._samples.num_frames,
            events=list(self._samples.events),
            metadata=self._run.metadata,
        )


def open_hdf5(path) -> Movie:
    """A recorded file, of which nothing is read but what is sliced: a context manager.

    If a kill cut a transaction short, it is finished first.

    Raises:
      InputError: if the file is none of a run, or a run is writing it.
    """
    path = pathlib.Path(path)
    hdf5.check_exists(path)
    journal.recover(path)
    try:
        file = h5py.File(path, "r")
    except BlockingIOError:
        raise InputError(
            f"Expected {path} of a run that has ended or was stopped, got one that is "
            "being written: wait."
        ) from None
    except OSError:
        raise hdf5.not_a_run(path) from None
    try:
        samples, metadata = layout.read_samples(file), layout.read_metadata(file)
        times, steps = file["times"][...], file["steps"][...]
    except (KeyError, ValueError):
        file.close()
        raise hdf5.not_a_run(path) from None
    return Movie(
        fields={name: file[name] for name in file.attrs["species"]},
        times=times,
        steps=steps,
        status=[Status(int(code)) for code in samples.status],
        num_frames=samples.num_frames,
        events=list(samples.events),
        metadata=metadata,
        close=file.close,
    )


def to_xarray(source):
    """An `xarray.Dataset` with dimensions sample, time and those of space.

    Coordinates are the times and the cell centres, in the model's units; attributes are
    the metadata, as JSON where they are no text or number. Of a file, values are read
    when they are used; close it with the data set's `close`.

    Args:
      source: the path of a recorded file, or a `Movie`.

    Raises:
      InputError: if xarray is not installed, or the file cannot be read.
    """
    try:
        import xarray
    except ImportError:
        raise InputError(
            "Expected xarray to be installed, found it missing: pip install xarray."
        ) from None
    from rdtf.recording.lazy import lazily

    movie = source if isinstance(source, Movie) else open_hdf5(source)
    grid = movie.metadata["grid"]
    axes = layout.AXES[len(grid["shape"])]
    centres = {
        axis: (np.arange(n) + 0.5) * spacing
        for axis, n, spacing in zip(axes, grid["shape"], grid["spacing"], strict=True)
    }
    dims = ("sample", "time", *axes)
    data = xarray.Dataset(
        {name: (dims, lazily(field)) for name, field in movie.fields.items()},
        {
            "sample": np.arange(len(movie.status)),
            "time": movie.times,
            "step": ("time", movie.steps),
            "status": ("sample", [status.label for status in movie.status]),
            "num_frames": ("sample", movie.num_frames),
            **centres,
        },
        {key: _attribute(value) for key, value in movie.metadata.items()},
    )
    data.set_close(movie.close)
    return data


def _attribute(value):
    """As netCDF files can hold it."""
    return value if isinstance(value, (str, int, float)) else json.dumps(value)
