"""What defines a run, as it is written beside its frames."""

import json
from collections.abc import Mapping

import numpy as np

import rdtf
from rdtf import storage
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.types import Params

_OPTIONAL = ("equations", "varying", "tolerances")


def describe(
    simulation: Simulation,
    params: Params,
    tolerances: tuple[float, float] | None = None,
) -> dict:
    """Model, parameters, grid, schemes and engine, in terms of JSON.

    Args:
      params: scalars become numbers, `[B]` vectors lists; those in `simulation.varying`
        are left out, see `varying_fields`.
      tolerances: relative and absolute, of adaptive steps.
    """
    grid, source = simulation.grid, simulation.model.source
    scalars = {n: p for n, p in params.items() if n not in simulation.varying}
    return {
        "model": simulation.model.name,
        **({} if source is None else {"equations": source}),
        "params": {n: np.asarray(p, np.float64).tolist() for n, p in scalars.items()},
        **({"varying": list(simulation.varying)} if simulation.varying else {}),
        "grid": {
            "shape": list(grid.shape),
            "spacing": list(grid.spacing),
            "boundary": grid.boundary,
        },
        "laplacian": simulation.laplacian,
        "scheme": simulation.scheme.name,
        "time_step": simulation.time_step,
        **({} if tolerances is None else {"tolerances": list(tolerances)}),
        "engine": simulation.engine,
        "rdtf_version": rdtf.__version__,
    }


def varying_fields(simulation: Simulation, params: Params) -> dict[str, np.ndarray]:
    """The parameters that are fields, `[*grid]` or `[B, *grid]`."""
    return {name: np.asarray(params[name], np.float64) for name in simulation.varying}


def check_same(
    path, found: Mapping, found_varying: Mapping, expected: Mapping, varying: Mapping
) -> None:
    """Checks that a file holds the run to go on with.

    Args:
      path: of the file, for messages.
      found: the metadata in it.
      found_varying: the parameters in it that are fields, by name.
      expected: the metadata of the run to go on with, see `describe`.
      varying: its parameters that are fields.

    Raises:
      InputError: if it holds another run.
    """
    expected = json.loads(json.dumps(storage.jsonable(expected)))
    for key in (*expected, *_OPTIONAL):
        was, now = found.get(key), expected.get(key)
        if key != "rdtf_version" and was != now:
            raise InputError(
                f"Expected the {key} of the run in {path}, {_short(was)}, got "
                f"{_short(now)}: give the same again, or write another file."
            )
    for name, field in varying.items():
        if not np.array_equal(found_varying[name], field):
            raise InputError(
                f"Expected the field {name} of the run in {path}, got another: give "
                "the same again, or write another file."
            )


def _short(value):
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else text[:200] + "..."
