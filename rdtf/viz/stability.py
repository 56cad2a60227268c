"""Figures of linear stability: dispersion relations and maps over two parameters."""

from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.viz.figures import INK, figure

# Okabe & Ito 2008: told apart by every kind of colour vision, and by their dashes.
CURVES = {
    "saddle_node": ("saddle-node", "#000000", "-"),
    "branch_point": ("branch point", "#666666", ":"),
    "hopf": ("Hopf", "#0072B2", "--"),
    "turing": ("Turing", "#D55E00", "-"),
    "wave": ("wave", "#009E73", "-."),
}
_REGIONS = (
    "#f5f5f5",
    "#d3e6f4",
    "#fde3bd",
    "#bfe6d8",
    "#f3d0e2",
    "#fff6b8",
    "#d9d2ec",
    "#dddddd",
)
_FIRST, _OTHER, _TURNING = "#D55E00", "#b8b8b8", "#0072B2"


def dispersion(
    path,
    wavenumbers: np.ndarray,
    rates: np.ndarray,
    bands: Sequence[tuple[float, float]] = (),
    fastest: tuple[float, float] | None = None,
    title: str = "",
) -> None:
    """Growth rates Re σ over k, and |Im σ| of the first where it oscillates.

    Args:
      path: the PNG to write.
      wavenumbers, rates: `[k]` and complex `[k, species]`, the first the fastest.
      bands: unstable intervals of k, shaded.
      fastest: (k, Re σ), marked.
    """
    first = rates[:, 0]
    with figure(path, (5.6, 3.8), title) as drawing:
        axis = drawing.subplots()
        for low, high in bands:
            high = min(high, wavenumbers[-1])
            axis.axvspan(low, high, color="#fde3bd", linewidth=0, label="unstable")
        axis.axhline(0.0, color=INK, linewidth=0.8)
        limits = _limits(first, fastest)
        for other in rates.T[1:]:
            if other.real.max() > limits[0]:
                axis.plot(wavenumbers, other.real, color=_OTHER, label="other Re σ")
        axis.plot(wavenumbers, first.real, color=_FIRST, label="largest Re σ")
        if np.abs(first.imag).max() > 1e-9 * np.abs(first).max():
            size = np.abs(first.imag)
            axis.plot(wavenumbers, size, "--", color=_TURNING, label="its |Im σ|")
        if fastest is not None:
            axis.plot(*fastest, "o", color=INK, markersize=5, clip_on=False, zorder=3)
        axis.set(xlabel="wavenumber k", ylabel="rate", xlim=(0, wavenumbers[-1]))
        axis.set_ylim(*limits)
        axis.grid(True)
        handles, labels = axis.get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True))
        axis.legend(once.values(), once, loc="best", framealpha=0.9)


def _limits(first, fastest):
    """Around the fastest mode; far below it the fall of the rates says nothing."""
    peak = float(first.real.max()) if fastest is None else fastest[1]
    above = max(peak, float(np.abs(first.imag).max()), 0.0)
    low = float(first.real.min())
    if above > 0:
        low = max(low, -3.0 * above)
    span = (above - low) or 1.0
    return low - 0.05 * span, above + 0.12 * span


def bifurcation_map(
    path,
    axes: Mapping[str, np.ndarray],
    regions: Mapping[str, np.ndarray],
    curves: Mapping[str, Sequence[np.ndarray]],
    point: tuple[float, float] | None = None,
    title: str = "",
) -> None:
    """Regions and bifurcation curves over two parameters.

    Args:
      path: the PNG to write.
      axes: (x, y) names -> values `[nx]`, `[ny]`.
      regions: name -> where it is, bool `[ny, nx]`.
      curves: kind -> pieces `[points, 2]` of (x, y).
      point: (x, y) of the parameter set, marked.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    (x_name, x), (y_name, y) = axes.items()
    colors = [_REGIONS[i % len(_REGIONS)] for i in range(len(regions))]
    numbers = np.zeros((len(y), len(x)))
    for number, where in enumerate(regions.values()):
        numbers[where] = number
    handles = [
        Patch(facecolor=color, edgecolor="#999999", linewidth=0.5, label=name)
        for name, color in zip(regions, colors, strict=True)
    ]
    with figure(path, (7.2, 4.2)) as drawing:
        axis = drawing.subplots()
        axis.set_title(title, loc="left")
        axis.pcolormesh(
            x,
            y,
            numbers,
            cmap=ListedColormap(colors),
            vmin=-0.5,
            vmax=len(colors) - 0.5,
            shading="nearest",
            rasterized=True,
        )
        for kind, (label, color, dashes) in CURVES.items():
            for piece in curves.get(kind, ()):
                axis.plot(*piece.T, dashes, color=color, linewidth=1.8)
            if curves.get(kind):
                line = Line2D([], [], color=color, linestyle=dashes, label=label)
                handles.append(line)
        if point is not None:
            style = {"marker": "*", "color": "white", "markersize": 15, "mec": "k"}
            axis.plot(*point, linestyle="none", zorder=5, **style)
            handles.append(
                Line2D([], [], linestyle="none", label="this parameter set", **style)
            )
        axis.set(xlabel=x_name, ylabel=y_name)
        axis.set_xlim(x[0], x[-1])
        axis.set_ylim(y[0], y[-1])
        drawing.legend(handles=handles, loc="outside right center", frameon=False)
