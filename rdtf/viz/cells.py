"""Figures of cell-fate patterns: what a cell has learnt, what tissues make of it."""

from collections.abc import Mapping

import numpy as np

from rdtf.viz import gif
from rdtf.viz.figures import figure

_COLORS = ("#b2182b", "#4d4d4d", "#2166ac", "#1b7837")


def training(
    path, traces: Mapping[str, np.ndarray], fresh: float | None = None
) -> None:
    """Traces over iterations, one panel each; those that span decades on a log axis.

    Args:
      traces: name -> `[iteration]`.
      fresh: utility of the result on fresh replicates, a line in the panel "utility".
    """
    columns = min(3, len(traces))
    rows = -(-len(traces) // columns)
    with figure(path, (3.2 * columns, 2.2 * rows)) as drawing:
        axes = drawing.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[len(traces) :]:
            axis.set_visible(False)
        for axis, (name, values) in zip(axes, traces.items(), strict=False):
            axis.plot(np.arange(1, len(values) + 1), values, color=_COLORS[0], lw=1.0)
            axis.set(title=name.replace("_", " "), xlabel="iteration")
            axis.grid(True)
            positive = values[values > 0.0]
            if positive.size and positive.max() > 100.0 * positive.min():
                axis.set_yscale("log", nonpositive="clip")
            if name == "utility" and fresh is not None:
                axis.axhline(fresh, color=_COLORS[1], lw=1.2, ls="--")
                axis.set_title(f"utility; of fresh replicates {fresh:.3f}")


def functions(path, points: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    """f over the mean of the neighbours; the first curve is the learnt one."""
    with figure(path, (5.2, 3.6)) as drawing:
        axis = drawing.subplots()
        _draw_functions(axis, points, curves)
        axis.legend(frameon=False)


def _draw_functions(axis, points, curves):
    for i, (name, values) in enumerate(curves.items()):
        style = {"lw": 2.0} if i == 0 else {"lw": 1.2, "ls": "--"}
        axis.plot(points, values, color=_COLORS[i % 4], label=name, **style)
    axis.axhline(0.0, color="#999999", lw=0.6)
    axis.axvline(0.5, color="#999999", lw=0.6)
    axis.set(xlabel="mean of the neighbours", ylabel="f", xlim=(0, 1))
    axis.set_yscale("symlog", linthresh=1.0)


def patterns(path, sets: Mapping[str, np.ndarray]) -> None:
    """Final states of replicates, side by side for each set.

    Args:
      sets: name -> states `[replicate, cell]`, the first 48 drawn as the rows of one
        picture, or `[replicate, y, x]`, the first nine drawn.
    """
    lattice = next(iter(sets.values())).ndim == 3
    size = (3.4 * len(sets) + 0.6, 3.6 if lattice else 5.0)
    with figure(path, size) as drawing:
        parts = drawing.subfigures(1, len(sets), squeeze=False)[0]
        for part, (name, states) in zip(parts, sets.items(), strict=True):
            part.suptitle(name, fontsize=10)
            if lattice:
                axes = part.subplots(3, 3).ravel()
                for axis, state in zip(axes, states, strict=False):
                    _picture(axis, state)
                for axis in axes:
                    axis.axis("off")
            else:
                axis = part.subplots()
                shown = states[:48]
                order = np.lexsort((shown >= 0.5).T[::-1])
                _picture(axis, shown[order], aspect="auto")
                axis.set(xlabel="cell", ylabel="replicate, in order of its pattern")


def _picture(axis, values, **options):
    axis.imshow(
        values, cmap="viridis", vmin=0, vmax=1, interpolation="nearest", **options
    )


def functions_gif(
    path,
    points: np.ndarray,
    tables: np.ndarray,
    iterations: np.ndarray,
    references: Mapping[str, np.ndarray],
) -> int:
    """f as it was learnt.

    Args:
      path: the GIF to write.
      points: where f is tabulated, `[node]`.
      tables: f, `[frame, node]`.
      iterations: of the frames, `[frame]`.
      references: name -> another f, `[node]`.

    Returns:
      How many frames it has.
    """
    low, high = tables.min(), tables.max()
    margin = 0.05 * max(high - low, 1e-3)

    def frames():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        drawing = Figure(figsize=(4.4, 3.2), dpi=80)
        canvas, axis = FigureCanvasAgg(drawing), drawing.subplots()
        _draw_functions(axis, points, {"learnt": tables[0], **references})
        axis.set_ylim(low - margin, high + margin)
        drawing.subplots_adjust(0.14, 0.16, 0.97, 0.9)
        for table, iteration in zip(tables, iterations, strict=True):
            axis.lines[0].set_ydata(table)
            axis.set_title(f"iteration {iteration}")
            canvas.draw()
            yield np.asarray(canvas.buffer_rgba())[..., :3]

    return gif.write_gif(path, frames(), fps=10.0)
