"""Maps of regimes over two parameters."""

from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.viz.figures import INK, figure

# After Okabe & Ito: told apart by colour-blind readers; greys for what is uniform, and
# a pale tint for what is undecided.
COLORS = (
    "#f2f2f2",
    "#b0b0b0",
    "#707070",
    "#0072b2",
    "#e69f00",
    "#f0e442",
    "#009e73",
    "#d55e00",
    "#ecd0e1",
    "#000000",
)
_LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))


def regime_map(
    path,
    names: tuple[str, str],
    values: tuple[np.ndarray, np.ndarray],
    regimes: np.ndarray,
    labels: Sequence[str],
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    title: str = "",
) -> None:
    """A map coloured by regime, with the share of each in the legend.

    Args:
      path: the PNG to write.
      names, values: of the parameter along axis 0 (upwards) and axis 1 (to the right).
      regimes: int `[n0, n1]`, numbers of `labels`.
      labels: of at most 10 regimes, in the order of `COLORS`.
      curves: name -> (values of names[1], values of names[0]), drawn on the map.
      title: above the figure.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.lines import Line2D

    count = len(labels)
    with figure(path, (7.6, 5.0), title) as drawing:
        axis = drawing.subplots()
        axis.pcolormesh(
            values[1],
            values[0],
            regimes,
            cmap=ListedColormap(COLORS[:count]),
            norm=BoundaryNorm(np.arange(count + 1) - 0.5, count),
            shading="nearest",
        )
        limits = axis.get_xlim(), axis.get_ylim()
        handles = _patches(regimes, labels)
        for style, (name, line) in zip(_LINES, (curves or {}).items(), strict=False):
            axis.plot(*line, style, color=INK, linewidth=1.4)
            handles.append(Line2D([], [], linestyle=style, color=INK, label=name))
        axis.set(xlim=limits[0], ylim=limits[1], xlabel=names[1], ylabel=names[0])
        axis.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False
        )


def _patches(regimes, labels):
    """Legend entries of the regimes that occur, with their shares."""
    from matplotlib.patches import Patch

    shares = [float(np.mean(regimes == number)) for number in range(len(labels))]
    return [
        Patch(
            facecolor=color,
            edgecolor="0.4",
            linewidth=0.5,
            label=f"{label.replace('_', ' ')} ({share:.1%})",
        )
        for color, label, share in zip(COLORS, labels, shares, strict=False)
        if share
    ]
