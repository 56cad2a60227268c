r"""Makes patterns by simulation: a few targets as `.npz`, or data sets as `.h5`.

    python -m apps.generate --output=data/targets/maze.npz --preset=maze --num_samples=4
    python -m apps.generate --output=data/waves.h5 --until=steps --preset=waves,maze \
        --num_samples=1024 --height=64 --width=64

An .npz holds every species, [sample, *grid], with status and number of steps per
sample. An .h5 holds --num_samples (8192 by default) patterns of each preset that did
not die out, written in chunks: --resume goes on after a kill; --shard and --num_shards,
or --ray, spread the work. Both carry the metadata to make them again. An existing file
is kept unless --overwrite is given.
"""

import pathlib

from absl import flags, logging

from rdtf import storage
from rdtf.models import parameters_text
from rdtf.status import InputError

from . import common, dataset_flags, pattern_flags, plan_flags, simulation_flags

simulation_flags.define_simulation_flags()
pattern_flags.define_pattern_flags()
pattern_flags.define_until_flag()
for module in (pattern_flags, simulation_flags, plan_flags, dataset_flags):
    flags.adopt_module_key_flags(module)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The .npz or .h5 file to write. Required."
)
_PRESET = flags.DEFINE_list(
    "preset", [], "Preset of the model; for an .h5 one or several, as waves,maze."
)
_PARAMS = flags.DEFINE_string(
    "params",
    "",
    "Parameters that differ from the preset or the defaults, as F=0.03,k=0.06.",
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")


def main(argv):
    """0, or 1 if a data set lacks samples."""
    del argv
    output = pathlib.Path(_OUTPUT.value)
    if output.suffix in (".h5", ".hdf5"):
        return make_data_set(output)
    if output.suffix != ".npz":
        raise InputError(f"Expected --output to end in .npz or .h5, got {output}.")
    if len(_PRESET.value) > 1:
        raise InputError(f"Expected one --preset for an .npz, got {_PRESET.value}.")
    common.claim(output, _OVERWRITE.value)
    model = simulation_flags.model_from_flags()
    params = parameters_text.full_params(model, _PARAMS.value, *_PRESET.value)
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import patterns

    simulation = simulation_flags.simulation_from_flags(params, grid)
    simulation.check_stability(params)
    tolerance = pattern_flags.stopping()["tolerance"]
    targets = pattern_flags.make_patterns(simulation, params, tolerance)
    storage.save_targets(output, targets)
    print(f"{output}: {patterns.summary(targets)}")
    return 0


def make_data_set(output):
    """A data set; 1 if samples had to be given up, as too many starts died out."""
    if not _PRESET.value:
        raise InputError("Expected --preset with a data set, got none.")
    model = simulation_flags.model_from_flags()
    for preset in _PRESET.value:
        parameters_text.full_params(model, _PARAMS.value, preset)
    changes = parameters_text.parse_params(_PARAMS.value)
    dataset_flags.check(output)
    common.quiet_tensorflow()
    from tqdm import tqdm

    from rdtf import patterns
    from rdtf.patterns import ensemble_report

    plan, options = plan_flags.plan(_PRESET.value, changes), dataset_flags.options()
    for line in ensemble_report.warnings(plan):
        logging.warning("%s", line)
    chunks = range(options["shard"], plan.num_chunks, options["num_shards"])
    total = sum(len(plan.place(n)[1]) for n in chunks)
    with tqdm(total=total, desc="making patterns", unit="sample", leave=False) as bar:
        path = patterns.generate(
            output, plan, **options, callback=lambda done: bar.update(done - bar.n)
        )
    rows = ensemble_report.report(patterns.read_labels(path))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    for row in rows:
        print(row.text)
    return int(any(row.dead for row in rows))


if __name__ == "__main__":
    flags.mark_flag_as_required("output")
    common.run(main)
