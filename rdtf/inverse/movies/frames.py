"""Frames of a movie before a fit: are they enough, and how noisy are they?"""

import dataclasses

import numpy as np

from rdtf.grids import Grid
from rdtf.inverse.observation import noise
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.status import InputError

FEWEST = 10  # frames
NOISY = 0.003  # noise / standard deviation from which frames are filtered
SPARSE = 0.4  # largest interpolation error over twice the spacing
CUT = 0.85  # waves are kept from a little less power than `noise.low_pass` asks for
_KEPT_NOISE = 1.8  # variance of a frame minus its interpolation, per noise variance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames that are fit to be fitted.

    Attributes:
      values: float64 `[n, time, *grid]`, each frame low-passed if the movie is noisy.
      times: `[time]`.
      sigma: standard deviation of the noise of a single value, as it was.
      kept: of the waves, bool like a spectrum `[n * time, ...]`; None if all are.
      interpolation: rms error of a spline through every second frame at the others,
        relative to the standard deviation of the movie, noise taken off.
    """

    values: np.ndarray
    times: np.ndarray
    sigma: float
    kept: np.ndarray | None
    interpolation: float

    @property
    def relative_noise(self) -> float:
        """Remaining noise of the values, relative to their standard deviation."""
        share = 1.0 if self.kept is None else np.sqrt(self.kept.mean())
        return float(self.sigma * share / self.values.std())

    def noisier(self, grid: Grid, seed: int) -> np.ndarray:
        """The values with noise added, as strong as and filtered like their own."""
        extra = np.random.default_rng(seed).normal(0.0, self.sigma, self.values.shape)
        if self.kept is not None:
            domain = WholeDomain(grid)
            flat = domain.forward(extra.reshape(-1, *grid.shape))
            extra = domain.inverse(self.kept * flat).reshape(extra.shape)
        return self.values + extra


def prepare(frames: np.ndarray, times: np.ndarray, grid: Grid) -> Frames:
    """Checks the frames of a movie, estimates their noise and takes most of it off.

    Args:
      frames: `[time, *grid]` or `[n, time, *grid]`.
      times: `[time]`, increasing, in the model's time unit.
      grid: of the cells.

    Raises:
      InputError: if the frames cannot be used, are too few or too far apart.
    """
    frames, times = np.asarray(frames, np.float64), np.asarray(times, np.float64)
    if frames.ndim == grid.ndim + 1:
        frames = frames[np.newaxis]
    _check(frames, times, grid)
    flat = frames.reshape(-1, *grid.shape)
    sigma, kept = noise.estimate(flat, grid), None
    if sigma > NOISY * frames.std():
        smooth = np.concatenate(
            [noise.low_pass(f[None], grid, CUT * sigma) for f in flat]
        )
        domain = WholeDomain(grid)
        kept = np.abs(domain.forward(smooth)) > 0.5 * np.abs(domain.forward(flat))
        frames = smooth.reshape(frames.shape)
    result = Frames(
        values=frames, times=times, sigma=sigma, kept=kept, interpolation=np.nan
    )
    error = _interpolation_error(frames, times, result.relative_noise)
    if error > SPARSE:
        gap = np.diff(times).max()
        raise InputError(
            f"Expected frames at most {gap * (0.6 * SPARSE / error) ** (1 / 3):.2g} "
            f"apart for a pattern that moves so fast, got {gap:g}: a spline through "
            f"every second frame misses {100 * min(error, 9.99):.0f} % of the others."
        )
    return dataclasses.replace(result, interpolation=error)


def _check(frames, times, grid):
    count = frames.shape[1] if frames.ndim == grid.ndim + 2 else 0
    if frames.shape[2:] != grid.shape or times.shape != (count,):
        raise InputError(
            f"Expected frames [time, *{grid.shape}] or [n, time, *{grid.shape}] and "
            f"one time for each, got {frames.shape} and {times.shape}."
        )
    if count < FEWEST:
        raise InputError(f"Expected at least {FEWEST} frames, got {count}.")
    if not np.isfinite(frames).all() or not frames.std() > 0.0:
        raise InputError("Expected frames of finite values that are not all the same.")
    if not (np.diff(times) > 0.0).all():
        raise InputError("Expected increasing times of the frames.")


def _interpolation_error(frames, times, relative_noise):
    from scipy.interpolate import make_interp_spline

    known = slice(0, None, 2)
    degree = min(5, 2 * (len(times[known]) // 2) - 1)
    spline = make_interp_spline(times[known], frames[:, known], k=degree, axis=1)
    inner = slice(3, len(times) - 3, 2)  # at its ends a spline is worse
    misses = spline(times[inner]) - frames[:, inner]
    square = np.mean(misses**2) / frames.var() - _KEPT_NOISE * relative_noise**2
    return float(np.sqrt(max(square, 0.0)))
