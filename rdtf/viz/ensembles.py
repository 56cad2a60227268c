"""Figures of ensembles of patterns: what a denoiser takes and what it makes."""

from collections.abc import Mapping

import numpy as np

from rdtf.viz.figures import INK, figure

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


def evaluation(
    path,
    ensembles: Mapping[str, np.ndarray],
    spectra: Mapping[str, np.ndarray],
    functionals: Mapping[str, np.ndarray],
    levels: np.ndarray,
    ratios: Mapping[str, float],
) -> None:
    """Pictures above; below spectra, values, Minkowski functionals, and all scores.

    Args:
      ensembles, spectra: as for `samples_and_spectra`.
      functionals: name -> `[thresholds, 3]`, means of area, boundary and Euler number.
      levels: the thresholds.
      ratios: score -> how many times that of real ones among themselves it is.
    """
    with figure(path, (13.0, 6.6)) as drawing:
        top, bottom = drawing.subfigures(2, 1, height_ratios=(1.0, 1.0))
        _pictures(top, ensembles, 10)
        axes = bottom.subplots(1, 4, width_ratios=(1.0, 1.0, 1.0, 1.4))
        _spectra(axes[0], spectra)
        for (name, fields), color in zip(ensembles.items(), _COLORS, strict=False):
            options = {"density": True, "histtype": "step", "color": color}
            axes[1].hist(np.ravel(fields), 60, label=name, **options)
        axes[1].set(xlabel="value", ylabel="density", yscale="log")
        for (name, found), color in zip(functionals.items(), _COLORS, strict=False):
            axes[2].plot(levels, found[:, 1], color=color, label=f"{name}: boundary")
            axes[2].plot(levels, found[:, 2], "--", color=color, label="Euler number")
        axes[2].set(xlabel="threshold", ylabel="per cell")
        axes[2].legend(frameon=False, fontsize=7)
        axes[3].barh(list(ratios), list(ratios.values()), color=_COLORS[1], height=0.6)
        axes[3].axvline(1.0, color=INK, linewidth=0.8)
        axes[3].invert_yaxis()
        axes[3].set(xscale="log", xlabel="times that of real patterns")


def samples_and_spectra(
    path,
    ensembles: Mapping[str, np.ndarray],
    spectra: Mapping[str, np.ndarray],
) -> None:
    """A row of pictures per ensemble, and the spectra of all in one diagram.

    Args:
      ensembles: name -> `[n, y, x]`; the first six are drawn.
      spectra: name -> power by whole numbers of waves from 1, `[bins]`.
    """
    count = min(6, *(len(fields) for fields in ensembles.values()))
    size = (1.4 * count + 4.2, 0.5 + 1.5 * max(2, len(ensembles)))
    with figure(path, size) as drawing:
        left, right = drawing.subfigures(1, 2, width_ratios=(1.4 * count, 4.2))
        _pictures(left, ensembles, count)
        _spectra(right.subplots(), spectra)


def _pictures(drawing, ensembles, count):
    """A row of `count` samples per ensemble, on the colours of the first."""
    first = next(iter(ensembles.values()))
    limits = dict(
        zip(("vmin", "vmax"), np.quantile(first, [0.002, 0.998]), strict=True)
    )
    axes = drawing.subplots(len(ensembles), count, squeeze=False)
    for row, (name, fields) in zip(axes, ensembles.items(), strict=True):
        for axis, field in zip(row, fields, strict=False):
            axis.imshow(field, cmap="viridis", **limits)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)


def _spectra(axis, spectra):
    for (name, power), color in zip(spectra.items(), _COLORS, strict=False):
        axis.loglog(np.arange(1, len(power) + 1), power, color=color, label=name)
    axis.set(xlabel="waves across the domain", ylabel="power")
    axis.legend(frameon=False)
