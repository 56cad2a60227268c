"""The score-function gradient of the exact utility (REINFORCE, Williams 1992).

    ∂U/∂f = E Σ_t (w - V(t, pattern_t)) ∂ln p(step t)/∂f,   ∂ln p/∂f = ξ √dt / σ

w = log2((1 - p1)/p1) ones(x)/N + log2 p(x)/N is what one more replicate of pattern x
adds to U (its influence), and needs no derivative of thresholds or clips: the one error
is of order 1/R, from p(x) of the same R replicates. V, a table over 40 spans of time
and all patterns, is the mean w of earlier iterations; it lowers the variance, and adds
no bias, as it knows only what came before the noise.
"""

import math

import numpy as np

from rdtf.cells import utility
from rdtf.cells.paths import Path
from rdtf.cells.tissue import Tissue
from rdtf.status import InputError

BINS = 40
_MEMORY = 0.98  # weight of earlier iterations in the table


def influence(patterns: np.ndarray) -> np.ndarray:
    """w of each replicate of fates `[replicate, cell]`, less its mean."""
    replicates, cells = patterns.shape
    share = utility.shares(patterns)
    active = np.clip(patterns.mean(), 0.5 / patterns.size, 1.0 - 0.5 / patterns.size)
    w = math.log2((1.0 - active) / active) * patterns.mean(axis=1)
    w = w + np.log2(np.maximum(share, 0.5 / replicates)) / cells
    return w - w.mean()


class Baseline:
    """V(span of time, pattern): means of w, the older the less they count.

    Attributes:
      sums, counts: `[BINS, 2^cells]`.

    Raises:
      InputError: if the patterns of the tissue are too many for a table.
    """

    def __init__(self, tissue: Tissue):
        if tissue.cells > utility.MOST_CELLS:
            raise InputError(
                f"Expected at most {utility.MOST_CELLS} cells with score_function, "
                f"which keeps a table of patterns, got {tissue.cells}."
            )
        self._powers = 1 << np.arange(tissue.cells)
        self.sums = np.zeros((BINS, 2**tissue.cells))
        self.counts = np.zeros_like(self.sums)

    def advantages(self, w: np.ndarray, fates: np.ndarray) -> np.ndarray:
        """w - V, `[replicate, bin]`, before V learns w.

        Args:
          w: `[replicate]`.
          fates: `[replicate, bin, cell]`.
        """
        place = np.arange(BINS), fates @ self._powers
        known = self.sums[place] / np.maximum(self.counts[place], 1e-9)
        found = w[:, None] - known
        self.sums *= _MEMORY
        self.counts *= _MEMORY
        np.add.at(self.sums, place, np.broadcast_to(w[:, None], found.shape))
        np.add.at(self.counts, place, 1.0)
        return found


def check_steps(num_steps: int) -> None:
    """Raises InputError if the steps cannot be divided into spans of time."""
    if num_steps % BINS:
        raise InputError(
            f"Expected a multiple of {BINS} steps with score_function, got {num_steps}."
        )


def gradient(path: Path, num_steps: int, baseline: Baseline):
    """(∂U/∂table, w - V `[replicate, bin]`) of a path, whose states must be saved."""
    final = path.final
    w = influence(utility.fates(final))
    starts = np.arange(BINS) * (num_steps // BINS)
    advantages = baseline.advantages(w, path.states(starts) >= utility.THRESHOLD)
    return path.score(advantages) / len(w), advantages
