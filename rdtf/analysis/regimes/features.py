"""What is kept of a run to tell its regime: a few numbers of every frame.

A frame takes of each sample and species the mean, the standard deviation and the rms of
∂s/∂t over the cells; of the last quarter of the run also the low Fourier modes, of
which only the Gram matrix over time remains (`Record.gram`), and at a few frames how
far ∂s/∂t is a mere drift of the pattern and, where it is, whether the shape is kept.
None of these depends on where in a periodic domain the pattern stands.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.analysis.regimes.drift import drift, shape_distance
from rdtf.models import validity
from rdtf.simulation import Simulation
from rdtf.types import Params, State

_COARSE = 8  # times `every` between frames before the last quarter of a run
_MOTION_FRAMES = 8  # frames at which the drift is fitted
_LOWEST_SIDE = 32  # a grid of fewer cells a side keeps all its modes
_CHECK = 8  # frames between two looks for samples that need no more steps
DRIFT = 0.1  # share of ∂s/∂t that a mere drift may leave unexplained
TINY = 1e-300


@dataclasses.dataclass(kw_only=True)
class Record:
    """The features of `B` samples at `T` frames of `S` species.

    Attributes:
      times: `[T]`, since the start.
      first: the frames from this one on are evenly spaced, and have modes.
      mean, spread, rate: `[B, T, S]`: mean and standard deviation over the cells, rms
        of ∂s/∂t; NaN after a sample stopped.
      count: `[B]`, frames taken of each sample.
      invalid: `[B]`, True where a state was not finite or left the valid range.
      drift: `[B, K, 1 + ndim]`: share of the rms ∂s/∂t that no drift explains, and the
        velocity of the drift, in length / time; NaN if not measured.
      shape: `[B, K]`, how far the shape is from that of the first of these frames
        (`drift.shape_distance`); NaN if not measured.
      state: `[B, *grid]` per species, where each sample stopped.
    """

    times: np.ndarray
    first: int
    mean: np.ndarray
    spread: np.ndarray
    rate: np.ndarray
    count: np.ndarray
    invalid: np.ndarray
    drift: np.ndarray
    shape: np.ndarray
    state: list[np.ndarray]
    modes: np.ndarray

    def gram(self, sample: int) -> np.ndarray:
        """⟨x_t, x_t'⟩ of the frames from `first` on, each less their mean, `[N, N]`.

        x is the pattern with each species in units of its `scale`; by Parseval's
        theorem the inner product is the mean over the cells of what the low modes hold.
        """
        rows = self.modes[sample, : self.count[sample] - self.first]
        scales = np.repeat(scale(self, sample), rows.shape[-1])
        rows = rows.reshape(len(rows), -1) / scales.astype(np.float32)
        rows = np.ascontiguousarray(rows - rows.mean(axis=0)).view(np.float32)
        return (rows @ rows.T).astype(np.float64)


def scale(record: Record, samples) -> np.ndarray:
    """The size of each species of samples: its largest rms over the cells so far."""
    newest = int(np.max(record.count[samples]))
    mean, spread = record.mean[samples, ..., :newest, :], record.spread
    square = mean**2 + spread[samples, ..., :newest, :] ** 2
    return np.sqrt(np.maximum(square.max(axis=-2), TINY))


def observe(
    simulation: Simulation,
    params: Params,
    state: State,
    num_steps: int,
    every: int,
    finished: Callable[[Record], np.ndarray] | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> Record:
    """Runs a batch and records it.

    Frames are taken every 8 * `every` steps, and every `every` steps in the last
    quarter of the run; ∂s/∂t is the change over one more step, over the time step.
    Samples that are no longer valid or are `finished` leave the batch, so the rest goes
    faster.

    Args:
      simulation: what runs.
      params: name -> scalar or `[B]`.
      state: `[B, *grid]` per species, or a batch of 1.
      num_steps: of the run.
      every: steps between the frames of its last quarter.
      finished: given the record so far, which samples need no more steps, bool `[B]`.
      callback: called as callback(steps so far, samples still running) at every frame.
    """
    steps, first = _schedule(num_steps, every)
    record, state = _blank(simulation, state, params, steps, first)
    running = np.arange(len(record.count))
    at = 0
    for index, step in enumerate(steps):
        inside = select(params, running)
        if step > at:
            state = simulation.advance(state, inside, step - at, at)
        after = simulation.advance(state, inside, 1, step)
        at = step + 1
        fields = [s.numpy() for s in state]
        rates = [
            (s.numpy() - f) / simulation.time_step
            for s, f in zip(after, fields, strict=True)
        ]
        state = after
        with np.errstate(all="ignore"):  # what is not finite is marked
            _take(record, simulation, running, index, fields=fields, rates=rates)
        stop = record.invalid[running] | (step == steps[-1])
        if finished is not None and index % _CHECK == _CHECK - 1:
            stop = stop | finished(record)[running]
        if stop.any():
            for kept, field in zip(record.state, fields, strict=True):
                kept[running[stop]] = field[stop]
            keep = np.flatnonzero(~stop)
            state, running = tuple(tf.gather(s, keep) for s in state), running[keep]
        if callback is not None:
            callback(int(step), len(running))
        if not len(running):
            break
    return record


def _schedule(num_steps, every):
    """(steps of the frames, index of the first of the evenly spaced ones)."""
    last = num_steps - num_steps // 4
    coarse = range(0, last, _COARSE * every)
    fine = range(last, num_steps + 1, every)
    return np.array([*coarse, *fine]), len(coarse)


def _blank(simulation, state, params, steps, first):
    """An empty record, and the state as a full batch."""
    batches = [s.shape[0] for s in state] + [np.size(p) for p in params.values()]
    batch, grid = max(batches), simulation.grid
    state = tuple(
        tf.broadcast_to(tf.cast(s, tf.float64), [batch, *grid.shape]) for s in state
    )
    frames, species = len(steps), len(state)
    empty = np.full((3, batch, frames, species), np.nan)
    kept = _kept_modes(grid.shape)
    cells = int(np.prod([len(k) for k in kept]))
    record = Record(
        times=steps * simulation.time_step,
        first=first,
        mean=empty[0],
        spread=empty[1],
        rate=empty[2],
        count=np.zeros(batch, int),
        invalid=np.zeros(batch, bool),
        drift=np.full((batch, _MOTION_FRAMES, 1 + grid.ndim), np.nan),
        shape=np.full((batch, _MOTION_FRAMES), np.nan),
        state=[s.numpy().copy() for s in state],
        modes=np.zeros((batch, frames - first, species, cells), np.complex64),
    )
    return record, state


def select(params, samples):
    """The parameters of some samples of the batch."""
    return {
        name: tf.gather(value, samples) if np.size(value) > 1 else value
        for name, value in params.items()
    }


def _take(record, simulation, running, index, fields, rates):
    """Writes one frame of the samples that run."""
    found = validity.invalid(simulation.model, fields)
    valid = np.array([reason is None for reason in found])
    for i in range(len(fields)):
        cells, rate = (x[i].reshape(len(running), -1) for x in (fields, rates))
        mean = cells.mean(axis=1)
        square = np.einsum("bn,bn->b", cells, cells) / cells.shape[1]
        spread = np.sqrt(np.maximum(square - mean**2, 0.0))
        close = spread < 1e-5 * np.sqrt(square)  # the difference is rounding error
        spread[close] = cells[close].std(axis=1)
        change = np.sqrt(np.einsum("bn,bn->b", rate, rate) / cells.shape[1])
        record.mean[running, index, i] = mean
        record.spread[running, index, i] = spread
        record.rate[running, index, i] = change
        valid &= np.isfinite(mean) & np.isfinite(change)
    record.count[running] = index + 1
    record.invalid[running] = ~valid
    late = index - record.first
    if late >= 0:
        record.modes[running, late] = _modes(fields, simulation.grid.shape)
        moments = np.linspace(0, len(record.times) - record.first - 1, _MOTION_FRAMES)
        for place in np.flatnonzero(moments.round() == late):
            weights = 1.0 / scale(record, running) ** 2
            found = drift(fields, rates, weights, simulation.grid)
            record.drift[running, place] = found
            for sample in running[found[:, 0] < DRIFT]:
                record.shape[sample, place] = _shape(record, sample, late, simulation)


def _shape(record, sample, late, simulation):
    """The distance of the newest shape of a sample from the first evenly spaced one."""
    grid = simulation.grid
    kept = _kept_modes(grid.shape)
    modes = record.modes[sample, [0, late]] / scale(record, sample)[:, np.newaxis]
    modes = modes.reshape(2, -1, *[len(k) for k in kept])
    waves = [
        np.where(k > n // 2, k - n, k) for k, n in zip(kept, grid.shape, strict=True)
    ]
    return shape_distance(*modes, waves, [side is None for side in grid.sides])


def _kept_modes(shape):
    """Per axis, indices of the modes of a real FFT that are kept.

    Those of wavelengths of at least 8 cells, or all of a small grid.
    """
    kept = []
    for axis, n in enumerate(shape):
        half = min(n, max(_LOWEST_SIDE, n // 4)) // 2
        last = axis == len(shape) - 1
        waves = np.arange(n // 2 + 1) if last else np.fft.fftfreq(n, 1.0 / n)
        kept.append(np.flatnonzero(np.abs(waves) <= half))
    return kept


def _modes(fields, shape):
    """Low modes `[B, S, modes]`, so weighted that |modes|² sums to the mean of s²."""
    from scipy import fft

    kept = _kept_modes(shape)
    axes = tuple(range(1, len(shape) + 1))
    weights = np.full(shape[-1] // 2 + 1, np.sqrt(2.0))  # of k and -k
    weights[0] = 1.0
    if shape[-1] % 2 == 0:
        weights[-1] = 1.0
    found = []
    for field in fields:
        values = field.astype(np.float32)
        waves = fft.rfftn(values, axes=axes, norm="forward", workers=2) * weights
        for axis, indices in zip(axes, kept, strict=True):
            waves = waves.take(indices, axis=axis)
        found.append(waves.reshape(len(values), -1))
    return np.stack(found, axis=1)
