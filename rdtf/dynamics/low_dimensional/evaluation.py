"""How well a velocity keeps a distribution of points, and how near it is to the truth.

Velocities are functions of arrays, `[n, d]` -> `[n, d]`.
"""

import itertools
from collections.abc import Callable

import numpy as np
import scipy.spatial.distance
import tensorflow as tf

from rdtf.dynamics import rollouts
from rdtf.dynamics.low_dimensional import training
from rdtf.dynamics.low_dimensional.data import Points

_CLOUD, _DURATION, _STEPS, _WIDTH = 512, 10.0, 100, 0.5
_COMPARED, _AVERAGED = 1024, 20_000
_HALF, _KEPT = 1024, 0.03


class Comparison:
    """Velocities f at points, as they are and noised, to compare others with.

    Args:
      points: with rates.
      sigma: the noise.
      seed: of the noise.
    """

    def __init__(self, points: Points, sigma: float, seed: int = 0):
        self._x, self._f = points.samples[:_COMPARED], points.rates[:_COMPARED]
        noise = np.random.default_rng(seed).normal(size=self._x.shape)
        self._y = self._x + sigma * noise
        self._of_y = oracle(self._y, points, sigma)
        self._of_x = oracle(self._x, points, sigma)

    def cosines(self, velocity: Callable) -> dict:
        """|cosine| to f: at the points, and noised to the oracle E[f(x) | y].

        Of fields over all points as one vector; "pointwise" is |mean of the cosines of
        each|. "oracle" is the cosine of E[f | y] at the points to f: how far noise
        alone sets a field that keeps the noised distribution apart.
        """
        v, f = velocity(self._x), self._f
        sizes = np.linalg.norm(v, axis=-1) * np.linalg.norm(f, axis=-1)
        return {
            "cosine": _cosine(v, f),
            "pointwise": float(abs(((v * f).sum(-1) / sizes).mean())),
            "cosine_to_oracle": _cosine(velocity(self._y), self._of_y),
            "oracle": _cosine(self._of_x, f),
        }


def oracle(y: np.ndarray, points: Points, sigma: float) -> np.ndarray:
    """E[f(x) | y] over the points, `[n, d]`: keeps their noised distribution."""
    found, x = [], points.samples[:_AVERAGED]
    for part in np.array_split(y, max(1, len(y) // 256)):
        square = scipy.spatial.distance.cdist(part, x, "sqeuclidean")
        square -= square.min(1, keepdims=True)
        weight = np.exp(-0.5 * square / sigma**2)
        found.append(weight @ points.rates[:_AVERAGED] / weight.sum(1, keepdims=True))
    return np.concatenate(found)


def residual(velocity, score, points: Points, sigma: float, seed: int = 0) -> float:
    """E r² / E |v|² of a velocity at noised points.

    Args:
      velocity: a `networks.PointVelocity`.
      score: a `networks.PointScore`.
      points: the data.
      sigma: the noise.
      seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    x = points.samples[:_COMPARED]
    y = tf.constant(x + sigma * rng.normal(size=x.shape), tf.float32)
    v, div = velocity.with_divergence(y)
    return float(training.normalised_residual(v, div, score(y, sigma=sigma)))


def trajectories(
    velocity: Callable, start: np.ndarray, duration: float, steps: int
) -> np.ndarray:
    """Points on their way, `[n, steps + 1, d]`, by RK4; v at a root mean square of 1.

    Args:
      velocity: of any size; divided by its root mean square at `start`.
      start: `[n, d]`.
      duration: in units of the time in which v, so divided, goes 1 far.
      steps: of the method.
    """
    size = np.sqrt(np.square(velocity(start)).sum(-1).mean())
    x, h, found = start, duration / steps / size, [start]
    for _ in range(steps):
        x = rollouts.step(velocity, x, h)
        found.append(x)
    return np.stack(found, 1)


def discrepancies(
    velocity: Callable, points: Points, sigma: float, seed: int = 0
) -> dict:
    """Squared MMD of points after 10 units of time along v to others; and at the start.

    Both clouds are noised, as v keeps the distribution of noised points; it is kept if
    the two numbers are alike.

    Args:
      velocity: a function of arrays `[n, d]`.
      points: the data.
      sigma: the noise.
      seed: of the noise, and of which points are used.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(points.samples), 2 * _CLOUD, replace=False)
    y = points.samples[chosen]
    y = y + sigma * rng.normal(size=y.shape)
    end = trajectories(velocity, y[:_CLOUD], _DURATION, _STEPS)[:, -1]
    return {"mmd": mmd(end, y[_CLOUD:]), "mmd_floor": mmd(y[:_CLOUD], y[_CLOUD:])}


def turns(samples: np.ndarray, seed: int = 0) -> list[list[float]]:
    """Sign changes of an even number of coordinates that keep the distribution.

    A sign change counts if it makes one half of the samples look like the other: an
    MMD² below 0.03 (runs of finite length visit the two lobes of Lorenz unevenly; what
    is no symmetry has 0.1). They form a group, the identity first, and unlike
    reflections reverse no flow.

    Args:
      samples: `[n, d]`.
      seed: of which samples are compared.
    """
    rng = np.random.default_rng(seed)
    chosen = samples[rng.choice(len(samples), 2 * _HALF, replace=False)]
    found = []
    for signs in itertools.product((1.0, -1.0), repeat=samples.shape[-1]):
        kept = mmd(chosen[:_HALF] * signs, chosen[_HALF:]) < _KEPT
        if np.prod(signs) > 0.0 and (min(signs) > 0.0 or kept):
            found.append(list(signs))
    return found


def mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy of two clouds, by Gaussians of width 0.5.

    Unbiased (Gretton et al. 2012, jmlr.org/papers/v13/gretton12a.html).
    """
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")

    def mean(p, q, own):
        square = scipy.spatial.distance.cdist(p, q, "sqeuclidean")
        kernel = np.exp(-0.5 * square / _WIDTH**2)
        return (kernel.sum() - own * len(p)) / (len(p) * (len(q) - own))

    return float(mean(a, a, 1) + mean(b, b, 1) - 2.0 * mean(a, b, 0))


def _cosine(a, b):
    return float(abs((a * b).sum()) / np.sqrt((a**2).sum() * (b**2).sum()))
