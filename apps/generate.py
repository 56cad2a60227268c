"""Makes target patterns by simulation and stores them as `.npz`.

    python -m apps.generate --output=data/targets/maze.npz --preset=maze --num_samples=4

The file holds every species `[sample, *grid]`, per-sample status and steps, and the
metadata to make it again. An existing file is kept unless --overwrite is given.
"""

import pathlib

from absl import flags

from apps import common, simulation_flags
from rdtf import files
from rdtf.status import InputError

simulation_flags.define_simulation_flags()
common.define_pattern_flags()
common.define_until_flag()
flags.adopt_module_key_flags(common)
_OUTPUT = flags.DEFINE_string("output", None, "The .npz to write. Required.")
_PRESET = flags.DEFINE_string("preset", None, "A preset of the model.")
_PARAMS = flags.DEFINE_string("params", "", "Parameters that differ, as F=.03,k=.06.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    del argv
    output = pathlib.Path(_OUTPUT.value)
    if output.suffix != ".npz":
        raise InputError(f"Expected --output to end in .npz, got {output}.")
    if output.exists() and not _OVERWRITE.value:
        raise InputError(f"{output} exists: add --overwrite or choose another name.")
    files.check_writable(output)
    model = simulation_flags.model_from_flags()
    params = simulation_flags.full_params(model, _PARAMS.value, _PRESET.value)
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import patterns

    simulation = simulation_flags.simulation_from_flags(params, grid)
    simulation.check_stability(params)
    tolerance, _ = common.stopping()
    targets = common.make_patterns(simulation, params, tolerance)
    files.save_targets(output, targets)
    print(f"{output}: {patterns.summary(targets)}")


if __name__ == "__main__":
    flags.mark_flag_as_required("output")
    common.run(main)
