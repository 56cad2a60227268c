"""A log of rows that a long run appends to and may go on from.

JSON lines, each on disk before the next is begun; the first may be `{"settings": ...}`.
A run that is killed while it writes leaves half a line, which is dropped.
"""

import json
import os
import pathlib
from collections.abc import Callable

from rdtf.status import InputError
from rdtf.storage.atomic_files import jsonable, write_text


class RowLog:
    """A file of rows.

    Args:
      path: of it.
      settings: what the rows depend on, noted in the first line; None notes nothing.
    """

    def __init__(self, path, settings: dict | None = None):
        self.path, self._settings = pathlib.Path(path), jsonable(settings)

    def start(self, resume: bool) -> list[dict]:
        """The rows so far; a new log, without any, unless `resume` finds one.

        Raises:
          InputError: if the log cannot be read, or was made with other settings.
        """
        rows = self._read() if resume else []
        self._write(rows)
        return rows

    def start_numbered(self, resume: bool) -> dict[int, dict]:
        """As `start`, of rows that have a number `row` and may come in any order."""
        rows = self.start(resume)
        try:
            return {row.pop("row"): row for row in rows}
        except (KeyError, AttributeError) as error:
            raise self._damaged(error) from None

    def append(self, row: dict) -> None:
        """Adds a row and waits until it is on disk."""
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(jsonable(row)) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def keep(self, wanted: Callable[[dict], bool]) -> list[dict]:
        """Drops the rows that are not wanted; returns the others."""
        rows = [row for row in self._read() if wanted(row)]
        self._write(rows)
        return rows

    def _write(self, rows):
        header = [] if self._settings is None else [{"settings": self._settings}]
        lines = [json.dumps(jsonable(line)) + "\n" for line in (*header, *rows)]
        write_text(self.path, "".join(lines))

    def _read(self):
        """The rows in the file; a last line without its end is left out."""
        if not self.path.exists():
            return []
        try:
            *lines, _ = self.path.read_text(encoding="utf-8").split("\n")
            rows = [json.loads(line) for line in lines]
            if self._settings is None:
                return rows
            old = rows.pop(0)["settings"]
            different = [
                k for k, value in self._settings.items() if value != old.get(k)
            ]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise self._damaged(error) from None
        if different:
            raise InputError(
                f"Expected the settings that {self.path} was made with, got another "
                f"{', '.join(different)}: use the same flags, or --overwrite to start "
                "again."
            )
        return rows

    def _damaged(self, error):
        return InputError(
            f"Expected a log of rows in {self.path}, got {type(error).__name__} "
            f"({error}): start again with --overwrite."
        )
