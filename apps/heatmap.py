"""Draws losses over one or two parameters, or among the samples of a file.

    python -m apps.heatmap --mode=targets --targets=maze.npz --loss=per_pixel
    python -m apps.heatmap --mode=landscape \\
        --axis=F=0.03:0.07:7 --axis=k=0.053:0.068:7

--mode=landscape simulates every point of the axes from the same initial states and
compares the end of each run with --targets or, without them, with the end of a run at
the true parameters. Rows are stored as they come: --resume goes on where a run was
stopped. --workdir receives pictures (.png) and numbers (.npz).
"""

import tqdm
from absl import flags

from rdtf import names, storage, viz
from rdtf.models import parameters_text
from rdtf.status import InputError

from . import common, pattern_flags, simulation_flags, workdirs

simulation_flags.define_simulation_flags()
pattern_flags.define_pattern_flags()
pattern_flags.define_until_flag()
workdirs.define_workdir_flags("heatmap")
for module in (pattern_flags, simulation_flags, workdirs):
    flags.adopt_module_key_flags(module)
_MODE = flags.DEFINE_enum(
    "mode",
    "landscape",
    names.HEATMAP_MODES,
    "What is drawn. landscape: losses over --axis; targets: losses between all pairs "
    "of samples of --targets.",
)
_LOSS = flags.DEFINE_list(
    "loss", "power_spectrum", f"One or several losses among {', '.join(names.LOSSES)}."
)
_TARGETS = flags.DEFINE_string("targets", None, "An .npz of patterns.")
_OBSERVE = flags.DEFINE_string(
    "observe", None, "The species that is compared. Default: the model's last."
)
_AXIS = flags.DEFINE_multi_string(
    "axis",
    [],
    "Axis of a landscape, as F=0.03:0.07:7 (from, to, points); once or twice.",
)
_PRESET = flags.DEFINE_string(
    "preset", None, "Preset of the model whose parameters are used. Default: none."
)
_PARAMS = flags.DEFINE_string(
    "params",
    "",
    "Parameters that differ from the preset or the defaults, as F=0.03,k=0.06.",
)
_TRUTH = flags.DEFINE_string(
    "truth", "", "True parameters of a landscape that differ from --params."
)


def main(argv):
    del argv
    workdir = workdirs.open_workdir("heatmap")
    model = simulation_flags.model_from_flags()
    observe = _OBSERVE.value or model.species[-1]
    for name in _LOSS.value:
        if name not in names.LOSSES:
            raise InputError(
                f"Expected --loss among {', '.join(names.LOSSES)}, got {name!r}."
            )
    fields, truth = read_targets(observe) if _TARGETS.value else (None, None)
    if _MODE.value == "landscape":
        landscape(workdir, model, observe, fields, truth)
    elif fields is None or flags.FLAGS.resume:
        raise InputError(
            "Expected --targets=FILE, and no --resume, with --mode=targets."
        )
    else:
        pairs(workdir, fields)


def read_targets(observe):
    """(the observed stills, their true parameters or None) of the target file."""
    targets = storage.load_targets(_TARGETS.value, observe)
    if targets.times is not None or targets.mask is not None:
        raise InputError(f"Expected stills without a mask in {_TARGETS.value}.")
    return targets.fields[observe], targets.true_params


def pairs(workdir, fields):
    """Losses of all pairs of samples."""
    common.quiet_tensorflow()
    from rdtf import analysis

    matrices = {
        name: analysis.pair_losses(analysis.sample_features(fields, name))
        for name in _LOSS.value
    }
    workdirs.begin(workdir)
    for path in analysis.write_pairs(workdir, matrices, _TARGETS.value):
        print(path)


def landscape(workdir, model, observe, target, truth):
    """Losses over the axes: rows.jsonl as they come, landscape.* at the end."""
    params = parameters_text.full_params(model, _PARAMS.value, _PRESET.value)
    axes = parameters_text.parse_axes(model, params, _AXIS.value)
    if target is None or _TRUTH.value:
        truth = params | parameters_text.parse_params(_TRUTH.value)
        model.check_bounds(truth)
    grid = simulation_flags.grid_from_flags()
    if target is not None and target.shape[1:] != grid.shape:
        shape = ",".join(map(str, target.shape[1:]))
        raise InputError(f"Expected the grid of {_TARGETS.value}: add --shape={shape}.")
    common.quiet_tensorflow()
    from rdtf import analysis, initial_conditions

    values = flags.FLAGS
    run = params if target is not None else truth
    largest = {n: max(params[n], run[n], *axes.get(n, [0.0])) for n in params}
    simulation = simulation_flags.simulation_from_flags(largest, grid)
    simulation.check_stability(largest)
    state = initial_conditions.create(
        values.initial_condition, model, grid, values.num_samples, values.seed, params
    )
    stop = pattern_flags.stopping()
    paired = target is None
    if paired:
        target = analysis.simulate_target(simulation, truth, state, observe, *stop)
    compared = (target, observe, tuple(_LOSS.value), paired)
    part = analysis.Slice(simulation, axes, params, state, *compared, *stop)
    resume = values.resume
    if not resume:
        workdirs.begin(workdir)
    with tqdm.tqdm(desc="points", total=part.num_points, leave=False) as bar:
        result = analysis.measure(
            part, workdir / "rows.jsonl", resume, lambda done: bar.update(done - bar.n)
        )
    result.save(workdir / "landscape.npz")
    picture, title = workdir / "landscape.png", f"{model.name}: loss of {observe}"
    viz.landscape(picture, result.axes, result.losses, truth, title)
    print(f"{picture}: {result.num_sick} points without a valid run")


if __name__ == "__main__":
    common.run(main)
