"""What is known of uniform states, to be drawn on a map of regimes."""

import numpy as np

from rdtf.analysis.regimes.maps import Plan
from rdtf.analysis.stability.diagrams import diagram
from rdtf.status import InputError

_CELLS = 40  # along each axis, on which the beginnings of curves are sought
_KINDS = {
    "saddle_node": "saddle-node",
    "branch_point": "branch point",
    "hopf": "Hopf",
    "turing": "Turing",
    "wave": "wave",
}


def curves(plan: Plan) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Bifurcations of uniform states on a map.

    Returns:
      Kind -> (values to the right, values upwards), NaN between pieces.


    By `rdtf.analysis.diagram`, exact to rounding; none of a model whose uniform states
    it cannot find.
    """
    up, across = plan.axes
    ranges = {n: (float(min(v)), float(max(v))) for n, v in plan.axes.items()}
    middle = {n: 0.5 * sum(pair) for n, pair in ranges.items()}
    try:
        found = diagram(
            plan.simulation.model,
            {**plan.params, **middle},
            (across, up),
            ranges,
            points=_CELLS,
        )
    except InputError:
        return {}
    lines = {}
    for kind, pieces in found.curves.items():
        gap = np.full((1, 2), np.nan)
        joined = np.concatenate([x for piece in pieces for x in (piece, gap)][:-1])
        lines[_KINDS[kind]] = tuple(joined.T)
    return lines
