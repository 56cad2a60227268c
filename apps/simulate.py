"""Simulates for a given time and streams the frames to an HDF5 file of any size.

    python -m apps.simulate --output=run.h5 --preset=maze --duration=5000 --every=50

Ctrl-C, or even a kill, leaves a file that can be read; the same command with --resume
goes on with it, also to a longer --duration. --stop_when=steady stops each sample where
it settles. Read it with `rdtf.recording.open_hdf5`, or with h5py alone.
"""

import contextlib
import pathlib
import signal

import numpy as np
from absl import flags

from rdtf.status import InputError, Status

from . import common, simulation_flags

simulation_flags.define_simulation_flags()
flags.adopt_module_key_flags(simulation_flags)
_OUTPUT = flags.DEFINE_string("output", None, "The .h5 to write. Required.")
_PRESET = flags.DEFINE_string("preset", None, "A preset of the model.")
_PARAMS = flags.DEFINE_string("params", "", "Parameters that differ, as F=.03,k=.06.")
_DURATION = flags.DEFINE_float("duration", None, "In the model's time unit. Required.")
_EVERY = flags.DEFINE_float("every", None, "Time between frames. Required.")
_NUM_SAMPLES = flags.DEFINE_integer("num_samples", 1, "Initial states.", 1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the initial states.", lower_bound=0)
_INITIAL = flags.DEFINE_string("initial_condition", None, "Default: the model's own.")
_ADAPTIVE = flags.DEFINE_bool(
    "adaptive", False, "Steps as long as the error allows, by --scheme=tsit5 or etdrk4."
)
_STOP = flags.DEFINE_enum(
    "stop_when", None, ["steady", "extinct"], "Stops each sample where it is so."
)
_TOLERANCE = flags.DEFINE_float(
    "tolerance",
    1e-6,
    "Of steady: rate of change over contrast, 1 / time; of extinct: contrast.",
)
_CHUNK = flags.DEFINE_integer("chunk_frames", 16, "Frames written together.", 1)
_FLOAT32 = flags.DEFINE_bool("float32", False, "Stores frames in half the space.")
_COMPRESS = flags.DEFINE_bool("compress", True, "Compresses the frames.")
_RESUME = flags.DEFINE_bool("resume", False, "Go on with the run in --output.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    del argv
    output, times = pathlib.Path(_OUTPUT.value), save_times()
    check(output)
    model = simulation_flags.model_from_flags()
    params = simulation_flags.full_params(model, _PARAMS.value, _PRESET.value)
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import recording

    simulation = simulation_flags.simulation_from_flags(params, grid)
    if not _ADAPTIVE.value:
        simulation.check_stability(params)
    events = []
    if _STOP.value:
        watch = getattr(recording, _STOP.value)
        events.append(watch(_TOLERANCE.value, stop=True))
    options = {"times": times, "events": events, "adaptive": _ADAPTIVE.value}
    try:
        with progress() as callback:
            run(output, simulation, params, options | {"callback": callback})
    except KeyboardInterrupt:
        if output.exists():
            print(summary(output))
        raise KeyboardInterrupt from None
    print(summary(output))


def save_times():
    """0, every, 2 every, ..., duration."""
    duration, every = _DURATION.value, _EVERY.value
    if not (np.isfinite(duration) and duration >= 0.0):
        raise InputError(f"Expected --duration of at least 0, got {duration:g}.")
    if not (np.isfinite(every) and every > 0.0):
        raise InputError(f"Expected --every above 0, got {every:g}.")
    count = round(duration / every)
    if abs(duration / every - count) > 1e-9 * max(count, 1):
        raise InputError(
            f"Expected --duration as a multiple of --every, got {duration:g} and "
            f"{every:g}: take {count * every:g}."
        )
    return every * np.arange(count + 1)


def check(output):
    """Refuses what cannot be written, before anything slow."""
    if output.suffix not in (".h5", ".hdf5"):
        raise InputError(f"Expected --output to end in .h5, got {output}.")
    if _RESUME.value and _OVERWRITE.value:
        raise InputError("Expected one of --resume and --overwrite, got both.")
    common.claim(output)
    if _RESUME.value and not output.exists():
        raise InputError(f"Expected a run in {output} to resume, found none.")
    if output.exists() and not (_RESUME.value or _OVERWRITE.value):
        raise InputError(
            f"{output} exists: add --resume to go on with it, --overwrite to replace it, "
            "or choose another name."
        )


def run(output, simulation, params, options):
    """Records a new run, or goes on with one."""
    from rdtf import initial_conditions, recording

    if _RESUME.value:
        check_start(output)
        return recording.resume(output, simulation, params, **options)
    model, grid, count = simulation.model, simulation.grid, _NUM_SAMPLES.value
    kind = _INITIAL.value or model.start.kind
    state = initial_conditions.create(kind, model, grid, count, _SEED.value, params)
    recorder = recording.HDF5Recorder(
        output,
        _CHUNK.value,
        "gzip" if _COMPRESS.value else None,
        "float32" if _FLOAT32.value else "float64",
        {"initial_condition": kind, "seed": _SEED.value},
        _OVERWRITE.value,
    )
    return recording.record(simulation, state, params, recorders=[recorder], **options)


def check_start(output):
    """Refuses --resume with another start than that of the run, if it is given."""
    from rdtf import recording

    with recording.open_hdf5(output) as movie:
        found = movie.metadata | {"num_samples": len(movie.status)}
    for name in ("num_samples", "seed", "initial_condition"):
        flag = flags.FLAGS[name]
        if not flag.using_default_value and flag.value != found.get(name):
            raise InputError(
                f"Expected the --{name} of the run to resume, {found.get(name)}, got "
                f"{flag.value}: leave it out, or start a new run."
            )


@contextlib.contextmanager
def progress():
    """A bar with the time left, as a callback(done, total) at which Ctrl-C takes effect.

    Anywhere else it could hit a write half done, and lose the frames of one.
    """
    from tqdm import tqdm

    stopped = []

    def stop(*_):
        signal.signal(signal.SIGINT, before)  # a second one does not wait
        stopped.append(True)

    with tqdm(desc="simulating", leave=False, mininterval=0.5) as bar:

        def update(done, total):
            if bar.total is None:
                bar.reset(total)
                bar.initial = done * _RESUME.value
            bar.update(done - bar.n)
            if stopped:
                raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield update
        finally:
            signal.signal(signal.SIGINT, before)


def summary(output):
    """One line: how far, how the samples stand, what happened, how large the file is."""
    from rdtf import recording

    with recording.open_hdf5(output) as movie:
        count, end = len(movie.times), movie.times[-1]
        states = [(s, movie.status.count(s)) for s in Status]
        kinds = [event.kind for event in movie.events]
    parts = [f"{n} {status.label}" for status, n in states if n]
    frames = f"{count} frame{'s' * (count != 1)} up to time {end:g}"
    seen = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    told = f"events: {', '.join(seen)}" if seen else "no events"
    size = output.stat().st_size / 1e6
    return f"{output}: {', '.join(parts)}; {frames}; {told}; {size:.2f} MB"


if __name__ == "__main__":
    flags.mark_flags_as_required(["output", "duration", "every"])
    common.run(main)
