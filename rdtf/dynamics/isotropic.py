"""A velocity that commutes with shifts, turns and mirrors, and its layers.

It is that of Zhang & Levin 2025 (arXiv:2509.17990). Its Jacobian is that of one sample,
in training too.
"""

import keras
import numpy as np
import tensorflow as tf

from rdtf.dynamics.velocity import KerasVelocity

_EPSILON, _MOMENTUM, _WIDTH = 1e-5, 0.1, 32


@keras.saving.register_keras_serializable("rdtf")
class IsotropicConv2D(keras.layers.Layer):
    """A periodic 3x3 convolution of three weights a kernel: centre, edge, corner.

    Args:
      filters: output channels.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        """Weights for so many input channels, uniform in ±√(2 · 3 / (9 c))."""
        bound = (2.0 / (3.0 * input_shape[-1])) ** 0.5
        start = keras.initializers.RandomUniform(-bound, bound)
        shape = (3, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        self.bias = self.add_weight(
            shape=(self.filters,), initializer="zeros", name="bias"
        )

    def call(self, x):
        """`[batch, y, x, c]` -> `[batch, y, x, filters]`."""
        rows, columns = (tf.roll(x, 1, axis) + tf.roll(x, -1, axis) for axis in (1, 2))
        corners = tf.roll(rows, 1, 2) + tf.roll(rows, -1, 2)
        around = tf.concat([x, rows + columns, corners], -1)
        kernel = tf.reshape(self.kernel, [-1, self.filters])
        return tf.tensordot(around, kernel, 1) + self.bias

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"filters": self.filters}


@keras.saving.register_keras_serializable("rdtf")
class Standardise(keras.layers.Layer):
    """γ (x - m) / √(V + ε) + β, by moments m, V of each channel that the caller gives.

    Batch normalisation couples samples, and their Jacobians. Here the moments of a
    batch are taken first and then held: to forward-mode differentiation they are
    constants, as running ones are afterwards, while the gradient by the weights flows
    through them.

    Args:
      affine: whether there are γ and β.
    """

    def __init__(self, affine=True, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine

    def build(self, input_shape):
        """Weights, and running moments."""
        width = input_shape[-1]
        options = {"shape": (width,), "trainable": False}
        self.mean = self.add_weight(initializer="zeros", name="mean", **options)
        self.variance = self.add_weight(initializer="ones", name="variance", **options)
        if self.affine:
            self.gamma = self.add_weight((width,), initializer="ones", name="gamma")
            self.beta = self.add_weight((width,), initializer="zeros", name="beta")

    def call(self, x, moments=None):
        """By moments, (m, V), or by the running ones."""
        mean = self.mean if moments is None else moments[0]
        x = (x - mean) * self.slope(moments)
        return x + self.beta if self.affine else x

    def slope(self, moments=None):
        """The derivative, of each channel."""
        variance = self.variance if moments is None else moments[1]
        slope = tf.math.rsqrt(variance + _EPSILON)
        return slope * self.gamma if self.affine else slope

    def follow(self, moments):
        """Moves the running moments by a tenth of the way."""
        for running, now in zip((self.mean, self.variance), moments, strict=True):
            running.assign(running + _MOMENTUM * (now - running))

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"affine": self.affine}


@keras.saving.register_keras_serializable("rdtf")
class EquilibriumVelocity(KerasVelocity):
    """Isotropic 3x3 to 32, 1x1 to 32, 1x1; standardised before each SiLU, at the end.

    Args:
      mean, scale, names: see `KerasVelocity`.
      alpha: ᾱ of the patterns that it is trained on; it sees √ᾱ (s - mean) / scale.
    """

    radius = 1

    def __init__(self, mean, scale, alpha=0.8, names=None, **kwargs):
        super().__init__(mean, scale, names, **kwargs)
        self.alpha = alpha
        dense = keras.layers.Dense
        self._maps = [IsotropicConv2D(_WIDTH), dense(_WIDTH), dense(len(self.mean))]
        self._norms = [Standardise(), Standardise(), Standardise(affine=False)]

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"alpha": self.alpha}

    def build(self, input_shape):
        """Makes all weights."""
        width = input_shape[-1]
        for own, norm in zip(self._maps, self._norms, strict=True):
            own.build((None, None, None, width))
            width = _WIDTH if own is not self._maps[-1] else len(self.mean)
            norm.build((None, None, None, width))

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        return np.float32(self.scale) * self.field(self._shrunk(x))

    def field(self, z, moments=None):
        """v of z, standardised and shrunk by √ᾱ, by moments or the running ones."""
        for i, (own, norm) in enumerate(zip(self._maps, self._norms, strict=True)):
            z = norm(own(z), moments and moments[i])
            z = tf.nn.silu(z) if i < 2 else z
        return z

    def moments(self, z):
        """(m, V) of a batch before each normalisation."""
        found = []
        for i, (own, norm) in enumerate(zip(self._maps, self._norms, strict=True)):
            z = own(z)
            found.append(tf.nn.moments(z, (0, 1, 2)))
            z = tf.nn.silu(norm(z, found[-1])) if i < 2 else z
        return found

    def follow(self, moments):
        """Moves the running moments towards those of a batch."""
        for norm, own in zip(self._norms, moments, strict=True):
            norm.follow(own)

    def trace(self, z, moments=None):
        """∇·v by z, summed over cells, `[batch]`: exact, by the kernels' centres."""
        slopes = [
            norm.slope(moments and moments[i]) for i, norm in enumerate(self._norms)
        ]
        gains = []
        for i, (own, norm) in enumerate(
            zip(self._maps[:2], self._norms[:2], strict=True)
        ):
            inner = norm(own(z), moments and moments[i])
            gate = tf.sigmoid(inner)
            gains.append(gate * (1.0 + inner * (1.0 - gate)) * slopes[i])
            z = tf.nn.silu(inner)
        second, last = self._maps[1].kernel, self._maps[2].kernel * slopes[2]
        both = (
            self._maps[0].kernel[0][:, :, None] * second * tf.transpose(last)[:, None]
        )
        mixed = tf.tensordot(gains[0], tf.reduce_sum(both, 0), 1)
        return tf.reduce_sum(mixed * gains[1], (1, 2, 3))

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`."""
        return float(np.sqrt(self.alpha)) * self.trace(self._shrunk(x))

    @property
    def fastest(self) -> float:
        """A bound: the product of the norms of all maps; SiLU has slopes below 1.1."""
        slopes = [norm.slope()[None].numpy() for norm in self._norms]
        centre, edge, corner = (
            np.linalg.norm(tap * slopes[0], 2) for tap in self._maps[0].kernel.numpy()
        )
        rate = 1.1**2 * np.sqrt(self.alpha) * (centre + 4.0 * edge + 4.0 * corner)
        for own, slope in zip(self._maps[1:], slopes[1:], strict=True):
            rate *= np.linalg.norm(own.kernel.numpy() * slope, 2)
        return float(rate)

    def _shrunk(self, x):
        return float(np.sqrt(self.alpha)) * self.standard(x)
