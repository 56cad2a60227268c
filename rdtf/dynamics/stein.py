"""Statistics whose means a stationary distribution keeps, and their gradients.

If v keeps the distribution of patterns s, then for every functional φ

    E <∇φ(s), v(s)> = 0

(the adjoint of the generator maps the distribution to 0; no score is needed). φ are
means over cells of

    u^a v^b                     a + b ≤ 6
    u^a v^b Γ(s, t)             a + b ≤ 3, Γ(s, t) = (∇²(s t) - s ∇²t - t ∇²s) / 2
    u^a v^b ∇²s ∇²t             a + b ≤ 2
    (G u)^a (G v)^b             2 ≤ a + b ≤ 4, G a Gaussian of 1, 2 or 4 cells

of all species, on a torus: 111 of two. Stationary Fokker-Planck equations are used so
in Gorham & Mackey 2015 (arXiv:1506.03039) for distributions, and in weak forms of
system identification for equations (Messenger & Bortz 2021,
doi:10.1016/j.jcp.2021.110525).
"""

import itertools
from collections.abc import Callable

import numpy as np
import scipy.fft

from rdtf.dynamics.identification import Moments
from rdtf.operators.stencils import STENCILS

_BATCH = 16
_DEGREE, _ENERGY_DEGREE, _LAPLACIAN_DEGREE, _SMOOTH_DEGREE = 6, 3, 2, 4
_WIDTHS = (1.0, 2.0, 4.0)


def names(species: tuple[str, ...]) -> list[str]:
    """Of all statistics, in the order of `gradients`."""
    count = len(species)
    found = [_name(species, p) for p in _powers(count, 1, _DEGREE)]
    for i, j in _couples(count):
        both = f"({species[i]},{species[j]})"
        for sign, degree in (("Γ", _ENERGY_DEGREE), ("∇²∇²", _LAPLACIAN_DEGREE)):
            weights = _powers(count, 0, degree)
            found += [f"{_name(species, p)} {sign}{both}".strip() for p in weights]
    for width in _WIDTHS:
        smooth = _powers(count, 2, _SMOOTH_DEGREE)
        found += [f"G{width:g} {_name(species, p)}" for p in smooth]
    return found


def gradients(samples: np.ndarray) -> np.ndarray:
    """∇φ of all statistics at `[n, y, x, species]`: `[n, statistics, y, x, species]`.

    Per cell: φ changes by the mean over cells of ∇φ times the change of the state. By
    hand, as Δ is its own adjoint: of <w Γ(s, t)> by s it is (t Δw - w Δt - Δ(w t)) / 2.
    """
    x = np.moveaxis(np.float64(samples), -1, 0)
    count, found = len(x), []
    for powers in _powers(count, 1, _DEGREE):
        found.append(_slopes(x, powers))
    laps = laplacian(x)
    for i, j in _couples(count):
        energy = 0.5 * (laplacian(x[i] * x[j]) - x[i] * laps[j] - x[j] * laps[i])
        for powers in _powers(count, 0, _ENERGY_DEGREE):
            weight, slope = _monomial(x, powers), _slopes(x, powers) * energy
            lap = laplacian(weight)
            for a, b in ((i, j), (j, i)):
                slope[a] += 0.5 * (
                    x[b] * lap - weight * laps[b] - laplacian(weight * x[b])
                )
            found.append(slope)
        for powers in _powers(count, 0, _LAPLACIAN_DEGREE):
            weight = _monomial(x, powers)
            slope = _slopes(x, powers) * laps[i] * laps[j]
            for a, b in ((i, j), (j, i)):
                slope[a] += laplacian(weight * laps[b])
            found.append(slope)
    for width in _WIDTHS:
        window = _window(samples.shape[1:3], width)
        smooth = _filter(x, window)
        for powers in _powers(count, 2, _SMOOTH_DEGREE):
            found.append(_filter(_slopes(smooth, powers), window))
    return np.moveaxis(np.array(found), (0, 1), (1, -1))


def gradient_rows(
    samples: np.ndarray, terms: np.ndarray, owners: np.ndarray
) -> np.ndarray:
    """<∇φ_j, f_k> per cell of each sample: `[n, statistics, terms]`.

    Args:
      samples: `[n, y, x, species]`.
      terms: `[terms, n, y, x]`, see `Library.evaluate`.
      owners: the species of each term.
    """
    slopes = gradients(samples)
    count, tests = slopes.shape[:2]
    cells = int(np.prod(samples.shape[1:3]))
    rows = np.empty((count, tests, len(owners)))
    for s in range(samples.shape[-1]):
        own = owners == s
        values = np.moveaxis(terms[own].reshape(own.sum(), count, cells), 0, 2)
        rows[:, :, own] = slopes[..., s].reshape(count, tests, cells) @ values
    return rows / cells


def moments(samples: np.ndarray, evaluate: Callable, owners: np.ndarray) -> Moments:
    """Rows and Gram matrices, in batches.

    Args:
      samples: `[n, y, x, species]`.
      evaluate: of some of the samples, float64, the terms `[terms, n, y, x]`.
      owners: the species of each term.
    """
    rows, grams = [], []
    for first in range(0, len(samples), _BATCH):
        part = np.float64(samples[first : first + _BATCH])
        terms = evaluate(part)
        rows.append(gradient_rows(part, terms, owners))
        grams.append(np.einsum("knyx,lnyx->nkl", terms, terms, optimize=True))
    same = owners[:, None] == owners
    cells = float(np.prod(samples.shape[1:3]))
    return Moments(np.concatenate(rows), np.concatenate(grams) * same / cells)


def laplacian(field: np.ndarray) -> np.ndarray:
    """The periodic second-order Laplacian of `[..., y, x]`, unit cells."""
    centre, beside = STENCILS["second_order"].weights
    around = sum(np.roll(field, s, a) for s in (1, -1) for a in (-2, -1))
    return beside * around + 2.0 * centre * field


def _powers(count, least, most):
    """Exponents of all monomials of those degrees."""
    every = itertools.product(range(most + 1), repeat=count)
    return sorted(p for p in every if least <= sum(p) <= most)


def _couples(count):
    return itertools.combinations_with_replacement(range(count), 2)


def _name(species, powers):
    return " ".join(f"{s}^{p}" for s, p in zip(species, powers, strict=True) if p)


def _monomial(x, powers):
    """Of products only: exact at 0."""
    value = np.ones_like(x[0])
    for field, power in zip(x, powers, strict=True):
        for _ in range(power):
            value = value * field
    return value


def _slopes(x, powers):
    """The derivatives of a monomial by each species, `[species, n, y, x]`."""
    found = np.zeros_like(x)
    for s, power in enumerate(powers):
        if power:
            lower = tuple(p - (s == i) for i, p in enumerate(powers))
            found[s] = power * _monomial(x, lower)
    return found


def _window(shape, width):
    """exp(-k² w² / 2), `[y, x // 2 + 1]`."""
    y, x = (2.0 * np.pi * np.fft.fftfreq(n) for n in shape)
    square = y[:, None] ** 2 + x[: shape[1] // 2 + 1] ** 2
    return np.exp(-0.5 * width**2 * square)


def _filter(x, window):
    modes = scipy.fft.rfft2(x) * window
    return scipy.fft.irfft2(modes, x.shape[-2:])
