"""What the equations say before anything is simulated.

    python -m apps.analyze --model=gray_scott --params=F=0.04,k=0.06 --over=k,F

Prints the uniform states, the waves that grow on one of them, how far the parameters
are from each bifurcation, and remarks. Leaves dispersion.png, bifurcations.png (a map
over two parameters) and analysis.json in --workdir. TensorFlow is not needed.
docs/analysis.md says what the numbers mean.
"""

import json

from absl import flags

from rdtf import storage, viz
from rdtf.models import parameters_text
from rdtf.operators import laplacians
from rdtf.status import InputError

from . import common, simulation_flags, workdirs

simulation_flags.define_simulation_flags()
workdirs.define_workdir_flags("analyze")
for module in (simulation_flags, workdirs):
    flags.adopt_module_key_flags(module)
_PRESET = flags.DEFINE_string(
    "preset", None, "Preset of the model whose parameters are used. Default: none."
)
_PARAMS = flags.DEFINE_string(
    "params",
    "",
    "Parameters that differ from the preset or the defaults, as F=0.03,k=0.06.",
)
_OVER = flags.DEFINE_list(
    "over",
    None,
    "Parameters over which distances to bifurcations are measured; two of them, x,y, "
    "are the axes of the map. Default: two of the reaction.",
)
_RANGE = flags.DEFINE_multi_string(
    "range",
    [],
    "Range of an axis of the map, as k=0.03:0.07; repeatable. Default: chosen to show "
    "the bifurcations.",
)
_STATE = flags.DEFINE_string(
    "state",
    None,
    "The uniform state to analyse: its number in the list, or its values as "
    "u=0.1,v=0.2. Default: see docs/analysis.md.",
)


def main(argv):
    del argv
    model = simulation_flags.model_from_flags()
    params = parameters_text.full_params(model, _PARAMS.value, _PRESET.value)
    model = parameters_text.filled(model, params)
    grid = simulation_flags.grid_from_flags()
    laplacians.check(grid, flags.FLAGS.laplacian)
    ranges = dict(parameters_text.parse_range(text) for text in _RANGE.value)
    state = parse_state(_STATE.value)
    workdir = workdirs.open_workdir("analyze")
    from rdtf.analysis.stability import diagrams, summary

    over = tuple(_OVER.value or summary.default_axes(model))
    for name in ranges:
        if name not in over:
            raise InputError(f"Expected --range of {' or '.join(over)}, got {name!r}.")
    result, relation, found = summary.report(
        model, params, over, state, grid=grid, laplacian=flags.FLAGS.laplacian
    )
    diagram = None
    if len(over) == 2:
        ranges = (
            diagrams.suggest_ranges(model, params, over, relation.state, found) | ranges
        )
        diagram = diagrams.diagram(model, params, over, ranges, relation.state)
    elif ranges:
        raise InputError("Expected two parameters in --over for a map with --range.")
    print("\n".join(summary.text(result)))
    workdirs.begin(workdir)
    save(workdir, result, relation, diagram)


def save(workdir, result, relation, diagram):
    """The two pictures and the numbers.

    Args:
      workdir: where they go.
      result, relation: of `summary.report`.
      diagram: the map over two parameters, or None.
    """
    numbers = ", ".join(f"{n} = {x:g}" for n, x in result["params"].items())
    title = f"{result['model']}: {numbers}"
    values = ", ".join(f"{n} = {x:.5g}" for n, x in result["state"].items())
    fastest = (relation.fastest.wavenumber, relation.fastest.rate.real)
    viz.dispersion(
        workdir / "dispersion.png",
        relation.wavenumbers,
        relation.rates,
        bands=relation.bands,
        fastest=fastest,
        title=f"{title}\nwaves on {values}",
    )
    if diagram is not None:
        point = tuple(result["params"][name] for name in diagram.axes)
        viz.bifurcation_map(
            workdir / "bifurcations.png",
            diagram.axes,
            diagram.names(),
            curves=diagram.curves,
            point=point,
            title=title,
        )
        result["curves"] = {
            kind: [piece.tolist() for piece in pieces]
            for kind, pieces in diagram.curves.items()
        }
    text = json.dumps(storage.jsonable(result), indent=1, ensure_ascii=False)
    storage.write_text(workdir / "analysis.json", text + "\n")
    print(f"\n{workdir}")


def parse_state(text):
    """A number of a state, species -> value, or None."""
    if text is None:
        return None
    return int(text) if text.isdigit() else parameters_text.parse_params(text)


if __name__ == "__main__":
    common.run(main)
