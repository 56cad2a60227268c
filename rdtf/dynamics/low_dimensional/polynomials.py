"""Polynomial velocities of points from snapshots alone: no score, no network.

    v_s = Σ_k c_sk x^k,   E <∇φ, v> = 0 for all monomials φ

solved as `rdtf.dynamics.identification` does.
"""

import itertools

import numpy as np

from rdtf.dynamics import identification

_GROUPS = 256
_TESTED = 6  # the highest degree of φ


class Polynomials:
    """All monomials of `[n, d]` up to a degree, in each equation.

    Args:
      dimension: d.
      degree: of the monomials.
    """

    def __init__(self, dimension: int, degree: int = 2):
        self.dimension = dimension
        self._powers = _powers(dimension, 0, degree)
        self.coefficients = np.zeros((dimension, len(self._powers)))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """v at `[n, d]`."""
        x = np.asarray(x, np.float64)
        return _monomials(x, self._powers) @ self.coefficients.T

    def fit_snapshots(self, x: np.ndarray) -> identification.Identification:
        """Sets v to what keeps the moments of points, such that E |v|² is 1.

        The sign is such that volumes shrink on average, as forwards on an attractor.
        """
        size = len(x) // _GROUPS  # means of groups, whose spread gives the weights
        groups = x[: size * _GROUPS].reshape(_GROUPS, size, -1)
        rows, grams = zip(*(self._moments(group) for group in groups), strict=True)
        moments = identification.Moments(np.array(rows), np.array(grams))
        found = identification.identify(moments, bootstrap=0)
        self.coefficients = found.coefficients.reshape(self.coefficients.shape)
        slopes = [_slopes(x, self._powers, s).mean(0) for s in range(self.dimension)]
        self.coefficients *= -1.0 if (self.coefficients * slopes).sum() > 0.0 else 1.0
        return found

    def _moments(self, x):
        """(<∇φ_j, f_k> `[tests, terms]`, <f_k f_l> `[terms, terms]`) of points."""
        terms = _monomials(x, self._powers)
        tests = _powers(self.dimension, 1, _TESTED)
        slopes = np.stack([_slopes(x, tests, s) for s in range(self.dimension)], 1)
        rows = np.einsum("nsj,nk->jsk", slopes, terms, optimize=True) / len(x)
        gram = terms.T @ terms / len(x)
        return rows.reshape(len(tests), -1), np.kron(np.eye(self.dimension), gram)


def _powers(dimension, least, most):
    every = itertools.product(range(most + 1), repeat=dimension)
    return np.array(sorted(p for p in every if least <= sum(p) <= most))


def _monomials(x, powers):
    return np.prod(x[:, None, :] ** powers, -1)


def _slopes(x, powers, s):
    """The derivatives of monomials by x_s, `[n, monomials]`."""
    lower = powers.copy()
    lower[:, s] = np.maximum(lower[:, s] - 1, 0)
    return powers[:, s] * _monomials(x, lower)
