"""The path of a fit over two parameters, and what it met on the way."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.viz import regimes
from rdtf.viz.figures import INK, figure
from rdtf.viz.stability import CURVES

_COLORS = "plasma"
_OTHER = "#ffffff"  # of a point without a regime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Background:
    """What a path is drawn on.

    Attributes:
      names: of the parameters to the right and upwards.
      ranges: (low, high) of each.
      curves: kind of bifurcation -> pieces `[points, 2]`.
      values: of a map of regimes, to the right `[nx]` and upwards `[ny]`, or None.
      regimes: numbers of labels `[ny, nx]`.
    """

    names: tuple[str, str]
    ranges: tuple[tuple[float, float], tuple[float, float]]
    curves: Mapping[str, Sequence[np.ndarray]]
    values: tuple[np.ndarray, np.ndarray] | None = None
    regimes: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Path:
    """What is drawn of a path; arrays are `[points]`, but for `line`.

    Attributes:
      line: `[iterations, 2]`, all of the path in (x, y), also where no point is marked.
      places: numbers of the points in the trajectory.
      x, y: the two parameters.
      loss, slope: NaN where unknown.
      regimes: the number of the label, or -1.
      distances: kind of bifurcation -> signed relative distance.
    """

    line: np.ndarray
    places: np.ndarray
    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    slope: np.ndarray
    regimes: np.ndarray
    distances: Mapping[str, np.ndarray]


def traversal(
    path,
    travelled: Path,
    background: Background,
    labels: Sequence[str],
    title: str = "",
) -> None:
    """The path on its map; below, loss, slope and distances against the iteration.

    Points are coloured by iteration, the band under the map by regime.

    Args:
      path: the PNG to write.
      travelled: the path.
      background: what is drawn below it.
      labels: of regimes, in the order of `regimes.COLORS`.
      title: above the figure.
    """
    heights = (3.4, 0.16, 0.9, 0.9, 1.1)
    with figure(path, (7.6, 8.2), title) as drawing:
        top, band, *strips = drawing.subplots(5, 1, height_ratios=heights)
        handles = draw_background(top, background, labels)
        handles += _draw_path(top, travelled)
        _draw_band(band, travelled)
        _draw_strips(strips, travelled)
        numbers = np.unique(travelled.regimes[travelled.regimes >= 0])
        handles += _kinds(travelled.distances) + patches(numbers, labels)
        for axis in (band, *strips):
            axis.set_xlim(travelled.places[0] - 0.5, travelled.places[-1] + 0.5)
        once = {handle.get_label(): handle for handle in handles}
        place = {"loc": "outside lower center", "ncols": 4, "frameon": False}
        drawing.legend(handles=once.values(), **place)


def draw_background(axis, background: Background, labels: Sequence[str]) -> list:
    """Draws the map of regimes, if any, and the curves; the legend's entries."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    handles = []
    if background.values is not None:
        count = len(labels)
        axis.pcolormesh(
            *background.values,
            background.regimes,
            cmap=ListedColormap(regimes.COLORS[:count]),
            norm=BoundaryNorm(np.arange(count + 1) - 0.5, count),
            shading="nearest",
            rasterized=True,
        )
        handles += patches(np.unique(background.regimes), labels)
    for kind, pieces in background.curves.items():
        _, color, dashes = CURVES[kind]
        for piece in pieces:
            axis.plot(*piece.T, dashes, color=color, linewidth=1.4)
    axis.set(xlabel=background.names[0], ylabel=background.names[1])
    axis.set(xlim=background.ranges[0], ylim=background.ranges[1])
    return handles + _kinds(background.curves)


def _kinds(kinds):
    """Legend entries of kinds of bifurcation."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=color, linestyle=dashes, label=label)
        for label, color, dashes in (CURVES[kind] for kind in kinds)
    ]


def _draw_path(axis, travelled):
    from matplotlib.lines import Line2D

    x, y = travelled.x, travelled.y
    axis.plot(*travelled.line.T, color=INK, linewidth=0.7, zorder=4)
    dots = {"s": 18, "linewidths": 0.4, "edgecolors": "white", "zorder": 5}
    axis.scatter(x, y, c=travelled.places, cmap=_COLORS, **dots)
    marks = [("start", (x[0], y[0]), "o"), ("end", (x[-1], y[-1]), "s")]
    handles = []
    for label, place, marker in marks:
        style = {
            "marker": marker,
            "markersize": 9,
            "color": "white",
            "markeredgecolor": "black",
            "linestyle": "none",
        }
        axis.plot(*place, zorder=3, alpha=0.9, **style)
        handles.append(Line2D([], [], label=label, **style))
    return handles


def _draw_band(axis, travelled):
    """The regime of every point, as long as it is the nearest."""
    places = travelled.places.astype(float)
    middles = 0.5 * (places[1:] + places[:-1])
    edges = np.concatenate([[places[0] - 0.5], middles, [places[-1] + 0.5]])
    colors = [regimes.COLORS[n] if n >= 0 else _OTHER for n in travelled.regimes]
    axis.bar(edges[:-1], 1.0, np.diff(edges), align="edge", color=colors)
    axis.set(ylim=(0, 1), yticks=[], xticks=[])
    axis.set_ylabel("regime", rotation=0, ha="right", va="center")


def _draw_strips(axes, travelled):
    from matplotlib.ticker import MaxNLocator

    dots = {"c": travelled.places, "cmap": _COLORS, "s": 12, "zorder": 3}
    names = ("loss", "|∂loss/∂ln p|")
    for axis, name, values in zip(
        axes, names, (travelled.loss, travelled.slope), strict=False
    ):
        axis.plot(travelled.places, values, color="#999999", linewidth=0.8)
        axis.scatter(travelled.places, values, **dots)
        _scale(axis, values[np.isfinite(values)])
        axis.set_ylabel(name)
        axis.tick_params(labelbottom=False)
    last = axes[-1]
    for kind, values in travelled.distances.items():
        label, color, dashes = CURVES[kind]
        style = {"color": color, "linestyle": dashes, "marker": ".", "label": label}
        last.plot(travelled.places, values, linewidth=1.2, **style)
    last.axhline(0.0, color=INK, linewidth=0.8)
    last.set(xlabel="iteration, all stages", ylabel="distance")
    last.set_yscale("symlog", linthresh=0.1)
    last.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axis in axes:
        axis.grid(True)


def _scale(axis, values):
    """Logarithmic where values span much, with labels also if it is little more."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if not values.size or not 0 < 10 * values.min() < values.max():
        return
    axis.set_yscale("log")
    axis.yaxis.set_minor_formatter(NullFormatter())
    if values.max() < 1e3 * values.min():
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axis.yaxis.set_major_formatter("{x:g}")


def patches(numbers, labels) -> list:
    """Legend entries of the regimes of these numbers."""
    from matplotlib.patches import Patch

    return [
        Patch(
            facecolor=regimes.COLORS[int(n)],
            edgecolor="0.4",
            linewidth=0.5,
            label=labels[int(n)].replace("_", " "),
        )
        for n in numbers
    ]
