"""Networks of points: the score of their noised distribution, and a velocity."""

import keras
import numpy as np
import tensorflow as tf

_OCTAVES = 4


@keras.saving.register_keras_serializable("rdtf")
class PointScore(keras.Model):
    """∇ log p_σ(y) = -ε / σ of y = x + σ n: ε = σ y / (1 + σ²) + network(y, σ).

    The first part is that of a standard normal x; the network is two layers of 64, of y
    and ln σ.

    Args:
      dimension: of the points.
    """

    def __init__(self, dimension, **kwargs):
        super().__init__(**kwargs)
        self.dimension = dimension
        self._layers_of_64 = [keras.layers.Dense(64, activation="silu") for _ in "12"]
        self._last = keras.layers.Dense(dimension, kernel_initializer="zeros")
        _build((*self._layers_of_64, self._last), dimension + 1)

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"dimension": self.dimension}

    def build(self, input_shape):
        """Nothing: all weights are there."""

    def epsilon(self, y, sigma):
        """The noise in y `[n, d]` at levels σ `[n, 1]`."""
        power = 1.0 + sigma**2
        inner = tf.concat([y / tf.sqrt(power), tf.math.log(sigma) / 4.0], -1)
        for layer in (*self._layers_of_64, self._last):
            inner = layer(inner)
        return sigma * y / power + inner

    def call(self, y, sigma=1.0):
        """The score of `[n, d]` at one level."""
        level = tf.fill([tf.shape(y)[0], 1], tf.cast(sigma, y.dtype))
        return -self.epsilon(y, level) / level


@keras.saving.register_keras_serializable("rdtf")
class PointVelocity(keras.Model):
    """v of x and sin, cos of 2^i x, i = 0 to 3 (Mildenhall 2020, arXiv:2003.08934).

    Args:
      dimension: of the points.
      turns: sign changes R, `[m, d]`, a group with v(R x) = R v(x); default: 1 alone.
    """

    def __init__(self, dimension, turns=None, **kwargs):
        super().__init__(**kwargs)
        self.dimension = dimension
        self.turns = [[1.0] * dimension] if turns is None else turns
        self._layers_of_64 = [keras.layers.Dense(64, activation="silu") for _ in "12"]
        self._last = keras.layers.Dense(dimension)
        width = dimension * (1 + 2 * _OCTAVES)
        _build((*self._layers_of_64, self._last), width)

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {
            "dimension": self.dimension,
            "turns": self.turns,
        }

    def build(self, input_shape):
        """Nothing: all weights are there."""

    def call(self, x):
        """`[n, d]` -> `[n, d]`."""
        return self.with_divergence(x)[0]

    def with_divergence(self, x):
        """(v, ∇·v) at `[n, d]`: exact, by derivatives along all axes at once."""
        values, traces = [], []
        for turn in np.float32(self.turns):
            value, trace = self._inner(turn * x)
            values.append(turn * value)
            traces.append(trace)
        return tf.add_n(values) / len(values), tf.add_n(traces) / len(traces)

    def _inner(self, x):
        rates = np.float32(2.0 ** np.arange(_OCTAVES))[:, None]
        sines, cosines = (wave(rates * x[:, None]) for wave in (tf.sin, tf.cos))
        inputs = tf.concat([x[:, None], sines, cosines], 1)  # [n, 9, d]
        slopes = tf.concat(
            [tf.ones_like(x)[:, None], rates * cosines, -rates * sines], 1
        )
        layers = (*self._layers_of_64, self._last)
        kernel = tf.reshape(layers[0].kernel, [*inputs.shape[1:], -1])
        inner = tf.tensordot(inputs, kernel, 2) + layers[0].bias
        change = tf.einsum("njd,jdh->ndh", slopes, kernel)
        for layer in layers[1:]:
            gate = tf.sigmoid(inner)
            change *= (gate * (1.0 + inner * (1.0 - gate)))[:, None]
            inner = tf.matmul(inner * gate, layer.kernel) + layer.bias
            change = tf.tensordot(change, layer.kernel, 1)
        return inner, tf.linalg.trace(change)


def _build(layers, width):
    for layer in layers:
        layer.build((None, width))
        width = layer.units
