"""How noisy a picture is, and a low-pass filter that fits it.

White noise has the same power in every bin, a smooth pattern next to none at the
shortest waves: the corners of the spectrum show the noise alone.
"""

import numpy as np
import scipy.fft
import scipy.special

from rdtf.grids import Grid


def _spectrum(fields, grid):
    axes = tuple(range(1, fields.ndim))
    if grid.boundary == "periodic":
        return scipy.fft.fftn(fields, axes=axes, norm="ortho")
    return scipy.fft.dctn(fields, type=2, axes=axes, norm="ortho")


def _fields(spectrum, grid):
    axes = tuple(range(1, spectrum.ndim))
    if grid.boundary == "periodic":
        return scipy.fft.ifftn(spectrum, axes=axes, norm="ortho").real
    return scipy.fft.idctn(spectrum, type=2, axes=axes, norm="ortho")


def _radius(grid):
    """Radial wave number of each bin, 1 at the Nyquist wave of an axis."""
    axes = []
    for n in grid.shape:
        if grid.boundary == "periodic":
            axes.append(2.0 * np.abs(np.fft.fftfreq(n)))
        else:
            axes.append(np.arange(n) / n)
    return np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))


def estimate(fields: np.ndarray, grid: Grid) -> float:
    """Standard deviation of white noise on `[n, *grid]`, from the shortest waves.

    The twentieth of the bins farthest from the origin is used, for there a smooth
    pattern has decayed most. Biased upwards where it has not.
    """
    power = np.abs(_spectrum(fields, grid)) ** 2
    radius = _radius(grid)
    return float(np.sqrt(power[:, radius >= np.quantile(radius, 0.95)].mean()))


def low_pass(fields: np.ndarray, grid: Grid, sigma: float) -> np.ndarray:
    """Keeps the rings of the spectrum in which the pattern is stronger than the noise.

    Those are all up to the strongest and on to the first whose power is below
    1.5 sigma², and beyond it those above 3 sigma², the harmonics of a regular pattern.
    """
    spectrum = _spectrum(fields, grid)
    rings = np.rint(_radius(grid) * min(grid.shape) / 2).astype(int)
    power = np.abs(spectrum) ** 2
    sums = np.zeros((fields.shape[0], rings.max() + 1))
    for sample, row in enumerate(power):
        sums[sample] = np.bincount(rings.ravel(), row.ravel())
    sums /= np.maximum(np.bincount(rings.ravel()), 1)
    ring = sums.mean(axis=0)
    strongest = 1 + int(np.argmax(ring[1:]))
    weak = ring < 1.5 * sigma**2
    weak[:strongest] = False
    cutoff = int(np.argmax(weak)) if weak.any() else len(ring)
    kept = (np.arange(len(ring)) < cutoff) | (ring > 3.0 * sigma**2)
    return _fields(np.where(kept[rings], spectrum, 0.0), grid)


def estimate_crop(fields: np.ndarray) -> float:
    """Standard deviation of white noise on crops `[n, ny, nx]`, edges not matching.

    From differences of order up to 8 along both axes at once, scaled so that white
    noise keeps its size; nothing is assumed of what lies beyond the edge. Biased
    upwards where a pattern has parts of a few cells.
    """
    order = min(8, min(fields.shape[1:]) - 2)
    weights = scipy.special.binom(order, np.arange(order + 1))
    scale = np.sqrt(np.sum(weights**2))
    rough = np.diff(np.diff(fields, order, axis=1), order, axis=2)
    return float(np.sqrt(np.mean(rough**2)) / scale**2)


def smooth_crop(fields: np.ndarray, sigma: float) -> np.ndarray:
    """Least squares with a penalty on fourth differences along each axis.

        min |x - y|² + λ (|Δ_y⁴ x|² + |Δ_x⁴ x|²)

    Cubics pass unchanged and nothing is assumed beyond the edges. λ is the one of least
    expected error by Stein's unbiased estimate,

        |x - y|² + 2 sigma² trace(∂x/∂y)        (Stein 1981, doi:10.1214/aos/1176345632)
    """
    roughness, bases = [], []
    for n in fields.shape[1:]:
        step = np.diff(np.eye(n), 4, axis=0)
        values, vectors = np.linalg.eigh(step.T @ step)
        values[:4] = 0.0  # of cubics
        roughness.append(values)
        bases.append(vectors)
    penalty = np.add.outer(*roughness)
    spectrum = bases[0].T @ fields @ bases[1]

    def risk(exponent):
        lost = 1.0 - 1.0 / (1.0 + 10.0**exponent * penalty)
        kept = 2.0 * sigma**2 * len(fields) * np.sum(1.0 - lost)
        return np.sum((lost * spectrum) ** 2) + kept

    strength = 10.0 ** min(np.linspace(-4.0, 6.0, 81), key=risk)
    return bases[0] @ (spectrum / (1.0 + strength * penalty)) @ bases[1].T


def estimate_masked(fields: np.ndarray, mask: np.ndarray) -> float:
    """Standard deviation of white noise on `[n, *pixels]` of which some are hidden.

    From sixth differences along each axis, wherever seven pixels in a row are observed.
    """
    order = 6
    scale = np.sqrt(np.sum(scipy.special.binom(order, np.arange(order + 1)) ** 2))
    squares = []
    for axis in range(1, fields.ndim):
        rough = np.diff(np.where(mask, fields, 0.0), order, axis=axis) / scale
        rows = np.lib.stride_tricks.sliding_window_view(mask, order + 1, axis)
        squares.append(rough[rows.all(axis=-1)] ** 2)
    squares = np.concatenate(squares)
    return float(np.sqrt(squares.mean())) if squares.size else 0.0
