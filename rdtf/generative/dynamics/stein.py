"""Statistics of patterns whose means a stationary law keeps, and what equations do to them.

If patterns s have a law that v leaves as it is, then for every functional φ

    E <∇φ(s), v(s)> = 0

(the generator's adjoint kills the law; no score is needed). φ are means over cells of

    u^a v^b                     a + b ≤ 4
    Γ(s, t), u Γ, v Γ           Γ(s, t) = (∇²(s t) - s ∇²t - t ∇²s) / 2, which is ∇s·∇t
    ∇²s ∇²t
    (G u)^a (G v)^b             2 ≤ a + b ≤ 3, G a Gaussian of 1, 2 or 4 cells

of all species, on a torus. Stationary Fokker-Planck equations are used so in Gorham & Mackey
2015 (arXiv:1506.03039) for laws, and in weak forms of system identification for equations
(Messenger & Bortz 2021, doi:10.1016/j.jcp.2021.110525).
"""

import itertools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import Grid
from rdtf.generative.dynamics.identification import Moments
from rdtf.generative.dynamics.libraries import Library

_BATCH = 64
_DEGREE, _SMOOTH_DEGREE = 4, 3
_WIDTHS = (1.0, 2.0, 4.0)


def statistics(species: tuple[str, ...], shape) -> dict[str, Callable]:
    """name -> φ of fields `[n, y, x, species]` to `[n]`."""
    found = {}
    for powers in _powers(len(species), 1, _DEGREE):
        found[_name(species, powers)] = lambda x, p=powers: _mean(_monomial(x, p))
    for i, j in itertools.combinations_with_replacement(range(len(species)), 2):
        both = f"{species[i]},{species[j]}"
        found[f"Γ({both})"] = lambda x, i=i, j=j: _mean(_energy(x, i, j))
        for s, name in enumerate(species):
            found[f"{name} Γ({both})"] = lambda x, i=i, j=j, s=s: _mean(
                x[..., s] * _energy(x, i, j)
            )
        found[f"∇²∇²({both})"] = lambda x, i=i, j=j: _mean(
            laplacian(x[..., i]) * laplacian(x[..., j])
        )
    for width in _WIDTHS:
        window = _window(shape, width)
        for powers in _powers(len(species), 2, _SMOOTH_DEGREE):
            found[f"G{width:g} {_name(species, powers)}"] = (
                lambda x, p=powers, w=window: _mean(_monomial(_smooth(x, w), p))
            )
    return found


def gradient_rows(
    samples: np.ndarray, terms: np.ndarray, owners: np.ndarray, species: tuple[str, ...]
) -> np.ndarray:
    """<∇φ_j, f_k> per cell of each sample: `[n, statistics, terms]`.

    Args:
      samples: `[n, y, x, species]`.
      terms: `[terms, n, y, x]`, see `Library.evaluate`.
      owners: the species of each term.
    """
    x = tf.constant(samples, tf.float64)
    cells = float(np.prod(samples.shape[1:3]))
    rows = []
    for functional in statistics(species, samples.shape[1:3]).values():
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = functional(x)
        gradient = tape.gradient(value, x).numpy() * cells
        rows.append(
            [
                np.einsum("nyx,nyx->n", gradient[..., owner], term)
                for term, owner in zip(terms, owners, strict=True)
            ]
        )
    return np.moveaxis(np.array(rows), 2, 0) / cells


def moments(samples: np.ndarray, library: Library, grid: Grid) -> Moments:
    """Rows and Gram matrices of samples `[n, y, x, species]`, in batches."""
    owners, rows, grams = library.owners, [], []
    for first in range(0, len(samples), _BATCH):
        part = np.float64(samples[first : first + _BATCH])
        state = tuple(tf.constant(field) for field in np.moveaxis(part, -1, 0))
        terms = library.evaluate(state, grid)
        rows.append(gradient_rows(part, terms, owners, library.species))
        grams.append(np.einsum("knyx,lnyx->nkl", terms, terms, optimize=True))
    same = owners[:, None] == owners
    cells = float(np.prod(samples.shape[1:3]))
    return Moments(np.concatenate(rows), np.concatenate(grams) * same / cells)


def laplacian(field: tf.Tensor) -> tf.Tensor:
    """The periodic 5-point Laplacian of `[n, y, x]`, unit cells."""
    around = [tf.roll(field, s, a) for s in (1, -1) for a in (1, 2)]
    return tf.add_n(around) - 4.0 * field


def _powers(count, least, most):
    """Exponents of all monomials of those degrees."""
    every = itertools.product(range(most + 1), repeat=count)
    return sorted(p for p in every if least <= sum(p) <= most)


def _name(species, powers):
    return " ".join(f"{s}^{p}" for s, p in zip(species, powers, strict=True) if p)


def _monomial(x, powers):
    """Of products only, whose gradients are finite at 0."""
    value = tf.ones_like(x[..., 0])
    for s, power in enumerate(powers):
        for _ in range(power):
            value *= x[..., s]
    return value


def _energy(x, i, j):
    a, b = x[..., i], x[..., j]
    return 0.5 * (laplacian(a * b) - a * laplacian(b) - b * laplacian(a))


def _window(shape, width):
    """exp(-k² w² / 2), `[y, x // 2 + 1]`."""
    y, x = (2.0 * np.pi * np.fft.fftfreq(n) for n in shape)
    square = y[:, None] ** 2 + x[: shape[1] // 2 + 1] ** 2
    return np.exp(-0.5 * width**2 * square)


def _smooth(x, window):
    modes = tf.signal.rfft2d(tf.transpose(x, [0, 3, 1, 2]))
    smooth = tf.signal.irfft2d(modes * tf.cast(window, modes.dtype), tf.shape(x)[1:3])
    return tf.transpose(smooth, [0, 2, 3, 1])


def _mean(field):
    return tf.reduce_mean(field, (1, 2))
