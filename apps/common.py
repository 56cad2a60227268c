"""How every app starts and fails.

Nothing here imports TensorFlow before the flags are known to be good.
"""

import contextlib
import itertools
import os
import pathlib
import sys
import time

from absl import app, flags, logging

from rdtf import storage
from rdtf.status import InputError

from . import help_pages


def quiet_tensorflow() -> None:
    """Imports TensorFlow without its start-up notes, which no setting turns off."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    sys.stderr.flush()
    console = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        import tensorflow as tf

        tf.config.list_logical_devices()
    finally:
        os.dup2(console, 2)
        os.close(console)
        os.close(silence)


def claim(path, overwrite: bool = True, flag: str = "--output") -> None:
    """Keeps an output file for this process alone; before long work.

    Raises:
      InputError: if another process has it, it cannot be written, or it exists and
        may not be replaced.
    """
    storage.hold(path, flag)
    if not overwrite and pathlib.Path(path).exists():
        raise InputError(f"{path} exists: add --overwrite or choose another name.")
    storage.check_writable(path)


def dated(app_name: str, ending: str = "") -> pathlib.Path:
    """runs/APP-DATE-TIME, held: a file of that ending, or a directory without one.

    Runs of the same second do not share one: the later names end in a number.
    """
    stem = time.strftime(f"runs/{app_name}-%Y%m%d-%H%M%S")
    for count in itertools.count(1):
        path = pathlib.Path(f"{stem}-{count}{ending}" if count > 1 else stem + ending)
        try:
            lock = storage.hold(path, directory=not ending)
        except InputError:
            continue
        if lock.is_new or not path.exists():
            return path
        lock.release()


def check_channel(channel: int, count: int) -> None:
    """Raises InputError unless --plot_channel is one of so many species."""
    if not -count <= channel < count:
        raise InputError(f"Expected --plot_channel below {count}, got {channel}.")


def run(main) -> None:
    """Runs an app: bad input is one line and exit code 2, a fault of the disk 1."""

    def guarded(argv):
        if len(argv) > 1:
            _fail(f"Expected flags only, got {argv[1]!r}: write --NAME=VALUE.", 2)
        try:
            return main(argv)
        except InputError as error:
            _fail(str(error), 2)
        except OSError as error:
            _fail(f"{error.strerror or error}: {error.filename or ''}", 1)
        except KeyboardInterrupt:
            _fail("Stopped by hand.", 130)

    program = sys.modules["__main__"]
    if sys.argv[0].startswith("rdtf "):  # so --help shows what the user called
        program.__doc__ = program.__doc__.replace("python -m apps.", "rdtf ")
    flags.FLAGS.set_default("verbosity", logging.INFO)
    app.run(guarded, flags_parser=_parse)


def _parse(args):
    if {"--help", "-help", "-h"} & set(args[1:]):
        with contextlib.suppress(BrokenPipeError):  # of --help | head
            print(help_pages.text(), flush=True)
        sys.exit(0)
    try:
        return flags.FLAGS(args)
    except flags.Error as error:
        if isinstance(error.__context__, InputError):
            _fail(str(error.__context__), 2)
        _fail(f"{' '.join(str(error).split())} See --help.", 2)


def _fail(message, code):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
