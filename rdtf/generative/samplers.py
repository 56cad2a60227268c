"""Samples of a denoiser: from white noise to patterns, level by level.

The probability flow of the noisy data is dx/dσ = (x - D(x, σ)) / σ (Song et al. 2021,
arXiv:2011.13456; Karras et al. 2022, arXiv:2206.00364). Levels are

    σ_i = (σ_max^(1/ρ) + i / (n - 1) (σ_min^(1/ρ) - σ_max^(1/ρ)))^ρ,  ρ = 7,  σ_n = 0

States are float64 and standardised; a network takes float32.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from rdtf.generative.networks import DenoisingNetwork
from rdtf.status import InputError

_RHO = 7.0


class Sampler(Protocol):
    """A way from noise to patterns along given levels."""

    def __call__(
        self,
        denoise: Callable[[np.ndarray, float], np.ndarray],
        x: np.ndarray,
        sigmas: Sequence[float],
        noise: Callable[[tuple[int, ...]], np.ndarray],
    ) -> np.ndarray:
        """Samples of level 0, standardised, of the shape of `x`.

        Args:
          denoise: D(x, σ), of arrays and one σ.
          x: white noise of level `sigmas[0]`, `[batch, y, x, species]`.
          sigmas: levels, falling, 0 at last.
          noise: white noise of a shape, independent at each call.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to sample.

    Attributes:
      sampler: a name of `SAMPLERS`.
      steps, sigma_min: of `levels`.
      sigma_max: default: four times the largest standard deviation of a mode.
      batch: samples at once.
      seed: of the noise.

    Raises:
      InputError: if there is no such sampler.
    """

    sampler: str = "heun"
    steps: int = 18
    sigma_min: float = 0.02
    sigma_max: float | None = None
    batch: int = 32
    seed: int = 0

    def __post_init__(self):
        if self.sampler not in SAMPLERS:
            raise InputError(
                f"Expected a sampler among {', '.join(SAMPLERS)}, got {self.sampler!r}."
            )

    def levels_of(self, denoiser: DenoisingNetwork) -> np.ndarray:
        """σ of each step: the network's own levels, if it has any."""
        if denoiser.sigmas is not None:
            return denoiser.sigmas
        highest = self.sigma_max
        if highest is None:
            highest = 4.0 * float(np.sqrt(np.max(denoiser.powers)))
        return levels(self.steps, self.sigma_min, highest)


def levels(steps: int, lowest: float, highest: float) -> np.ndarray:
    """σ of each step, and 0 at last, `[steps + 1]`."""
    if steps < 2 or not 0.0 < lowest < highest:
        raise InputError(
            f"Expected at least 2 steps and 0 < sigma_min < sigma_max, got {steps}, "
            f"{lowest:g} and {highest:g}."
        )
    ends = highest ** (1.0 / _RHO), lowest ** (1.0 / _RHO)
    return np.append(np.linspace(*ends, steps) ** _RHO, 0.0)


def _heun(denoise, x, sigmas, noise):
    """Second order: two calls per step, one for the last (Karras, algorithm 1)."""
    del noise
    for here, there in itertools.pairwise(sigmas):
        slope = (x - denoise(x, here)) / here
        moved = x + (there - here) * slope
        if there > 0.0:
            slope = 0.5 * (slope + (moved - denoise(moved, there)) / there)
            moved = x + (there - here) * slope
        x = moved
    return x


def _dpm_solver(denoise, x, sigmas, noise):
    """DPM-Solver++(2M), one call per step (Lu et al. 2022, arXiv:2211.01095)."""
    del noise
    before = None
    for i, (here, there) in enumerate(itertools.pairwise(sigmas)):
        clean = denoise(x, here)
        target = clean
        if before is not None and there > 0.0:
            ratio = np.log(sigmas[i - 1] / here) / np.log(here / there)
            target = clean + (clean - before) / (2.0 * ratio)
        x = there / here * x + (1.0 - there / here) * target
        before = clean
    return x


def _euler_maruyama(denoise, x, sigmas, noise):
    """The reverse diffusion dx = -2 σ s dσ + sqrt(2 σ) dW, exact for a fixed D.

    x' = D + (σ'/σ)² (x - D) + σ' sqrt(1 - (σ'/σ)²) n: ancestral sampling.
    """
    for here, there in itertools.pairwise(sigmas):
        clean, share = denoise(x, here), (there / here) ** 2
        x = clean + share * (x - clean)
        x += there * np.sqrt(1.0 - share) * noise(x.shape)
    return x


SAMPLERS: dict[str, Sampler] = {
    "heun": _heun,
    "dpm_solver": _dpm_solver,
    "euler_maruyama": _euler_maruyama,
}


def sample(
    denoiser: DenoisingNetwork,
    count: int,
    shape: tuple[int, int] | None = None,
    *,
    settings: Settings | None = None,
    condition: str | Mapping[str, float] | None = None,
    callback: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Samples `[count, y, x, species]`, float32, in units of the data.

    Sample i of a seed does not depend on count or batch.

    Args:
      denoiser: a `rdtf.generative.networks.Network`; if it has levels of its own,
        `sigmas`, these are taken.
      count: how many.
      shape: of the grid; larger than in training is a larger torus.
      settings: sampler, levels, batch and seed.
      condition: a preset, or parameters by name, of a conditional denoiser.
      callback: called as callback(samples done).

    Raises:
      InputError: if there is no such condition, or the levels do not fit.
    """
    settings, shape = settings or Settings(), tuple(shape or denoiser.shape)
    sigmas = settings.levels_of(denoiser)
    denoise, run = _compiled(denoiser, condition), SAMPLERS[settings.sampler]
    done = []
    for first in range(0, count, settings.batch):
        numbers = range(first, min(first + settings.batch, count))
        noise = _noise(settings.seed, numbers)
        x = sigmas[0] * noise((len(numbers), *shape, denoiser.species))
        x = run(denoise, x, sigmas, noise)
        done.append(np.float32(denoiser.mean + denoiser.scale * np.float32(x)))
        if callback is not None:
            callback(numbers[-1] + 1)
    return np.concatenate(done)


def _noise(seed, numbers):
    """A function that draws white noise for the samples of some numbers."""
    streams = [np.random.Generator(np.random.Philox(key=[seed, n])) for n in numbers]

    def noise(size):
        return np.stack([rng.standard_normal(size[1:]) for rng in streams])

    return noise


def _compiled(denoiser, condition):
    """denoise(x, σ) of float64 arrays, σ one number."""
    if condition is not None and denoiser.condition is None:
        raise InputError(
            f"Expected no condition, got {condition!r}: this denoiser was trained "
            "without."
        )
    row = None if condition is None else denoiser.condition.row(condition)

    @tf.function(reduce_retracing=True)
    def run(x, sigma):
        count = tf.shape(x)[0]
        rows = None if row is None else tf.repeat(row[None], count, 0)
        return denoiser.denoise(x, tf.fill([count], sigma), rows)

    def denoise(x, sigma):
        found = run(tf.constant(x, tf.float32), tf.constant(sigma, tf.float32))
        return found.numpy().astype(np.float64)

    return denoise
