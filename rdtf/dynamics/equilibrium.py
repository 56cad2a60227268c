"""The equilibrium flow: a small stationarity residual on patterns with noise.

    z = √ᾱ x + √(1 - ᾱ) n,   r = ∇·v + v·s,   s = ∇ log p(z)
    loss = E r₁ r₂ / (E |v|² + ε) + λ E (v·s)² / (E |v|² + ε)

after Zhang & Levin 2025 (arXiv:2509.17990): r = 0 everywhere means that v keeps the
distribution of z. r₁ and r₂ have divergences by different probes (Hutchinson), so that
their product estimates r² without the variance of the probes. s is the score of a
trained denoiser. The term of λ asks for motion along the level sets of p. Every field
div A + A s with A antisymmetric has r = 0; which of them is found depends on the
network.
"""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf import patterns
from rdtf.dynamics.isotropic import EquilibriumVelocity
from rdtf.generative import divergence, training
from rdtf.generative.networks import Network
from rdtf.status import InputError

_LEAST = 1e-8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Attributes:
      alpha: ᾱ of the noise.
      epochs, batch_size: an epoch is one pass over the samples.
      learning_rate: constant, or the highest of a cosine after a warm-up of 500 steps,
        at most a tenth of all, if `schedule`.
      schedule: whether the learning rate follows that cosine.
      gaussian_weight: g; g z / √(1 - ᾱ), a confining Gaussian, is taken from the score.
      sym: λ.
      probes: random probes of each of the two divergences; 0: exact.
      seed: of weights, order, noise and probes.
    """

    alpha: float = 0.8
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    schedule: bool = False
    gaussian_weight: float = 0.0
    sym: float = 0.0
    probes: int = 2
    seed: int = 0

    @property
    def sigma(self) -> float:
        """The noise in standard deviations of the data."""
        return float(np.sqrt((1.0 - self.alpha) / self.alpha))


def score(denoiser: Network, y, settings: Settings):
    """∇ log p(z) at z = √ᾱ y, y = x + σ n standardised, `[batch, y, x, species]`."""
    alpha = settings.alpha
    level = tf.fill(tf.shape(y)[:1], tf.constant(settings.sigma, tf.float32))
    found = (denoiser.denoise(y, level) - y) * np.float32(
        np.sqrt(alpha) / (1.0 - alpha)
    )
    pull = settings.gaussian_weight * np.sqrt(alpha / (1.0 - alpha))
    return found - np.float32(pull) * y


def loss(values, traces, scores, sym: float = 0.0):
    """The loss of the module.

    Args:
      values: v, `[batch, ...]`.
      traces: the two divergences, `[batch]` each.
      scores: s, of the shape of v.
      sym: λ.
    """
    axes = tf.range(1, tf.rank(values))
    along = tf.reduce_sum(values * scores, axes)
    product = tf.reduce_mean((traces[0] + along) * (traces[1] + along))
    speed = tf.reduce_mean(tf.reduce_sum(values**2, axes)) + _LEAST
    return (product + sym * tf.reduce_mean(along**2)) / speed


def antisymmetric(size: int, seed: int) -> np.ndarray:
    """A random antisymmetric K of norm 1: v = K s has v·s = 0 without training.

    Of a true score s also ∇·v = 0, so r = 0. Of two species K is the turn by ±90°.
    """
    draw = np.random.default_rng(seed).normal(size=(size, size))
    return (draw - draw.T) / np.linalg.norm(draw - draw.T)


class Equilibrium(keras.Model):
    """Trains a velocity; noise and probes follow from the seed and the step.

    Args:
      network: what learns, an `EquilibriumVelocity`.
      denoiser: whose score it is; stays as it is.
      settings: see `Settings`.
    """

    def __init__(self, network, denoiser, settings, **kwargs):
        super().__init__(**kwargs)
        self.network, self.denoiser, self.settings = network, denoiser, settings
        names = ("loss", "divergence", "alignment", "speed", "gradient_norm")
        self._means = [keras.metrics.Mean(name) for name in names]
        self.built = True

    @property
    def metrics(self):
        """Means over an epoch: loss, |∇·v|, |v·s|, |v|, norm of the gradient."""
        return self._means

    def train_step(self, data):
        """One step of the optimizer on standardised `[batch, y, x, species]`."""
        seed = tf.stack(
            [self.settings.seed, tf.cast(self.optimizer.iterations, tf.int32)]
        )
        draws = tf.random.experimental.stateless_split(seed, 3)
        noise = tf.random.stateless_normal(tf.shape(data), draws[0])
        y = data + self.settings.sigma * noise
        scores = score(self.denoiser, y, self.settings)
        z = float(np.sqrt(self.settings.alpha)) * y
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            moments = self.network.moments(z)
            values = self.network.field(z, moments)
            traces = self.traces(z, moments, draws[1:])
            found = loss(values, traces, scores, self.settings.sym)
        gradients = tape.gradient(found, weights)
        self.optimizer.apply(gradients, weights)
        self.network.follow(moments)
        along = tf.reduce_sum(values * scores, (1, 2, 3))
        speed = tf.sqrt(tf.reduce_sum(values**2, (1, 2, 3)))
        norm = tf.linalg.global_norm(gradients)
        logged = (found, abs(traces[0]), abs(along), speed, norm)
        for metric, value in zip(self._means, logged, strict=True):
            metric.update_state(value)
        return {metric.name: metric.result() for metric in self._means}

    def traces(self, z, moments, seeds):
        """The two divergences of a step, `[batch]` each; seeds `[2, 2]`."""
        if not self.settings.probes:
            return [self.network.trace(z, moments)] * 2

        def field(z):
            return self.network.field(z, moments)

        return [
            divergence.hutchinson(field, z, seed, self.settings.probes)
            for seed in tf.unstack(seeds)
        ]


def train(
    samples: np.ndarray,
    denoiser: Network,
    settings: Settings,
    workdir,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> EquilibriumVelocity:
    """A velocity in units of the samples; goes on from the checkpoint in `workdir`.

    Args:
      samples: `[n, y, x, species]`, in the units that the denoiser was trained in.
      denoiser: of these samples.
      settings: see `Settings`.
      workdir: for checkpoint.npz.
      callbacks: of Keras, such as one that shows progress.

    Raises:
      InputError: if the denoiser is of other fields or knows another level only.
    """
    check(samples.shape[-1], denoiser, settings)
    keras.utils.set_random_seed(settings.seed)
    mean, scale = denoiser.mean.numpy(), denoiser.scale.numpy()
    network = EquilibriumVelocity(mean, scale, settings.alpha, denoiser.names)
    network.build((None, None, None, len(mean)))
    steps = -(-len(samples) // settings.batch_size)
    total, rate = steps * settings.epochs, settings.learning_rate
    if settings.schedule:
        rate = training.WarmupCosine(rate, min(500, total // 10), total)
    objective = Equilibrium(network, denoiser, settings)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-5, global_clipnorm=1.0)
    objective.compile(optimizer, jit_compile=False)
    optimizer.build(network.trainable_variables)
    checkpoints = training.Checkpoints(workdir, objective, network)
    first = checkpoints.restore()
    standard = np.float32((samples - mean) / scale)
    batches = patterns.pipeline(
        standard,
        settings.batch_size,
        seed=settings.seed,
        epochs=settings.epochs + 1,
        first_epoch=first,
    )
    if first < settings.epochs:
        objective.fit(
            batches,
            initial_epoch=first,
            epochs=settings.epochs,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=[*callbacks, checkpoints],
            verbose=0,
        )
    return network


def check(species: int, denoiser: Network, settings: Settings) -> None:
    """Raises InputError if a denoiser has no score of such fields at that level."""
    if denoiser.species != species:
        raise InputError(
            f"Expected a denoiser of {species} species, got one of {denoiser.species}."
        )
    known = denoiser.level
    if known is not None and abs(known - settings.sigma) > 1e-6:
        raise InputError(
            f"Expected --alpha={1.0 / (1.0 + known**2):g}, the only level that the "
            f"denoiser knows, got {settings.alpha:g}."
        )
