"""One process at a time on an output file or a work directory.

Who writes holds a lock on `.NAME.lock` beside the file, or on `.lock` in the directory.
The system lets it go when the process ends, killed or not: a lock file that remains
keeps nobody off. Within a process a lock is shared, so that its threads do not
block one another.
"""

import atexit
import contextlib
import fcntl
import os
import pathlib
import threading

from rdtf.status import InputError


class Lock:
    """A path that no other process writes; made by `hold`."""

    def __init__(self, file: pathlib.Path, handle: int | None, made):
        self._file, self._handle, self._made = file, handle, made
        self._count = 0

    @property
    def is_new(self) -> bool:
        """Whether the directory of the lock file was made for its only holder."""
        return self._count == 1 and self._file.parent in self._made

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.release()

    def release(self) -> None:
        """Lets others write, once all who hold it here have released it."""
        with _guard:
            self._count -= 1
            if self._count <= 0 and _held.get(self._file) is self:
                del _held[self._file]
                self._remove()

    def _remove(self):
        """Unlocks; removes the lock file and directories made for it alone."""
        if self._handle is not None:
            # Unlinked while it is still locked: whoever opened it before sees that.
            if _is_open_file(self._handle, self._file):
                self._file.unlink(missing_ok=True)
            os.close(self._handle)
        for directory in self._made:
            with contextlib.suppress(OSError):  # it is not empty: there are results
                directory.rmdir()


_held: dict[pathlib.Path, Lock] = {}
_guard = threading.Lock()


def hold(path, other: str = "file", directory: bool = False) -> Lock:
    """Keeps other processes off `path` until `Lock.release`, or the end of this one.

    Where the system keeps no locks, or the directory cannot be written, nobody is kept
    off: who writes there will find out.

    Args:
      path: what is going to be written.
      other: what a user should choose another of, as "--output".
      directory: whether `path` is a directory, all of which is held.

    Raises:
      InputError: if another process holds it.
    """
    path = pathlib.Path(path)
    file = path.resolve()
    file = file / ".lock" if directory else file.with_name(f".{file.name}.lock")
    with _guard:
        if file not in _held:
            try:
                _held[file] = _acquire(file)
            except BlockingIOError:
                raise open_elsewhere(path, other) from None
        _held[file]._count += 1
        return _held[file]


def release_all() -> None:
    """Releases all that this process holds."""
    with _guard:
        while _held:
            _held.popitem()[1]._remove()


def open_elsewhere(path, other: str) -> InputError:
    """The error of a second process."""
    return InputError(
        f"Expected {path} for one process alone, got one that is open elsewhere: wait "
        f"until that has ended, or choose another {other}."
    )


def _acquire(file):
    handle = None
    for _ in range(10):
        made = _make(file.parent)
        try:
            handle = _lock(file)
            break
        except FileNotFoundError:  # its last holder removed the directory just now
            pass
    return Lock(file, handle, made)


def _make(directory):
    """Makes a directory; those that were not there, the innermost first."""
    missing = [d for d in (directory, *directory.parents) if not d.exists()]
    made = []
    for one in reversed(missing):
        try:
            one.mkdir()  # in one step: it tells which of two processes made it
            made.insert(0, one)
        except FileExistsError:
            pass
        except OSError:
            break
    return made


def _lock(file):
    """The open lock file, locked; None where there are no locks."""
    while True:
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            raise
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise
        except OSError:
            os.close(handle)
            file.unlink(missing_ok=True)
            return None
        if _is_open_file(handle, file):
            return handle
        os.close(handle)  # removed by its last holder: try the next one


def _is_open_file(handle, file):
    try:
        return os.path.samestat(os.fstat(handle), os.stat(file))
    except OSError:
        return False


def _forget():
    """In a forked process: the locks are its parent's."""
    global _guard
    _guard = threading.Lock()
    for lock in _held.values():
        if lock._handle is not None:
            os.close(lock._handle)
    _held.clear()


atexit.register(release_all)
os.register_at_fork(after_in_child=_forget)
