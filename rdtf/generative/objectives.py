"""What networks are trained for, and the Keras model that trains them.

All losses are of standardised patterns x and of y = x + σ n, n white:

    edm            |D(y, σ) - x|² / c_out(σ)², ln σ ~ N(-1, 1.6²); 1 for the filter
    flow_matching  |v - (x - n)|² of v = ((1 + σ) D(y, σ) - y) / σ,
                   t = 1 / (1 + σ) uniform
    epsilon        |ε - n|² at one level, ε = (y - D) / σ
    v_prediction   |v - (√ᾱ n - √(1 - ᾱ) x)|² at the levels of a DDPM

Karras et al. 2022 (arXiv:2206.00364); Lipman et al. 2023 (arXiv:2210.02747), for whom
x_t = t x + (1 - t) n = t y; Ho et al. 2020 (arXiv:2006.11239); Salimans & Ho 2022
(arXiv:2202.00512).
"""

from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

_MEAN, _SPREAD = -1.0, 1.6  # of ln σ
_KEEP = 0.9  # probability that a sample keeps its condition
_LEAST = 1e-3  # distance of t from 0 and 1
_fold = tf.random.experimental.stateless_fold_in


class Loss(Protocol):
    """What a network is trained for."""

    def __call__(self, network, x, condition, seed) -> tf.Tensor:
        """The loss of a batch, one number.

        Args:
          network: a `rdtf.generative.networks.Network`.
          x: `[batch, y, x, species]`, standardised.
          condition: `[batch, ...]`, or None.
          seed: of noise and levels, stateless, `[2]`.
        """


def _edm(network, x, condition, seed):
    """See the module."""
    level = tf.random.stateless_normal(tf.shape(x)[:1], _fold(seed, 0))
    sigma = tf.exp(_MEAN + _SPREAD * level)
    off = network.denoise(_noisy(x, sigma, seed)[0], sigma, condition) - x
    error = network.filter_error(sigma, x.shape[1:3])
    return tf.reduce_mean(tf.reduce_mean(off**2, (1, 2, 3)) / error)


def _flow_matching(network, x, condition, seed):
    """See the module; with v as there, v - (x - n) is (1 + 1 / σ) (D - x)."""
    sigma = _uniform_levels(x, seed)
    y, _ = _noisy(x, sigma, seed)
    return _velocity_error(network, x, y, sigma, condition)


def _flow_matching_by_transport(network, x, condition, seed):
    """Flow matching, each pattern with the noise that optimal transport gives it.

    Minibatch optimal transport (Tong et al. 2024, arXiv:2302.00482), within those
    of one condition, for across them it would bend what noise a condition gets.
    """
    sigma = _uniform_levels(x, seed)
    noise = tf.random.stateless_normal(tf.shape(x), _fold(seed, 1))
    kinds = tf.zeros(tf.shape(x)[:1]) if condition is None else condition
    order = tf.numpy_function(_assignment, [x, noise, kinds], tf.int64)
    order = tf.ensure_shape(order, [x.shape[0]])
    y = x + sigma[:, None, None, None] * tf.gather(noise, order)
    return _velocity_error(network, x, y, sigma, condition)


def _velocity_error(network, x, y, sigma, condition):
    off = network.denoise(y, sigma, condition) - x
    weight = (1.0 + 1.0 / sigma) ** 2
    return tf.reduce_mean(weight * tf.reduce_mean(off**2, (1, 2, 3)))


def _assignment(x, noise, kinds):
    """The order of noises that makes Σ |x - n|² least within each kind, `[batch]`."""
    from scipy.optimize import linear_sum_assignment

    flat, rest, kinds = (a.reshape(len(a), -1) for a in (x, noise, kinds))
    kinds = np.nan_to_num(np.float64(kinds), nan=np.inf)  # so that it equals itself
    order = np.arange(len(x))
    for kind in np.unique(kinds, axis=0):
        rows = np.flatnonzero((kinds == kind).all(1))
        _, chosen = linear_sum_assignment(-flat[rows] @ rest[rows].T)
        order[rows] = rows[chosen]
    return order


def _epsilon(network, x, condition, seed):
    """See the module; the network has one level."""
    sigma = tf.fill(tf.shape(x)[:1], network.level)
    y, noise = _noisy(x, sigma, seed)
    return tf.reduce_mean((network.epsilon(y, training=True) - noise) ** 2)


def _v_prediction(network, x, condition, seed):
    """See the module; the network has levels."""
    count = tf.shape(x)[:1]
    step = tf.random.stateless_uniform(
        count, _fold(seed, 0), 0, len(network.alphas), tf.int32
    )
    alpha = tf.gather(tf.constant(network.alphas, tf.float32), step)[
        :, None, None, None
    ]
    noise = tf.random.stateless_normal(tf.shape(x), _fold(seed, 1))
    mixed = tf.sqrt(alpha) * x + tf.sqrt(1.0 - alpha) * noise
    wanted = tf.sqrt(alpha) * noise - tf.sqrt(1.0 - alpha) * x
    return tf.reduce_mean((network.velocity(mixed, step) - wanted) ** 2)


LOSSES: dict[str, Loss] = {
    "edm": _edm,
    "flow_matching": _flow_matching,
    "flow_matching_by_transport": _flow_matching_by_transport,
    "epsilon": _epsilon,
    "v_prediction": _v_prediction,
}


def _noisy(x, sigma, seed):
    noise = tf.random.stateless_normal(tf.shape(x), _fold(seed, 1))
    return x + sigma[:, None, None, None] * noise, noise


def _uniform_levels(x, seed):
    """σ = (1 - t) / t of uniform t."""
    draw = tf.random.stateless_uniform(
        tf.shape(x)[:1], _fold(seed, 0), _LEAST, 1.0 - _LEAST
    )
    return (1.0 - draw) / draw


class Objective(keras.Model):
    """Trains a network by a loss of `LOSSES`.

    Noise and levels follow from the seed, the step and the replica, so a resumed run is
    the same.

    Args:
      network: what learns.
      averaged: another, for the moving average of its weights.
      loss: a name of `LOSSES`.
      seed: of noise and levels.
    """

    def __init__(self, network, averaged, loss="edm", seed=0, **kwargs):
        super().__init__(**kwargs)
        self.network, self.averaged = network, averaged
        self._function, self._seed = LOSSES[loss], seed
        self._loss = keras.metrics.Mean("loss")
        self._norm = keras.metrics.Mean("gradient_norm")
        self.built = True  # both networks are

    @property
    def metrics(self):
        """Means over an epoch."""
        return [self._loss, self._norm]

    def call(self, y, sigma):
        """E[x | y], in units of the data."""
        return self.network(y, sigma)

    def train_step(self, data):
        """One step of the optimizer.

        Args:
          data: `[batch, y, x, species]`, or that and conditions.
        """
        with tf.GradientTape() as tape:
            loss = self._mean_loss(data, self.optimizer.iterations)
        weights = self.network.trainable_variables
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
        x, condition = data if isinstance(data, tuple) else (data, None)
        x = (x - self.network.mean) / self.network.scale
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([self._seed, tf.cast(step, tf.int32)])
        seed = _fold(seed, tf.cast(replica, tf.int32))
        if condition is not None:  # some without, so that it learns to do without
            keep = tf.random.stateless_uniform(tf.shape(x)[:1], _fold(seed, 2)) < _KEEP
            condition = self.network.condition.forget(condition, keep)
        return self._function(self.network, x, condition, seed)


def relative_error(denoiser, samples: np.ndarray, sigma: float, seed: int = 0) -> float:
    """E |D - x|² over that of the Wiener filter, at one level.

    Args:
      denoiser: D, a `rdtf.generative.networks.Network`.
      samples: held out, `[n, y, x, species]`, in units of the data.
      sigma: the level, in standard deviations of the data.
      seed: of the noise.
    """
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
