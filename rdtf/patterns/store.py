"""Pattern data sets in HDF5: one file per shard, written chunk by chunk.

    u, v, ...            float32 [sample, *grid] or [sample, time, *grid]
    u_rate or u_later    the same, with pairs
    preset               int16 [sample], index into the presets of the metadata
    slot                 int32 [sample], number of the sample within its preset
    status               int8 [sample], see `rdtf.patterns.ensembles.LABELS`
    attempts, rate       int16, float32 [sample]
    statistics           float32 [sample, half and end, species, STATISTICS]
    checksum             uint32 [chunk], CRC-32 of the rows of a chunk
    written              uint8 [chunk], 1 once they are on disk
    metadata             attribute: all there is to make the file again, JSON

All space is taken when the file is made, and the layout does not depend on the order in
which chunks come; so the bytes of a file follow from its plan alone. While it grows its
name ends in .partial, and each chunk is one transaction: one that a kill cut short is
not marked, and is made again.
"""

import json
import pathlib
import zlib
from collections.abc import Iterable

import h5py
import numpy as np

import rdtf
from rdtf import storage
from rdtf.patterns import ensembles
from rdtf.patterns.ensembles import Chunk, Plan
from rdtf.recording import describe
from rdtf.status import InputError
from rdtf.storage import hdf5

_LABELS = {
    "status": np.int8,
    "attempts": np.int16,
    "rate": np.float32,
    "preset": np.int16,
    "slot": np.int32,
}


def metadata(plan: Plan) -> dict:
    """What a file says of its plan, in JSON's terms."""
    params = {name: plan.params(name) for name in plan.presets}
    own = {f: getattr(plan, f) for f in plan.__dataclass_fields__}
    run = describe(plan.simulation, {})
    run.pop("params")
    return storage.jsonable(
        own
        | run
        | {
            "params": params,
            "species": plan.simulation.model.species,
            "fields": ensembles.field_names(plan),
            "scale": 2.0 if plan.normalize else 1.0,
            "offset": -1.0 if plan.normalize else 0.0,
            "labels": ensembles.LABELS,
            "statistics": ensembles.STATISTICS,
            "rdtf_version": rdtf.__version__,
        }
    )


class Writer:
    """The file of one shard, new or gone on with.

    Args:
      path: of the finished file, .h5.
      plan: what it holds.
      chunks: numbers of the chunks of this shard.
      resume: whether to go on with what a former run left.

    Raises:
      InputError: if what it left is another plan's, or not to be read, or if another
        process is writing the file.
    """

    def __init__(self, path, plan: Plan, chunks: Iterable[int], resume: bool = False):
        self.path, self._plan, self._chunks = pathlib.Path(path), plan, list(chunks)
        self.partial = self.path.with_name(self.path.name + ".partial")
        sizes = [len(plan.place(number)[1]) for number in self._chunks]
        self._ends = np.cumsum([0, *sizes])
        self._lock = storage.hold(self.path)
        try:
            if not (resume and self.partial.exists()):
                self._create()
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self):
        """Opens what there is, and unmarks chunks that were damaged."""
        try:
            self._store = hdf5.Transactions(self.partial)
        except OSError as error:
            raise self._not_mine(error) from None
        self._file = self._store.file
        try:
            self._check()
            written, sums = (self._file[n][...] for n in ("written", "checksum"))
            for place in np.flatnonzero(written):
                written[place] = self._checksum(place) == sums[place]
            with self._store.transaction() as file:
                file["written"][...] = written
            self._written = written
        except BaseException:
            self._store.close()
            raise

    @property
    def left(self) -> list[int]:
        """Chunks that are not on disk, or were found damaged."""
        places = np.flatnonzero(self._written == 0)
        return [self._chunks[place] for place in places]

    def write(self, number: int, chunk: Chunk) -> None:
        """Writes the rows of a chunk, and then that they are there."""
        place = self._chunks.index(number)
        rows, columns = self._rows(place), _columns(self._plan, number, chunk)
        unused = [(self._file[name], rows) for name in columns]
        with self._store.transaction(*unused) as file:
            for name, values in columns.items():
                file[name][rows] = values
            file["checksum"][place] = self._checksum(place)
            file["written"][place] = 1
        self._written[place] = 1

    def close(self) -> None:
        """Leaves the file as it is; one with all its chunks takes its final name."""
        complete = not self.left
        self._store.close()
        if complete:
            self.partial.replace(self.path)
        self._lock.release()

    def _checksum(self, place):
        value, rows = 0, self._rows(place)
        for name in _names(self._plan):
            value = zlib.crc32(np.ascontiguousarray(self._file[name][rows]), value)
        return value

    def _rows(self, place):
        return slice(*self._ends[place : place + 2])

    def _create(self):
        plan, species = self._plan, len(self._plan.simulation.model.species)
        count = sum(len(plan.place(n)[1]) for n in self._chunks)
        storage.check_writable(self.path)
        with hdf5.create(self.partial) as file:
            file.attrs["metadata"] = json.dumps(metadata(plan))
            file.attrs["chunks"] = np.array(self._chunks, np.int64)
            time = (plan.frames,) if plan.frames > 1 else ()
            for name in ensembles.field_names(plan):
                _reserve(file, name, (count, *time, *plan.shape), np.float32)
            for name, kind in _LABELS.items():
                _reserve(file, name, (count,), kind)
            shape = (count, 2, species, len(ensembles.STATISTICS))
            _reserve(file, "statistics", shape, np.float32)
            for name, kind in (("checksum", np.uint32), ("written", np.uint8)):
                _reserve(file, name, (len(self._chunks),), kind)
                file[name][...] = 0

    def _check(self):
        try:
            found = json.loads(self._file.attrs["metadata"])
            chunks = list(self._file.attrs["chunks"])
        except (OSError, KeyError, ValueError) as error:
            raise self._not_mine(error) from None
        expected = metadata(self._plan)
        different = [key for key in expected if expected[key] != found.get(key)]
        if different or chunks != self._chunks:
            raise InputError(
                f"Expected the plan that {self.partial} was begun with, got another "
                f"{', '.join(different) or 'share of it'}: use the same flags, or "
                "--overwrite to start again."
            )

    def _not_mine(self, error):
        return InputError(
            f"Expected an unfinished data set in {self.partial}, got "
            f"{type(error).__name__}: remove it and start again."
        )


def _names(plan):
    return [*ensembles.field_names(plan), *_LABELS, "statistics"]


def _columns(plan, number, chunk):
    preset, slots = plan.place(number)
    return {
        **chunk.fields,
        "status": chunk.status,
        "attempts": chunk.attempts,
        "rate": chunk.rate,
        "preset": np.full(len(slots), preset, np.int16),
        "slot": np.array(slots, np.int32),
        "statistics": chunk.statistics,
    }


def _reserve(file, name, shape, kind):
    """A contiguous data set whose space is taken at once."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    file.create_dataset(name, shape, kind, dcpl=settings)
