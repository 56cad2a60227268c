"""The equilibrium flow of a data set of patterns, compared with the equation behind it.

A field that keeps the distribution of noised patterns y = x + σ n is not the right-hand
side F of the equation but E[F(x) | y], the mean over the patterns that y may come from.
It is approximated here by the reaction-diffusion field of the denoised state that fits
F(x) best, `local_velocity.from_pairs`.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf import patterns
from rdtf.dynamics import equilibrium, flows, local_velocity, snapshots
from rdtf.dynamics.isotropic import EquilibriumVelocity
from rdtf.generative.networks import Network

_COMPARED = 64
_BATCH = 32


def train(
    data: patterns.DataSet,
    denoiser: Network,
    settings: equilibrium.Settings,
    workdir,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[EquilibriumVelocity, dict]:
    """An equilibrium flow, and how near it is to the true field.

    Args:
      data: stills of one preset, in two dimensions, on unit cells.
      denoiser, settings, workdir, callbacks: see `equilibrium.train`.

    Returns:
      (the velocity in units of the equation, the result of the run).

    Raises:
      InputError: if the data are not so, or the denoiser is of others.
    """
    check(data, denoiser, settings)
    samples = np.float32(data.stacked())
    velocity = equilibrium.train(samples, denoiser, settings, workdir, callbacks)
    offset, unit = (np.asarray(data.metadata[k], float) for k in ("offset", "scale"))
    velocity.mean = ((np.float64(velocity.mean) - offset) / unit).tolist()
    velocity.scale = (np.float64(velocity.scale) / unit).tolist()
    velocity.names = list(data.metadata["species"])
    result = {"supervision": "equilibrium", "snapshots": len(samples), "pairs": 0}
    result |= {"alpha": settings.alpha, "sigma": settings.sigma}
    states = snapshots.in_units(data)[:_COMPARED]
    truth = flows.true_velocity(data, states)
    if truth is not None:
        compared = _Comparison(velocity, denoiser, settings, states, truth)
        result |= compared.table(velocity)
    return velocity, result


def check(
    data: patterns.DataSet, denoiser: Network, settings: equilibrium.Settings
) -> None:
    """Raises InputError unless `train` can take the data and the denoiser."""
    snapshots.check(data, 0)
    equilibrium.check(len(data.metadata["species"]), denoiser, settings)


class _Comparison:
    """Fields at some patterns, as they are and noised.

    Args:
      velocity: for mean and scale.
      denoiser, settings: the score, and its level.
      states, truth: patterns and F there, `[n, y, x, species]`, in units of the
        equation.
    """

    def __init__(self, velocity, denoiser, settings, states, truth):
        self._mean, self._scale = map(np.float32, (velocity.mean, velocity.scale))
        self._denoiser, self._settings = denoiser, settings
        self._states, self._truth = np.float32(states), truth
        noise = np.random.default_rng(settings.seed + 1).normal(size=states.shape)
        self._noised = np.float32(states + settings.sigma * self._scale * noise)
        restored = _in_batches(self._denoised, self._noised)
        fitted = local_velocity.from_pairs(states, [restored], truth)
        self._oracle = _in_batches(fitted, restored)

    def table(self, velocity) -> dict:
        """|cosines| of a velocity, K s and random weights, and of the oracle to F."""
        other = EquilibriumVelocity(velocity.mean, velocity.scale, velocity.alpha)
        keras.utils.set_random_seed(self._settings.seed + 1)
        other.build((None, None, None, len(velocity.mean)))
        moments = other.moments(self._shrunk(self._noised))
        for _ in range(100):  # so that the running ones are these
            other.follow(moments)
        fields = {"trained": velocity, "training_free": self._turned_score}
        rows = {n: self._row(f) for n, f in (fields | {"random": other}).items()}
        return rows | {"oracle": flows.compare(self._oracle, self._truth, False)}

    def _row(self, field):
        clean, noised = (_in_batches(field, x) for x in (self._states, self._noised))
        found = flows.compare(clean, self._truth, False)
        found["cosine_noised"] = flows.compare(noised, self._truth, False)["cosine"]
        to_oracle = flows.compare(noised, self._oracle, False)
        return found | {"cosine_to_oracle": to_oracle["cosine"]}

    def _denoised(self, x):
        y = (x - self._mean) / self._scale
        level = tf.fill([len(y)], np.float32(self._settings.sigma))
        return self._mean + self._scale * self._denoiser.denoise(y, level)

    def _turned_score(self, x):
        y = (x - self._mean) / self._scale
        turn = np.float32(equilibrium.antisymmetric(y.shape[-1], self._settings.seed))
        found = equilibrium.score(self._denoiser, tf.constant(y), self._settings)
        return self._scale * tf.tensordot(found, turn.T, 1)

    def _shrunk(self, x):
        return (
            np.float32(np.sqrt(self._settings.alpha)) * (x - self._mean) / self._scale
        )


def _in_batches(field, x):
    parts = [x[first : first + _BATCH] for first in range(0, len(x), _BATCH)]
    return np.float64(
        np.concatenate([field(tf.constant(p, tf.float32)) for p in parts])
    )
