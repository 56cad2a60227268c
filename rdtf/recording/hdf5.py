"""Runs of any length as HDF5: written while they run, continued after a kill.

Frames are gathered in memory and written `chunk_frames` at a time. Each time is one
transaction (see `journal`): frames, times, events and the scheme's memory change
together, or none of them does.
"""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rdtf import storage
from rdtf.engines import arguments
from rdtf.recording import layout, metadata
from rdtf.recording.frames import Frame, Recorder, Run
from rdtf.recording.plans import Plan
from rdtf.status import InputError
from rdtf.storage import hdf5
from rdtf.types import Carry


class HDF5Recorder(Recorder):
    """Writes a run to a file; for what is in it see `rdtf.recording.layout`.

    Args:
      path: the file; it appears with the first frame.
      chunk_frames: frames that are gathered in memory and written together.
      compression: gzip, or None: larger and faster.
      dtype: float64, or float32, which halves the file. Either can be resumed exactly.
      metadata: what else to note, in terms of JSON.
      overwrite: whether an existing file is replaced.

    Raises:
      InputError: if there is such a file, or none can be written.
    """

    def __init__(
        self,
        path,
        chunk_frames: int = 16,
        compression: str | None = "gzip",
        dtype: str = "float64",
        metadata: Mapping | None = None,
        overwrite: bool = False,
    ):
        self._path = pathlib.Path(path)
        self._chunk = arguments.count("chunk_frames", chunk_frames, 1)
        if compression not in ("gzip", None):
            raise InputError(f"Expected compression gzip or None, got {compression!r}.")
        if dtype not in ("float64", "float32"):
            raise InputError(f"Expected dtype float64 or float32, got {dtype!r}.")
        if self._path.exists() and not overwrite:
            raise InputError(
                f"Expected a new file, but {path} exists: resume it, choose another "
                "name, or overwrite=True."
            )
        storage.check_writable(self._path)
        self._form = {
            "chunk_frames": self._chunk,
            "compression": compression,
            "dtype": dtype,
            "metadata": dict(metadata or {}),
        }
        self._store = self._run = self._last = None
        self._times, self._steps, self._fields = [], [], {}

    @property
    def num_buffered(self) -> int:
        """Frames in memory that are not in the file yet."""
        return len(self._times)

    def start(self, run: Run) -> None:
        """Takes note of what is to be written beside the frames.

        Raises:
          InputError: if a species has the name of another data set.
        """
        for name in {*run.species} & {*layout.NAMES}:
            raise InputError(
                f"Expected a name that is free in the file for the species {name}: "
                "rename it in the model."
            )
        self._run = run

    def add(self, frame: Frame) -> None:
        """Gathers the frame; writes the first at once, then `chunk_frames` together."""
        if self._store is None:
            self._create(frame)
            return
        column = len(self._times)
        for name, field in frame.fields.items():
            if name not in self._fields:
                shape = (len(field), self._chunk, *field.shape[1:])
                self._fields[name] = np.empty(shape)
            self._fields[name][:, column] = field
        self._last = frame
        self._steps.append(frame.step)
        self._times.append(frame.time)
        if (frame.index + 1) % self._chunk == 0:
            self._write()

    def finish(self) -> None:
        """Writes what was gathered, and closes the file."""
        if self._store is not None:
            try:
                if self._times:
                    self._write()
            finally:
                self._store.close()

    def _create(self, frame):
        with hdf5.create(self._path) as file:
            layout.create(file, self._run, frame, **self._form)
        self._store = hdf5.Transactions(self._path)

    def _write(self):
        fields = {n: f[:, : len(self._times)] for n, f in self._fields.items()}
        times, steps = self._times, self._steps
        self._times, self._steps = [], []  # if writing fails, it is not tried again
        with self._store.transaction() as file:
            layout.append(file, fields, times, steps, self._last)

    @classmethod
    def _continuing(cls, path, store):
        """A recorder that adds to an open file."""
        recorder = cls.__new__(cls)
        recorder._path, recorder._store = path, store
        recorder._chunk = int(store.file.attrs["chunk_frames"])
        recorder._times, recorder._steps, recorder._fields = [], [], {}
        return recorder


class Continued:
    """An existing file of a run that is to go on; a context manager.

    Raises:
      InputError: if it is none, or is being written.
    """

    def __init__(self, path):
        self._path = pathlib.Path(path)
        check_exists(self._path)
        try:
            self._store = hdf5.Transactions(self._path)
        except OSError:
            raise not_a_run(path) from None
        try:
            self._file = self._store.file
            self.samples = layout.read_samples(self._file)
            self.num_frames = len(self._file["times"])
            self.recorder = HDF5Recorder._continuing(self._path, self._store)
        except (KeyError, ValueError):
            self._store.close()
            raise not_a_run(path) from None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._store.close()

    def check(self, described: dict, varying: Mapping, plan: Plan) -> None:
        """Raises InputError if the file is of another run, or of other save times."""
        found = layout.read_metadata(self._file)
        kept = {name: self._file[f"params/{name}"][...] for name in varying}
        metadata.check_same(self._path, found, kept, described, varying)
        count, planned = self.num_frames, plan.times
        if not np.array_equal(self._file["times"][...], planned[:count]):
            raise InputError(
                f"Expected save times that begin with those of the {count} frames in "
                f"{self._path}, up to {self._file['times'][-1]:g}, got others: give "
                "the same again, or later ones after them."
            )

    def carry(self) -> Carry:
        """What the scheme needs to go on."""
        group = self._file["carry"]
        return tuple(tf.constant(group[str(i)][...]) for i in range(len(group)))

    def replay(self, recorders: Sequence[Recorder], run: Run) -> None:
        """Gives the frames of the file to new recorders."""
        for recorder in recorders:
            recorder.start(run)
        if not recorders:
            return
        if self._file[run.species[0]].dtype != np.float64:
            raise InputError(
                f"Expected float64 frames in {self._path} for the other recorders, got "
                "float32: resume without them."
            )
        times, steps = self._file["times"][...], self._file["steps"][...]
        chunk = int(self._file.attrs["chunk_frames"])
        for first in range(0, len(times), chunk):
            block = {n: self._file[n][:, first : first + chunk] for n in run.species}
            for index in range(first, min(first + chunk, len(times))):
                frame = Frame(
                    index=index,
                    step=int(steps[index]),
                    time=float(times[index]),
                    fields={n: f[:, index - first] for n, f in block.items()},
                    fresh=index < self.samples.num_frames,
                    carry=None,
                    samples=self.samples,
                )
                for recorder in recorders:
                    recorder.add(frame)


def check_exists(path) -> None:
    """Raises InputError if there is no file."""
    if not pathlib.Path(path).is_file():
        raise InputError(
            f"Expected an HDF5 file of a run at {path}, found none: record one with "
            "`rdtf.recording.HDF5Recorder` or `python -m rdtf simulate`."
        )


def not_a_run(path) -> InputError:
    """The error of a file that holds something else."""
    return InputError(
        f"Expected an HDF5 file of a recorded run at {path}, got another file: give "
        "the path of one, or record into a new file."
    )
