"""Maps over two parameters: where uniform states exist, and what becomes of them.

Branches of states are spread over a grid of the two parameters. Where one of their test
functions changes sign on it, Newton finds a point of a bifurcation curve, and the curve
is traced from there (see `rdtf.analysis.stability.onsets` and `tracing`).
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.analysis.stability import (
    bifurcations,
    branches,
    layers,
    lines,
    onsets,
    tracing,
)
from rdtf.analysis.stability.states import select_state, uniform_states
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

VERDICTS = (
    "no state found",
    "stable",
    "Turing",
    "wave",
    "Hopf",
    "Turing and Hopf",
    "unstable",
)


@dataclasses.dataclass(frozen=True)
class Diagram:
    """A map over two parameters.

    Attributes:
      axes: (x, y) names -> values `[nx]`, `[ny]`.
      verdicts: index into `VERDICTS`, `[ny, nx]`, of the least stable state that is no
        saddle; 6 (unstable) has another instability of the uniform state.
      counts: how many states that are no saddles there are, `[ny, nx]`.
      curves: kind -> list of `[points, 2]` arrays of (x, y).
    """

    axes: dict[str, np.ndarray]
    verdicts: np.ndarray
    counts: np.ndarray
    curves: dict[str, list[np.ndarray]]

    def names(self) -> dict[str, np.ndarray]:
        """Region name -> where it is, `[ny, nx]`, for legends."""
        found = {}
        for count in np.unique(self.counts):
            for verdict in np.unique(self.verdicts[self.counts == count]):
                name = VERDICTS[verdict]
                if count > 1:
                    name = "all stable" if verdict == 1 else f"one: {name}"
                    name = f"{count} states, {name}"
                here = (self.counts == count) & (self.verdicts == verdict)
                found[name] = here
        return found


def diagram(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    over: Sequence[str],
    ranges: Mapping[str, tuple[float, float]] | None = None,
    state=None,
    points: int = 80,
) -> Diagram:
    """The map of two parameters around a parameter set.

    The branches are those of all uniform states that are no saddles (of a reaction that
    is not rational, of the given one) and of the states born in saddle-nodes.

    Args:
      model: its equations.
      params: all parameters; those of `over` are replaced.
      over: the names along x and y.
      ranges: name -> (lowest, highest); what is left out is chosen to show the nearest
        bifurcations.
      state: the state it is about; see `select_state`.
      points: of the grid, along each axis.

    Raises:
      InputError: if there is no such state, or names or ranges cannot be used.
    """
    over = bifurcations.check_over(model, over)
    if len(over) != 2:
        raise InputError(f"Expected two parameters, got {', '.join(over)}.")
    ranges = dict(ranges or {})
    if any(name not in ranges for name in over):
        ranges = suggest_ranges(model, params, over, state) | ranges
    axes = {}
    for name in over:
        low, high = ranges[name]
        if not low < high:
            raise InputError(
                f"Expected a range of {name} upwards, got {low:g}:{high:g}."
            )
        for value in (low, high):
            model.check_bounds({**params, name: value})
        axes[name] = np.linspace(low, high, points)
    sheets = [
        layers.Layer(model, params, axes, states)
        for states in _branches(model, params, axes, state)
    ]
    shape = (points, points)
    counts = sum((sheet.exists for sheet in sheets), np.zeros(shape, int))
    verdicts = np.zeros(shape, int)
    growth = np.full(shape, -np.inf)
    curves = {}
    for layer in sheets:
        worse = layer.growth > growth
        verdicts[worse], growth[worse] = layer.verdicts[worse], layer.growth[worse]
        _trace(tracing.Window(model, params, axes), layer, curves)
    return Diagram(axes, verdicts, counts, curves)


def _trace(window, layer, curves):
    """Adds the curves of a branch to those that are known."""
    for system, guess in layer.seeds():
        place = window.place(system, guess)
        kinds = onsets.KINDS[:2] if system.kind == "saddle_node" else (system.kind,)
        known = [line for kind in kinds for line in curves.get(kind, [])]
        if _near(place, known, window.cells, 2.0):
            continue
        point = onsets.newton(system, guess, window.free)
        if point is None or not window.holds(system, point):
            continue
        moved = np.abs(window.place(system, point) - place) / window.cells
        kind = tracing.kind_of(window, system, point)
        found = window.place(system, point)
        if kind and moved.max() < 3 and not _near(found, known, window.cells, 0.7):
            curves.setdefault(kind, []).append(tracing.trace(window, system, point))


def _near(place, lines, cells, distance):
    """Whether a place is within some cells of points of lines."""
    return any(
        (np.abs((line - place) / cells).max(axis=1) < distance).any() for line in lines
    )


def curve(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    kind: str,
    over: Sequence[str],
    ranges: Mapping[str, tuple[float, float]],
    state=None,
) -> list[np.ndarray]:
    """One kind of bifurcation in a plane of two parameters, as `[points, 2]` pieces.

    Every point satisfies the equations of `rdtf.analysis.stability.onsets` to rounding.

    Args:
      model, params, over, ranges, state: see `diagram`.
      kind: of `onsets.KINDS`.

    Raises:
      InputError: if there is no such kind, and as of `diagram`.
    """
    if kind not in onsets.KINDS:
        raise InputError(
            f"Expected a bifurcation among {', '.join(onsets.KINDS)}, got {kind!r}."
        )
    return diagram(model, params, over, ranges, state).curves.get(kind, [])


def suggest_ranges(
    model, params, over, state=None, found=None
) -> dict[str, tuple[float, float]]:
    """Ranges of two parameters that show the set and the nearest bifurcations.

    Args:
      model: its equations.
      params: all parameters.
      over: the two names.
      state: see `select_state`.
      found: `bifurcations.boundaries` over the two, if they are known.
    """
    if found is None:
        found = bifurcations.boundaries(model, params, over, state)
    scale, ranges = branches.Scale(model, params, over), {}
    for name, unit in zip(over, scale.units, strict=True):
        marks = [params[name] - 0.35 * unit, params[name] + 0.35 * unit]
        for boundary in found.values():
            if abs(boundary.distance) < 2:
                marks.append(boundary.nearest.params[name])
            value = boundary.alone[name]
            if value is not None and abs(boundary.alone_distance[name]) < 1:
                marks.append(value)
        margin = 0.15 * (max(marks) - min(marks))
        bound = model.parameters[name]
        low = max(min(marks) - margin, bound.lower)
        ranges[name] = (low, min(max(marks) + margin, bound.upper))
    return ranges


def _branches(model, params, axes, state):
    """Branches `[ny, nx, species]` over the grid, each once."""
    chosen = select_state(model, params, state)
    seeds = [(params, chosen.vector)]
    try:
        others = uniform_states(model, params)
    except InputError:
        others = []
    seeds += [(params, s.vector) for s in others if s.kind != "saddle"]
    for name in axes:
        born = [
            lines.born(model, fold, name) for fold in lines.folds(model, params, name)
        ]
        seeds += [seed for seed in born if seed is not None]
    found = []
    for here, vector in seeds:
        cells = _cells_near(here, axes)
        if cells and not any(_is_on(branch, cells[0], vector) for branch in found):
            for cell in cells:
                branch = branches.spread(model, params, axes, vector, cell)
                if not np.isnan(branch[cell][0]):
                    if not any(_is_on(other, cell, branch[cell]) for other in found):
                        found.append(branch)
                    break
    return found


def _cells_near(params, axes):
    """(row, column) of the 25 nearest cells, nearest first; none from outside."""
    places = []
    for name, values in axes.items():
        place = (params[name] - values[0]) / (values[1] - values[0])
        if not -0.5 <= place <= len(values) - 0.5:
            return []
        places.append(place)
    x, y = (np.arange(len(v)) - p for v, p in zip(axes.values(), places, strict=True))
    nearest = np.argsort((x**2 + y[:, None] ** 2).ravel(), kind="stable")[:25]
    return [tuple(map(int, np.unravel_index(i, (len(y), len(x))))) for i in nearest]


def _is_on(branch, cell, vector):
    return np.allclose(branch[cell], vector, rtol=0.02, atol=1e-9)
