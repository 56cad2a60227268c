"""How a fit travels: regimes, bifurcations, loss and slope along a path of parameters.

A path is what `trajectory.jsonl` of a fit holds. Of each of its points `trace` says

    regime             that fresh patterns end in there (`rdtf.analysis.regimes`)
    distances          to the nearest bifurcation of each kind, relative, + before it
                       and - beyond it (`rdtf.analysis.boundaries`)
    loss               L, as the fit recorded it
    slope              |∂L/∂p|, in the units of L / p
    relative_slope     sqrt(Σ (p ∂L/∂p)²): what L changes per relative change of p

and, between neighbours, which boundary or border of regimes lies there.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rdtf.analysis import regimes
from rdtf.analysis.stability import bifurcations, branches
from rdtf.analysis.traversal.points import Point, thin
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

if TYPE_CHECKING:  # so that paths without runs need no TensorFlow
    from rdtf.simulation import Simulation
    from rdtf.types import State

REGIME = "regime"  # `Crossing.kind` where a label changes
_ROUNDING = 1e-6  # of distances, which an optimiser found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crossing:
    """What lies between two neighbours of a traced path.

    Attributes:
      kind: of bifurcation, or `REGIME`.
      first, second: places of the two points.
      before, after: "before" and "beyond" of a bifurcation, in the order of the path;
        or the labels of the regimes.
      at: where, as a place; between the two by the signed distances. Of a regime, NaN.
    """

    kind: str
    first: int
    second: int
    before: str
    after: str
    at: float = math.nan


@dataclasses.dataclass(frozen=True)
class Trace:
    """A traced path: `points`, and the `crossings` between them, in order."""

    points: list[Point]
    crossings: list[Crossing]

    def column(self, name: str) -> np.ndarray:
        """Of a number, a parameter or a kind of bifurcation, NaN where it has none."""
        values = [
            getattr(p, name)
            if hasattr(p, name)
            else (p.params | p.distances).get(name, math.nan)
            for p in self.points
        ]
        return np.array(values, np.float64)

    def kinds(self) -> list[str]:
        """Kinds of bifurcation that some point has a distance to."""
        return list(dict.fromkeys(kind for p in self.points for kind in p.distances))

    def to_json(self) -> dict:
        """For a file."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Runs:
    """The simulations that tell the regimes; all points are one batch.

    Attributes:
      simulation: what runs.
      state: that each point starts from, `[1, *grid]` per species.
      num_steps, options: see `regimes.classify`.
      callback: likewise.
    """

    simulation: "Simulation"
    state: "State"
    num_steps: int = 20_000
    options: regimes.Options = dataclasses.field(default_factory=regimes.Options)
    callback: Callable[[int, int], None] | None = None

    def verdicts(self, sets: Sequence[Mapping[str, float]]) -> list[tuple[str, float]]:
        """(label, margin) of the regime of each parameter set.

        Sets whose time step is beyond the stability bound are INVALID.
        """
        names = self.simulation.model.parameters
        params = {n: np.array([p[n] for p in sets]) for n in names}
        ratio = np.broadcast_to(self.simulation.stability_ratio(params), len(sets))
        found = [(regimes.Regime.INVALID.label, math.nan)] * len(sets)
        sound = np.flatnonzero(ratio <= 1.0)
        if not len(sound):
            return found
        verdicts = regimes.classify(
            self.simulation,
            {name: values[sound] for name, values in params.items()},
            self.state,
            self.num_steps,
            options=self.options,
            callback=self.callback,
        )
        for i, verdict in zip(sound, verdicts, strict=True):
            found[i] = (verdict.regime.label, verdict.margin)
        return found


def trace(
    points: Sequence[Point],
    model: ReactionDiffusion,
    over: Sequence[str] | None = None,
    count: int = 40,
    runs: Runs | None = None,
) -> Trace:
    """What a path passes.

    Args:
      points: see `read`; of more than `count`, `thin` chooses.
      model: whose parameters they are.
      over: parameters that distances are measured over; default: all. A second or so
        per point.
      count: of points, at most.
      runs: what tells the regimes; without it no regime is found.

    Raises:
      InputError: if there are fewer than two points to take, a parameter is unknown, or
        the steps are too few.
    """
    over = bifurcations.check_over(model, tuple(over or model.parameters))
    chosen = thin(points, count)
    verdicts = [(None, math.nan)] * len(chosen)
    if runs is not None:
        verdicts = runs.verdicts([point.params for point in chosen])
    known, traced = {}, []
    for point, (label, margin) in zip(chosen, verdicts, strict=True):
        key = tuple(point.params.values())
        if key not in known:
            known[key] = distances(model, point.params, over)
        found = {"regime": label, "margin": margin, "distances": known[key]}
        traced.append(dataclasses.replace(point, **found))
    return Trace(traced, crossings(traced, model))


def distances(model: ReactionDiffusion, params: Mapping, over=None) -> dict[str, float]:
    """Kind -> signed relative distance; none where no uniform state is known."""
    try:
        found = bifurcations.boundaries(model, params, over)
    except InputError:
        return {}
    return {kind: 0.0 if b.is_on else b.distance for kind, b in found.items()}


def crossings(points: Sequence[Point], model: ReactionDiffusion) -> list[Crossing]:
    """What lies between the neighbours among points that are already labelled.

    Where a straight step goes through a boundary, the distances from its two ends add
    up to no more than its length. So a change of sign with longer distances is none of
    one boundary, but of which one is the nearest, and does not count.
    """
    found = []
    for one, two in itertools.pairwise(points):
        step = branches.Scale(model, one.params, model.parameters).x_of(two.params)
        longest = (1.0 + _ROUNDING) * float(np.linalg.norm(step))
        for kind in one.distances.keys() & two.distances.keys():
            a, b = one.distances[kind], two.distances[kind]
            if (a < 0) != (b < 0) and abs(a) + abs(b) <= longest:
                at = one.place + (two.place - one.place) * a / (a - b)
                sides = (_side(a), _side(b))
                found.append(_crossing(kind, one, two, sides, at))
        if one.regime != two.regime:
            found.append(_crossing(REGIME, one, two, (one.regime, two.regime)))
    return sorted(found, key=lambda crossing: (crossing.first, crossing.kind))


def _crossing(kind, one, two, sides, at=math.nan):
    before, after = sides
    return Crossing(
        kind=kind,
        first=one.place,
        second=two.place,
        before=before,
        after=after,
        at=at,
    )


def _side(distance):
    return "beyond" if distance < 0 else "before"
