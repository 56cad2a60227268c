"""Figures of a loss over one or two parameters."""

from collections.abc import Mapping

import numpy as np

from rdtf.viz.figures import INK, figure


def landscape(
    path,
    axes: Mapping[str, np.ndarray],
    losses: Mapping[str, np.ndarray],
    truth: Mapping[str, float] | None = None,
    title: str = "",
) -> None:
    """Losses over one parameter as lines, over two as pictures.

    Args:
      axes: parameter -> values.
      losses: loss name -> `[n]` or `[n0, n1]`.
      truth: parameter -> true value; marked if it names every axis.
      title: above the figure.
    """
    names, values = tuple(axes), tuple(axes.values())
    mark = None
    if truth and all(name in truth for name in names):
        mark = tuple(truth[name] for name in names)
    if len(names) == 1:
        truth = mark and mark[0]
        landscape_lines(path, names[0], values[0], losses, truth=truth, title=title)
    else:
        landscape_image(path, names, values, losses, truth=mark, title=title)


def landscape_lines(
    path,
    name: str,
    values: np.ndarray,
    losses: Mapping[str, np.ndarray],
    truth: float | None = None,
    title: str = "",
) -> None:
    """Losses `[n]` over one parameter, one strip each; gaps where a run failed.

    Args:
      path: the PNG to write.
      name, values: the parameter, `[n]`.
      losses: loss name -> `[n]`; not finite where there is none.
      truth: marked by a vertical line.
      title: above the figure.
    """
    with figure(path, (6.4, 0.9 + 2.1 * len(losses)), title) as drawing:
        axes = drawing.subplots(len(losses), 1, sharex=True, squeeze=False).ravel()
        for axis, (loss, heights) in zip(axes, losses.items(), strict=True):
            failed = ~np.isfinite(heights)
            for value in np.asarray(values)[failed]:
                axis.axvline(value, color="0.8", linewidth=4, zorder=0)
            axis.plot(values, heights, "o-", color="#7b3294", markersize=3.5)
            if truth is not None:
                axis.axvline(truth, color=INK, linestyle="--", linewidth=1, zorder=1)
            axis.set_ylabel(loss.replace("_", " "))
            _scale(axis, heights)
            axis.grid(True)
        axes[-1].set_xlabel(name)
        marks = [] if truth is None else [("truth", "--", INK, 1)]
        if any((~np.isfinite(h)).any() for h in losses.values()):
            marks.append(("no valid run", "-", "0.8", 4))
        _legend(axes[0], marks)


def landscape_image(
    path,
    names: tuple[str, str],
    values: tuple[np.ndarray, np.ndarray],
    losses: Mapping[str, np.ndarray],
    truth: tuple[float, float] | None = None,
    title: str = "",
) -> None:
    """Losses `[n0, n1]` over two parameters, one picture each; grey where a run failed.

    Args:
      path: the PNG to write.
      names, values: of the parameter along axis 0 (upwards) and axis 1 (to the right).
      losses: loss name -> `[n0, n1]`; a range of one and a half to six decades is on a
        logarithmic scale, on which smaller losses take the lowest colour.
      truth: (value along axis 0, along axis 1), marked by a star.
      title: above the figure.
    """
    import matplotlib

    colors = matplotlib.colormaps["viridis"].with_extremes(bad="0.75")
    with figure(path, (0.6 + 4.6 * len(losses), 4.2), title) as drawing:
        axes = drawing.subplots(1, len(losses), squeeze=False).ravel()
        for axis, (loss, heights) in zip(axes, losses.items(), strict=True):
            image = axis.pcolormesh(
                values[1],
                values[0],
                np.ma.masked_invalid(heights),
                cmap=colors,
                norm=_norm(heights),
                shading="nearest",
            )
            axis.set_facecolor("0.75")
            axis.locator_params(nbins=6)
            axis.set(xlabel=names[1], ylabel=names[0], title=loss.replace("_", " "))
            drawing.colorbar(image, ax=axis, label="loss")
            if truth is not None:
                axis.plot(
                    *truth[::-1],
                    "*",
                    color="white",
                    markersize=14,
                    mec="k",
                    label="truth",
                )
                axis.legend(loc="upper right", framealpha=0.9)


def _decades(values):
    """(low, high) of a logarithmic scale, at most six decades; None: linear is better.

    At the truth a loss is zero or rounding error, far below all others.
    """
    values = np.asarray(values)
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return None
    high = float(positive.max())
    low = float(positive[positive >= 1e-6 * high].min())
    return (low, high) if high > 30 * low else None


def _norm(values):
    from matplotlib.colors import LogNorm

    decades = _decades(values)
    return LogNorm(*decades, clip=True) if decades else None


def _scale(axis, values):
    decades = _decades(values)
    if decades:
        axis.set_yscale("symlog", linthresh=decades[0])
    axis.set_ylim(bottom=0)


def _legend(axis, marks):
    from matplotlib.lines import Line2D

    if marks:
        handles = [
            Line2D([], [], label=label, linestyle=style, color=color, linewidth=width)
            for label, style, color, width in marks
        ]
        axis.legend(handles=handles, loc="best", framealpha=0.9)
