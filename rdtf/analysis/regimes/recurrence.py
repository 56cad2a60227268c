"""Periods and spectral lines, from the Gram matrix of the frames of a run.

With x_t the frame at time t less the mean frame, everything here follows from the inner
products ⟨x_t, x_t'⟩, `[N, N]`; frames are evenly spaced. How a state comes back to
where it was tells a limit cycle from a torus from chaos: Eckmann, Kamphorst & Ruelle
1987, doi:10.1209/0295-5075/4/9/004.
"""

import numpy as np

_PARTED = 0.5  # of two unrelated frames' mean square distance: they are different
_FINER = 50  # times the frames, of the lags at which a return is sought
_NUM_LINES = 8
_LINE_BINS = 2  # on either side: the main lobe of Hann's window


def lag_distances(gram: np.ndarray) -> np.ndarray:
    """⟨|x_{t+τ} - x_t|²⟩ / 2⟨|x|²⟩ for lags τ of up to half the frames.

    0 where the pattern is back, 1 where it is unrelated to what it was.
    """
    squares = np.diag(gram)
    distances = squares[:, np.newaxis] + squares - 2.0 * gram
    lags = range(len(gram) // 2 + 1)
    means = np.array([np.diagonal(distances, lag).mean() for lag in lags])
    return means / max(2.0 * squares.mean(), np.finfo(float).tiny)


def first_return(distances: np.ndarray, tolerance: float) -> tuple[float, float]:
    """(lag, distance) of the first return to within `tolerance`, or of the best one.

    A minimum counts once the pattern has parted from where it was. Between the frames a
    cubic spline is taken, so that a period need be no whole number of them. The lag is
    NaN if there is no minimum, and the distance 1.
    """
    from scipy.interpolate import CubicSpline

    lags = np.linspace(0, len(distances) - 1, _FINER * (len(distances) - 1) + 1)
    fine = np.maximum(CubicSpline(np.arange(len(distances)), distances)(lags), 0.0)
    parted = np.flatnonzero(fine > _PARTED)
    first = max(parted[0], 1) if len(parted) else len(fine)
    inside = fine[1:-1]
    minima = 1 + np.flatnonzero((inside <= fine[:-2]) & (inside < fine[2:]))
    minima = minima[minima > first]
    if not len(minima):
        return np.nan, 1.0
    good = minima[fine[minima] <= tolerance]
    best = good[0] if len(good) else minima[fine[minima].argmin()]
    return float(lags[best]), float(fine[best])


def line_share(gram: np.ndarray) -> float:
    """Share of the temporal power in the 8 strongest lines of its spectrum, 0 to 1.

    With Hann's window; 1 for motion on a torus of few frequencies, periodic or not.
    What is too slow to be distinguished from a trend is no line.
    """
    count = len(gram)
    window = np.hanning(count)
    waves = np.fft.fft(gram * np.outer(window, window), axis=0)
    power = np.diagonal(np.fft.ifft(waves, axis=1)).real[: count // 2].copy()
    power = np.maximum(power, 0.0)
    total = power.sum()
    if not total > 0.0:
        return 0.0
    power[: _LINE_BINS + 1] = 0.0
    found = 0.0
    for _ in range(_NUM_LINES):
        peak = int(power.argmax())
        line = slice(max(peak - _LINE_BINS, 0), peak + _LINE_BINS + 1)
        found += power[line].sum()
        power[line] = 0.0
    return float(found / total)


def growth_of_motion(gram: np.ndarray, period: float = np.nan) -> float:
    """ln of the mean |x|² at the end over that at the start: 0 of a sustained motion.

    Each about its own mean, over as many whole periods as half the frames hold, or over
    half the frames.
    """
    length = len(gram) // 2
    if np.isfinite(period):
        length = round(period * max(length // period, 1.0))

    def power(part):
        return max(np.diag(part).mean() - part.mean(), np.finfo(float).tiny)

    first, last = gram[:length, :length], gram[-length:, -length:]
    return float(np.log(power(last) / power(first)))
