"""Figures of fields: target, start and found; spectra; losses of all pairs."""

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf import storage
from rdtf.status import InputError

INK = "#333333"
_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "axes.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
}


@contextlib.contextmanager
def figure(path, size, title=""):
    """Yields a Matplotlib Figure, without pyplot; saves it unless `path` is None."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        drawing = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(drawing)
        if title:
            drawing.suptitle(title, fontsize=11)
        yield drawing
        if path is None:
            return
        with storage.atomic(path) as temporary:
            drawing.savefig(temporary, dpi=150)


def compare(
    path,
    fields: Mapping[str, np.ndarray],
    title: str = "",
    label: str = "",
):
    """Rows of samples, such as target, start and found, on one shared colour range.

    Args:
      path: the PNG to write; None writes nothing.
      fields: row label -> `[n, *grid]`, the first 8 drawn; of 3-D fields the middle
        plane is shown, 1-D fields are drawn as curves.
      title: above the figure.
      label: what the colour bar shows, such as the species.

    Returns:
      the Matplotlib figure.
    """
    rows = {name: np.asarray(field)[:8] for name, field in fields.items()}
    if not rows or not all(len(field) for field in rows.values()):
        raise InputError("Expected at least one sample in every row of the figure.")
    rows = {n: f[:, f.shape[1] // 2] if f.ndim == 4 else f for n, f in rows.items()}
    low, high = _range(np.concatenate([f.ravel() for f in rows.values()]))
    columns = max(len(field) for field in rows.values())
    lines = next(iter(rows.values())).ndim == 2
    width, height = (2.2, 1.4) if lines else (1.6, 1.6)
    size = (max(3.2, width * columns + 1.2), height * len(rows) + 0.5)
    with figure(path, size, title) as drawing:
        axes = drawing.subplots(
            len(rows), columns, squeeze=False, sharex=True, sharey=lines
        )
        for line, (name, field) in zip(axes, rows.items(), strict=True):
            line[0].set_ylabel(name, fontsize=10)
            for axis, sample in zip(line, field, strict=False):
                if lines:
                    _draw_curve(axis, sample, (low, high))
                else:
                    image = axis.imshow(sample, cmap="magma", vmin=low, vmax=high)
            for axis in line[len(field) :]:
                axis.set_visible(False)
        if not lines:
            drawing.set_layout_engine("compressed")  # else labels of rows are cut off
            for axis in axes.flat:
                axis.set(xticks=[], yticks=[])
            drawing.colorbar(image, ax=axes, label=label, shrink=0.9, aspect=30)
    return drawing


def power_spectra(path, fields: Mapping[str, np.ndarray], title: str = "") -> None:
    """Log power spectra, mean over samples: one picture each, and the ring averages.

    Args:
      path: the PNG to write.
      fields: label -> `[n, *grid]`, all on one grid. Wave numbers are in cycles per
        domain; of a 3-D spectrum the plane kz = 0 is pictured.
    """
    spectra = {name: _log_power(np.asarray(f)) for name, f in fields.items()}
    ndim = next(iter(spectra.values())).ndim
    pictures = {} if ndim == 1 else spectra
    if ndim == 3:
        pictures = {name: s[s.shape[0] // 2] for name, s in spectra.items()}
    with figure(path, (3.2 * len(pictures) + 4.4, 3.4), title) as drawing:
        widths = [1.0] * len(pictures) + [1.35]
        axes = drawing.subplots(
            1, len(widths), width_ratios=widths, squeeze=False
        ).ravel()
        if pictures:
            _draw_spectra(drawing, axes, pictures)
        for name, spectrum in spectra.items():
            axes[-1].plot(*_ring_average(spectrum), label=name)
        axes[-1].set(xlabel="wave number (cycles per domain)", title="ring average")
        axes[-1].set_ylabel(r"$\log_{10}\,|\mathrm{FFT}|^2$")
        axes[-1].grid(True)
        axes[-1].legend(frameon=False)


def heatmap(
    path,
    matrix: np.ndarray,
    labels: Sequence[str] | None = None,
    title: str = "",
    value_label: str = "loss",
    quantiles: tuple[float, float] | None = (0.05, 0.95),
) -> None:
    """A square matrix of losses between all pairs.

    Args:
      path: the PNG to write.
      matrix: `[n, n]`; not finite is grey.
      labels: of the n samples; default: their numbers.
      quantiles: of the off-diagonal entries that the colours span; None: all entries.
    """
    import matplotlib

    matrix = np.asarray(matrix, np.float64)
    size = len(matrix)
    shown = matrix
    if quantiles and size > 1:
        shown = matrix[~np.eye(size, dtype=bool)]
    low, high = _range(shown, quantiles or (0.0, 1.0))
    colors = matplotlib.colormaps["viridis"].with_extremes(bad="0.75")
    with figure(path, (5.6, 4.8), title) as drawing:
        axes = drawing.subplots()
        image = axes.imshow(matrix, cmap=colors, vmin=low, vmax=high)
        axes.set(xlabel="sample", ylabel="sample")
        if labels is not None or size <= 16:
            names = [str(n) for n in (labels if labels is not None else range(size))]
            turned = 90 if max(map(len, names)) > 3 else 0
            axes.set_xticks(range(size), names, rotation=turned)
            axes.set_yticks(range(size), names)
        if size <= 8:
            _write_values(axes, matrix, (low, high))
        drawing.colorbar(
            image, ax=axes, label=value_label, extend=_extend(matrix, image)
        )


def _draw_curve(axis, sample, limits):
    low, high = limits
    margin = 0.05 * (high - low)
    axis.plot(np.arange(sample.size), sample, color="#7b3294", linewidth=1.2)
    axis.set(xlim=(0, sample.size - 1), ylim=(low - margin, high + margin))
    axis.grid(True)


def _draw_spectra(drawing, axes, pictures):
    low, high = _range(np.stack(list(pictures.values())), (0.01, 1.0))
    for axis, (name, picture) in zip(axes, pictures.items(), strict=False):
        (top, right), (y, x) = picture.shape, (n // 2 for n in picture.shape)
        edges = (-x - 0.5, right - x - 0.5, -y - 0.5, top - y - 0.5)
        image = axis.imshow(
            picture, cmap="viridis", vmin=low, vmax=high, extent=edges, origin="lower"
        )
        axis.set(title=name, xlabel=r"$k_x$", ylabel=r"$k_y$")
    drawing.colorbar(
        image,
        ax=axes[: len(pictures)],
        label=r"$\log_{10}\,|\mathrm{FFT}|^2$",
        shrink=0.8,
    )


def _log_power(fields):
    """log10 |FFT(field - mean)|², mean over samples, zero wavenumber in the middle."""
    axes = tuple(range(1, fields.ndim))
    centred = fields - fields.mean(axis=axes, keepdims=True)
    power = np.abs(np.fft.fftshift(np.fft.fftn(centred, axes=axes), axes)) ** 2
    return np.log10(power + 1e-8).mean(axis=0)


def _ring_average(spectrum):
    """(wave numbers, mean log power of each ring), without the ring of the mean."""
    axes = [np.arange(n) - n // 2 for n in spectrum.shape]
    waves = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt(sum(w**2 for w in waves)).round().astype(int).ravel()
    last = min(spectrum.shape) // 2
    counts = np.bincount(radius)[1 : last + 1]
    sums = np.bincount(radius, spectrum.ravel())[1 : last + 1]
    return np.arange(1, last + 1), sums / counts


def _range(values, quantiles=(0.0, 1.0)):
    """(low, high) quantiles of the finite values, never equal."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(q) for q in np.quantile(finite, quantiles))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _extend(values, image):
    low, high = image.get_clim()
    finite = values[np.isfinite(values)]
    below, above = (finite < low).any(), (finite > high).any()
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max"}.get(
        (int(below), int(above)), "both"
    )


def _write_values(axes, matrix, limits):
    middle = sum(limits) / 2
    for (row, column), value in np.ndenumerate(matrix):
        color = "white" if value < middle else "black"
        axes.text(
            column, row, f"{value:.3g}", ha="center", va="center", color=color, size=8
        )
