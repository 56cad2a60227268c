"""How likely patterns are under a denoiser, by its probability flow.

Along dx/dσ = (x - D) / σ the density p_σ of noisy patterns changes as

    d ln p_σ(x) / dσ = -(d - tr ∂D/∂x) / σ

(Song et al. 2021, arXiv:2011.13456), from σ_min up to σ_max, where p is taken for
Gaussian, with the covariance R + σ² of the data's spectrum R. Patterns of a
deterministic equation have no density; those with noise σ_min have. Bits per dimension
of 8-bit images mean nothing here: what comes out is nats per value, at that σ_min.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rdtf.generative import divergence, wiener
from rdtf.generative.denoiser import Denoiser
from rdtf.generative.denoiser import check as check_grid
from rdtf.status import InputError

SIGMA_MIN = 0.05  # of the noise without which there is no density


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to follow the flow.

    Attributes:
      sigma_min: in standard deviations of the data.
      sigma_max: likewise; default: four times that of the largest mode.
      steps: of Heun's method in ln σ, two calls each.
      probes: per call, of a network that is not local.
      batch: samples at once.
      seed: of noise and probes.
    """

    sigma_min: float = SIGMA_MIN
    sigma_max: float | None = None
    steps: int = 64
    probes: int = 1
    batch: int = 16
    seed: int = 0

    def levels(self, denoiser: Denoiser) -> tuple[np.ndarray, float]:
        """(σ from the lowest to the highest, `[steps + 1]`; the highest).

        Raises:
          InputError: if they do not rise, or there are no steps.
        """
        highest = self.sigma_max
        if highest is None:
            highest = 4.0 * float(np.sqrt(np.max(denoiser.powers)))
        if not 0.0 < self.sigma_min < highest or self.steps < 1:
            raise InputError(
                f"Expected 0 < sigma_min < sigma_max and at least 1 step, got "
                f"{self.sigma_min:g}, {highest:g} and {self.steps}."
            )
        return np.geomspace(self.sigma_min, highest, self.steps + 1), highest


def log_likelihood(
    denoiser: Denoiser, samples: np.ndarray, settings: Settings | None = None
) -> np.ndarray:
    """ln p_σmin(y) per value, `[n]`, of y = x + σ_min n.

    In units of the data's deviation. The trace of the filter is exact, and so is that
    of a local network; that of another is estimated by random probes, new ones at every
    level (see `rdtf.generative.divergence`).

    Args:
      denoiser: of all noise levels.
      samples: `[n, y, x, species]`, in units of the data, without noise.
      settings: levels, probes, batch and seed.

    Raises:
      InputError: if the levels do not fit.
    """
    settings = settings or Settings()
    levels, highest = settings.levels(denoiser)
    rng = np.random.default_rng(settings.seed)
    slope = _slope(denoiser, settings.probes, settings.seed)
    found = []
    for first in range(0, len(samples), settings.batch):
        x = np.asarray(samples[first : first + settings.batch], np.float64)
        x = (x - denoiser.mean) / denoiser.scale
        x = x + settings.sigma_min * rng.standard_normal(x.shape)
        found.append(_along_flow(denoiser, slope, x, levels, highest))
    return np.concatenate(found)


def _along_flow(denoiser, slope, x, levels, highest):
    """ln p per value, `[n]`, of standardised x at the lowest of the levels."""
    total, h = np.zeros(len(x)), np.log(levels[1] / levels[0])
    move, gain = slope(x, levels[0], 0)
    for i, level in enumerate(levels[1:], 1):
        ahead, more = slope(x + h * move, level, i)
        x = x + 0.5 * h * (move + ahead)
        total += 0.5 * h * (gain + more)
        move, gain = slope(x, level, i)
    size = np.prod(x.shape[1:])
    return (_gaussian(denoiser, x, highest) + total) / size


def check(denoiser, names: Sequence[str], shape: tuple[int, int]) -> None:
    """Raises InputError unless `denoiser` gives a likelihood of such patterns.

    Args:
      denoiser: any network that `rdtf.generative.denoiser.load` gives.
      names: species of the patterns.
      shape: their grid.
    """
    if not isinstance(denoiser, Denoiser):
        raise InputError(
            "Expected a denoiser of all noise levels for a likelihood, got a "
            f"{type(denoiser).__name__}: train one with --objective=edm."
        )
    if denoiser.names is not None and list(denoiser.names) != list(names):
        raise InputError(
            f"Expected patterns of {', '.join(denoiser.names)}, which the denoiser "
            f"knows, got {', '.join(names)}."
        )
    check_grid(shape, denoiser.size)


def held_out(denoiser: Denoiser, samples: np.ndarray, seed: int = 0) -> dict:
    """The mean of `log_likelihood` over patterns that the denoiser was not trained on.

    Args:
      denoiser: of all noise levels.
      samples: `[n, y, x, species]` with n of at least 2, in units of the data.
      seed: of noise and probes.

    Returns:
      "nats_per_value", its "standard_error" over patterns, "sigma_min" and "patterns".
    """
    found = log_likelihood(denoiser, samples, Settings(seed=seed))
    return {
        "nats_per_value": float(found.mean()),
        "standard_error": float(found.std(ddof=1) / np.sqrt(len(found))),
        "sigma_min": SIGMA_MIN,
        "patterns": len(found),
    }


def text(result: dict) -> str:
    """What `held_out` found, in a line."""
    return (
        f"ln p of {result['patterns']} held-out patterns with noise "
        f"{result['sigma_min']:g}: {result['nats_per_value']:.4f} ± "
        f"{result['standard_error']:.4f} nats per value"
    )


def _slope(denoiser, probes, seed):
    """A function that gives (dx/d ln σ, tr ∂(dx/d ln σ)/∂x `[n]`) at (x, σ).

    The second is what ln p loses along the flow.
    """

    @tf.function(reduce_retracing=True)
    def run(x, sigma, number):
        level = tf.fill(tf.shape(x)[:1], sigma)

        def rest(x):
            return denoiser.correction(x, level)

        if denoiser.radius is None:
            trace = divergence.hutchinson(rest, x, tf.stack([seed, number]), probes)
        else:
            trace = divergence.exact(rest, x, denoiser.radius)
        clean = denoiser.denoise(x, level)
        shares = np.float32(wiener.shares(tuple(x.shape[1:3]), denoiser.shape))
        gain = denoiser.powers / (denoiser.powers + sigma**2)
        size = float(np.prod(x.shape[1:]))
        trace += size * tf.reduce_sum(shares * tf.reduce_mean(gain, -1))
        return x - clean, size - trace

    def slope(x, sigma, number):
        move, trace = run(
            tf.constant(x, tf.float32),
            tf.constant(sigma, tf.float32),
            tf.constant(number),
        )
        return move.numpy().astype(np.float64), trace.numpy().astype(np.float64)

    return slope


def _gaussian(denoiser, x, sigma):
    """ln of the Gaussian density with covariance R + σ², `[n]`, of standardised x."""
    shape = x.shape[1:3]
    index = wiener.bins(shape, denoiser.shape, real=False)
    power = denoiser.powers.numpy()[index] + sigma**2
    basis = denoiser.bases.numpy()[index]
    modes = np.fft.fft2(x, axes=(1, 2), norm="ortho")
    modes = np.einsum("yxst,nyxs->nyxt", basis, modes)
    square = (np.abs(modes) ** 2 / power).sum((1, 2, 3))
    return -0.5 * (square + np.log(2.0 * np.pi * power).sum())
