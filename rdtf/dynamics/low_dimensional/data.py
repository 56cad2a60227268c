"""Points of known distribution or dynamics: Lorenz, a ring, two peaks, two moons.

    lorenz       x' = 10 (y - x), y' = x (28 - z) - y, z' = x y - 8 z / 3
                 (Lorenz 1963, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2)
    ring         uniform in 1 ≤ |x| ≤ 2
    two_peaks    N(±(1, 1), 0.5²), evenly
    two_moons    (cos θ, sin θ) and (1 - cos θ, 0.5 - sin θ), 0 ≤ θ ≤ π, noise of 0.1

Lorenz is all of 10 runs of 5,000 steps of 0.01 by RK4 from standard normal states. It
and the moons are standardised.
"""

import dataclasses

import numpy as np

from rdtf.status import InputError

_RUNS, _STEPS, _STEP = 10, 5000, 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class Points:
    """Points drawn at random from a distribution.

    Attributes:
      samples: `[n, d]`.
      sigma: the noise level that is usual for them.
      rates: dx/dt at these by the equation that made them, `[n, d]`; None: there is
        none.
      mean, scale: what they were standardised by, `[d]`.
    """

    samples: np.ndarray
    sigma: float
    rates: np.ndarray | None = None
    mean: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0


def make(name: str, seed: int = 0) -> Points:
    """A data set of `NAMES`, in random order.

    Raises:
      InputError: if there is none of that name.
    """
    if name not in _MAKERS:
        raise InputError(f"Expected points among {', '.join(NAMES)}, got {name!r}.")
    rng = np.random.default_rng(seed)
    return _MAKERS[name](rng)


def lorenz_rate(x: np.ndarray) -> np.ndarray:
    """dx/dt of `[..., 3]`."""
    a, b, c = np.moveaxis(x, -1, 0)
    return np.stack([10.0 * (b - a), a * (28.0 - c) - b, a * b - 8.0 / 3.0 * c], -1)


def _lorenz(rng):
    x, h, found = rng.normal(size=(_RUNS, 3)), _STEP, []
    for _ in range(_STEPS):
        # Not by `rdtf.schemes`: it adds the stages in another order, and chaotic runs
        # that differ in rounding end elsewhere. Published numbers are of these points.
        a = lorenz_rate(x)
        b = lorenz_rate(x + 0.5 * h * a)
        c = lorenz_rate(x + 0.5 * h * b)
        d = lorenz_rate(x + h * c)
        x = x + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
        found.append(x)
    x = rng.permutation(np.concatenate(found))
    return _standardised(x, level(0.911), lorenz_rate(x))


def _ring(rng, count=10_000):
    radius = np.sqrt(rng.uniform(1.0, 4.0, count))
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    return Points(samples=x, sigma=level(0.979))


def _two_peaks(rng, count=10_000):
    sign = rng.choice([-1.0, 1.0], (count, 1))
    x = sign + 0.5 * rng.normal(size=(count, 2))
    return Points(samples=x, sigma=level(0.979))


def _two_moons(rng, count=5_000):
    angle, lower = rng.uniform(0.0, np.pi, count), rng.integers(0, 2, count)
    x = np.where(lower, 1.0 - np.cos(angle), np.cos(angle))
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    x = np.stack([x, y], -1) + 0.1 * rng.normal(size=(count, 2))
    return _standardised(x, level(0.979))


def _standardised(x, sigma, rates=None):
    mean, scale = x.mean(0), x.std(0)
    return Points(
        samples=(x - mean) / scale,
        sigma=sigma,
        rates=None if rates is None else rates / scale,
        mean=mean,
        scale=scale,
    )


def level(alpha: float) -> float:
    """σ of x + σ n at ᾱ."""
    return float(np.sqrt((1.0 - alpha) / alpha))


_MAKERS = {
    "lorenz": _lorenz,
    "ring": _ring,
    "two_peaks": _two_peaks,
    "two_moons": _two_moons,
}
NAMES = tuple(_MAKERS)
