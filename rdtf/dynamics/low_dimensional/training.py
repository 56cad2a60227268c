"""Training a score and a velocity of points: the equilibrium flow in few dimensions.

    ε loss        E |ε(x + σ n, σ) - n|²                         (Vincent 2011)
    flow loss     E r² / E |v|²,   r = ∇·v + v·s at y = x + σ n  (Zhang & Levin 2025)

The divergence is exact. Rates dx/dt of some of the points, if there are any, add E
|v(x) - dx/dt|² over E |dx/dt|².
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from rdtf.dynamics.low_dimensional.networks import PointScore, PointVelocity
from rdtf.generative.training import WarmupCosine

_LEVELS = 0.03, 3.0
_EVERY = 100  # steps between two calls of `progress`

Progress = Callable[
    [str, int, float], None
]  # (what is trained, steps done, loss there)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
      steps: of the score, and of the velocity.
      batch_size: points per step.
      learning_rate: the highest of a cosine.
      seed: of weights, order and noise.
    """

    steps: int = 1000
    batch_size: int = 256
    learning_rate: float = 3e-3
    seed: int = 0


def no_progress(label: str, done: int, loss: float) -> None:
    """The `Progress` that does nothing."""


def train_score(
    samples: np.ndarray, settings: Settings, progress: Progress = no_progress
) -> PointScore:
    """The score of samples `[n, d]` at all levels from 0.03 to 3.

    Args:
      samples: `[n, d]`.
      settings: see `Settings`.
      progress: called every 100 steps with ("score", steps done, loss).
    """
    keras.utils.set_random_seed(settings.seed)
    network = PointScore(samples.shape[-1])
    low_high = np.float32(np.log(_LEVELS))

    def loss(x, step):
        seed = tf.stack([settings.seed, step])
        draw = tf.random.stateless_uniform([x.shape[0], 1], seed, *low_high)
        sigma, noise = tf.exp(draw), _noise(x, seed)
        return tf.reduce_mean((network.epsilon(x + sigma * noise, sigma) - noise) ** 2)

    return _minimise(
        network, loss, samples, settings, functools.partial(progress, "score")
    )


def train_velocity(
    samples: np.ndarray,
    score: PointScore,
    sigma: float,
    settings: Settings,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
    turns: np.ndarray | None = None,
    progress: Progress = no_progress,
) -> PointVelocity:
    """The velocity of the module at level σ.

    Args:
      samples: `[n, d]`.
      score: of these.
      sigma: the level.
      settings: see `Settings`.
      pairs: (states, rates), `[m, d]` each.
      turns: of `PointVelocity`.
      progress: called every 100 steps with ("flow", steps done, loss).
    """
    keras.utils.set_random_seed(settings.seed)
    network = PointVelocity(samples.shape[-1], turns)
    if pairs is not None:
        states, rates = (tf.constant(p, tf.float32) for p in pairs)

    def loss(x, step):
        y = x + sigma * _noise(x, tf.stack([settings.seed, step]))
        v, own = network.with_divergence(y)
        total = normalised_residual(v, own, score(y, sigma=sigma))
        if pairs is not None:
            off = tf.reduce_sum((network(states) - rates) ** 2)
            total += off / tf.reduce_sum(rates**2)
        return total

    return _minimise(
        network, loss, samples, settings, functools.partial(progress, "flow")
    )


def normalised_residual(v, div, score):
    """E r² / E |v|² of `[n, d]`, `[n]` and `[n, d]`."""
    residual = div + tf.reduce_sum(v * score, -1)
    return tf.reduce_mean(residual**2) / tf.reduce_mean(tf.reduce_sum(v**2, -1))


def _noise(x, seed):
    own = tf.random.experimental.stateless_fold_in(seed, 1)
    return tf.random.stateless_normal(tf.shape(x), own)


def _minimise(network, loss, samples, settings, progress):
    """Adam on batches drawn with replacement; calls progress(steps done, loss)."""
    data = tf.constant(samples, tf.float32)
    schedule = WarmupCosine(settings.learning_rate, 0, settings.steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-5, clipnorm=None)
    weights = network.trainable_variables
    optimizer.build(weights)

    @tf.function(autograph=False)
    def update(step):
        seed = tf.stack([settings.seed + 1, step])
        index = tf.random.stateless_uniform(
            [settings.batch_size], seed, 0, len(samples), tf.int32
        )
        with tf.GradientTape() as tape:
            value = loss(tf.gather(data, index), step)
        optimizer.apply(tape.gradient(value, weights), weights)
        return value

    for step in range(settings.steps):
        value = update(tf.constant(step))
        if (step + 1) % _EVERY == 0:
            progress(step + 1, float(value))
    return network
