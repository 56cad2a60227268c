"""How like real patterns samples are: numbers, each beside what real ones differ by.

Ensembles are `[n, y, x, species]`, periodic.
"""

import itertools

import numpy as np
from scipy import fft

THRESHOLDS = 15


def thresholds(field: np.ndarray) -> np.ndarray:
    """Levels that divide what lies between the 5 % and the 95 % quantile evenly.

    Not quantiles, many of which may lie in a nearly uniform background, where sets
    above a level tell of noise and not of patterns; that is what `small_scales` is for.
    """
    low, high = np.quantile(field, (0.05, 0.95))
    return np.linspace(low, high, THRESHOLDS + 2)[1:-1]


def radial_spectra(samples: np.ndarray) -> np.ndarray:
    """Mean power and cross spectra by ring of |k|, `[pairs of species, bins]`.

    Bins are whole numbers of waves along the shorter side, from 1 to half its cells;
    order of pairs: uu, uv, vv.
    """
    shape, species = samples.shape[1:3], samples.shape[-1]
    modes = np.fft.fft2(samples, axes=(1, 2), norm="ortho")
    least = min(shape)
    y, x = (np.fft.fftfreq(n) * least for n in shape)
    ring = np.rint(np.hypot(y[:, None], x)).astype(int)
    inside = (ring >= 1) & (ring <= least // 2)
    number = np.bincount(ring[inside], minlength=least // 2 + 1)[1:]
    found = []
    for i in range(species):
        for j in range(i, species):
            product = (modes[..., i] * modes[..., j].conj()).real.mean(0)[inside]
            total = np.bincount(ring[inside], product, least // 2 + 1)[1:]
            found.append(total / number)
    return np.array(found)


def spectrum_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square of ln(power) differences, over rings that hold 99.9 % of it."""
    powers = [
        np.concatenate([radial_spectra(x[..., s, None]) for s in range(x.shape[-1])])
        for x in (first, second)
    ]
    a, b = powers
    kept = _main_rings(b)
    return float(np.sqrt(np.mean(np.log(a[kept] / b[kept]) ** 2)))


def small_scales(first: np.ndarray, second: np.ndarray) -> float:
    """|ln| of the ratio of powers in the rings that hold the last 0.1 %.

    The largest of all species. It is what `spectrum_distance` does not count: noise
    that samples have, or detail they lack.
    """
    off = []
    for s in range(first.shape[-1]):
        a, b = (radial_spectra(x[..., s, None]) for x in (first, second))
        rest = ~_main_rings(b)
        rings = np.arange(1, b.shape[1] + 1)  # a ring has about as many modes
        a, b = ((rings * x)[rest].sum() for x in (a, b))
        off.append(abs(np.log(max(a, 1e-300) / max(b, 1e-300))))
    return float(max(off))


def coherence_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Rms difference of R_uv / sqrt(R_uu R_vv), over the rings of `spectrum_distance`.

    Of more than two species: over all pairs; of one: 0.
    """
    species = first.shape[-1]
    pairs = list(itertools.combinations_with_replacement(range(species), 2))
    a, b = radial_spectra(first), radial_spectra(second)
    own = [pairs.index((s, s)) for s in range(species)]
    kept = _main_rings(b[own]).all(0)
    off = [
        x[i] / np.sqrt(x[own[s]] * x[own[t]])
        for i, (s, t) in enumerate(pairs)
        if s != t
        for x in (a, b)
    ]
    if not off:
        return 0.0
    change = np.subtract(off[::2], off[1::2])[:, kept]
    return float(np.sqrt(np.mean(change**2)))


def _main_rings(powers):
    """Which of the rings `[species, bins]` hold 99.9 % of each species' power."""
    shares = np.sort(powers, axis=1)[:, ::-1]
    enough = (np.cumsum(shares, 1) < 0.999 * powers.sum(1, keepdims=True)).sum(1)
    last = np.minimum(enough, powers.shape[1] - 1)
    return powers >= shares[np.arange(len(powers)), last][:, None]


def minkowski(samples: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Area, boundary length and Euler characteristic per cell of {field > threshold}.

    Args:
      samples: one species, `[n, y, x]`.
      thresholds: `[m]`.

    Returns:
      `[n, m, 3]`, with squares of cells as the sets: χ = corners - edges + faces.
    """
    found = np.empty((len(samples), len(thresholds), 3))
    for i, threshold in enumerate(thresholds):
        cell = samples > threshold
        right, below = np.roll(cell, -1, 2), np.roll(cell, -1, 1)
        corner = cell | right | below | np.roll(below, -1, 2)
        faces, edges = cell.mean((1, 2)), (cell | right).mean((1, 2))
        edges = edges + (cell | below).mean((1, 2))
        length = (cell ^ right).mean((1, 2)) + (cell ^ below).mean((1, 2))
        found[:, i] = np.stack([faces, length, corner.mean((1, 2)) - edges + faces], -1)
    return found


def features(samples: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """A vector per sample: moments, log spectra, Minkowski functionals, `[n, f]`.

    Thresholds are those of the reference, so that both ensembles share them.
    """
    parts = [samples.mean((1, 2)), samples.std((1, 2))]
    for species in range(samples.shape[-1]):
        field = samples[..., species]
        levels = thresholds(reference[..., species])
        parts.append(minkowski(field, levels).reshape(len(field), -1))
        rings = [radial_spectra(one[None, ..., None])[0] for one in field]
        parts.append(np.log(np.maximum(rings, 1e-12))[:, :16])
    return np.concatenate(parts, 1)


def energy_distance(
    first: np.ndarray, second: np.ndarray, permutations: int = 200, seed: int = 0
) -> tuple[float, float]:
    """(energy distance, permutation p-value) of two sets of vectors `[n, f]`.

    2 E|X - Y| - E|X - X'| - E|Y - Y'| of standardised features (Székely & Rizzo 2013,
    doi:10.1016/j.jspi.2013.03.018).

    Args:
      first, second: the sets.
      permutations: of both together, for the p-value.
      seed: of the permutations.
    """
    from scipy.spatial.distance import cdist

    both = np.concatenate([first, second])
    scale = both.std(0)
    both = (both - both.mean(0)) / np.where(scale > 0.0, scale, 1.0)
    far = cdist(both, both)
    rng, n = np.random.default_rng(seed), len(first)

    def distance(order):
        x, y = order[:n], order[n:]
        cross, own = far[np.ix_(x, y)].mean(), far[np.ix_(x, x)].sum()
        return (
            2.0 * cross
            - own / (len(x) * (len(x) - 1))
            - far[np.ix_(y, y)].sum() / (len(y) * (len(y) - 1))
        )

    seen = distance(np.arange(len(both)))
    drawn = [distance(rng.permutation(len(both))) for _ in range(permutations)]
    p = (1 + sum(d >= seen for d in drawn)) / (permutations + 1)
    return float(seen), float(p)


def nearest(samples: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Distance of each sample to the nearest training one.

    Over all shifts and symmetries, relative: |a - b|² over (|a|² + |b|²) of
    standardised fields, 0 for a copy and about 1 for unrelated ones; `[n]`. One FFT
    correlation per pair and symmetry.
    """
    mean, scale = training.mean((0, 1, 2)), training.std((0, 1, 2))
    a, b = (np.float32((x - mean) / scale) for x in (samples, training))
    square = a.shape[1] == a.shape[2]
    known = [fft.rfft2(b[..., s]) for s in range(b.shape[-1])]
    size = (b**2).sum((1, 2, 3))
    best = np.full(len(a), np.inf)
    for i, one in enumerate(a):
        own = (one**2).sum()
        for image in _images(one, square):
            waves = fft.rfft2(image, axes=(0, 1)).conj()
            product = sum(k * waves[..., s] for s, k in enumerate(known))
            overlap = fft.irfft2(product, image.shape[:2], workers=-1).max((1, 2))
            best[i] = min(best[i], (1.0 - 2.0 * overlap / (own + size)).min())
    return best


def _images(sample, square):
    """The images of `[y, x, species]` under the symmetries of its grid."""
    turned = [sample, sample.swapaxes(0, 1)] if square else [sample]
    return [t[a, :][:, b] for t in turned for a in _WAYS for b in _WAYS]


_WAYS = (slice(None), slice(None, None, -1))
