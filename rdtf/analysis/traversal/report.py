"""What is printed and drawn of a traced path."""

import json
import math
import zipfile
from collections.abc import Sequence

import numpy as np

from rdtf.analysis.regimes.verdicts import Regime
from rdtf.analysis.stability import diagrams
from rdtf.analysis.traversal.paths import REGIME, Trace
from rdtf.analysis.traversal.points import Point
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError
from rdtf.viz import traversal as pictures

_CELLS = 40  # along each axis, on which the beginnings of curves are sought
_MARGIN = 0.15  # around the path, of what it spans
_NARROWEST = 0.1  # of a range, relative to the parameter


def table(trace: Trace, names: Sequence[str]) -> list[str]:
    """Aligned lines, one per point, and one per crossing.

    Args:
      names: of the parameters that get a column.
    """
    kinds = trace.kinds()
    header = ["place", "stage", *names, "loss", "|∂L/∂ln p|", "regime", *kinds]
    rows = [header]
    for point in trace.points:
        label = point.regime or "-"
        rows.append(
            [
                str(point.place),
                point.stage,
                *(f"{point.params[name]:.5g}" for name in names),
                _text(point.loss, ".4g"),
                _text(point.relative_slope, ".3g"),
                label if math.isnan(point.margin) else f"{label} ({point.margin:.2g})",
                *(_text(point.distances.get(kind), "+.4f") for kind in kinds),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return [*lines, "", *crossing_lines(trace)]


def crossing_lines(trace: Trace) -> list[str]:
    """One sentence per crossing."""
    lines = []
    for c in trace.crossings:
        place = f"{c.first} to {c.second}"
        if c.kind == REGIME:
            lines.append(f"{place}: {c.before} -> {c.after}")
        else:
            way = f"from {c.before} to {c.after}"
            lines.append(f"{place}: {c.kind} crossed at {c.at:.1f}, {way}")
    return lines or ["no boundary is crossed"]


def read_map(path, over: Sequence[str]):
    """(values to the right, values upwards, regimes `[ny, nx]`) of a regimes.npz.

    Args:
      over: the parameters to the right and upwards.

    Raises:
      InputError: if it is no map of regimes, or one over other parameters.
    """
    try:
        with np.load(path) as saved:
            axes = list(json.loads(str(saved["metadata"]))["axes"])
            values = {name: saved[name] for name in axes}
            regimes = saved["regime"]
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        raise InputError(
            f"Expected a map of regimes, as apps.regimes writes, in {path}."
        ) from None
    if sorted(axes) != sorted(over):
        raise InputError(
            f"Expected a map over {', '.join(over)}, got one over {', '.join(axes)}."
        )
    upwards = regimes if axes[0] == over[1] else regimes.T
    return values[over[0]], values[over[1]], upwards


def background(
    model: ReactionDiffusion,
    params,
    over: Sequence[str],
    ranges,
    known=None,
) -> pictures.Background:
    """The bifurcation curves over two parameters, on a map of regimes if it is `known`.

    Args:
      model: of the curves.
      params: the others, which the curves are for.
      over: the parameters to the right and upwards.
      ranges: name -> (low, high).
      known: see `read_map`.
    """
    try:
        found = diagrams.diagram(model, params, over, ranges, points=_CELLS).curves
    except InputError:  # the model's uniform states cannot be found
        found = {}
    return pictures.Background(
        names=tuple(over),
        ranges=tuple(ranges[name] for name in over),
        curves=found,
        values=None if known is None else known[:2],
        regimes=None if known is None else known[2],
    )


def picture(
    path,
    trace: Trace,
    model: ReactionDiffusion,
    over: Sequence[str],
    known=None,
    title: str = "",
    whole: Sequence[Point] = (),
) -> None:
    """Draws a traced path; see `rdtf.viz.traversal`.

    Args:
      path: the PNG to write.
      trace: what is drawn.
      model: whose bifurcation curves are below it.
      over: the parameters to the right and upwards; the curves are for the values of
        the others at the path's end.
      known: see `read_map`; the picture then has its limits.
      title: above the picture.
      whole: the path before it was thinned, for the line through its points.
    """
    labels = [regime.label for regime in Regime]
    line = [[p.params[name] for name in over] for p in whole or trace.points]
    line = np.array(line)
    numbers = [labels.index(p.regime) if p.regime else -1 for p in trace.points]
    travelled = pictures.Path(
        line=line,
        places=trace.column("place"),
        x=trace.column(over[0]),
        y=trace.column(over[1]),
        loss=trace.column("loss"),
        slope=trace.column("relative_slope"),
        regimes=np.array(numbers),
        distances={kind: trace.column(kind) for kind in trace.kinds()},
    )
    if known is None:
        ranges = span(model, over, line)
    else:
        pairs = zip(over, known[:2], strict=True)
        ranges = {n: (float(v.min()), float(v.max())) for n, v in pairs}
    below = background(model, trace.points[-1].params, over, ranges, known)
    pictures.traversal(path, travelled, below, labels, title)


def span(model, over, line) -> dict[str, tuple[float, float]]:
    """Ranges of two parameters that hold a path `[points, 2]`, with a margin."""
    ranges = {}
    for name, values in zip(over, line.T, strict=True):
        low, high = float(values.min()), float(values.max())
        margin = max(_MARGIN * (high - low), _NARROWEST * max(abs(low), abs(high)))
        bound = model.parameters[name]
        ranges[name] = (max(low - margin, bound.lower), min(high + margin, bound.upper))
    return ranges


def _text(value, form):
    return "-" if value is None or math.isnan(value) else format(value, form)
