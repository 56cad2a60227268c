"""Files: atomic writes, targets, row logs, checkpoints, journals and locks."""

from rdtf import lazy
from rdtf.storage.atomic_files import (
    atomic,
    check_writable,
    jsonable,
    write_json,
    write_text,
)
from rdtf.storage.locks import hold, release_all
from rdtf.storage.targets import Targets, load_targets, read_arrays, save_targets

__all__ = [
    "Targets",
    "atomic",
    "check_writable",
    "hold",
    "jsonable",
    "load_targets",
    "read_arrays",
    "release_all",
    "save_targets",
    "write_json",
    "write_text",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
