"""Paths of many replicates in NumPy: memory, threads, and the calls of the kernels."""

import dataclasses
import math

import numpy as np

from rdtf.cells import kernels, random_numbers
from rdtf.cells.tissue import Tissue
from rdtf.engines.native import thread_pool
from rdtf.engines.native.step_runs import recycled
from rdtf.status import InputError

_LANES = random_numbers.LANES
_SAVED_BYTES = 2**28  # of one path; beyond, states in between are computed again


def uniforms(replicates: int, cells: int, seed: int) -> np.ndarray:
    """Numbers in (0, 1), `[replicate, cell]`, stateless in (seed, replicate, cell)."""
    values = np.empty((replicates, cells))
    random_numbers.uniforms(np.int64(seed), values)
    return values


def check(tissue: Tissue, state: tuple, table: tuple, num_steps: int) -> None:
    """Checks shapes.

    Args:
      tissue: the cells.
      state: the shape of a state.
      table: that of a table of f.
      num_steps: of a run.

    Raises:
      InputError: if they do not fit, or there are no steps.
    """
    if len(state) < 2 or tuple(state[1:]) != tissue.shape or not state[0]:
        raise InputError(
            f"Expected states [replicate, {', '.join(map(str, tissue.shape))}], got "
            f"shape {tuple(state)}."
        )
    if len(table) != 1 or table[0] < 2:
        raise InputError(
            f"Expected f at two or more points, got shape {tuple(table)}: see "
            "rdtf.cells.tabulate."
        )
    if num_steps < 1:
        raise InputError(f"Expected at least one step, got {num_steps}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Segment:
    """Steps to take, and their noise.

    Attributes:
      num_steps: how many.
      noise: σ.
      seed: of the noise.
      first_step: the number of the first; later segments of a run go on counting.
    """

    num_steps: int
    noise: float
    seed: int
    first_step: int = 0


class Path:
    """A segment of steps that was taken, and can be gone back over.

    Args:
      tissue: the cells.
      time_step: dt.
      state: where it begins, `[replicate, *tissue.shape]` in [0, 1].
      table: f at equidistant points of [0, 1].
      segment: the steps.
      kept: (`saved`, `ends`) of the same path, if it was taken before.
      spacing: steps between states that are saved; 0: by their size.

    Attributes:
      saved: `[block, states, cell + 1, lane]`, see `kernels`.
      ends: `[block, cell + 1, lane]`, the final state.

    Raises:
      InputError: if shapes do not fit, or a state is outside [0, 1].
    """

    def __init__(
        self,
        tissue: Tissue,
        time_step: float,
        state: np.ndarray,
        table: np.ndarray,
        segment: Segment,
        *,
        kept: tuple[np.ndarray, np.ndarray] | None = None,
        spacing: int = 0,
    ):
        state, table = (np.ascontiguousarray(x, np.float64) for x in (state, table))
        steps, noise = segment.num_steps, segment.noise
        check(tissue, state.shape, table.shape, steps)
        self._shape, self._sqrt_dt_over_noise = state.shape, 0.0
        if noise > 0.0:
            self._sqrt_dt_over_noise = math.sqrt(time_step) / float(noise)
        self._blocks = -(-state.shape[0] // _LANES)
        replicates = self._blocks * _LANES
        keys = np.empty(replicates)
        random_numbers.streams(np.int64(segment.seed), keys)
        self._keys = keys.reshape(self._blocks, _LANES)
        numbers = (time_step, float(noise) * math.sqrt(time_step))
        near = (tissue.neighbours, 1.0 / tissue.counts, tissue.mobile)
        self._system = (table, *near, numbers)
        spacing = spacing or self._spacing(steps, replicates * (tissue.cells + 1))
        self._window = (int(segment.first_step), int(steps), spacing)
        self.saved, self.ends = kept or self._take(state)

    @staticmethod
    def _spacing(steps, size):
        return min(math.isqrt(steps), -(-8 * size * steps // _SAVED_BYTES))

    def _take(self, state):
        if not ((state >= 0.0) & (state <= 1.0)).all():
            raise InputError("Expected states in [0, 1], got one outside, or NaN.")
        _, steps, spacing = self._window
        first = self._to_blocks(state)
        states = (steps - 1) // spacing + 1
        saved = recycled(self._blocks, states, *first.shape[1:])
        saved[:, :, -1] = 0.0
        saved[:, 0] = first
        ends = np.zeros_like(first)
        if not np.isfinite(self._system[0]).all():
            saved[:], ends[:] = np.nan, np.nan
            return saved, ends
        arguments = (saved, ends, self._system, self._keys, self._window)
        self._share(kernels.forward, *arguments)
        return saved, ends

    @property
    def final(self) -> np.ndarray:
        """The state at the end."""
        return self._from_blocks(self.ends)

    def states(self, steps) -> np.ndarray:
        """States after numbers of steps that were saved, `[replicate, step, cell]`."""
        places, rest = np.divmod(steps, self._window[2])
        if rest.any():
            raise ValueError(f"Expected multiples of {self._window[2]}, got {steps}.")
        found = self.saved[:, places, :-1].transpose(0, 3, 1, 2)
        return found.reshape(-1, *found.shape[2:])[: self._shape[0]]

    def adjoint(self, upstream) -> tuple[np.ndarray, np.ndarray]:
        """(∂L/∂state, ∂L/∂table) from ∂L/∂final."""
        lam = self._to_blocks(upstream)
        gradient = np.zeros((self._blocks, len(self._system[0])))
        if not np.isfinite(self._system[0]).all():
            return np.full(self._shape, np.nan), np.full(gradient.shape[1], np.nan)
        arguments = (self.saved, self.ends, self._system, self._keys, self._window)
        self._share(kernels.adjoint, *arguments, lam, gradient)
        return self._from_blocks(lam), gradient.sum(axis=0)

    def score(self, weights) -> np.ndarray:
        """Σ w ∂ ln p(path) / ∂table, for `weights` `[replicate, bin]` of equal bins."""
        padded = np.zeros((self._blocks * _LANES, weights.shape[1]))
        padded[: len(weights)] = self._sqrt_dt_over_noise * weights
        blocks = padded.reshape(self._blocks, _LANES, -1).transpose(0, 2, 1)
        gradient = np.zeros((self._blocks, len(self._system[0])))
        arguments = (self.saved, self._system, self._keys, self._window)
        self._share(kernels.scores, *arguments, np.ascontiguousarray(blocks), gradient)
        return gradient.sum(axis=0)

    def _share(self, kernel, *arguments):
        def begin():
            return lambda first, last, sharing: kernel(first, last, *arguments)

        thread_pool.run(begin, self._blocks, 1)

    def _to_blocks(self, state):
        cells = math.prod(self._shape[1:])
        blocks = np.zeros((self._blocks, cells + 1, _LANES))
        lanes = np.zeros((self._blocks * _LANES, cells))
        lanes[: len(state)] = state.reshape(len(state), cells)
        blocks[:, :-1] = lanes.reshape(self._blocks, _LANES, cells).transpose(0, 2, 1)
        return blocks

    def _from_blocks(self, blocks):
        lanes = blocks[:, :-1].transpose(0, 2, 1)
        return lanes.reshape(-1, lanes.shape[2])[: self._shape[0]].reshape(self._shape)
