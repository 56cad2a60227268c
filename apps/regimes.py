"""Maps the regime in which patterns end, over two parameters of any model.

    python -m apps.regimes --workdir=runs/map --axis=F=0:0.12:64 \\
        --axis=k=0.03:0.075:64 --shape=64,64 --max_steps=20000

The first axis is drawn upwards. Every point starts from the same initial state. Blocks
of points are stored as they come (blocks.jsonl): --resume goes on where a run was
stopped. Results in --workdir are regimes.png, regimes.npz (labels and evidence) and
regimes.json (counts, settings, checks). The rules of the classification are in
rdtf/analysis/regimes/classification.py.
"""

import tqdm
from absl import flags

from rdtf import models, storage
from rdtf.models import parameters_text
from rdtf.viz import regimes as pictures

from . import common, simulation_flags, workdirs

simulation_flags.define_simulation_flags()
workdirs.define_workdir_flags("regimes")
for module in (simulation_flags, workdirs):
    flags.adopt_module_key_flags(module)
_AXIS = flags.DEFINE_multi_string(
    "axis", [], "Axis of the map, as F=0:0.12:64 (from, to, points); give two."
)
_PRESET = flags.DEFINE_string(
    "preset", None, "Preset of the model whose parameters are used. Default: none."
)
_PARAMS = flags.DEFINE_string(
    "params",
    "",
    "Parameters that differ from the preset or the defaults, as Du=0.2,Dv=0.1.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the initial state.", lower_bound=0)
_START = flags.DEFINE_string(
    "initial_condition",
    None,
    "Kind of initial state: noise, central_square, central_disc, discs or "
    "broken_waves. Default: the model's own.",
)
_STEPS = flags.DEFINE_integer(
    "max_steps", 20_000, "Time steps of every point.", lower_bound=64
)
_EVERY = flags.DEFINE_integer(
    "every",
    None,
    "Time steps between the frames that are classified. Default: --max_steps / 800.",
    lower_bound=1,
)
_EXPONENT = flags.DEFINE_integer(
    "exponent_steps",
    None,
    "Further time steps for the Lyapunov exponent, where it is needed. Default: "
    "--max_steps.",
    1,
)
_BLOCK = flags.DEFINE_integer(
    "block", 128, "Number of points in one batch.", lower_bound=1
)
_CHECK = flags.DEFINE_integer(
    "check",
    0,
    "Number of chaotic points that are run again with half the time step, and on half "
    "the spacing.",
    lower_bound=0,
)


def main(argv):
    del argv
    workdir = workdirs.open_workdir("regimes")
    model = models.get(flags.FLAGS.model)
    params = parameters_text.full_params(model, _PARAMS.value, _PRESET.value)
    axes = parameters_text.parse_axes(model, params, _AXIS.value, fewest=2)
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import initial_conditions
    from rdtf.analysis import slices
    from rdtf.analysis.regimes import Options, maps

    largest = slices.largest_params(axes, params)
    simulation = simulation_flags.simulation_from_flags(largest, grid)
    simulation.check_stability(largest)
    state = initial_conditions.create(
        _START.value, model, grid, batch=1, seed=_SEED.value, params=params
    )
    plan = maps.Plan(
        simulation=simulation,
        axes=axes,
        params=params,
        state=state,
        num_steps=_STEPS.value,
        options=Options(every=_EVERY.value, exponent_steps=_EXPONENT.value),
        block=_BLOCK.value,
    )
    if not flags.FLAGS.resume:
        workdirs.begin(workdir)
    measure(workdir, plan, flags.FLAGS.resume)


def measure(workdir, plan, resume):
    """Measures, writes and draws."""
    from rdtf.analysis.regimes import maps
    from rdtf.analysis.regimes.curves import curves

    points = plan.shape[0] * plan.shape[1]
    with tqdm.tqdm(desc="points", total=points, leave=False, mininterval=0.5) as bar:

        def tell(done, steps, running):
            if steps:
                bar.set_postfix_str(f"step {steps}, {running} running", refresh=False)
            bar.update(done - bar.n)

        found = maps.measure(plan, workdir / "blocks.jsonl", resume, tell)
    checks = []
    if _CHECK.value:
        with tqdm.tqdm(desc="checks, steps", leave=False) as bar:
            checks = maps.check_chaos(
                plan, found, _CHECK.value, lambda steps, _: bar.update(steps - bar.n)
            )
    found.save(workdir / "regimes.npz")
    counts = found.counts()
    result = {"counts": counts, "checks": checks, "settings": found.settings}
    storage.write_json(workdir / "regimes.json", result)
    picture, model = workdir / "regimes.png", plan.simulation.model.name
    labels = maps.labels()
    pictures.regime_map(
        picture,
        tuple(found.axes),
        tuple(found.axes.values()),
        found.regime,
        labels,
        curves=curves(plan),
        title=f"{model}: regimes after {plan.num_steps} steps",
    )
    told = ", ".join(f"{count} {label}" for label, count in counts.items())
    print(f"{picture}: {told}")


if __name__ == "__main__":
    common.run(main)
