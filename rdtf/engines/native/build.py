"""Kernels on disk: source text, written once, then compiled and cached by Numba."""

import atexit
import functools
import hashlib
import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile
import threading

from numba.core.errors import NumbaError
from sympy.printing.codeprinter import PrintMethodNotImplementedError

from rdtf import storage
from rdtf.engines.native import source
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

_HERE = pathlib.Path(__file__).parent
_loading = threading.Lock()  # another thread must not see half a module


@functools.lru_cache(maxsize=256)
def module(model: ReactionDiffusion, grid: Grid, carried: tuple[str, ...]):
    """The module with the kernels that `source.generate` writes.

    A changed model is a new module.

    Raises:
      InputError: if the reaction has a function that Numba does not know.
    """
    try:
        return _loaded("kernels", source.generate(model, grid, carried))
    except (NumbaError, PrintMethodNotImplementedError) as error:
        raise InputError(
            f"Expected a reaction of functions that Numba knows, that of {model.name} "
            "is not: use engine xla."
        ) from error


@functools.cache
def drivers():
    """The module `drivers`, from a copy beside the kernels."""
    return _loaded("drivers", (_HERE / "drivers.py").read_text(encoding="utf-8"))


def _loaded(kind, text):
    """The module of this text.

    Its name carries a digest of all that shapes the machine code but the machine, which
    Numba's own cache tells apart. That cache looks at the date of one file only, and
    would miss a change in what it imports.
    """
    sources = [p.read_text(encoding="utf-8") for p in sorted(_HERE.glob("*.py"))]
    digest = hashlib.sha256("".join([text, *sources]).encode()).hexdigest()[:16]
    name = f"rdtf_{kind}_{digest}"
    with _loading:
        if name not in sys.modules:
            _import(name, _written(f"{name}.py", text))
        return sys.modules[name]


def _written(name, text):
    path = _cache_directory() / name
    if not (path.exists() and path.read_text(encoding="utf-8") == text):
        storage.write_text(path, text)
    return path


def _import(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded  # before it runs: Numba's cache looks its functions up
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        del sys.modules[name]
        raise


@functools.cache
def _cache_directory():
    """$RDTF_CACHE_DIR, the user's cache, or a directory that ends with the process."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    wanted = os.environ.get("RDTF_CACHE_DIR") or pathlib.Path(home) / "rdtf"
    path = pathlib.Path(wanted).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        temporary = tempfile.mkdtemp(prefix="rdtf-kernels-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return pathlib.Path(temporary)
