"""Whether Markov chains agree, and how many independent draws they are worth.

Draws are `[draws, chains, P]`, results `[P]`. As in Vehtari et al. 2021,
doi:10.1214/20-BA1221, without ranks.
"""

import numpy as np


def potential_scale(x: np.ndarray) -> np.ndarray:
    """R-hat: spread of all draws over that within chains, split in halves.

    1 when the chains agree, infinite if none moves (Gelman & Rubin 1992,
    doi:10.1214/ss/1177011136).
    """
    half = len(x) // 2
    within, both = _variances(np.concatenate([x[:half], x[-half:]], axis=1))
    ratio = np.divide(both, within, out=np.full_like(both, np.inf), where=within > 0.0)
    return np.sqrt(ratio)


def effective(x: np.ndarray) -> np.ndarray:
    """Draws over the autocorrelation time, by Geyer's initial positive sequence."""
    draws, chains, _ = x.shape
    within, both = _variances(x)
    centred = x - x.mean(axis=0)
    lags = np.array(
        [
            (centred[: draws - t] * centred[t:]).sum(axis=0).mean(axis=0) / draws
            for t in range(draws)
        ]
    )
    lost = np.divide(within - lags, both, out=np.zeros_like(lags), where=both > 0.0)
    pairs = 1.0 - lost[: draws // 2 * 2]
    pairs = pairs.reshape(draws // 2, 2, -1).sum(axis=1)
    kept = np.logical_and.accumulate(pairs > 0.0, axis=0)
    falling = np.minimum.accumulate(pairs, axis=0)
    time = 2.0 * np.where(kept, falling, 0.0).sum(axis=0) - 1.0
    return draws * chains / np.maximum(time, 1.0 / np.log10(draws * chains))


def _variances(x):
    """Within the chains, and of all draws."""
    within = x.var(axis=0, ddof=1).mean(axis=0)
    between = x.mean(axis=0).var(axis=0, ddof=1)
    return within, (len(x) - 1) / len(x) * within + between
