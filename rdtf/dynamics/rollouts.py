"""Rollouts of velocities beside the truth: how large their errors are, and when.

    VRMSE = √(mean (s - s*)² / (var s* + 1e-7))

of each frame and species over its cells (Ohana et al. 2024, arXiv:2412.00568). The mean
of such ratios explodes where a true frame is nearly uniform; pooled, mean squares and
variances are averaged first.
"""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from rdtf import schemes

HORIZONS = ((1, 1), (6, 12), (13, 30))  # frames, both ends counted
_FLOOR = 1e-7
_STABLE = 2.0  # rate times step, in RK4; its bound is 2.78
_CORRELATED = 0.8
_WORTHWHILE = 1_000_000  # frames times cells, for a compiled program


@dataclasses.dataclass(frozen=True)
class Errors:
    """VRMSE of a method over one horizon.

    Attributes:
      first, last: frames.
      mean: the mean of the ratios.
      pooled: the ratio of the means.
    """

    first: int
    last: int
    mean: float
    pooled: float


def step(v: Callable, x, h):
    """The state a step h after x by dx/dt = v(x): scheme rk4 of `rdtf.schemes`."""
    return schemes.get("rk4").advance(lambda state: (state, (v(*state),)), (x,), h)[0]


def integrator(
    velocity, interval: float, steps: int | None = None, compiled: bool = False
):
    """The map of states `[n, y, x, species]` to those an interval later, by RK4.

    Args:
      velocity: a `velocity.Velocity`.
      interval: in its unit of time.
      steps: equal steps per interval; default: as few as are stable for the `fastest`
        rate.
      compiled: whether by XLA, which pays off in long runs of many cells.
    """
    steps = steps or max(1, int(np.ceil(interval * velocity.fastest / _STABLE)))
    h = tf.constant(interval / steps, tf.float32)

    @tf.function(autograph=False, jit_compile=compiled)
    def advance(x):
        def body(i, x):
            return i + 1, step(velocity, x, h)

        return tf.while_loop(lambda i, x: i < steps, body, (0, x))[1]

    return advance


def rollout(
    velocity,
    start: np.ndarray,
    interval: float,
    frames: int,
    steps: int | None = None,
) -> np.ndarray:
    """States after each of `frames` intervals, `[n, frames, y, x, species]`.

    Args:
      velocity, interval, steps: see `integrator`.
      start: `[n, y, x, species]`, in units of the data.
      frames: how many intervals.
    """
    work = frames * start.shape[0] * start.shape[1] * start.shape[2]
    advance = integrator(velocity, interval, steps, work > _WORTHWHILE)
    x, found = tf.constant(start, tf.float32), []
    for _ in range(frames):
        x = advance(x)
        found.append(x.numpy())
    return np.stack(found, 1)


def long_rollout(
    velocity,
    start: np.ndarray,
    interval: float,
    frames: int,
    watch: Callable[[Iterable], Iterable] = lambda steps: steps,
) -> tuple[np.ndarray, np.ndarray]:
    """(states after half of the intervals, after all of them).

    Args:
      velocity, start, interval, frames: as for `rollout`.
      watch: wraps the loop, for a progress bar.
    """
    work = frames * start.shape[0] * start.shape[1] * start.shape[2]
    advance = integrator(velocity, interval, compiled=work > _WORTHWHILE)
    x = half = tf.constant(start, tf.float32)
    for i in watch(range(frames)):
        x = advance(x)
        half = x if i + 1 == (frames + 1) // 2 else half
    return half.numpy(), x.numpy()


def errors(found: np.ndarray, truth: np.ndarray) -> list[Errors]:
    """VRMSE over all horizons that the frames reach.

    Args:
      found, truth: `[n, frames, y, x, species]`, without the first state.
    """
    square = np.mean(np.square(found - truth), (2, 3))
    variance = np.var(truth, axis=(2, 3)) + _FLOOR
    rows = []
    for first, last in HORIZONS:
        if last <= truth.shape[1]:
            span = slice(first - 1, last)
            ratios = np.sqrt(square[:, span] / variance[:, span])
            pooled = np.sqrt(square[:, span].mean() / variance[:, span].mean())
            rows.append(Errors(first, last, float(ratios.mean()), float(pooled)))
    return rows


def correlated_frames(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many frames each sample stays above a correlation of 0.8, int `[n]`."""
    axes = (2, 3, 4)
    a, b = (x - x.mean((2, 3), keepdims=True) for x in (found, truth))
    scale = b.std((0, 1, 2, 3))  # so that all species count
    a, b = a / scale, b / scale
    norm = np.sqrt((a**2).sum(axes) * (b**2).sum(axes))
    with np.errstate(invalid="ignore", divide="ignore"):
        high = (a * b).sum(axes) / norm > _CORRELATED
    return np.where(high.all(1), high.shape[1], np.argmin(high, 1))


def error_by_frame(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """VRMSE of each frame, mean of ratios over samples and species, `[frames]`."""
    square = np.mean(np.square(found - truth), (2, 3))
    ratios = np.sqrt(square / (np.var(truth, axis=(2, 3)) + _FLOOR))
    return ratios.mean((0, 2))
