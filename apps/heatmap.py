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

from rdtf import names, storage
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
    if _MODE.value == "landscape":
        return landscape(workdir, model, observe)
    if _TARGETS.value is None or flags.FLAGS.resume:
        raise InputError("Expected --targets=FILE, no --resume, with --mode=targets.")
    return pairs(workdir, observe)


def read_targets(observe):
    """(the observed stills, their true parameters), each None if there are none."""
    if _TARGETS.value is None:
        return None, None
    targets = storage.load_targets(_TARGETS.value, observe)
    if targets.times is not None or targets.mask is not None:
        raise InputError(f"Expected stills without a mask in {_TARGETS.value}.")
    return targets.fields[observe], targets.true_params


def pairs(workdir, observe):
    """Losses of all pairs of samples."""
    fields, _ = read_targets(observe)
    common.quiet_tensorflow()
    from rdtf import analysis

    workdirs.begin(workdir)
    for path in analysis.write_pairs(workdir, fields, _LOSS.value, _TARGETS.value):
        print(path)


def landscape(workdir, model, observe):
    """Losses over the axes: rows.jsonl as they come, then landscape.npz and .png."""
    target, truth = read_targets(observe)
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
    from rdtf import analysis

    paired, stop = target is None, pattern_flags.stopping()
    largest = analysis.largest_params(axes, params, truth if paired else params)
    simulation = simulation_flags.simulation_from_flags(largest, grid)
    simulation.check_stability(largest)
    state = pattern_flags.initial_state(model, grid, params)
    if paired:
        target = analysis.simulate_target(simulation, truth, state, observe, **stop)
    part = analysis.Slice(
        simulation=simulation,
        axes=axes,
        params=params,
        state=state,
        target=target,
        observe=observe,
        losses=tuple(_LOSS.value),
        paired=paired,
        **stop,
    )
    measure(workdir, part, truth)


def measure(workdir, part, truth):
    """Measures, writes and draws a landscape."""
    from rdtf import analysis

    resume = flags.FLAGS.resume
    if not resume:
        workdirs.begin(workdir)
    with tqdm.tqdm(desc="points", total=part.num_points, leave=False) as bar:
        result = analysis.measure(
            part, workdir / "rows.jsonl", resume, lambda done: bar.update(done - bar.n)
        )
    result.save(workdir / "landscape.npz")
    result.draw(workdir / "landscape.png", truth)
    invalid = f"{result.num_invalid} points without a valid run"
    print(f"{workdir / 'landscape.png'}: {invalid}")


if __name__ == "__main__":
    common.run(main)
