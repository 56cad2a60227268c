"""Coefficients of a velocity from pairs of states, through an integrator.

    min over c of Σ |w (y₁ - Φ(y₀; c))|²

Φ is the flow of v(·; c) (`rdtf.dynamics.flow_maps`), w weights the species. With noise
on both states, y = z + e, the first state is an unknown beside the coefficients (errors
in variables; without it, noise in y₀ weakens all terms, most of all the Laplacians):

    min over c, z of Σ |(y₀ - z) / σ|² + |(y₁ - Φ(z; c)) / σ|² + Σ |c / spread|²

with z, and what is compared, restricted to the waves that stand out of the noise: the
others contain nothing else. The last sum is the prior knowledge of c, as units of a
network of any size would fit the noise. Gauss-Newton with Levenberg's damping on c; z
is eliminated from each step.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from rdtf.dynamics.flow_maps import FlowMap
from rdtf.status import InputError

_LEAST, _MOST = 1e-10, 1e6  # damping, of curvatures
_DONE, _DONE_NOISY = 1e-9, 1e-3  # relative decrease of the cost
_ITERATIONS_NOISY = 10
_SOLVED, _MOST_PRODUCTS = 1e-4, 30  # of conjugate gradients
_OUT = 2.0  # power of a ring of waves that stands out, over that of the noise


@dataclasses.dataclass(frozen=True)
class Fit:
    """The end of a fit.

    Attributes:
      coefficients: `[terms]`.
      misfit: root mean square of what is minimised, in standard deviations of the
        species or in those of the noise, then near 1 if the velocity is right.
      iterations: steps tried.
    """

    coefficients: np.ndarray
    misfit: float
    iterations: int


def fit(
    flow: FlowMap,
    now: np.ndarray,
    later: np.ndarray,
    coefficients: np.ndarray,
    max_iterations: int = 20,
    callback: Callable[[int, float], None] = lambda *_: None,
) -> Fit:
    """Coefficients that lead from states to later ones.

    Args:
      flow: over the time between.
      now, later: standardised states, `[n, y, x, species]`.
      coefficients: to start from, `[terms]`.
      max_iterations: steps tried, at most.
      callback: called with the number of the step and the misfit.
    """
    weights = 1.0 / now.std((0, 1, 2))

    def cost(c, _):
        return np.mean(np.square((later - flow(now, c)) * weights))

    def linearise(c, _):
        square, slope = 0.0, 0.0
        for one, two in zip(now, later, strict=True):
            end, moved = flow.tangents(one[None], c)
            jacobian = (moved * weights).reshape(len(c), -1)
            square = square + jacobian @ jacobian.T
            slope = slope + jacobian @ ((two - end[0]) * weights).ravel()
        return square, slope, lambda change: None

    options = {"max_iterations": max_iterations, "callback": callback, "done": _DONE}
    return _descend(linearise, cost, coefficients, None, **options)


def fit_noisy(
    flow: FlowMap,
    now: np.ndarray,
    later: np.ndarray,
    coefficients: np.ndarray,
    sigma: np.ndarray,
    spread: np.ndarray,
) -> Fit:
    """The same of states with noise.

    Args:
      flow, now, later, coefficients: as for `fit`.
      sigma: standard deviation of white noise on each species of both, `[species]`.
      spread: that of each coefficient about 0 beforehand, `[terms]`; inf: nothing is
        known.
    """
    pairs = [
        _Pair(flow, one[None], two[None], sigma)
        for one, two in zip(now, later, strict=True)
    ]
    waves = sum(pair.waves for pair in pairs)

    def cost(c, states):
        own = np.sum(np.square(c / spread))
        return (own + sum(map(lambda pair, z: pair.cost(c, z), pairs, states))) / waves

    def linearise(c, states):
        parts = [pair.linearise(c, z) for pair, z in zip(pairs, states, strict=True)]
        square, slope = (sum(part[i] for part in parts) for i in (0, 1))
        return (
            square + np.diag(spread**-2.0),
            slope - c / spread**2,
            lambda change: [
                z + part[2](change) for z, part in zip(states, parts, strict=True)
            ],
        )

    start = [pair.first for pair in pairs]
    options = {"max_iterations": _ITERATIONS_NOISY, "done": _DONE_NOISY}
    return _descend(linearise, cost, coefficients, start, **options)


class _Pair:
    """A noisy pair, in units of the noise, of the waves that stand out."""

    def __init__(self, flow, now, later, sigma):
        self._flow, self._sigma = flow, sigma
        self._kept = _standing_out(now, later, sigma)
        self.first, self._later = (self._project(x / sigma) for x in (now, later))
        self.waves = 2 * int(self._kept.sum())

    def cost(self, c, z):
        """Of a first state z."""
        off = self._later - self._end(z, c)
        return np.sum(np.square(self.first - z)) + np.sum(np.square(off))

    def linearise(self, c, z):
        """(curvature, minus gradient, change of z by one of c), z eliminated.

        With A, B the derivatives of the later state by z and c, and residuals p of the
        first and q of the later one, both waves only: (1 + AᵀA) δz = p + Aᵀ(q - B δc).
        """
        state = z * self._sigma
        end, by_c = self._flow.tangents(state, c)
        along, back = self._flow.linearise(state, c)
        b = self._project(by_c / self._sigma)
        q, p = self._later - self._project(end / self._sigma), self.first - z

        def to_first(x):
            return self._project(back(x / self._sigma) * self._sigma)

        def normal(x):
            return x + to_first(self._project(along(x * self._sigma) / self._sigma))

        right = to_first(np.concatenate([b, q[None]]))
        right[-1] += p
        solved = _conjugate_gradients(normal, right)
        flat = [x.reshape(len(x), -1) for x in (b, right, solved)]
        b, right, solved = flat
        square = b @ b.T - right[:-1] @ solved[:-1].T
        slope = b @ q.ravel() - right[:-1] @ solved[-1]
        return (
            square,
            slope,
            lambda change: (solved[-1] - change @ solved[:-1]).reshape(z.shape),
        )

    def _end(self, z, c):
        return self._project(self._flow(z * self._sigma, c) / self._sigma)

    def _project(self, fields):
        """The waves kept, of `[..., y, x, species]`."""
        modes = np.fft.rfft2(fields, axes=(-3, -2))
        return np.fft.irfft2(modes * self._kept, fields.shape[-3:-1], axes=(-3, -2))


def _conjugate_gradients(apply, right):
    """apply⁻¹ right, of each of `[m, ...]`."""
    axes = tuple(range(1, right.ndim))
    x, r = np.zeros_like(right), right.copy()
    p, size = r, np.sum(r * r, axes, keepdims=True)
    least = _SOLVED**2 * np.maximum(size, 1e-300)
    for _ in range(_MOST_PRODUCTS):
        q = apply(p)
        step = size / np.maximum(np.sum(p * q, axes, keepdims=True), 1e-300)
        x, r = x + step * p, r - step * q
        new = np.sum(r * r, axes, keepdims=True)
        if np.all(new < least):
            break
        p, size = r + new / np.maximum(size, 1e-300) * p, new
    return x


def _standing_out(now, later, sigma):
    """Which waves of `rfft2` are in rings that stand out, `[y, x // 2 + 1, species]`.

    Of |k|, up to the first ring that does not. The mean is kept: of standard states it
    may be 0.
    """
    shape = now.shape[-3:-1]
    y, x = (np.fft.fftfreq(n) * min(shape) for n in shape)
    ring = np.rint(np.hypot(y[:, None], x)).astype(int)
    count, kept = np.bincount(ring.ravel()), []
    for s, scale in enumerate(sigma):
        powers = [
            np.abs(np.fft.fft2(f[0, ..., s], norm="ortho")) ** 2 for f in (now, later)
        ]
        mean = np.bincount(ring.ravel(), np.mean(powers, 0).ravel()) / count
        low = mean < _OUT * scale**2
        low[0] = False
        kept.append(ring < (np.argmax(low) if low.any() else len(low)))
    return np.stack(kept, -1)[:, : shape[1] // 2 + 1]


def _descend(
    linearise, cost, c, states, *, max_iterations, done, callback=lambda *_: None
):
    """Damped Gauss-Newton, to a relative decrease of `done`."""
    damping, value, tried = 1e-4, cost(c, states), 0
    if not np.isfinite(value):
        raise InputError("Expected a first guess that keeps all states finite.")
    while tried < max_iterations:
        square, slope, follow = linearise(c, states)
        size = np.sqrt(np.maximum(np.diag(square), 1e-300))
        square, slope = square / np.outer(size, size), slope / size
        before = value
        while damping < _MOST and value == before:
            tried += 1
            change = np.linalg.solve(square + damping * np.eye(len(c)), slope) / size
            moved = follow(change)
            with np.errstate(all="ignore"):
                new = cost(c + change, moved)
            if new < value:
                c, states, value = c + change, moved, new
            damping *= 0.03 if new < before else 10.0
        damping = max(damping, _LEAST)
        callback(tried, float(np.sqrt(value)))
        if before - value <= done * before:
            break
    return Fit(c, float(np.sqrt(value)), tried)
