"""The figure of the traversal study: paths over k and F, by target and way."""

import numpy as np

from benchmarks import traversal_cases as cases
from rdtf import models
from rdtf.analysis.stability import diagrams
from rdtf.viz import stability
from rdtf.viz import traversal as pictures
from rdtf.viz.figures import figure

_OVER = ("k", "F")
_RANGES = {"k": (0.0, 0.085), "F": (0.0, 0.075)}
_CELLS = 40  # along each axis, on which the beginnings of curves are sought
# After Okabe & Ito: told apart by colour-blind readers.
_COLORS = ("#56b4e9", "#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7")


def draw(path, rows: list[dict]) -> None:
    """A panel per target and way that has rows; a path per start.

    Curves are the bifurcations for the target's diffusivities. What leaves the panel is
    not shown.

    Args:
      path: the PNG to write.
      rows: as `benchmarks.traversal_rows` measures them.
    """
    by_name = {row["name"]: row for row in rows}
    panels = {name.rpartition("/")[2] for name in by_name}
    ways = [way for way in cases.WAYS if way in panels]
    targets = [t for t in cases.TARGETS if any(n.startswith(t) for n in by_name)]
    size = (2.5 * len(ways) + 0.6, 2.3 * len(targets) + 1.0)
    with figure(path, size) as drawing:
        axes = drawing.subplots(
            len(targets), len(ways), squeeze=False, sharex=True, sharey=True
        )
        for line, target in zip(axes, targets, strict=True):
            below = _background(target)
            for axis, way in zip(line, ways, strict=True):
                shown = _draw_panel(axis, below, target, way, by_name)
                axis.set_title(f"{target}, {way}{shown}", fontsize=9)
                axis.label_outer()
        place = {"loc": "outside lower center", "ncols": 5, "frameon": False}
        drawing.legend(handles=_legend(), **place)


def _background(target):
    params = cases.params_of(cases.TARGETS[target])
    curves = diagrams.diagram(
        models.GRAY_SCOTT, params, _OVER, _RANGES, points=_CELLS
    ).curves
    kept = {kind: curves[kind] for kind in ("saddle_node", "hopf")}
    return pictures.Background(names=_OVER, ranges=tuple(_RANGES.values()), curves=kept)


def _draw_panel(axis, below, target, way, by_name):
    """Draws the paths of a panel; how many arrived, for its title."""
    pictures.draw_background(axis, below, ())
    goal = cases.params_of(cases.TARGETS[target])
    axis.plot(goal["k"], goal["F"], "*", color="white", mec="black", ms=13, zorder=3)
    came = []
    for start, color in zip(cases.STARTS, _COLORS, strict=True):
        row = by_name.get(f"{target}/{start}/{way}")
        if row is None:
            continue
        x, y = np.array([[p[n] for n in _OVER] for p in row["path"]]).T
        axis.plot(x, y, color=color, linewidth=1.1, zorder=4)
        axis.plot(x[0], y[0], "o", color=color, mec="white", ms=5, zorder=5)
        face = color if row["arrived"] else "white"
        end = {"marker": "s", "color": face, "mec": color, "ms": 5, "zorder": 6}
        axis.plot(x[-1], y[-1], **end)
        came.append(row["arrived"])
    return f": {sum(came)} of {len(came)}" if came else ": not run"


def _legend():
    from matplotlib.lines import Line2D

    dots = {"linestyle": "none", "marker": "o", "markersize": 5}
    handles = [
        Line2D([], [], color=color, label=f"from {start}", **dots)
        for start, color in zip(cases.STARTS, _COLORS, strict=True)
    ]
    ends = [("arrived", "#777777"), ("stopped elsewhere", "white")]
    square = {"linestyle": "none", "marker": "s", "mec": "#777777", "ms": 5}
    handles += [Line2D([], [], color=c, label=name, **square) for name, c in ends]
    star = {"linestyle": "none", "marker": "*", "color": "white", "ms": 11}
    handles.append(Line2D([], [], label="target", mec="black", **star))
    for kind in ("saddle_node", "hopf"):
        label, color, dashes = stability.CURVES[kind]
        handles.append(Line2D([], [], color=color, linestyle=dashes, label=label))
    return handles
