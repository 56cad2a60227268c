"""Figures of points in two or three dimensions and of velocities there."""

from collections.abc import Mapping

import numpy as np

from rdtf.viz.figures import figure

_DOT = {"s": 1.0, "alpha": 0.25, "color": "#7b3294", "linewidths": 0.0}
_SHOWN = 4000


def plane(
    path, samples: np.ndarray, axis: np.ndarray, fields: Mapping[str, np.ndarray]
) -> None:
    """Streamlines of fields over points of the plane, one panel each.

    Args:
      path: the PNG to write.
      samples: `[n, 2]`.
      axis: where the fields are, along each axis, `[m]`.
      fields: title -> `[m, m, 2]`, first by the second coordinate.
    """
    with figure(path, (2.9 * len(fields), 3.1)) as drawing:
        panels = drawing.subplots(1, len(fields), squeeze=False, sharey=True)[0]
        for panel, (name, field) in zip(panels, fields.items(), strict=True):
            panel.scatter(*samples[:_SHOWN].T, rasterized=True, **_DOT)
            lines = {"density": 1.1, "linewidth": 0.8, "arrowsize": 0.7}
            panel.streamplot(
                axis, axis, field[..., 0], field[..., 1], color="#333333", **lines
            )
            limits = (axis[0], axis[-1])
            panel.set(title=name, xlim=limits, ylim=limits, aspect="equal")


def space(path, samples: np.ndarray, runs: Mapping[str, np.ndarray]) -> None:
    """Trajectories in three dimensions, seen along the second axis, one panel each.

    Args:
      path: the PNG to write.
      samples: `[n, 3]`, behind them.
      runs: title -> `[runs, time, 3]`.
    """
    low, high = samples.min(0) - 0.3, samples.max(0) + 0.3
    with figure(path, (2.9 * len(runs), 3.1)) as drawing:
        panels = drawing.subplots(1, len(runs), squeeze=False, sharey=True)[0]
        for panel, (name, found) in zip(panels, runs.items(), strict=True):
            panel.scatter(*samples[:_SHOWN, ::2].T, rasterized=True, **_DOT)
            for run in found:
                panel.plot(run[:, 0], run[:, 2], color="#333333", linewidth=0.8)
                panel.plot(*run[0, ::2], "o", color="#333333", markersize=3)
            panel.set(title=name, xlim=(low[0], high[0]), ylim=(low[2], high[2]))
            panel.set(xlabel="x")
        panels[0].set_ylabel("z")
