"""What is where in an HDF5 file of a run.

| data set | shape | meaning |
|---|---|---|
| one per species | `[sample, time, *grid]` | the frames |
| `times`, `steps` | `[time]` | of the frames |
| `status`, `running`, `num_frames`, `num_steps`, `end_times` | `[sample]` | `Samples` |
| `events` | `[event]` | rows of kind, sample, time, step, value |
| `metadata` | | a JSON string |
| `carry/0`, ... | | what the scheme needs to go on after the last frame |
| `params/NAME` | | parameters that are fields |
"""

import json
from collections.abc import Mapping, Sequence

import h5py
import numpy as np

from rdtf import storage
from rdtf.recording.frames import Event, Frame, Run, Samples

AXES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}
_PER_SAMPLE = ("running", "status", "num_frames", "num_steps", "end_times")
NAMES = ("times", "steps", *_PER_SAMPLE, "events", "metadata", "carry", "params")
_EVENTS = np.dtype(
    [
        ("kind", h5py.string_dtype()),
        ("sample", np.int32),
        ("time", np.float64),
        ("step", np.int64),
        ("value", np.float64),
    ]
)
_CHUNK_BYTES = 2**20


def create(
    file: h5py.File,
    run: Run,
    frame: Frame,
    *,
    chunk_frames: int,
    compression: str | None,
    dtype: str,
    metadata: Mapping,
) -> None:
    """Fills a new file, with its first frame.

    Args:
      file: open, empty.
      run: what is known before the first frame.
      frame: the first.
      chunk_frames: frames that are written together.
      compression: gzip or None.
      dtype: of the frames, float64 or float32.
      metadata: noted besides that of the run.
    """
    file.attrs["chunk_frames"] = chunk_frames
    file.attrs["species"] = list(run.species)
    shape, dtype = (run.batch, 0, *run.grid), np.dtype(dtype)
    length = _storage_frames(chunk_frames, int(np.prod(run.grid)) * dtype.itemsize)
    packing = {"compression": compression, "shuffle": compression is not None}
    for name in run.species:
        data = file.create_dataset(
            name,
            shape,
            dtype,
            maxshape=(run.batch, None, *run.grid),
            chunks=(1, length, *run.grid),
            **packing,
        )
        for axis, label in enumerate(("sample", "time", *AXES[len(run.grid)])):
            data.dims[axis].label = label
    for name, kind in (("times", np.float64), ("steps", np.int64), ("events", _EVENTS)):
        file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(1024,))
    for name in _PER_SAMPLE:
        file[name] = getattr(frame.samples, name)
    for name, field in run.varying.items():
        file[f"params/{name}"] = field
    for index, part in enumerate(frame.carry):
        file[f"carry/{index}"] = part.numpy()
    file["metadata"] = json.dumps(storage.jsonable({**metadata, **run.metadata}))
    fields = {name: frame.fields[name][:, np.newaxis] for name in run.species}
    append(file, fields, [frame.time], [frame.step], frame)


def append(
    file: h5py.File,
    fields: Mapping[str, np.ndarray],
    times: Sequence[float],
    steps: Sequence[int],
    last: Frame,
) -> None:
    """Adds frames, and where the run stands after the last.

    Args:
      file: one that `create` has filled, open.
      fields: species -> `[sample, time, *grid]`.
      times: of the frames.
      steps: likewise.
      last: the last of the frames.
    """
    start = len(file["times"])
    stop = start + len(times)
    for name, field in fields.items():
        file[name].resize(stop, axis=1)
        file[name][:, start:stop] = field
    for name, values in (("times", times), ("steps", steps)):
        file[name].resize((stop,))
        file[name][start:] = values
    for name in _PER_SAMPLE:
        file[name][...] = getattr(last.samples, name)
    for index, part in enumerate(last.carry):
        file[f"carry/{index}"][...] = part.numpy()
    known, events = len(file["events"]), last.samples.events
    if len(events) > known:
        file["events"].resize((len(events),))
        file["events"][known:] = np.array(list(map(tuple, events[known:])), _EVENTS)


def read_samples(file) -> Samples:
    """Where the samples stand after the last frame."""
    found = {name: file[name][...] for name in _PER_SAMPLE}
    return Samples(**found, events=read_events(file))


def read_events(file) -> tuple[Event, ...]:
    """All events."""
    return tuple(
        Event(row["kind"].decode(), *(row[n].item() for n in _EVENTS.names[1:]))
        for row in file["events"][...]
    )


def read_metadata(file) -> dict:
    """The metadata."""
    return json.loads(file["metadata"][()])


def _storage_frames(chunk_frames, frame_bytes):
    """Frames in a piece of storage: those of a write, parted evenly into about 1 MB."""
    most = max(1, min(chunk_frames, _CHUNK_BYTES // frame_bytes))
    return max(n for n in range(1, most + 1) if chunk_frames % n == 0)
