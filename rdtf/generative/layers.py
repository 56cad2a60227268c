"""Layers of networks on a torus: every convolution wraps around.

Registered under `rdtf`, so that `.keras` files load where rdtf is installed.
"""

import keras
import tensorflow as tf


def wrap(x: tf.Tensor, width: int) -> tf.Tensor:
    """Pads `[batch, y, x, channel]` periodically by `width` on each side."""
    for axis in (1, 2) if width else ():
        size = x.shape[axis] or tf.shape(x)[axis]
        ends = [
            tf.gather(x, tf.range(start, start + width) % size, axis=axis)
            for start in (-width, 0)
        ]
        x = tf.concat([ends[0], x, ends[1]], axis)
    return x


@keras.saving.register_keras_serializable("rdtf")
class PeriodicConv2D(keras.layers.Layer):
    """A convolution with periodic padding.

    It takes `[batch, y, x, c]` to `[batch, y, x, filters]`.

    Args:
      filters: output channels.
      kernel_size: odd.
      zero: whether it starts as zero.
      use_bias: whether a constant is added.
    """

    def __init__(self, filters, kernel_size=3, zero=False, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(f"Expected an odd kernel_size, got {kernel_size}.")
        self.filters, self.kernel_size = filters, kernel_size
        self.zero, self.use_bias = zero, use_bias

    def build(self, input_shape):
        """Weights for so many input channels."""
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        start = "zeros" if self.zero else "he_normal"
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )

    def call(self, x):
        """The convolution."""
        x = tf.nn.conv2d(wrap(x, self.kernel_size // 2), self.kernel, 1, "VALID")
        return x + self.bias if self.use_bias else x

    def compute_output_shape(self, input_shape):
        """As the input, with `filters` channels."""
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        """Arguments to make it again."""
        names = ("filters", "kernel_size", "zero", "use_bias")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("rdtf")
class ResidualBlock(keras.layers.Layer):
    """x + conv(silu(film(conv(silu(norm x))))).

    Both convolutions are periodic and 3x3; the second starts as zero. FiLM scales and
    shifts each channel by the embedding of noise level and condition (Perez et al.
    2018, doi:10.1609/aaai.v32i1.11671); the norm is over channels, cell by cell, so
    that the block commutes with shifts.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        own = {"dtype": self.dtype_policy}
        self._norm = keras.layers.LayerNormalization(**own)
        self._first = PeriodicConv2D(filters, **own)
        self._film = keras.layers.Dense(2 * filters, kernel_initializer="zeros", **own)
        self._second = PeriodicConv2D(filters, zero=True, **own)
        self._skip = None  # of as many channels

    def build(self, x_shape, embedding_shape):
        """Weights for so many channels and so long an embedding."""
        inner = (*x_shape[:-1], self.filters)
        self._norm.build(x_shape)
        self._first.build(x_shape)
        self._film.build(embedding_shape)
        self._second.build(inner)
        if x_shape[-1] != self.filters:
            self._skip = PeriodicConv2D(
                self.filters, 1, use_bias=False, dtype=self.dtype_policy
            )
            self._skip.build(x_shape)

    def call(self, x, embedding):
        """`[batch, y, x, c]` and `[batch, e]` -> `[batch, y, x, filters]`."""
        scale, shift = tf.split(self._film(embedding)[:, None, None], 2, -1)
        inner = self._first(tf.nn.silu(self._norm(x)))
        inner = self._second(tf.nn.silu(inner * (1.0 + scale) + shift))
        return inner + (x if self._skip is None else self._skip(x))

    def compute_output_shape(self, x_shape, embedding_shape):
        """As the input, with `filters` channels."""
        return (*x_shape[:-1], self.filters)

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"filters": self.filters}
