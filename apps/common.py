"""Flags of patterns, and how every app starts, shows progress and fails.

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

LOSSES = (
    "per_pixel",
    "power_spectrum",
    "windowed_power_spectrum",
    "radial_spectrum",
    "field_statistics",
)


def define_pattern_flags() -> None:
    """--num_samples, --seed, --initial_condition, --tolerance, --max_steps."""
    flags.DEFINE_integer("num_samples", 4, "Initial states.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Of every random choice.", lower_bound=0)
    flags.DEFINE_string("initial_condition", None, "Default: the model's own.")
    flags.DEFINE_float("tolerance", 1e-4, "Largest change per step if steady.")
    flags.DEFINE_integer("max_steps", 40_000, "Of a run, at most.", lower_bound=1)


def define_until_flag() -> None:
    """--until."""
    flags.DEFINE_enum(
        "until", "steady", ["steady", "steps"], "Stop when steady, or at --max_steps."
    )


def stopping():
    """(tolerance or None, max_steps) of the pattern and until flags."""
    values = flags.FLAGS
    tolerance = values.tolerance if values.until == "steady" else None
    return tolerance, values.max_steps


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
      InputError: if another process has it, it cannot be written, or it is there and may
        not be replaced.
    """
    storage.hold(path, flag)
    if not overwrite and pathlib.Path(path).exists():
        raise InputError(f"{path} exists: add --overwrite or choose another name.")
    storage.check_writable(path)


def dated(app_name: str, ending: str = "") -> pathlib.Path:
    """runs/APP-DATE-TIME, held: a file of that ending, or a directory if there is none.

    Runs of the same second do not share one: the later ones have a number in their name.
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


def make_patterns(simulation, params, tolerance):
    """The patterns that the flags ask for, made with a progress bar."""
    from rdtf import patterns

    values = flags.FLAGS
    with progress(values.max_steps, "making patterns") as bar:
        return patterns.make(
            simulation,
            params,
            values.num_samples,
            values.seed,
            values.initial_condition,
            tolerance,
            values.max_steps,
            bar,
        )


@contextlib.contextmanager
def progress(total: int, label: str):
    """A progress bar as a callback(steps so far, samples still running)."""
    from tqdm import tqdm

    with tqdm(
        total=total, desc=label, unit="step", leave=False, mininterval=0.5
    ) as bar:

        def update(done, running):
            bar.set_postfix_str(f"{running} running", refresh=False)
            bar.update(done - bar.n)

        yield update


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

    flags.FLAGS.set_default("verbosity", logging.INFO)
    app.run(guarded, flags_parser=_parse)


def _parse(args):
    try:
        return flags.FLAGS(args)
    except flags.Error as error:
        if isinstance(error.__context__, InputError):
            _fail(str(error.__context__), 2)
        _fail(f"{' '.join(str(error).split())} See --help.", 2)


def _fail(message, code):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
