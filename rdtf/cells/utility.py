"""Utility of cell fates: diverse within a replicate, alike between replicates.

    U = S_pattern - S_reproducibility

in bits per cell. S_pattern is the entropy of the share of cells of fate 1, over all
replicates; S_reproducibility that of whole patterns, divided by the number of cells
(Brückner and Tkačik 2024, doi:10.1073/pnas.2322326121).
"""

import dataclasses
import math

import numpy as np

from rdtf.cells.tissue import Tissue
from rdtf.status import InputError

THRESHOLD = 0.5
MOST_CELLS = 12  # whose patterns can be enumerated
_ALIKE = 0.05  # how far disagreement may be from what chance gives


def fates(states: np.ndarray) -> np.ndarray:
    """bool `[replicate, cell]`: whether a cell ended at 1/2 or above."""
    states = np.asarray(states)
    return states.reshape(len(states), -1) >= THRESHOLD


def binary_entropy(p: float) -> float:
    """-p log2 p - (1 - p) log2(1 - p)."""
    return sum(-q * math.log2(q) for q in (p, 1.0 - p) if q > 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Utility:
    """The utility of a set of patterns, and what it might hide.

    Attributes:
      utility: S_pattern - S_reproducibility, bits per cell.
      standard_error: of it, by the delta method.
      bias: by which it is too high at this number of replicates, about (Miller and
        Madow).
      pattern, reproducibility: the two entropies.
      active: share of cells of fate 1.
      num_patterns: different ones.
      disagreement: share of pairs of neighbours whose fates differ.
      consensus: share of replicates whose free cells all have one fate. A mix of all-0
        and all-1 scores 6/7 in a row of 7, without any pattern.
      replicates: how many.
    """

    utility: float
    standard_error: float
    bias: float
    pattern: float
    reproducibility: float
    active: float
    num_patterns: int
    disagreement: float
    consensus: float
    replicates: int

    @property
    def kind(self) -> str:
        """uniform, alternating, domains, frustrated or random, by disagreement."""
        chance = 2.0 * self.active * (1.0 - self.active)
        if self.consensus > 0.5 or chance == 0.0:
            return "uniform"
        if self.disagreement > 0.85:
            return "alternating"
        if abs(self.disagreement - chance) < _ALIKE:
            return "random"
        return "domains" if self.disagreement < chance else "frustrated"


def whole(patterns: np.ndarray, tissue: Tissue) -> Utility:
    """The exact utility of fates `[replicate, cell]`, by counting whole patterns.

    Raises:
      InputError: if the patterns are not of this tissue.
    """
    _check(patterns, tissue)
    replicates, cells = patterns.shape
    numbers, counts = _count(patterns)
    share = counts / replicates
    active = patterns.mean()
    surprise = np.log2(1.0 / share)
    entropy = float(share @ surprise)
    slope = math.log2((1.0 - active) / active) if 0.0 < active < 1.0 else 0.0
    influence = slope * (patterns.mean(axis=1) - active)
    influence -= (surprise[numbers] - entropy) / cells
    bias = (len(counts) - 1) / (2.0 * replicates * cells * math.log(2.0))
    return _utility(patterns, tissue, entropy / cells, influence, bias)


def causal(patterns: np.ndarray, tissue: Tissue) -> Utility:
    """The utility of fates of a large lattice, where every pattern is seen once.

    S_reproducibility is replaced by the entropy of a fate given three neighbours that
    come before it (`contexts`), pooled over sites and replicates. By the chain rule it
    bounds the entropy per cell of a homogeneous lattice from above.
    """
    _check(patterns, tissue)
    site, before = contexts(tissue)
    z = patterns[:, site].astype(np.int64)
    key = (patterns[:, before] * (1 << np.arange(before.shape[1]))).sum(-1)
    counts = np.zeros((2 ** before.shape[1], 2))
    np.add.at(counts, (key.ravel(), z.ravel()), 1.0)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    surprise = np.log2(1.0 / np.where(share > 0.0, share, 1.0))[key, z]
    entropy = float(surprise.mean())
    active = patterns.mean()
    slope = math.log2((1.0 - active) / active) if 0.0 < active < 1.0 else 0.0
    influence = slope * (patterns.mean(axis=1) - active)
    influence -= surprise.mean(axis=1) - entropy
    bias = (counts > 0.0).sum() / (4.0 * z.size * math.log(2.0))
    return _utility(patterns, tissue, entropy, influence, float(bias))


def measure(patterns: np.ndarray, tissue: Tissue) -> Utility:
    """`causal` of a lattice of more than `MOST_CELLS` cells, else `whole`."""
    lattice = len(tissue.shape) == 2 and tissue.cells > MOST_CELLS
    return (causal if lattice else whole)(patterns, tissue)


def contexts(tissue: Tissue) -> tuple[np.ndarray, np.ndarray]:
    """(sites `[n]`, the three neighbours before each `[n, 3]`) of a lattice.

    Row by row: on a square lattice left, above and above left; on a hexagonal one left,
    above left and above right. Sites without all of them are left out.

    Raises:
      InputError: if the tissue is not a lattice of two dimensions.
    """
    if len(tissue.shape) != 2 or min(tissue.shape) < 2:
        raise InputError(f"Expected a lattice of 2 x 2 or more, got {tissue.shape}.")
    columns = tissue.shape[1]
    row, column = np.indices(tissue.shape)[:, 1:].reshape(2, -1)
    odd = row % 2 if tissue.lattice == "hexagonal" else 0
    above = column - 1 + odd
    fits = (column > 0) & (above + 1 < columns)
    row, column, above = row[fits], column[fits], above[fits]
    before = np.stack(
        [
            row * columns + column - 1,
            *((row - 1) * columns + above + i for i in (0, 1)),
        ],
        axis=1,
    )
    return row * columns + column, before


def shares(patterns: np.ndarray) -> np.ndarray:
    """The share of replicates with the same pattern, of each replicate."""
    numbers, counts = _count(patterns)
    return counts[numbers] / len(patterns)


def _check(patterns, tissue):
    if patterns.ndim != 2 or patterns.shape[1] != tissue.cells or not len(patterns):
        raise InputError(
            f"Expected fates [replicate, {tissue.cells}], got shape {patterns.shape}."
        )


def _count(patterns):
    """(number of the pattern of each replicate, how often each occurs)."""
    packed = np.packbits(patterns.astype(bool), axis=1)
    rows = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    _, numbers, counts = np.unique(rows, return_inverse=True, return_counts=True)
    return numbers.ravel(), counts


def _utility(patterns, tissue, reproducibility, influence, bias):
    replicates = len(patterns)
    active = float(patterns.mean())
    pattern = binary_entropy(active)
    free = patterns[:, tissue.mobile > 0.0]
    first, second = tissue.bonds.T
    disagree = (patterns[:, first] != patterns[:, second]).mean() if len(first) else 0.0
    return Utility(
        utility=pattern - reproducibility,
        standard_error=float(influence.std() / math.sqrt(replicates)),
        bias=bias,
        pattern=pattern,
        reproducibility=reproducibility,
        active=active,
        num_patterns=len(_count(patterns)[1]),
        disagreement=float(disagree),
        consensus=float((free == free[:, :1]).all(axis=1).mean()),
        replicates=replicates,
    )
