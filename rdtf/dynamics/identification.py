"""The equation behind snapshots alone: coefficients whose field keeps all statistics.

With a_i[j, k] = <∇φ_j, f_k> of snapshot i (`rdtf.dynamics.stein`) a stationary field Σ
c_k f_k has E a c = 0. Of n snapshots, M = mean a_i, and S(c) = covariance of a_i c / n:

    c = argmin  cᵀ (Mᵀ S(c)⁻¹ M + ε diag(G)) c / cᵀ G c
    G_kl = E f_k f_l within an equation, else 0

iterated from S = 1: the generalised method of moments (Hansen 1982,
doi:10.2307/1912775) for a null vector. The ridge ε refuses fields that are small
differences of large terms, with which a library of many nearly dependent terms could
keep any finite set of statistics. The scale of c is free, and its
sign follows from diffusion, which runs forwards.

Patterns at rest have no such field but 0. There Σ c_k f_k = 0 in every cell, so

    c = argmin  cᵀ G c / cᵀ diag(G) c

and each equation has a null vector, and a scale, of its own, unless ties link them. In
both cases √(λ_m / λ_m+1) of the values in order gives the number of null vectors.
At rest the terms may also depend on each other without the equation, as where v is a
function of u; so λ_1 must be as much smaller than the smallest value without the
Laplacians.
"""

import dataclasses

import numpy as np
import scipy.linalg

FEWEST = 8  # snapshots
TRUSTED = 0.25  # largest gap of null vectors that stand apart
_ROUNDS = 8
_RIDGE = 0.1  # of moments in units of their errors
_JITTER = 1e-10  # of a Gram matrix with diagonal 1, for terms that depend on others
_MOST_SHRUNK = 0.9


@dataclasses.dataclass(frozen=True)
class Moments:
    """Moments of an ensemble of snapshots.

    Attributes:
      rows: a_i, `[n, statistics, terms]`.
      grams: mean f_k f_l over the cells of each snapshot, 0 between equations,
        `[n, terms, terms]`.
    """

    rows: np.ndarray
    grams: np.ndarray

    def chosen(self, index) -> "Moments":
        """Of some of the snapshots, as a bootstrap draws them."""
        return Moments(self.rows[index], self.grams[index])

    def of_terms(self, index) -> "Moments":
        """Of some of the terms."""
        return Moments(self.rows[:, :, index], self.grams[:, index][:, :, index])


@dataclasses.dataclass(frozen=True)
class Identification:
    """Fields that keep the statistics: all combinations of the null vectors.

    Attributes:
      null_vectors: `[nullity, terms]`, the best first; at least one.
      gap: √(λ_m / λ_m+1) after them, small if they stand apart; at rest also from what
        the terms without diffusion give, whichever is larger.
      drawn: the best of each bootstrap resample, `[bootstrap, terms]`, of the same
        sign.
      t: the means of <∇φ, Σ c f> of the best, in standard errors, `[statistics]`.
    """

    null_vectors: np.ndarray
    gap: float
    drawn: np.ndarray
    t: np.ndarray

    @property
    def coefficients(self) -> np.ndarray:
        """The best, `[terms]`; of no meaningful scale."""
        return self.null_vectors[0]

    @property
    def is_determined(self) -> bool:
        """Whether there is one field, up to its scale."""
        return self.gap < TRUSTED and len(self.null_vectors) == 1

    def scaled(self, factor) -> tuple[np.ndarray, np.ndarray]:
        """(coefficients, standard errors) in units that a function of them sets.

        Args:
          factor: factor(coefficients), what these are multiplied by.
        """
        drawn = np.array([one * factor(one) for one in self.drawn])
        errors = drawn.std(0) if len(drawn) else np.full(len(self.coefficients), np.nan)
        return self.coefficients * factor(self.coefficients), errors


def identify(
    moments: Moments,
    forward: np.ndarray | None = None,
    ties: np.ndarray | None = None,
    at_rest: bool = False,
    bootstrap: int = 100,
    seed: int = 0,
) -> Identification:
    """The coefficients of terms from moments.

    Args:
      moments: of at least `FEWEST` snapshots.
      forward: int, the terms whose coefficients add up to more than 0, such as the
        Laplacians: fixes the sign.
      ties: `[terms, free]`, coefficients as linear functions of fewer; default: all
        free.
      at_rest: whether the patterns do not move.
      bootstrap: resamples for the errors.
      seed: of those.
    """
    count, terms = moments.rows.shape[0], moments.rows.shape[2]
    ties = np.eye(terms) if ties is None else ties
    free = Moments(moments.rows @ ties, ties.T @ moments.grams @ ties)
    solve = _null_at_rest if at_rest else _null
    values, vectors = solve(free)
    gaps = np.sqrt(np.maximum(values[:-1], 0.0) / np.maximum(values[1:], 1e-300))
    nullity = 1 + int(np.argmin(gaps)) if gaps.min() < TRUSTED else 1
    gap = float(gaps[nullity - 1])
    if at_rest and forward is not None and len(forward):
        rest = np.flatnonzero(~(ties[forward] != 0.0).any(0))
        alone = _null_at_rest(free.of_terms(rest))[0][0]
        gap = max(gap, float(np.sqrt(max(values[0], 0.0) / max(alone, 1e-300))))
    null_vectors = (ties @ vectors[:, :nullity]).T
    null_vectors *= _signs(null_vectors, forward)[:, None]
    best, gram = null_vectors[0], moments.grams.mean(0)
    rng, drawn = np.random.default_rng(seed), np.empty((bootstrap, terms))
    for i in range(bootstrap):
        one = ties @ solve(free.chosen(rng.integers(0, count, count)))[1][:, 0]
        drawn[i] = one * np.sign(one @ gram @ best)
    means = moments.rows @ best
    spread = np.maximum(means.std(0) / np.sqrt(count), 1e-300)
    t = means.mean(0) / spread
    return Identification(null_vectors, gap, drawn, t)


def _null(moments):
    """(values, vectors in columns) of the generalised problem, the smallest first."""
    rows, gram = moments.rows, moments.grams.mean(0)
    count, tests = rows.shape[:2]
    size = np.sqrt(np.diag(gram))
    scale = np.sqrt(np.mean((rows.mean(0) / size) ** 2, 1))
    rows = rows / np.where(scale > 0.0, scale, 1.0)[:, None] / size
    gram = gram / np.outer(size, size) + _JITTER * np.eye(len(size))
    mean, weight, ridge = rows.mean(0), np.eye(tests), 0.0
    shrunk = min(_MOST_SHRUNK, tests / (2.0 * count))
    for _ in range(_ROUNDS + 1):
        square = mean.T @ weight @ mean
        ridge = ridge or 1e-6 * np.trace(square) / len(square)  # at first, units differ
        values, vectors = scipy.linalg.eigh(square + ridge * np.eye(len(square)), gram)
        ridge = _RIDGE
        cov = np.atleast_2d(np.cov((rows @ vectors[:, 0]).T)) / count
        spread = np.sqrt(np.maximum(np.diag(cov), 1e-300))
        correlation = (1.0 - shrunk) * cov / np.outer(spread, spread)
        correlation[np.diag_indices(tests)] = 1.0
        weight = np.linalg.inv(correlation) / np.outer(spread, spread)
    return values, vectors / size[:, None]


def _null_at_rest(moments):
    """The same for Σ c f = 0 in every cell."""
    gram = moments.grams.mean(0)
    return scipy.linalg.eigh(gram, np.diag(np.diag(gram)))


def _signs(vectors, forward):
    if forward is None or not len(forward):
        return np.ones(len(vectors))
    return np.where(vectors[:, forward].sum(1) < 0.0, -1.0, 1.0)


def cosine(first: np.ndarray, second: np.ndarray, metric: np.ndarray) -> float:
    """Cosine of two sets of coefficients by the metric G of their fields."""
    sizes = [np.sqrt(c @ metric @ c) for c in (first, second)]
    return float(first @ metric @ second / np.prod(sizes))


class Pairs:
    """What pairs of states say of the scale and sign of a field, by least squares.

    Args:
      terms: `[terms, n, y, x]`, at the time between two states, or the mean of both.
      owners: the species of each term.
      rates: ∂s/∂t, `[species, n, y, x]`.
    """

    def __init__(self, terms, owners, rates):
        same = owners[:, None] == owners
        self._gram = np.einsum("knyx,lnyx->kl", terms, terms, optimize=True) * same
        self._product = np.einsum("knyx,knyx->k", terms, rates[owners])

    def factor(self, coefficients: np.ndarray) -> float:
        """What the coefficients have to be multiplied by."""
        return float(
            coefficients @ self._product / (coefficients @ self._gram @ coefficients)
        )
