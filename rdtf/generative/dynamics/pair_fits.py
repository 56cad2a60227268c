"""Coefficients of a velocity from pairs of states a duration apart, through an integrator.

    min over c of Σ |w (y₁ - Φ(y₀; c))|²

Φ is the flow of v(·; c) (`rdtf.generative.dynamics.linear.Flow`), w weights the species. With
noise on both states, y = z + e, the first state is an unknown beside the coefficients (errors in
variables; without it, noise in y₀ would weaken all terms, most of all the Laplacians):

    min over c, z of Σ |(y₀ - z) / σ|² + |(y₁ - Φ(z; c)) / σ|²

with z among the waves that stand out of the noise, for the others tell of the noise alone. Gauss-Newton
with Levenberg's damping on c; the waves are eliminated from each step.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from rdtf.generative.dynamics.linear import Flow
from rdtf.status import InputError

NEGLIGIBLE = 1e-3  # noise, in standard deviations of a species
_LEAST, _MOST = 1e-10, 1e6  # damping, of curvatures
_DONE = 1e-9  # relative decrease of the cost
_CHUNK = 64  # directions at once
_OUT = 2.0  # power of a ring of waves over that of the noise


@dataclasses.dataclass(frozen=True)
class Fit:
    """The end of a fit.

    Attributes:
      coefficients: `[terms]`.
      misfit: root mean square of what is minimised: relative to the species' deviations, or,
        with noise, to σ, where it is about √.5 if the velocity is right.
      iterations: steps tried.
      waves: of the first states, that were unknown; 0 without noise.
    """

    coefficients: np.ndarray
    misfit: float
    iterations: int
    waves: int = 0


def fit(
    flow: Flow,
    now: np.ndarray,
    later: np.ndarray,
    coefficients: np.ndarray,
    max_iterations: int = 20,
    callback: Callable[[int, float], None] = lambda *_: None,
) -> Fit:
    """Coefficients that lead from states to later ones.

    Args:
      flow: over the time between.
      now, later: standard states, `[n, y, x, species]`.
      coefficients: to start from.
      callback: called with the number of the step and the misfit.
    """
    weights = 1.0 / now.std((0, 1, 2))

    def residual(c):
        return ((later - flow(now, c)) * weights).ravel()

    def step(c):
        square, slope = 0.0, 0.0
        for one, two in zip(now, later, strict=True):
            end, moved = flow.tangents(one[None], c)
            jacobian = (moved * weights).reshape(len(c), -1)
            square = square + jacobian @ jacobian.T
            slope = slope + jacobian @ ((two - end[0]) * weights).ravel()
        return square, slope, None

    def move(c, change, extra):
        del extra
        return c + change, None

    cost = lambda c, _: np.mean(np.square(residual(c)))  # noqa: E731
    found = _descend(step, cost, move, coefficients, None, max_iterations, callback)
    return Fit(found[0], float(np.sqrt(found[2])), found[3])


def _descend(step, cost, move, c, extra, max_iterations, callback):
    """(coefficients, what is eliminated, cost, steps) at the end of damped Gauss-Newton."""
    damping, value, tried = 1e-4, cost(c, extra), 0
    if not np.isfinite(value):
        raise InputError("Expected states that the first guess keeps finite, got others.")
    while tried < max_iterations:
        square, slope, *rest = step(c) if extra is None else step(c, extra)
        size = np.sqrt(np.maximum(np.diag(square), 1e-300))
        square, slope = square / np.outer(size, size), slope / size
        while damping < _MOST:
            tried += 1
            damped = square + damping * np.eye(len(c))
            change = np.linalg.solve(damped, slope) / size
            there = move(c, change, rest[0])
            with np.errstate(all="ignore"):
                new = cost(*there)
            callback(tried, float(np.sqrt(min(new, value))))
            if new < value:
                break
            damping *= 10.0
        else:
            return c, extra, value, tried
        before, (c, extra), value = value, there, new
        damping = max(damping / 30.0, _LEAST)
        if before - value < _DONE * before:
            break
    return c, extra, value, tried
