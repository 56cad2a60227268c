"""HDF5 files that change by whole transactions; see `rdtf.storage.journal`."""

import contextlib
import pathlib

import h5py

from rdtf.storage import journal
from rdtf.storage.atomic_files import atomic


@contextlib.contextmanager
def create(path):
    """Yields a new HDF5 file that replaces the one at `path` if the block succeeds."""
    journal.journal_path(path).unlink(missing_ok=True)
    with atomic(path) as new, h5py.File(new, "w") as file:
        yield file


class Transactions:
    """An open file, changed by transactions; `file` is what h5py sees of it.

    Raises:
      InputError: if another process is writing the file, or its journal is damaged.
      OSError: if it is no HDF5 file.
    """

    def __init__(self, path):
        self._stream = journal.JournaledFile(pathlib.Path(path))
        try:
            self.file = h5py.File(self._stream, "r+")
        except OSError:
            self._stream.close()
            raise
        self._sound = True

    @contextlib.contextmanager
    def transaction(self, *unused: tuple[h5py.Dataset, slice]):
        """Yields the file; if the block fails, the file on disk stays as it was.

        Args:
          unused: rows of contiguous data sets to which nothing refers so far. They go
            straight to the file, and may hold anything if the block fails.
        """
        if not self._sound:
            raise OSError("an earlier write to this file failed")
        self._sound = False
        for data, rows in unused:
            start, row = data.id.get_offset(), data.id.get_storage_size() // len(data)
            self._stream.release(start + rows.start * row, start + rows.stop * row)
        yield self.file
        self.file.flush()
        self._stream.commit()
        self._sound = True

    def close(self) -> None:
        """Closes both; nothing more is committed."""
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            self.file.close()
        self._stream.close()
