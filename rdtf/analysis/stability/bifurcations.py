"""How far a parameter set is from the bifurcations of a uniform state.

Distances are Euclidean in relative units, x = ln(p / p₀) for positive parameters and
(p - p₀) / |p₀| for those that may change sign (`branches.Scale`): 0.05 is about five
per cent. They are positive before the bifurcation and negative beyond it:

    saddle_node   + the pair of states exists          - it has vanished
    branch_point  + the state is stable (D > 0)        - another state took over
    hopf          + uniform oscillations decay         - they grow
    turing        + every stationary wave decays       - one grows
    wave          + every oscillating wave decays      - one grows
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.analysis.stability import branches, lines, onsets
from rdtf.analysis.stability.states import select_state
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

_ON = 1e-9  # a relative distance that counts as none


@dataclasses.dataclass(frozen=True, kw_only=True)
class Boundary:
    """The nearest bifurcation of one kind.

    Attributes:
      kind: of `onsets.KINDS`.
      distance: signed, over all the parameters that may vary together.
      nearest: the nearest point.
      alone: parameter -> its nearest value on the boundary if it alone varies, or None.
      alone_distance: parameter -> signed distance to that, or None.
      of_the_state: whether it is the chosen state's; otherwise it is that of a pair of
        states that does not exist at these parameters.
    """

    kind: str
    distance: float
    nearest: onsets.Onset
    alone: dict[str, float | None]
    alone_distance: dict[str, float | None]
    of_the_state: bool

    @property
    def exceeded(self) -> bool:
        """Whether the parameter set is beyond it."""
        return self.distance < -_ON

    @property
    def is_on(self) -> bool:
        """Whether the parameter set is on it, to rounding."""
        return abs(self.distance) <= _ON


def check_over(model: ReactionDiffusion, over: Sequence[str]) -> tuple[str, ...]:
    """The names of parameters; raises InputError if one is none or stands twice."""
    for name in over:
        if name not in model.parameters:
            raise InputError(
                f"Expected parameters of {model.name} among "
                f"{', '.join(model.parameters)}, got {name!r}."
            )
    if not over or len(set(over)) != len(over):
        raise InputError(f"Expected different parameters, got {', '.join(over)!r}.")
    return tuple(over)


def boundaries(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    over: Sequence[str] | None = None,
    state=None,
) -> dict[str, Boundary]:
    """The bifurcations around a parameter set: kind -> the nearest one of that kind.

    Along single parameters the branch is followed up to a thousandfold, and
    saddle-nodes of polynomial reactions are found by elimination, so also those of
    states that do not exist yet. From each of these points, and from the set itself,
    the nearest point of the surface is found by SciPy's SLSQP with exact derivatives. A
    kind that is nowhere met is left out.

    Args:
      model: its equations.
      params: all parameters, p₀.
      over: the parameters that may vary; default: all.
      state: the branch; see `select_state`.

    Raises:
      InputError: if there is no such state, or a parameter is unknown.
    """
    over = check_over(model, tuple(over) if over is not None else model.parameters)
    chosen = select_state(model, params, state).vector
    scale = branches.Scale(model, params, over)
    met = {name: lines.crossings(model, params, name, chosen) for name in over}
    folds = {name: lines.folds(model, params, name) for name in over}
    sides = lines.tests(model, params, chosen)
    found, others = {}, _others(model, params, folds)
    for kind in onsets.KINDS:
        mine = {n: [o for o in met[n] if o.kind == kind] for n in over}
        is_mine = True
        if kind == "saddle_node":
            mine = {n: mine[n] + folds[n] for n in over}
        elif not any(mine.values()):
            mine = {n: [o for o in others[n] if o.kind == kind] for n in over}
            is_mine = not any(mine.values())
        seeds = [o for group in mine.values() for o in group]
        if is_mine:
            seeds += _at_once(model, scale, kind, chosen)
        side = sides.get(kind, sides["saddle_node"]) if is_mine else None
        best = _nearest_of(model, scale, kind, seeds)
        if best is not None:
            alone, distances = _alone(model, scale, mine, side)
            found[kind] = Boundary(
                kind=kind,
                distance=_signed(model, scale, best, side),
                nearest=best,
                alone=alone,
                alone_distance=distances,
                of_the_state=is_mine,
            )
    return found


def _others(model, params, folds):
    """Per parameter, what the states meet that are born beyond a saddle-node."""
    met = {}
    for name, group in folds.items():
        met[name] = []
        for fold in group:
            inside = lines.born(model, fold, name)
            if inside is not None and _side_of_fold(model, fold, params) < 0:
                met[name] += lines.crossings(model, inside[0], name, inside[1])
    return met


def _at_once(model, scale, kind, state):
    """The point of the surface that Newton falls onto from the set itself, if any."""
    system = onsets.system(model, "saddle_node" if kind == "branch_point" else kind)
    point = system and onsets.start(system, model, scale.params, state)
    if point is None:
        return []
    free = [list(model.parameters).index(name) for name in scale.names]
    point = onsets.newton(system, point, free)
    onset = None if point is None else onsets.onset_at(model, system, point)
    return [onset] if onset is not None and onset.kind == kind else []


def _nearest_of(model, scale, kind, seeds):
    """The nearest onset of all that the seeds lead to; None if there is none."""
    nearest = [_nearest(model, scale, seed) for seed in seeds]
    held = [n for n in model.parameters if n not in scale.names]
    nearest += [
        seed for seed in seeds if all(seed.params[n] == scale.params[n] for n in held)
    ]
    nearest = [
        o
        for o in nearest
        if o is not None and o.kind == kind and scale.is_near(o.params)
    ]
    return min(nearest, key=lambda onset: _length(scale, onset), default=None)


def _alone(model, scale, met, side):
    """Per parameter that varies alone, (nearest values, signed distances) or None."""
    alone, distances = {}, {}
    for name, group in met.items():
        closest = min(group, key=lambda onset: _length(scale, onset), default=None)
        alone[name] = closest and float(closest.params[name])
        distances[name] = closest and _signed(model, scale, closest, side)
    return alone, distances


def _length(scale, onset):
    return float(np.linalg.norm(scale.x_of(onset.params)))


def _signed(model, scale, onset, side):
    length = _length(scale, onset)
    if length <= _ON:
        return length
    if onset.kind == "saddle_node":
        side = _side_of_fold(model, onset, scale.params)
    elif side is None or not np.isfinite(side):
        side = _side_nearby(model, scale, onset)
    return length if side >= 0 else -length


def _side_of_fold(model, onset, params):
    """+1 where the pair of states exists, -1 where it does not; see `onsets.fold`."""
    system = onsets.system(model, "saddle_node")
    point = [*onset.state, *(onset.params[n] for n in model.parameters)]
    form = onsets.fold(model, system, np.array(point))
    move = np.array([params[n] - onset.params[n] for n in model.parameters])
    return -np.sign(form.push @ move * form.curvature)


def _side_nearby(model, scale, onset):
    """The sign of the test function a thousandth of the way from the onset to p₀."""
    start = branches.Scale(model, onset.params, scale.names)
    params = start.full(1e-3 * start.x_of(scale.params))
    floor = branches.floor_of(onset.state)
    state, reached = branches.settle(model, params, onset.state, floor)
    return np.sign(lines.tests(model, params, state)[onset.kind]) if reached else 1.0


def _nearest(model, scale, seed):
    """The point of the surface next to p₀, searched from one of its points."""
    from scipy.optimize import minimize

    system = onsets.system(
        model, "saddle_node" if seed.kind == "branch_point" else seed.kind
    )
    count, names = system.unknowns, list(model.parameters)
    free = [names.index(name) for name in scale.names]
    columns = [*range(count), *(count + i for i in free)]
    z = np.array([*seed.state, seed.kappa][:count])
    units = np.maximum(np.abs(z), 1e-3 * np.abs(z).max() or 1.0)
    start = np.concatenate([z / units, scale.x_of(seed.params)])
    if not np.isfinite(start).all():
        return None

    def point(y):
        params = scale.full(y[count:])
        return np.array([*(y[:count] * units), *(params[n] for n in names)])

    def slope(y):
        chain = np.concatenate([units, scale.slopes(y[count:])])
        return np.array(system.slope(*point(y)), np.float64)[:, columns] * chain

    rows = np.abs(slope(start)).max(axis=1)
    rows[rows == 0] = 1.0
    weight = np.concatenate([np.zeros(count), np.ones(len(free))])
    with np.errstate(all="ignore"):
        result = minimize(
            lambda y: 0.5 * float(weight * y @ y),
            start,
            jac=lambda y: weight * y,
            method="SLSQP",
            bounds=[(x - 7.0, x + 7.0) for x in start],
            constraints={
                "type": "eq",
                "fun": lambda y: np.array(system.value(*point(y)), float) / rows,
                "jac": lambda y: slope(y) / rows[:, None],
            },
            options={"ftol": 1e-15, "maxiter": 200},
        )
    polished = onsets.newton(system, point(result.x), free)
    return None if polished is None else onsets.onset_at(model, system, polished)
