"""Runs an app inside the test process, with flags of its own.

Several apps define flags of the same name, which absl refuses in one process. So each
run sees only the flags of its app, and those of the process come back afterwards.
"""

import contextlib
import importlib
import os
import pathlib
import subprocess
import sys

from absl import flags
from absl.testing import flagsaver

import apps
from rdtf import storage

ROOT = pathlib.Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def loaded(name, *arguments):
    """Yields the module `apps.NAME`, freshly imported, its flags parsed."""
    before = {m for m in sys.modules if m.startswith("apps.")}
    kept_modules = {m: sys.modules.pop(m) for m in before}
    kept_flags = dict(flags.FLAGS.__dict__)
    flags.FLAGS.__dict__.clear()
    flags.FLAGS.__dict__.update(flags.FlagValues().__dict__)
    flags.FLAGS["verbosity"] = kept_flags["__flags"]["verbosity"]  # absl's own
    _forget(before)
    try:
        module = importlib.import_module(f"apps.{name}")
        flags.FLAGS([f"apps.{name}", *map(str, arguments)])
        with flagsaver.flagsaver(), _only_known_files(module):
            yield module
    finally:
        storage.release_all()  # as at the end of its process
        flags.FLAGS.__dict__.clear()
        flags.FLAGS.__dict__.update(kept_flags)
        new = [m for m in sys.modules if m.startswith("apps.")]
        for m in new:
            del sys.modules[m]
        _forget(new)
        sys.modules.update(kept_modules)


@contextlib.contextmanager
def _only_known_files(module):
    """Fails if a run leaves a file in its work directory that --overwrite would leave."""
    workdirs = getattr(module, "workdirs", None)
    if workdirs is None:
        yield
        return
    begin, before = workdirs.begin, {}

    def watched(workdir):
        begin(workdir)
        before[workdir] = {path.name for path in workdir.iterdir()} - {"run.flags"}

    workdirs.begin = watched
    yield
    storage.release_all()
    known = {*workdirs.RUN_FILES, *workdirs.RUN_DIRECTORIES}
    for workdir, old in before.items():
        unknown = {path.name for path in workdir.iterdir()} - old - known
        assert not unknown, f"add {unknown} to apps.workdirs.RUN_FILES"


def _forget(modules):
    """`from apps import x` would find the old module on the package."""
    for name in modules:
        vars(apps).pop(name.removeprefix("apps."), None)


def run(name, *arguments):
    """What the `main` of an app returns."""
    with loaded(name, *arguments) as module:
        return module.main([f"apps.{name}"])


def shell(name, *arguments):
    """The finished `python -m apps.NAME` as a user sees it."""
    return subprocess.run(
        [sys.executable, "-m", f"apps.{name}", *map(str, arguments)],
        check=False,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=300,
    )
