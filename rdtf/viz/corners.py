"""Corner plots: how samples of parameters scatter, one by one and in pairs."""

from collections.abc import Mapping

import numpy as np

from rdtf.status import InputError
from rdtf.viz.figures import figure

COLOR, TRUTH, POINT = "#7b3294", "#1b7837", "#d95f02"
LEVELS = (0.95, 0.68)
MANY = 200  # samples from which a pair is shown by density, not by dots


def corner(
    path,
    samples: Mapping[str, np.ndarray],
    truth: Mapping[str, float] | None = None,
    point: Mapping[str, float] | None = None,
    title: str = "",
) -> None:
    """Histograms on the diagonal and pairs of parameters below it.

    Few samples are dots; many are a density with the contours of the densest 68 and
    95 %.

    Args:
      path: the PNG to write.
      samples: name -> values; any shape, such as `[chains, draws]`, but one for all.
      truth, point: name -> value to mark, as a line and a dashed line; names that are
        not sampled are left out.
      title: above the figure.
    """
    values = {n: np.asarray(x, np.float64).ravel() for n, x in samples.items()}
    if not values or len({x.size for x in values.values()}) > 1:
        raise InputError(
            "Expected as many samples of every parameter, and one at least."
        )
    finite = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    if finite.sum() < 2:
        raise InputError(f"Expected two finite samples or more, got {finite.sum()}.")
    values = {n: x[finite] for n, x in values.items()}
    marks = [(truth or {}, TRUTH, "-"), (point or {}, POINT, "--")]
    count = len(values)
    side = max(3.2, 1.7 * count + 0.6)
    with figure(path, (side, side), title) as drawing:
        axes = drawing.subplots(count, count, squeeze=False, sharex="col")
        for row, below in enumerate(values):
            for column, left in enumerate(values):
                axis = axes[row, column]
                if column > row:
                    axis.set_visible(False)
                    continue
                if row == column:
                    _draw_histogram(axis, values[below], marks, below)
                else:
                    _draw_pair(axis, values[left], values[below])
                    _mark_pair(axis, left, below, marks)
                _label(axis, row, column, count, (left, below))


def _draw_histogram(axis, x, marks, name):
    bins = int(np.clip(np.sqrt(x.size), 6, 40))
    axis.hist(x, bins, range=_limits(x), color=COLOR, alpha=0.45, linewidth=0)
    for values, color, style in marks:
        if name in values:
            axis.axvline(values[name], color=color, linestyle=style, linewidth=1.2)
    low, middle, high = np.quantile(x, [0.16, 0.5, 0.84])
    spread = max((high - low) / 2, 1e-300)
    digits = max(0, int(np.ceil(-np.log10(spread))) + 1)
    if digits < 9 and abs(middle) < 1e6:
        axis.set_title(f"{middle:.{digits}f} ± {spread:.{digits}f}", fontsize=8)
    else:
        axis.set_title(f"{middle:.4g} ± {spread:.2g}", fontsize=8)


def _draw_pair(axis, x, y):
    if x.size < MANY:
        axis.scatter(x, y, s=9, color=COLOR, alpha=0.7, linewidths=0)
    else:
        density, edges = _density(x, y)
        axis.pcolormesh(*edges, density.T, cmap="Purples", rasterized=True)
        centres = [(e[1:] + e[:-1]) / 2 for e in edges]
        levels = _contour_levels(density)
        if len(levels) == len(LEVELS):
            axis.contour(*centres, density.T, levels, colors=COLOR, linewidths=0.9)
    axis.set(xlim=_limits(x), ylim=_limits(y))


def _mark_pair(axis, left, below, marks):
    for values, color, style in marks:
        if left in values:
            axis.axvline(values[left], color=color, linestyle=style, linewidth=0.9)
        if below in values:
            axis.axhline(values[below], color=color, linestyle=style, linewidth=0.9)


def _label(axis, row, column, count, names):
    axis.tick_params(labelsize=7, labelbottom=row == count - 1, labelleft=column < row)
    axis.locator_params(nbins=3)
    if row == column:
        axis.set_yticks([])
    if row == count - 1:
        axis.set_xlabel(names[0])
        axis.tick_params(axis="x", rotation=45)
    if column == 0 and row > 0:
        axis.set_ylabel(names[1])


def _density(x, y):
    """A smoothed histogram `[bins, bins]`, sum 1, and its edges."""
    bins = int(np.clip(np.sqrt(x.size) / 1.5, 10, 40))
    counts, *edges = np.histogram2d(x, y, bins, range=(_limits(x), _limits(y)))
    kernel = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    for axis in (0, 1):
        counts = np.apply_along_axis(np.convolve, axis, counts, kernel, mode="same")
    return counts / counts.sum(), edges


def _contour_levels(density):
    """Densities above which 95 and 68 % of the samples lie, rising."""
    ordered = np.sort(density, axis=None)[::-1]
    below = np.cumsum(ordered)
    return sorted({float(ordered[np.searchsorted(below, p)]) for p in LEVELS})


def _limits(x):
    low, high = x.min(), x.max()
    margin = 0.08 * (high - low) or 0.5 * max(abs(high), 1e-12)
    return low - margin, high + margin
