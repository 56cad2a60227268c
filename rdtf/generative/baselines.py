"""The two networks that denoisers of patterns are usually compared with.

    ResNet    ε at one noise level, ᾱ = 0.8: the score of one smoothed distribution
    UNet      v at the 100 levels of a DDPM, for ancestral sampling

Both are periodic, and stand in for a `rdtf.generative.denoiser.Denoiser` wherever
samples are made or scored: D(y, σ) = y - σ ε.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from rdtf.generative.layers import PeriodicConv2D
from rdtf.generative.networks import Network


@keras.saving.register_keras_serializable("rdtf")
class ResNet(Network):
    """Periodic residual blocks of widths 16, 32, 64 and kernels 3, 3, 5.

    With batch normalisation. It knows one level, σ = √((1 - ᾱ) / ᾱ), 0.5 at ᾱ = 0.8.

    Args:
      shape, species, names: see `Network`.
      alpha: ᾱ.
    """

    def __init__(self, shape, species=2, alpha=0.8, **kwargs):
        super().__init__(shape, species, **kwargs)
        self.alpha, self.level = alpha, math.sqrt((1.0 - alpha) / alpha)
        self._first = PeriodicConv2D(16, use_bias=False)
        self._norm = keras.layers.BatchNormalization()
        self._blocks = [
            NormalisedBlock(width, kernel)
            for width, kernel in ((16, 3), (32, 3), (64, 5))
        ]
        self._last = PeriodicConv2D(species, 1)

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"alpha": self.alpha}

    def epsilon(self, y, training=False):
        """The noise in y = x + σ n, of standardised fields."""
        x = self._first(np.sqrt(self.alpha) * y)
        x = tf.nn.relu(self._norm(x, training=training))
        for block in self._blocks:
            x = block(x, training=training)
        return self._last(x)

    def denoise(self, y, sigma, condition=None):
        """D of standardised fields, at the one level it knows."""
        del sigma, condition
        return y - self.level * self.epsilon(y)


@keras.saving.register_keras_serializable("rdtf")
class NormalisedBlock(keras.layers.Layer):
    """relu(bn(conv(relu(bn(conv x)))) + shortcut x)."""

    def __init__(self, width, kernel, **kwargs):
        super().__init__(**kwargs)
        self.width, self.kernel = width, kernel
        convolve = {"kernel_size": kernel, "use_bias": False}
        self._convs = [PeriodicConv2D(width, **convolve) for _ in range(2)]
        self._norms = [keras.layers.BatchNormalization() for _ in range(2)]
        self._shortcut = None  # of as many channels

    def build(self, input_shape):
        """Weights for so many channels."""
        inner = (*input_shape[:-1], self.width)
        shapes = (input_shape, inner)
        for shape, conv, norm in zip(shapes, self._convs, self._norms, strict=True):
            conv.build(shape)
            norm.build(inner)
        if input_shape[-1] != self.width:
            self._shortcut = PeriodicConv2D(self.width, 1, use_bias=False)
            self._shortcut.build(input_shape)
            self._last_norm = keras.layers.BatchNormalization()
            self._last_norm.build(inner)

    def call(self, x, training=False):
        """`[batch, y, x, c]` -> `[batch, y, x, width]`."""
        inner = tf.nn.relu(self._norms[0](self._convs[0](x), training=training))
        inner = self._norms[1](self._convs[1](inner), training=training)
        if self._shortcut is not None:
            x = self._last_norm(self._shortcut(x), training=training)
        return tf.nn.relu(inner + x)

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"width": self.width, "kernel": self.kernel}


STEPS, FIRST, LAST = 100, 1e-4, 0.1  # of β


@keras.saving.register_keras_serializable("rdtf")
class UNet(Network):
    """v-prediction over 100 linear levels of β from 1e-4 to 0.1; widths 16, 32, 64.

    Two residual blocks with group norms on the way down, three on the way up, and
    attention in the middle, as the U-Nets of DDPM.
    """

    alphas = np.cumprod(1.0 - np.linspace(FIRST, LAST, STEPS))
    sigmas = np.append(np.sqrt(1.0 / alphas - 1.0)[::-1], 0.0)

    def __init__(self, shape, species=2, **kwargs):
        super().__init__(shape, species, **kwargs)
        widths = (16, 32, 64)
        self._time = [keras.layers.Dense(64, activation="silu"), keras.layers.Dense(64)]
        self._first = PeriodicConv2D(widths[0])
        self._down = [[TimedBlock(w) for _ in range(2)] for w in widths]
        self._shrink = [PeriodicConv2D(w) for w in widths[:-1]]
        self._middle = [TimedBlock(widths[-1]), SelfAttention(), TimedBlock(widths[-1])]
        self._up = [[TimedBlock(w) for _ in range(3)] for w in widths]
        self._grow = [PeriodicConv2D(w) for w in widths[1:]]
        self._norm = keras.layers.GroupNormalization(8, epsilon=1e-5)
        self._last = PeriodicConv2D(species)

    def velocity(self, mixed, step):
        """v of √ᾱ x + √(1 - ᾱ) n at level `step` `[batch]`."""
        rate = 1e4 ** (-np.arange(8, dtype=np.float32) / 8)
        phase = tf.cast(step, tf.float32)[:, None] * rate
        time = tf.concat([tf.sin(phase), tf.cos(phase)], -1)
        for layer in self._time:
            time = layer(time)
        time, x = tf.nn.silu(time), self._first(mixed)
        kept = [x]
        for level, blocks in enumerate(self._down):
            for block in blocks:
                x = block(x, time)
                kept.append(x)
            if level < len(self._shrink):
                x = self._shrink[level](x)[:, ::2, ::2]
                kept.append(x)
        x = self._middle[0](x, time)
        x = self._middle[2](self._middle[1](x), time)
        for level in reversed(range(len(self._up))):
            for block in self._up[level]:
                x = block(tf.concat([x, kept.pop()], -1), time)
            if level:
                x = self._grow[level - 1](tf.repeat(tf.repeat(x, 2, 1), 2, 2))
        return self._last(tf.nn.silu(self._norm(x)))

    def denoise(self, y, sigma, condition=None):
        """D of standardised fields, by the level nearest to σ."""
        del condition
        levels = np.float32(np.log(1.0 / self.alphas - 1.0) / 2.0)
        step = tf.argmin(tf.abs(tf.math.log(sigma)[:, None] - levels), 1)
        alpha = tf.gather(tf.constant(self.alphas, tf.float32), step)[
            :, None, None, None
        ]
        mixed = tf.sqrt(alpha) * y
        velocity = self.velocity(mixed, step)
        return tf.sqrt(alpha) * mixed - tf.sqrt(1.0 - alpha) * velocity


@keras.saving.register_keras_serializable("rdtf")
class TimedBlock(keras.layers.Layer):
    """x + conv(silu(gn(conv(silu(gn x)) + time)))."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self._norms = [
            keras.layers.GroupNormalization(8, epsilon=1e-5) for _ in range(2)
        ]
        self._convs = [PeriodicConv2D(width) for _ in range(2)]
        self._time = keras.layers.Dense(width)
        self._shortcut = None  # of as many channels

    def build(self, x_shape, time_shape):
        """Weights for so many channels."""
        inner = (*x_shape[:-1], self.width)
        shapes = (x_shape, inner)
        for shape, conv, norm in zip(shapes, self._convs, self._norms, strict=True):
            norm.build(shape)
            conv.build(shape)
        self._time.build(time_shape)
        if x_shape[-1] != self.width:
            self._shortcut = PeriodicConv2D(self.width, 1)
            self._shortcut.build(x_shape)

    def call(self, x, time):
        """`[batch, y, x, c]` and `[batch, e]` -> `[batch, y, x, width]`."""
        inner = self._convs[0](tf.nn.silu(self._norms[0](x)))
        inner += self._time(time)[:, None, None]
        inner = self._convs[1](tf.nn.silu(self._norms[1](inner)))
        return inner + (x if self._shortcut is None else self._shortcut(x))

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable("rdtf")
class SelfAttention(keras.layers.Layer):
    """x + self-attention over all cells, heads of 8 channels."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._norm = keras.layers.GroupNormalization(8, epsilon=1e-5)

    def build(self, input_shape):
        """The attention, of so many heads."""
        width = input_shape[-1]
        self._attend = keras.layers.MultiHeadAttention(width // 8, 8)
        flat = (input_shape[0], None, width)
        self._attend.build(flat, flat)
        self._norm.build(input_shape)

    def call(self, x):
        """`[batch, y, x, c]` -> the same."""
        shape = tf.shape(x)
        flat = tf.reshape(self._norm(x), [shape[0], -1, x.shape[-1]])
        return x + tf.reshape(self._attend(flat, flat), shape)
