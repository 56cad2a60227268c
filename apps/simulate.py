"""Simulates for a given time and streams the frames to an HDF5 file of any size.

    python -m apps.simulate --output=run.h5 --preset=maze --duration=5000 --every=50

Ctrl-C, or even a kill, leaves a file that can be read; the same command with --resume
goes on with it, also to a longer --duration. --stop_when=steady stops each sample once
it is steady. Read the file with `rdtf.recording.open_hdf5`, or with h5py alone.
"""

import pathlib

from absl import flags

from rdtf import names
from rdtf.models import parameters_text
from rdtf.status import InputError

from . import common, frame_flags, progress, simulation_flags

simulation_flags.define_simulation_flags()
for module in (frame_flags, simulation_flags):
    flags.adopt_module_key_flags(module)
_OUTPUT = flags.DEFINE_string("output", None, "The .h5 file to write. Required.")
_PRESET = flags.DEFINE_string(
    "preset", None, "Preset of the model whose parameters are used. Default: none."
)
_PARAMS = flags.DEFINE_string(
    "params",
    "",
    "Parameters that differ from the preset or the defaults, as F=0.03,k=0.06.",
)
_NUM_SAMPLES = flags.DEFINE_integer(
    "num_samples", 1, "Number of samples, each from its own initial state.", 1
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the initial states.", lower_bound=0)
_INITIAL = flags.DEFINE_string(
    "initial_condition",
    None,
    "Kind of initial state: noise, central_square, central_disc, discs or "
    "broken_waves. Default: the model's own.",
)
_ADAPTIVE = flags.DEFINE_bool(
    "adaptive",
    False,
    "Control the error by the length of time steps; with --scheme=tsit5 or etdrk4.",
)
_STOP = flags.DEFINE_enum(
    "stop_when",
    None,
    names.STOPPING_EVENTS,
    "Stop each sample when it is steady, or extinct: uniform. Default: never.",
)
_TOLERANCE = flags.DEFINE_float(
    "tolerance",
    1e-6,
    "Threshold of --stop_when. steady: rate of change over contrast, in 1 / time; "
    "extinct: contrast, in units of concentration.",
)
_RESUME = flags.DEFINE_bool("resume", False, "Continue the run in --output.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    del argv
    output, times = pathlib.Path(_OUTPUT.value), frame_flags.save_times()
    check(output)
    model = simulation_flags.model_from_flags()
    params = parameters_text.full_params(model, _PARAMS.value, _PRESET.value)
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
    schedule = recording.Schedule(times=times, adaptive=_ADAPTIVE.value)
    options = {"schedule": schedule, "events": events}
    try:
        with progress.interruptible("simulating", _RESUME.value) as callback:
            run(output, simulation, params, options | {"callback": callback})
    except KeyboardInterrupt:
        if output.exists():
            print(recording.summary(output))
        raise KeyboardInterrupt from None
    print(recording.summary(output))


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
            f"{output} exists: add --resume to go on with it, --overwrite to replace "
            "it, or choose another name."
        )


def run(output, simulation, params, options):
    """Records a new run, or goes on with one.

    Args:
      output: the file.
      simulation: what is stepped.
      params: of its model.
      options: the other arguments of `recording.record`, by name.
    """
    from rdtf import initial_conditions, recording

    if _RESUME.value:
        given = {
            name: flags.FLAGS[name].value
            for name in ("num_samples", "seed", "initial_condition")
            if not flags.FLAGS[name].using_default_value
        }
        recording.check_start(output, given)
        return recording.resume(output, simulation, params, **options)
    model, grid, count = simulation.model, simulation.grid, _NUM_SAMPLES.value
    kind = _INITIAL.value or model.start.kind
    state = initial_conditions.create(
        kind, model, grid, batch=count, seed=_SEED.value, params=params
    )
    start = {"initial_condition": kind, "seed": _SEED.value}
    recorder = frame_flags.recorder(output, start, _OVERWRITE.value)
    return recording.record(simulation, state, params, recorders=[recorder], **options)


if __name__ == "__main__":
    flags.mark_flags_as_required(["output", "duration", "every"])
    common.run(main)
