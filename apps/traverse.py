"""Shows the path of a fit: regimes, bifurcations, loss and slope along it.

    python -m apps.traverse --trajectory=runs/x/trajectory.jsonl --over=k,F
    python -m apps.traverse --trajectory=... --map=runs/map/regimes.npz

Prints one line per point, for at most --points points spread evenly over the path, and
the boundaries that lie between neighbours. Leaves traverse.png (the path on the
bifurcation curves of its end, or on a map of apps.regimes) and traverse.json in
--output. The regime of every point is found by a simulation of --max_steps, all in one
batch. docs/traversal.md says what the columns mean.
"""

import pathlib

from absl import flags

from rdtf import storage
from rdtf.status import InputError

from . import common, progress, simulation_flags

simulation_flags.define_simulation_flags()
flags.adopt_module_key_flags(simulation_flags)
_TRAJECTORY = flags.DEFINE_string(
    "trajectory", None, "The trajectory.jsonl of a fit. Required."
)
_OVER = flags.DEFINE_list(
    "over",
    None,
    "The two parameters of the picture, x,y. Default: two of the reaction.",
)
_MAP = flags.DEFINE_string(
    "map",
    None,
    "The regimes.npz of apps.regimes on which the path is drawn. Default: none.",
)
_POINTS = flags.DEFINE_integer(
    "points", 40, "Largest number of points of the path.", lower_bound=2
)
_STEPS = flags.DEFINE_integer(
    "max_steps",
    20_000,
    "Time steps of every point; 0 leaves the regimes out.",
    lower_bound=0,
)
_EXPONENT = flags.DEFINE_integer(
    "exponent_steps",
    None,
    "Further time steps for the Lyapunov exponent, where it is needed. Default: "
    "--max_steps.",
    1,
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the initial state.", lower_bound=0)
_START = flags.DEFINE_string(
    "initial_condition",
    None,
    "Kind of initial state: noise, central_square, central_disc, discs or "
    "broken_waves. Default: the model's own.",
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Directory of the results. Default: that of the trajectory."
)


def main(argv):
    del argv
    path = pathlib.Path(_TRAJECTORY.value)
    output = pathlib.Path(_OUTPUT.value or path.parent)
    model = simulation_flags.model_from_flags()
    from rdtf.analysis import traversal
    from rdtf.analysis.stability import bifurcations, summary
    from rdtf.analysis.traversal import report

    points = traversal.read(path, model)
    over = bifurcations.check_over(model, _OVER.value or summary.default_axes(model))
    if len(over) != 2:
        raise InputError(f"Expected two parameters in --over, got {', '.join(over)}.")
    known = None if _MAP.value is None else report.read_map(_MAP.value, over)
    chosen = traversal.thin(points, _POINTS.value)
    common.claim(output / "traverse.json")
    traced = trace(chosen, model)
    print("\n".join(report.table(traced, over)))
    value = {"trajectory": str(path), "over": over} | traced.to_json()
    storage.write_json(output / "traverse.json", value)
    picture, title = output / "traverse.png", f"{model.name}: {len(points)} iterations"
    report.picture(picture, traced, model, over, known=known, title=title, whole=points)
    print(f"\n{picture}")


def trace(points, model):
    """The traced path, simulated if --max_steps is more than 0."""
    from rdtf.analysis import regimes, traversal

    if not _STEPS.value:
        return traversal.trace(points, model, count=_POINTS.value)
    largest = {n: max(p.params[n] for p in points) for n in model.parameters}
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import initial_conditions

    simulation = simulation_flags.simulation_from_flags(largest, grid, model)
    state = initial_conditions.create(
        _START.value, model, grid, batch=1, seed=_SEED.value, params=points[0].params
    )
    total = _STEPS.value + (_EXPONENT.value or _STEPS.value)
    with progress.steps(total, "regimes") as bar:
        runs = traversal.Runs(
            simulation=simulation,
            state=state,
            num_steps=_STEPS.value,
            options=regimes.Options(exponent_steps=_EXPONENT.value),
            callback=bar,
        )
        return traversal.trace(points, model, count=_POINTS.value, runs=runs)


if __name__ == "__main__":
    flags.mark_flag_as_required("trajectory")
    common.run(main)
