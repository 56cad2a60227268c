"""Figures of rollouts: errors over time and by wavenumber."""

from collections.abc import Mapping

import numpy as np

from rdtf.viz.figures import INK, figure

_COLORS = ("#7b3294", "#008837", "#999999")
_DASHES = ("-", (0, (4, 3)), "-")  # lines may coincide


def errors(
    path,
    by_time: Mapping[str, np.ndarray],
    interval: float,
    by_wavenumber: Mapping[str, np.ndarray] | None = None,
) -> None:
    """VRMSE of each method over time; the velocity's relative error by wavenumber.

    Args:
      path: of the image.
      by_time: name -> error of each frame.
      interval: between frames, in units of time.
      by_wavenumber: species -> error from one wave across the domain on, or None.
    """
    panels = 1 if by_wavenumber is None else 2
    with figure(path, (3.9 * panels, 3.0)) as drawing:
        axes = drawing.subplots(1, panels, squeeze=False)[0]
        lines = zip(by_time.items(), _COLORS, _DASHES, strict=False)
        for (name, values), color, dashes in lines:
            times = interval * np.arange(1, len(values) + 1)
            options = {"color": color, "linestyle": dashes, "label": name}
            axes[0].semilogy(times, values, **options)
        axes[0].axhline(1.0, color=INK, linewidth=0.6, linestyle=":")
        axes[0].set(xlabel="time", ylabel="VRMSE")
        for axis in axes:
            axis.grid(True)
        if by_wavenumber is not None:
            for (name, values), color in zip(
                by_wavenumber.items(), _COLORS, strict=False
            ):
                waves = np.arange(1, len(values) + 1)
                axes[1].loglog(waves, values, color=color, label=f"∂{name}/∂t")
            axes[1].set(xlabel="waves across the domain", ylabel="relative error")
        for axis in axes:
            axis.legend(frameon=False)
