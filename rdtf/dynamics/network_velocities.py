"""Velocities beyond reaction and diffusion: U-Nets, and skew fields of a score.

    UNetVelocity    a periodic U-Net: any field, of any reach
    SkewVelocity    A s + ∇·A, A skew: keeps the distribution with score s, for every A

For A_ij = -A_ji, ∇·(p v) = Σ ∂_i ∂_j (p A_ij) = 0 (Ma, Chen & Fox 2015,
arXiv:1506.04696). Here A couples the species of a cell, and of cells beside each other,
x their states:

    v_i(c) = Σ_j (a_ij s_j(c) + ∂a_ij / ∂x_j(c)),           a_ij(x(c)) = -a_ji
           + Σ_e Σ_j (h_ij s_j(c + e) + ∂h_ij / ∂x_j(c + e)),   h_ij(x(c), x(c + e))

over the four neighbours e, h_ij(x, x') = -h_ji(x', x), so that it is equivariant under
shifts, rotations and reflections as far as the score is.
"""

import keras
import numpy as np
import tensorflow as tf

from rdtf.dynamics.velocity import KerasVelocity
from rdtf.generative.layers import PeriodicConv2D, ResidualBlock


@keras.saving.register_keras_serializable("rdtf")
class UNetVelocity(KerasVelocity):
    """A U-Net on standardised states, whose sides divide by 2^(levels - 1).

    Args:
      mean, scale, names: see `KerasVelocity`.
      widths: channels of its levels.
      speed: a factor of the output: of the species, in standard deviations per unit of
        time.
    """

    def __init__(self, mean, scale, widths=(8, 16), speed=1.0, names=None, **kwargs):
        super().__init__(mean, scale, names, **kwargs)
        self.widths, self.speed = tuple(widths), float(speed)
        self._first = PeriodicConv2D(self.widths[0])
        self._down = [ResidualBlock(w) for w in self.widths]
        self._up = [ResidualBlock(w) for w in self.widths[:-1]]
        self._norm = keras.layers.LayerNormalization()
        self._last = PeriodicConv2D(len(self.mean))

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"widths": self.widths, "speed": self.speed}

    def build(self, input_shape):
        """Makes all weights, by a call."""
        side = 2 ** (len(self.widths) - 1)
        self.call(tf.zeros([1, side, side, input_shape[-1]]))

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        x = self._first(self.standard(x))
        condition = tf.ones([tf.shape(x)[0], 1])  # none: the blocks expect an embedding
        kept = []
        for level, block in enumerate(self._down):
            if level:
                kept.append(x)
                x = tf.nn.avg_pool2d(x, 2, 2, "VALID")
            x = block(x, condition)
        for block in reversed(self._up):
            x = tf.repeat(tf.repeat(x, 2, 1), 2, 2)
            x = block(tf.concat([x, kept.pop()], -1), condition)
        x = self._last(tf.nn.silu(self._norm(x)))
        return np.float32(self.scale) * self.speed * x


@keras.saving.register_keras_serializable("rdtf")
class SkewVelocity(KerasVelocity):
    """A s + ∇·A of the module.

    Args:
      network: the denoiser whose score s is; it is not trained.
      sigma: the noise of the distribution that is kept, in standard deviations of the
        data.
      widths: of the hidden layers of a and h.
      speed: see `UNetVelocity`.
      **kwargs: mean, scale and names of `KerasVelocity`, the first two default to those
        of the denoiser, whose weights are not there yet when a file is read.
    """

    def __init__(self, network, sigma=0.1, widths=(32,), speed=1.0, **kwargs):
        own = {"mean": network.mean.numpy(), "scale": network.scale.numpy()}
        super().__init__(**(own | kwargs))
        network.trainable = False
        self.network, self.sigma = network, float(sigma)
        self.widths, self.speed = tuple(widths), float(speed)
        self._own, self._beside = (
            [
                *(keras.layers.Dense(w, activation="silu") for w in self.widths),
                keras.layers.Dense(len(self.mean) ** 2),
            ]
            for _ in range(2)
        )

    def get_config(self):
        """Arguments to make it again."""
        names = ("sigma", "widths", "speed")
        own = super().get_config() | {name: getattr(self, name) for name in names}
        return own | {"network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        """Makes it again."""
        network = keras.saving.deserialize_keras_object(config.pop("network"))
        return cls(network, **config)

    def build(self, input_shape):
        """Makes all weights."""
        for layers, width in ((self._own, 1), (self._beside, 2)):
            width *= input_shape[-1]
            for layer in layers:
                layer.build((None, width))
                width = layer.units

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        y = self.standard(x)
        level = tf.fill([tf.shape(y)[0]], self.sigma)
        score = (self.network.denoise(y, level) - y) / self.sigma**2
        return np.float32(self.scale) * self.speed * self.field(y, score)

    def field(self, y, score):
        """A s + ∇·A of standardised states and their score."""
        v = _product(lambda x: _skew(self._values(self._own, x)), y, score)
        for axis, shift in ((1, 1), (1, -1), (2, 1), (2, -1)):

            def matrix(there):
                forth = tf.concat([y, there], -1)
                back = tf.concat([there, y], -1)
                both = (self._values(self._beside, x) for x in (forth, back))
                return next(both) - tf.linalg.matrix_transpose(next(both))

            v += _product(matrix, tf.roll(y, shift, axis), tf.roll(score, shift, axis))
        return v

    def _values(self, layers, x):
        """A matrix per cell, `[batch, y, x, species, species]`."""
        for layer in layers:
            x = layer(x)
        species = len(self.mean)
        return tf.reshape(x, tf.concat([tf.shape(x)[:-1], [species, species]], 0))


def _skew(matrix):
    return matrix - tf.linalg.matrix_transpose(matrix)


def _product(matrix, x, score):
    """Σ_j (m_ij s_j + ∂m_ij / ∂x_j) of matrices m(x), cell by cell."""
    species = x.shape[-1]
    total = 0.0
    for j in range(species):
        one = tf.one_hot(j, species, dtype=x.dtype) * tf.ones_like(x)
        with tf.autodiff.ForwardAccumulator(x, one) as accumulator:
            value = matrix(x)
        total += accumulator.jvp(value)[..., j]
    return total + tf.linalg.matvec(value, score)
