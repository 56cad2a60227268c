"""Figures of ensembles of patterns: what a denoiser sees, and what it makes."""

from collections.abc import Mapping

import numpy as np

from rdtf.viz.figures import figure

_COLORS = ("#1b7837", "#7b3294", "#e08214", "#2166ac")


def denoised(
    path,
    clean: np.ndarray,
    noisy: Mapping[float, np.ndarray],
    found: Mapping[float, np.ndarray],
    title: str = "",
) -> None:
    """Rows: noise levels. Columns: the original, with noise, denoised.

    Args:
      clean: `[y, x]`.
      noisy, found: level -> `[y, x]`.
    """
    limits = {"vmin": clean.min(), "vmax": clean.max(), "cmap": "viridis"}
    with figure(path, (6.0, 0.6 + 2.0 * len(noisy)), title) as drawing:
        axes = drawing.subplots(len(noisy), 3, squeeze=False)
        for row, level in zip(axes, noisy, strict=True):
            pictures = (clean, noisy[level], found[level])
            names = ("original", f"σ = {level:g}", "denoised")
            for axis, picture, name in zip(row, pictures, names, strict=True):
                axis.imshow(picture, **limits)
                axis.set_title(name, fontsize=9)
                axis.axis("off")


def samples_and_spectra(
    path,
    ensembles: Mapping[str, np.ndarray],
    spectra: Mapping[str, np.ndarray],
    title: str = "",
) -> None:
    """A row of pictures per ensemble, and the spectra of all in one diagram.

    Args:
      ensembles: name -> `[n, y, x]`; the first six are drawn.
      spectra: name -> power by whole numbers of waves from 1, `[bins]`.
    """
    count = min(6, *(len(fields) for fields in ensembles.values()))
    first = next(iter(ensembles.values()))
    limits = dict(
        zip(("vmin", "vmax"), np.quantile(first, [0.002, 0.998]), strict=True)
    )
    size = (1.4 * count + 4.2, 0.5 + 1.5 * max(2, len(ensembles)))
    with figure(path, size, title) as drawing:
        left, right = drawing.subfigures(1, 2, width_ratios=(1.4 * count, 4.2))
        axes = left.subplots(len(ensembles), count, squeeze=False)
        for row, (name, fields) in zip(axes, ensembles.items(), strict=True):
            for axis, field in zip(row, fields, strict=False):
                axis.imshow(field, cmap="viridis", **limits)
                axis.set(xticks=[], yticks=[])
            row[0].set_ylabel(name)
        axis = right.subplots()
        for (name, power), color in zip(spectra.items(), _COLORS, strict=False):
            axis.loglog(np.arange(1, len(power) + 1), power, color=color, label=name)
        axis.set(xlabel="waves across the domain", ylabel="power")
        axis.legend(frameon=False)
