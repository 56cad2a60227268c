"""What a denoiser is trained for."""

import keras
import numpy as np
import tensorflow as tf

_KEEP = 0.9  # probability that a sample keeps its label


class Denoising(keras.Model):
    """E |D(x + σ n) - x|² / c_out(σ)² over ln σ ~ N(mean, spread²).

    The Wiener filter alone has a loss of 1 at every σ, and so has the start. Noise and
    levels follow from the seed, the step and the replica, so a resumed run is the same.

    Args:
      denoiser: a `rdtf.generative.denoiser.Denoiser`.
      averaged: another, for the moving average of its weights.
      mean, spread: of ln σ.
      seed: of noise and levels.
    """

    def __init__(self, denoiser, averaged, mean=-0.6, spread=1.2, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.denoiser, self.averaged = denoiser, averaged
        self._mean, self._spread, self._seed = mean, spread, seed
        self._loss = keras.metrics.Mean("loss")
        self._norm = keras.metrics.Mean("gradient_norm")

    @property
    def metrics(self):
        """Means over an epoch."""
        return [self._loss, self._norm]

    def call(self, y, sigma):
        """D, in units of the data."""
        return self.denoiser(y, sigma)

    def train_step(self, data):
        """One step of the optimizer on `[batch, y, x, species]`, or that and labels."""
        with tf.GradientTape() as tape:
            loss = self._mean_loss(data, self.optimizer.iterations)
        weights = self.denoiser.trainable_variables
        gradients = tape.gradient(loss, weights)
        self.optimizer.apply(gradients, weights)
        self._loss.update_state(loss)
        self._norm.update_state(tf.linalg.global_norm(gradients))
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data):
        """The loss alone, with the same noise every time."""
        self._loss.update_state(self._mean_loss(data, tf.constant(-1)))
        return {"loss": self._loss.result()}

    def _mean_loss(self, data, step):
        x, label = data if isinstance(data, tuple) else (data, None)
        x = (x - self.denoiser.mean) / self.denoiser.scale
        seed = tf.stack([self._seed, tf.cast(step, tf.int32)])
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        fold = tf.random.experimental.stateless_fold_in
        seed = fold(seed, tf.cast(replica, tf.int32))
        count = tf.shape(x)[:1]
        level = tf.random.stateless_normal(count, fold(seed, 0))
        noise = tf.random.stateless_normal(tf.shape(x), fold(seed, 1))
        sigma = tf.exp(self._mean + self._spread * level)
        y = x + sigma[:, None, None, None] * noise
        if label is not None:  # now and then none, so that it learns to do without
            keep = tf.random.stateless_uniform(count, fold(seed, 2)) < _KEEP
            label = tf.where(keep, label, self.denoiser.num_classes)
        off = self.denoiser.denoise(y, sigma, label) - x
        error = self.denoiser.filter_error(sigma, x.shape[1:3])
        return tf.reduce_mean(tf.reduce_mean(off**2, (1, 2, 3)) / error)


def relative_error(denoiser, samples: np.ndarray, sigma: float, seed: int = 0) -> float:
    """E |D - x|² over that of the Wiener filter, on held-out samples, at one level."""
    x = (np.asarray(samples) - denoiser.mean) / denoiser.scale
    noise = np.random.default_rng(seed).standard_normal(x.shape)
    y = tf.cast(x + sigma * noise, tf.float32)
    off, base = 0.0, 0.0
    for first in range(0, len(x), 64):
        part, exact = y[first : first + 64], x[first : first + 64]
        level = tf.fill([part.shape[0]], tf.constant(sigma, tf.float32))
        off += float(tf.reduce_sum((denoiser.denoise(part, level) - exact) ** 2))
        base += float(tf.reduce_sum((denoiser.filter(part, level) - exact) ** 2))
    return off / base
