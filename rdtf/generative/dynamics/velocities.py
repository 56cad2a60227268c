"""Velocity fields v(s) of patterns on a torus, as Keras models of `[batch, y, x, species]`.

    LocalVelocity    D ∇²s + R(s): diffusivities, and a network of the state of one cell

The last is as reaction-diffusion equations are: a radius of one cell, and equivariant under
shifts, turns and mirrors by construction. Its divergence is known in closed form:

    ∇·v = Σ over cells (tr ∂R/∂s - 4 Σ_s D_s)
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf.generative import divergence, networks
from rdtf.generative.dynamics import identification, stein

_RIDGE = 1e-8  # of least squares, beside mean squares of 1
_LEAST = 1e-3  # diffusivity
_BATCH = 64


class Velocity(keras.Model):
    """What all velocities share: units, species, divergence.

    Attributes:
      radius: how many cells away v(s) of a cell depends on, along each axis; None: all.

    Args:
      mean, scale: of the species over the data; what is learnt sees (s - mean) / scale.
      names: of the species.
    """

    radius = None

    def __init__(self, mean, scale, names=None, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.scale = [float(x) for x in mean], [float(x) for x in scale]
        self.names = names

    def get_config(self):
        """Arguments to make it again."""
        names = ("mean", "scale", "names")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def standard(self, x):
        """(x - mean) / scale."""
        return (x - np.float32(self.mean)) / np.float32(self.scale)

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`: exact; of local velocities only."""
        return divergence.exact(self, x, self.radius)

    @property
    def fastest(self) -> float:
        """A bound on the rates at which v damps, 1 / time, for stable steps."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("rdtf")
class LocalVelocity(Velocity):
    """D ∇²s + R(s) of the module, unit cells.

    Attributes:
      lifted: the species whose D was set to .001, see `set_coefficients`.

    Args:
      mean, scale, names: see `Velocity`; D and R are made of order one.
      widths: of the hidden layers of R.
    """

    radius = 1

    def __init__(self, mean, scale, widths=(32, 32), names=None, **kwargs):
        super().__init__(mean, scale, names, **kwargs)
        self.widths = tuple(widths)
        self._hidden = [keras.layers.Dense(w, activation="silu") for w in self.widths]
        self._last = keras.layers.Dense(len(self.mean))
        self.lifted = ()
        self._raw = self.add_weight(
            shape=(len(self.mean),), initializer="zeros", name="diffusivity"
        )

    def get_config(self):
        """Arguments to make it again."""
        return super().get_config() | {"widths": self.widths}

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

    @property
    def fastest(self) -> float:
        """8 D of the fastest species: the shortest wave of the 5-point Laplacian."""
        return 8.0 * float(tf.reduce_max(self.diffusivity))

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        standard = self.standard(x)
        diffusion = self.diffusivity * _laplacian(standard)
        return np.float32(self.scale) * (diffusion + self._reaction(standard))

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`."""
        standard = self.standard(x)
        trace = tf.zeros_like(standard[..., 0])
        for s in range(len(self.mean)):
            one = tf.one_hot(s, len(self.mean)) * tf.ones_like(standard)
            with tf.autodiff.ForwardAccumulator(standard, one) as accumulator:
                value = self._reaction(standard)
            trace += accumulator.jvp(value)[..., s]
        return tf.reduce_sum(trace - 4.0 * tf.reduce_sum(self.diffusivity), (1, 2))

    def terms(self, standard: np.ndarray) -> np.ndarray:
        """What v is a linear function of, given the hidden layers: `[terms, n, y, x]`.

        Of standardised samples; for each species its Laplacian, the hidden units, and 1.
        """
        hidden = np.float64(standard)
        for layer in self._hidden:  # in float64, as terms may be nearly dependent
            hidden = hidden @ np.float64(layer.kernel) + np.float64(layer.bias)
            hidden = hidden / (1.0 + np.exp(-hidden))
        hidden = np.moveaxis(hidden, -1, 0)
        laps = stein.laplacian(np.moveaxis(standard, -1, 0))
        own = [np.stack([lap, *hidden, np.ones_like(lap)]) for lap in laps]
        return np.concatenate(own)

    def fields(self, standard: tf.Tensor) -> list[tf.Tensor]:
        """The same in float32, `[batch, y, x, terms]` of each species, differentiable."""
        hidden = standard
        for layer in self._hidden:
            hidden = layer(hidden)
        rest = [hidden, tf.ones_like(hidden[..., :1])]
        laps = tf.split(_laplacian(standard), len(self.mean), -1)
        return [tf.concat([lap, *rest], -1) for lap in laps]

    @property
    def owners(self) -> np.ndarray:
        """The species of each of `terms`."""
        return np.repeat(np.arange(len(self.mean)), self.widths[-1] + 2)

    def set_coefficients(self, coefficients: np.ndarray) -> None:
        """Sets D and the last layer to coefficients of `terms`; D is at least .001."""
        table = np.float32(coefficients).reshape(len(self.mean), -1)
        self.lifted = tuple(int(s) for s in np.flatnonzero(table[:, 0] <= _LEAST))
        self._set_diffusivity(table[:, 0])
        self._last.set_weights([table[:, 1:-1].T, table[:, -1]])

    def rescale(self, factor: float) -> None:
        """Changes the unit of time: v becomes v times a positive factor."""
        self._set_diffusivity(factor * self.diffusivity.numpy())
        self._last.set_weights([factor * w for w in self._last.get_weights()])

    def _set_diffusivity(self, values):
        values = np.maximum(np.float64(values), _LEAST)
        self._raw.assign(values + np.log(-np.expm1(-values)))

    def _reaction(self, standard):
        for layer in self._hidden:
            standard = layer(standard)
        return self._last(standard)


def from_snapshots(
    samples: np.ndarray, names=None, widths=(32, 32), seed: int = 0
) -> tuple[LocalVelocity, identification.Identification]:
    """The local velocity that keeps the statistics of snapshots: no pairs, and no score.

    Hidden layers stay as they are drawn (random features: Rahimi & Recht 2007), and the rest
    is the null vector of `rdtf.generative.dynamics.identification`: a nonparametric reaction
    beside diffusion, in closed form. Its unit of time is such that E |v|², summed over
    species in standard deviations of the data, is 1.

    Args:
      samples: independent ones, `[n, y, x, species]`, that move.
      names, widths: of the velocity.
      seed: of the hidden layers.
    """
    velocity, standard = start(samples, names, widths, seed)
    owners = velocity.owners
    moments = stein.moments(standard(np.float64(samples)), velocity.terms, owners)
    forward = np.flatnonzero(np.diff(owners, prepend=-1))
    found = identification.identify(moments, forward, bootstrap=0)
    velocity.set_coefficients(found.coefficients)
    return velocity, found


def from_pairs(
    samples: np.ndarray,
    states: Sequence[np.ndarray],
    rates: np.ndarray,
    names=None,
    widths=(32, 32),
    seed: int = 0,
) -> LocalVelocity:
    """The local velocity that fits rates of change best, by least squares in closed form.

    Args:
      samples: snapshots, for mean and scale of the species, `[n, y, x, species]`.
      states: where the rates are: `[m, y, x, species]`, or the two ends of steps over which
        they are means.
      rates: ∂s/∂t, `[m, y, x, species]`.
      names, widths, seed: as for `from_snapshots`.
    """
    velocity, standard = start(samples, names, widths, seed)
    owners = velocity.owners
    gram, product = np.zeros((len(owners),) * 2), np.zeros(len(owners))
    for first in range(0, len(rates), _BATCH):  # as the terms of many take much memory
        part = slice(first, first + _BATCH)
        terms = sum(velocity.terms(standard(s[part])) for s in states) / len(states)
        for s in range(samples.shape[-1]):
            own = np.flatnonzero(owners == s)
            rows = terms[own].reshape(len(own), -1)
            gram[np.ix_(own, own)] += rows @ rows.T
            product[own] += rows @ (rates[part, ..., s].ravel() / velocity.scale[s])
    count, coefficients = rates[..., 0].size, np.zeros(len(owners))
    size = np.sqrt(np.diag(gram) / count)
    for s in range(samples.shape[-1]):
        own = np.flatnonzero(owners == s)
        scaled = gram[np.ix_(own, own)] / np.outer(size[own], size[own])
        scaled += _RIDGE * count * np.eye(len(own))
        coefficients[own] = np.linalg.solve(scaled, product[own] / size[own])
    coefficients /= size
    velocity.set_coefficients(coefficients)
    return velocity


def load(path) -> Velocity:
    """A velocity from its .keras file; see `networks.load`."""
    from rdtf.generative.dynamics import network_velocities  # noqa: F401 - registers

    return networks.load(path, Velocity, "velocity", "train_flow")


def start(samples: np.ndarray, names, widths, seed: int):
    """(a LocalVelocity with layers as drawn, the function that standardises)."""
    keras.utils.set_random_seed(seed)
    samples = np.float64(samples)
    mean, scale = samples.mean((0, 1, 2)), samples.std((0, 1, 2))
    velocity = LocalVelocity(mean, scale, widths, names)
    velocity.build((None, None, None, samples.shape[-1]))
    return velocity, lambda x: (x - mean) / scale


def _laplacian(x):
    """The periodic 5-point Laplacian of `[batch, y, x, species]`."""
    around = [tf.roll(x, shift, axis) for shift in (1, -1) for axis in (1, 2)]
    return tf.add_n(around) - 4.0 * x
