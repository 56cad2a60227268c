"""Local velocities: diffusion, and a reaction that is a network of one cell's state.

    v = D ∇²s + R(s)

as reaction-diffusion equations are: a radius of one cell, and equivariant under shifts,
rotations and reflections by construction. Its divergence is known in closed form:

    ∇·v = Σ over cells (tr ∂R/∂s - 4 Σ_s D_s)

A network is not determined on states that no snapshot shows, and long runs meet them.
Where a species leaves the range of n snapshots, widened by half of it over √n on either
side because few snapshots show little of it, R is taken at the nearest state e within,
and a pull leads back:

    R(e) + D (e - s)
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf.dynamics import identification, linear, network_reaction, stein
from rdtf.dynamics.velocity import KerasVelocity, float64
from rdtf.models import ReactionDiffusion

_LEAST = 1e-3  # diffusivity
_BEYOND = 0.5  # of the range of one snapshot


@keras.saving.register_keras_serializable("rdtf")
class LocalVelocity(KerasVelocity):
    """D ∇²s + R(s) of the module, unit cells.

    Given the hidden layers it is linear in D and the last one, see
    `rdtf.dynamics.linear`.

    Attributes:
      lifted: the species whose D was set to 0.001, see `set_coefficients`.

    Args:
      mean, scale, names: see `KerasVelocity`; D and R are made of order one.
      widths: of the hidden layers of R.
      laplacian: a name of `linear.LAPLACIANS`.
      low, high: the range of each standardised species; None: R is the network
        everywhere.
    """

    def __init__(
        self,
        mean,
        scale,
        widths=(32, 32),
        names=None,
        laplacian="second_order",
        low=None,
        high=None,
        **kwargs,
    ):
        super().__init__(mean, scale, names, **kwargs)
        self.low, self.high = (
            None if edge is None else [float(x) for x in edge] for edge in (low, high)
        )
        self.widths, self.laplacian = tuple(widths), linear.check(laplacian)
        self.radius = linear.reach(laplacian)
        self._hidden = [keras.layers.Dense(w, activation="silu") for w in self.widths]
        self._last = keras.layers.Dense(len(self.mean))
        self.lifted = ()
        self._raw = self.add_weight(
            shape=(len(self.mean),), initializer="zeros", name="diffusivity"
        )

    def get_config(self):
        """Arguments to make it again."""
        own = {"widths": self.widths, "laplacian": self.laplacian}
        own |= {"low": self.low, "high": self.high}
        return super().get_config() | own

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
        """The rate of the shortest wave of the fastest species, and of the pull."""
        largest = linear.largest(self.laplacian) + (self.low is not None)
        return largest * float(tf.reduce_max(self.diffusivity))

    def call(self, x):
        """v at states in units of the data, `[batch, y, x, species]`."""
        standard = self.standard(x)
        laplacian = linear.apply_laplacian(standard, self.laplacian)
        diffusion = self.diffusivity * laplacian
        return np.float32(self.scale) * (diffusion + self._reaction(standard))

    def model(self) -> ReactionDiffusion:
        """The equations at the present weights, in float64, for engine xla.

        Their parameters are the diffusivities, D_u and D_v of species u and v; the unit
        of length is a cell. On the grid of a `Simulation` they are those of this
        velocity with `laplacian=velocity.laplacian`.
        """
        return network_reaction.model(self)

    def layer_weights(self) -> list[list[np.ndarray]]:
        """[kernel, bias] of each layer of R, the last one too."""
        return [layer.get_weights() for layer in (*self._hidden, self._last)]

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`."""
        standard = self.standard(x)
        trace = tf.zeros_like(standard[..., 0])
        for s in range(len(self.mean)):
            one = tf.one_hot(s, len(self.mean)) * tf.ones_like(standard)
            with tf.autodiff.ForwardAccumulator(standard, one) as accumulator:
                value = self._reaction(standard)
            trace += accumulator.jvp(value)[..., s]
        centre = linear.centres(self.laplacian)[1]
        return tf.reduce_sum(trace + centre * tf.reduce_sum(self.diffusivity), (1, 2))

    def terms(self, standard: np.ndarray) -> np.ndarray:
        """What v is a linear function of, given the hidden layers: `[terms, n, y, x]`.

        Of standardised samples; for each species its Laplacian, hidden units, and 1.
        """
        features = self.features(tf.constant(standard, tf.float64))
        return linear.terms(self, features).numpy()

    def features(self, standard):
        """Species, hidden units and 1, `[..., features]`, in the type of the state."""
        hidden = standard  # in float64, as terms may be nearly dependent
        for layer in self._hidden:
            kernel, bias = (
                tf.cast(w, hidden.dtype) for w in (layer.kernel, layer.bias)
            )
            hidden = tf.nn.silu(tf.tensordot(hidden, kernel, 1) + bias)
        return tf.concat([standard, hidden, tf.ones_like(hidden[..., :1])], -1)

    def fields(self, standard: tf.Tensor) -> list[tf.Tensor]:
        """The terms of each species, `[batch, y, x, terms]`, differentiable."""
        count = len(self.mean)
        rest = self.features(standard)[..., count:]
        laps = linear.apply_laplacian(standard, self.laplacian)
        return [tf.concat([lap, rest], -1) for lap in tf.split(laps, count, -1)]

    @property
    def owners(self) -> np.ndarray:
        """The species of each of `terms`."""
        return np.repeat(np.arange(len(self.mean)), self.widths[-1] + 2)

    @property
    def powers(self) -> np.ndarray:
        """Of the Laplacian in each of `terms`."""
        own = np.eye(1, self.widths[-1] + 2, dtype=int)[0]
        return np.tile(own, len(self.mean))

    @property
    def units(self) -> np.ndarray:
        """Which of `terms` are units of the network: all but the Laplacians."""
        return self.powers == 0

    @property
    def places(self) -> np.ndarray:
        """The feature of each of `terms`."""
        count = len(self.mean)
        others = np.arange(count, count + self.widths[-1] + 1)
        return np.concatenate([[s, *others] for s in range(count)])

    @property
    def coefficients(self) -> np.ndarray:
        """D and the last layer, as coefficients of `terms`."""
        kernel, bias = self._last.get_weights()
        table = np.stack([self.diffusivity.numpy(), *kernel, bias], 1)
        return float64(table.ravel())

    def set_coefficients(self, coefficients: np.ndarray) -> None:
        """Sets D and the last layer to coefficients of `terms`; D is at least 0.001."""
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
        inside, pull = standard, 0.0
        if self.low is not None:
            inside = tf.clip_by_value(standard, self.low, self.high)
            pull = self.diffusivity * (inside - standard)
        for layer in self._hidden:
            inside = layer(inside)
        return self._last(inside) + pull


def from_snapshots(
    samples: np.ndarray, names=None, widths=(32, 32), seed: int = 0
) -> tuple[LocalVelocity, identification.Identification]:
    """The local velocity that keeps the statistics of snapshots, without a score.

    Hidden layers stay as they are drawn (random features: Rahimi & Recht 2007), and the
    rest is the null vector of `rdtf.dynamics.identification`: a nonparametric reaction
    beside diffusion, in closed form. Its unit of time is such that E |v|², summed over
    species in standard deviations of the data, is 1.

    Args:
      samples: independent ones, `[n, y, x, species]`, that move.
      names, widths: of the velocity.
      seed: of the hidden layers.
    """
    velocity = start(samples, names, widths, seed)
    owners = velocity.owners
    standard = velocity.standardise(samples)
    moments = stein.moments(standard, velocity.terms, owners)
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
    """The local velocity that fits rates of change best, by least squares.

    Args:
      samples: snapshots, for mean and scale of the species, `[n, y, x, species]`.
      states: where the rates are: `[m, y, x, species]`, or the two ends of steps over
        which they are means.
      rates: ∂s/∂t, `[m, y, x, species]`.
      names, widths, seed: as for `from_snapshots`.
    """
    velocity = start(samples, names, widths, seed)
    slopes = rates / velocity.scale
    standard = [velocity.standardise(state) for state in states]
    found = linear.regress(velocity, standard, slopes)
    velocity.set_coefficients(found)
    return velocity


def start(
    samples, names=None, widths=(32, 32), seed: int = 0, laplacian="second_order"
) -> LocalVelocity:
    """A velocity in the units and range of samples, with hidden layers drawn at random.

    Args:
      samples: snapshots, `[n, y, x, species]`.
      names, widths, laplacian: see `LocalVelocity`.
      seed: of the hidden layers.
    """
    keras.utils.set_random_seed(seed)
    samples = np.float64(samples)
    mean, scale = samples.mean((0, 1, 2)), samples.std((0, 1, 2))
    low, high = ((f((0, 1, 2)) - mean) / scale for f in (samples.min, samples.max))
    beyond = _BEYOND / np.sqrt(len(samples)) * (high - low)
    velocity = LocalVelocity(
        mean,
        scale,
        widths=widths,
        names=names,
        laplacian=laplacian,
        low=low - beyond,
        high=high + beyond,
    )
    velocity.build((None, None, None, samples.shape[-1]))
    return velocity
