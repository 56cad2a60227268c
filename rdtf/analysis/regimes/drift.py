"""How a pattern moves as a whole: its drift at a moment, the shift between two."""

import numpy as np

_TINY = 1e-300
_FINER = 8  # shifts tried per shortest wavelength
_NEWTON_STEPS = 4


def drift(fields, rates, weights, grid) -> np.ndarray:
    """How far rates are a drift of the fields: the c that fits  ∂s/∂t = -c · ∇s  best.

    Least squares over the cells and species (Beyn & Thümmler 2004,
    doi:10.1137/030600515), by central differences of fourth order.

    Args:
      fields, rates: one array `[B, *grid]` per species.
      weights: of each species, `[B, S]`.
      grid: where they live.

    Returns:
      `[B, 1 + ndim]`: the share of the rms rate that is left, and c in length / time.
    """
    batch = len(fields[0])
    matrix = np.zeros((batch, grid.ndim, grid.ndim))
    right, total = np.zeros((batch, grid.ndim)), np.zeros(batch)
    for field, rate, weight in zip(fields, rates, weights.T, strict=True):
        slopes = np.stack(
            [_slope(field, axis, grid).reshape(batch, -1) for axis in range(grid.ndim)],
            axis=1,
        )
        rate = rate.reshape(batch, -1)
        matrix += np.einsum("bin,bjn,b->bij", slopes, slopes, weight, optimize=True)
        right -= np.einsum("bin,bn,b->bi", slopes, rate, weight, optimize=True)
        total += np.einsum("bn,bn,b->b", rate, rate, weight, optimize=True)
    velocity = np.einsum("bij,bj->bi", np.linalg.pinv(matrix, 1e-9, True), right)
    explained = np.einsum("bi,bi->b", velocity, right)
    left = 1.0 - explained / np.maximum(total, _TINY)
    return np.column_stack([np.sqrt(np.clip(left, 0.0, 1.0)), velocity])


def _slope(field, axis, grid):
    """∂field/∂x along an axis; mirrored beyond sides that are not periodic."""
    mode = "wrap" if grid.sides[axis] is None else "symmetric"
    widths = [(0, 0)] * field.ndim
    widths[axis + 1] = (2, 2)
    padded = np.pad(field, widths, mode=mode)
    count = grid.shape[axis]

    def shifted(by):
        return padded.take(np.arange(2 + by, 2 + by + count), axis=axis + 1)

    first, second = shifted(1) - shifted(-1), shifted(2) - shifted(-2)
    return (8.0 * first - second) / (12.0 * grid.spacing[axis])


def shape_distance(first, later, waves, periodic) -> float:
    """How far the shapes of two patterns are apart, wherever they stand.

    The mean square of the difference after the best shift, over the sum of the
    variances: 0 for the same shape, 1 for two that are unrelated; infinite if both are
    uniform. The shift is the best of a grid of shifts, polished by Newton's method on
    the correlation, so it need be no whole cells.

    Args:
      first, later: Fourier modes `[S, *modes]`, such that the sum of |modes|² is the
        mean square.
      waves: per axis, the whole number of waves in the domain of each mode, `[modes]`.
      periodic: per axis, whether the pattern may be shifted along it.
    """
    axes = range(1, first.ndim)
    power = [np.sum(np.abs(m) ** 2) for m in (first, later)]
    uniform = (slice(None), *[0] * len(axes))  # the mode of no waves stands first
    variance = sum(power) - sum(np.sum(np.abs(m[uniform]) ** 2) for m in (first, later))
    if not variance > _TINY:
        return np.inf
    cross = np.sum(np.conj(first) * later, axis=0)
    waves = [2.0 * np.pi * w * may for w, may in zip(waves, periodic, strict=True)]
    grids = [np.linspace(0.0, 1.0, _FINER * len(w), endpoint=False) for w in waves]
    tried = cross
    for grid, numbers in zip(grids, waves, strict=True):
        tried = np.tensordot(tried, np.exp(1j * np.outer(numbers, grid)), (0, 0))
    place = np.unravel_index(np.argmax(tried.real), tried.shape)
    best = np.array([grid[i] for grid, i in zip(grids, place, strict=True)])
    correlation = max(tried.real.max(), _polished(cross, waves, best))
    return max(float((sum(power) - 2.0 * correlation) / variance), 0.0)


def _polished(cross, waves, shift):
    """The largest Re Σ cross e^(i waves · shift) that Newton's method meets."""
    numbers = np.stack([w.ravel() for w in np.meshgrid(*waves, indexing="ij")])
    cross, met = cross.ravel(), []
    for _ in range(_NEWTON_STEPS):
        terms = cross * np.exp(1j * shift @ numbers)
        met.append(terms.real.sum())
        slope = -numbers @ terms.imag
        curvature = -(numbers * terms.real) @ numbers.T
        shift = shift - np.linalg.pinv(curvature, 1e-6, hermitian=True) @ slope
    return max(met)
