"""Velocity fields v(s) of patterns on a torus, as Keras models of `[batch, y, x, species]`.

    LocalVelocity    D ∇²s + R(s): diffusivities, and a network of the state of one cell

It is as reaction-diffusion equations are: a radius of one cell, and equivariant under
shifts, turns and mirrors by construction. Its divergence is known in closed form:

    ∇·v = Σ over cells (tr ∂R/∂s - 4 Σ_s D_s)
"""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("rdtf")
class LocalVelocity(keras.Model):
    """D ∇²s + R(s) of the module, unit cells.

    Args:
      mean, scale: of the species over the data; networks see (s - mean) / scale, and D and
        R are made of order one.
      widths: of the hidden layers of R.
      names: of the species.
    """

    radius = 1

    def __init__(self, mean, scale, widths=(32, 32), names=None, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.scale = [float(x) for x in mean], [float(x) for x in scale]
        self.widths, self.names = tuple(widths), names
        self._hidden = [keras.layers.Dense(w, activation="silu") for w in self.widths]
        self._last = keras.layers.Dense(len(self.mean))
        self._raw = self.add_weight(
            shape=(len(self.mean),), initializer="zeros", name="diffusivity"
        )

    def get_config(self):
        """Arguments to make it again."""
        names = ("mean", "scale", "widths", "names")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def build(self, input_shape):
        """Makes all weights."""
        width = input_shape[-1]
        for layer in (*self._hidden, self._last):
            layer.build((None, width))
            width = layer.units

    @property
    def diffusivity(self):
        """D of each species, in cells² per unit of time; positive."""
        return tf.nn.softplus(self._raw)

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        standard = (x - np.float32(self.mean)) / np.float32(self.scale)
        diffusion = self.diffusivity * _laplacian(standard)
        return np.float32(self.scale) * (diffusion + self._reaction(standard))

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`."""
        standard = (x - np.float32(self.mean)) / np.float32(self.scale)
        trace = tf.zeros_like(standard[..., 0])
        for s in range(len(self.mean)):
            one = tf.one_hot(s, len(self.mean)) * tf.ones_like(standard)
            with tf.autodiff.ForwardAccumulator(standard, one) as accumulator:
                value = self._reaction(standard)
            trace += accumulator.jvp(value)[..., s]
        return tf.reduce_sum(trace - 4.0 * tf.reduce_sum(self.diffusivity), (1, 2))

    def _reaction(self, standard):
        for layer in self._hidden:
            standard = layer(standard)
        return self._last(standard)


def _laplacian(x):
    """The periodic 5-point Laplacian of `[batch, y, x, species]`."""
    around = [tf.roll(x, shift, axis) for shift in (1, -1) for axis in (1, 2)]
    return tf.add_n(around) - 4.0 * x
