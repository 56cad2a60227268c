"""Makes target patterns by simulation and stores them as `.npz`.

    python -m apps.generate --output=data/targets/maze.npz --preset=maze --num_samples=4

The file holds every species `[sample, *grid]`, per-sample status and steps, and the
metadata to make it again. An existing file is kept unless --overwrite is given.
"""

import pathlib

from absl import flags

from apps import common
from rdtf import files, models
from rdtf.status import InputError

common.define_simulation_flags()
flags.adopt_module_key_flags(common)
_OUTPUT = flags.DEFINE_string("output", None, "The .npz to write. Required.")
_PRESET = flags.DEFINE_string("preset", None, "A preset of the model.")
_PARAMS = flags.DEFINE_string("params", "", "Parameters that differ, as F=.03,k=.06.")
_SAMPLES = flags.DEFINE_integer("num_samples", 4, "Initial states.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the initial states.", lower_bound=0)
_INITIAL = flags.DEFINE_string("initial_condition", None, "Default: the model's own.")
_UNTIL = flags.DEFINE_enum(
    "until", "steady", ["steady", "steps"], "Stop when steady, or after --max_steps."
)
_TOLERANCE = flags.DEFINE_float("tolerance", 1e-4, "Largest change per step if steady.")
_MAX_STEPS = flags.DEFINE_integer("max_steps", 40_000, "At most.", lower_bound=1)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    del argv
    output = pathlib.Path(_OUTPUT.value)
    if output.suffix != ".npz":
        raise InputError(f"Expected --output to end in .npz, got {output}.")
    if output.exists() and not _OVERWRITE.value:
        raise InputError(f"{output} exists: add --overwrite or choose another name.")
    files.check_writable(output)
    model = models.get(flags.FLAGS.model)
    params = common.full_params(model, _PARAMS.value, _PRESET.value)
    grid = common.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import patterns

    simulation = common.simulation_from_flags(params, grid)
    simulation.check_stability(params)
    targets = make_targets(simulation, params)
    files.save_targets(output, targets)
    print(f"{output}: {patterns.summary(targets)}")


def make_targets(simulation, params):
    """Targets of the flags, with a progress bar."""
    from rdtf import patterns

    with common.progress(_MAX_STEPS.value, "simulating") as bar:
        return patterns.make(
            simulation,
            params,
            _SAMPLES.value,
            _SEED.value,
            _INITIAL.value,
            _TOLERANCE.value if _UNTIL.value == "steady" else None,
            _MAX_STEPS.value,
            bar,
        )


if __name__ == "__main__":
    flags.mark_flag_as_required("output")
    common.run(main)
