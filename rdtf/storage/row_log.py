"""A log of rows that a long run appends to and may go on from.

JSON lines: first `{"settings": ...}`, then `{"row": 0, ...}` in any order. A run that is
killed while it writes leaves half a line, which is dropped.
"""

import json
import os
import pathlib

from rdtf import storage
from rdtf.status import InputError


def start(path, settings: dict, resume: bool) -> dict[int, dict]:
    """The rows that a log holds, by number; a new log unless `resume` finds one.

    Raises:
      InputError: if the log cannot be read, or was made with other settings.
    """
    path = pathlib.Path(path)
    settings = storage.jsonable(settings)
    rows = {}
    if resume and path.exists():
        old, rows = _read(path)
        different = [key for key in settings if settings[key] != old.get(key)]
        if different:
            raise InputError(
                f"Expected the settings that {path} was made with, got another "
                f"{', '.join(different)}: use the same flags, or --overwrite to start "
                "again."
            )
    lines = [{"settings": settings}, *(_line(n, row) for n, row in rows.items())]
    text = "".join(json.dumps(storage.jsonable(line)) + "\n" for line in lines)
    storage.write_text(path, text)
    return rows


def append(path, number: int, row: dict) -> None:
    """Adds a row to the log and waits until it is on disk."""
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(storage.jsonable(_line(number, row))) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _line(number, row):
    return {"row": number, **row}


def _read(path):
    """(settings, rows by number) of a log; a last line without its end is left out."""
    *lines, _ = path.read_text(encoding="utf-8").split("\n")
    try:
        header, *rows = [json.loads(line) for line in lines]
        return header["settings"], {row.pop("row"): row for row in rows}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"Expected a log of rows in {path}, got {type(error).__name__} "
            f"({error}): start again with --overwrite."
        ) from None
