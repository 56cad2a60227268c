"""Files that appear in one piece, and JSON of whatever the library holds."""

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Mapping

import numpy as np

from rdtf.status import InputError


@contextlib.contextmanager
def atomic(path):
    """Yields a temporary path beside `path` that replaces it when the block succeeds.

    Raises:
      InputError: if the directory cannot be written to.
    """
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=".part-", suffix=path.suffix
        )
    except OSError as error:
        raise InputError(
            f"Expected to write {path}, got: {error.strerror}. Choose another place."
        ) from None
    os.close(handle)
    temporary = pathlib.Path(temporary)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path) -> None:
    """Raises InputError if `path` could not be written; before long work."""
    with contextlib.suppress(_Untouched), atomic(path):
        raise _Untouched


class _Untouched(Exception):
    """Leaves `atomic` without replacing the file."""


def write_text(path, text: str) -> None:
    """Writes a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value) -> None:
    """Writes JSON atomically; NaN and infinities become null."""
    write_text(path, json.dumps(jsonable(value), indent=2, allow_nan=False) + "\n")


def jsonable(value):
    """`value` in JSON's terms: arrays become lists, non-finite numbers None."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, (np.integer, np.bool_)):
        return value.item()
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
