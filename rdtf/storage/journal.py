"""A file that changes by whole transactions, whenever a run is killed.

New bytes go to the end of the file, where nothing refers to them yet, or to places that
were said to be unused. Bytes that would replace others wait in memory, page by page.
`commit` writes these to a journal beside the file, `NAME.journal`, which appears in one
piece; then into the file; then the journal goes. So there are three cases after a kill:
no journal, and the file is as it was before the transaction; a journal, and `recover`
finishes what it says; or all was done.
"""

import contextlib
import fcntl
import io
import os
import pathlib
import struct
import sys
import zlib

from rdtf.status import InputError
from rdtf.storage import locks

_PAGE = 4096
_HEAD = struct.Struct("<8sQQI")  # magic, size of the file after it, pages, checksum
_MAGIC = b"rdtfjrn1"


def journal_path(path) -> pathlib.Path:
    """Where the journal of a file lies."""
    path = pathlib.Path(path)
    return path.with_name(path.name + ".journal")


def recover(path) -> None:
    """Finishes the transaction of a run that was killed, if there is one.

    Raises:
      InputError: if another process is writing the file, or the journal is damaged.
    """
    if journal_path(path).exists():
        with open(path, "r+b", buffering=0) as raw:
            _lock(raw, path)
            _apply(raw, path)


class JournaledFile(io.RawIOBase):
    """An existing file, opened for one writer, as h5py takes it for a file.

    Raises:
      InputError: if another process is writing the file, or its journal is damaged.
    """

    def __init__(self, path):
        super().__init__()
        self._path = pathlib.Path(path)
        self._raw = io.FileIO(path, "r+")
        try:
            _lock(self._raw, path)
            _apply(self._raw, path)
        except BaseException:
            self._raw.close()
            raise
        self._committed = self._size = os.fstat(self._raw.fileno()).st_size
        self._pages, self._position, self._error = {}, 0, None
        self._unused = []  # (first, last + 1) of whole pages

    def readable(self):
        return True

    def writable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        """As of any file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        self._position = start[whence] + offset
        return self._position

    def tell(self):
        return self._position

    def readinto(self, buffer):
        """As of any file: what was written is read, committed or not."""
        view = memoryview(buffer).cast("B")
        start = self._position
        count = max(0, min(len(view), self._size - start))
        view[:count] = _read(self._raw, start, count)
        for page in self._overlaps(start, start + count):
            low = max(start, page * _PAGE)
            high = min(start + count, page * _PAGE + len(self._pages[page]))
            offset = page * _PAGE
            if low < high:
                view[low - start : high - start] = self._pages[page][
                    low - offset : high - offset
                ]
        self._position += count
        return count

    def write(self, data):
        """New and unused bytes into the file, those that replace others into memory.

        HDF5 ignores what is raised here, so it is kept for `commit`. From then on all
        goes to memory, and HDF5 finds what it wrote until it is closed.
        """
        view = memoryview(data).cast("B")
        start, stop = self._position, self._position + len(view)
        self._size, at = max(self._size, stop), start
        for low, high in (*self._unused, (self._committed, sys.maxsize)):
            low, high = max(at, low), min(stop, high)
            if low >= high:
                continue
            self._remember(at, view[at - start : low - start])
            try:
                _write(self._raw, low, view[low - start : high - start])
            except BaseException as error:  # noqa: BLE001 - interrupts too
                self._error = self._error or error
                self._committed, self._unused = sys.maxsize, []
                self._remember(low, view[low - start : high - start])
            at = high
        self._remember(at, view[at - start :])
        self._position = stop
        return len(view)

    def release(self, start: int, stop: int) -> None:
        """Says, before any is written, that bytes are unused until the next commit.

        They may then be lost with the transaction, and need no room in memory; but for
        those that share a page with others.
        """
        low, high = -(-start // _PAGE) * _PAGE, stop // _PAGE * _PAGE
        if low < high and self._error is None:
            self._unused = sorted([*self._unused, (low, high)])

    def _remember(self, start, view):
        """Puts bytes into the pages in memory."""
        while len(view):
            page, offset = divmod(start, _PAGE)
            if page not in self._pages:
                size = min(_PAGE, self._committed - page * _PAGE)
                self._pages[page] = bytearray(_read(self._raw, page * _PAGE, size))
            count = min(len(view), _PAGE - offset)
            self._pages[page][offset : offset + count] = view[:count]
            start, view = start + count, view[count:]

    def truncate(self, size=None):
        """The size as it will be; the file itself keeps all that was committed."""
        self._size = self._position if size is None else size
        if self._error is None:
            os.ftruncate(self._raw.fileno(), max(self._size, self._committed))
        return self._size

    def commit(self) -> None:
        """Makes all that was written since the last commit take effect, or none of it.

        Raises:
          OSError: and whatever else kept a write from being done.
        """
        if self._error is not None:
            raise self._error
        os.fsync(self._raw.fileno())
        if self._pages:
            _write_journal(self._path, self._pages, self._size)
            _apply(self._raw, self._path)
            self._pages.clear()
        self._committed, self._unused = self._size, []

    def close(self):
        """Closes the file; what was not committed is forgotten."""
        if not self.closed:
            self._raw.close()
        super().close()

    def _overlaps(self, start, stop):
        pages = range(start // _PAGE, -(-stop // _PAGE))
        return [page for page in pages if page in self._pages]


def _lock(raw, path):
    try:
        fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise locks.open_elsewhere(path, "file") from None


def _write_journal(path, pages, size):
    body = b"".join(
        struct.pack("<QI", page, len(data)) + data
        for page, data in sorted(pages.items())
    )
    final = journal_path(path)
    part = final.with_name(final.name + ".part")
    with open(part, "wb") as stream:
        stream.write(_HEAD.pack(_MAGIC, size, len(pages), zlib.crc32(body)))
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, final)


def _apply(raw, path):
    """Writes the journal, if there is one, into the file; again if need be."""
    journal = journal_path(path)
    try:
        content = journal.read_bytes()
    except FileNotFoundError:
        return
    magic, size, count, checksum = _HEAD.unpack_from(content.ljust(_HEAD.size, b"\0"))
    if magic != _MAGIC or zlib.crc32(content[_HEAD.size :]) != checksum:
        raise InputError(
            f"Expected a whole journal at {journal}, got a damaged one: bring back "
            "both files from a copy."
        )
    at = _HEAD.size
    for _ in range(count):
        page, length = struct.unpack_from("<QI", content, at)
        at += 12 + length
        _write(raw, page * _PAGE, content[at - length : at])
    os.ftruncate(raw.fileno(), size)
    os.fsync(raw.fileno())
    with contextlib.suppress(FileNotFoundError):
        journal.unlink()


def _read(raw, start, count):
    raw.seek(start)
    parts = []
    while count:
        part = raw.read(count)
        if not part:  # beyond the end, where nothing was written yet
            part = bytes(count)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(raw, start, data):
    raw.seek(start)
    while len(data):
        data = data[raw.write(data) :]
