"""What all networks that denoise patterns have in common."""

from collections.abc import Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from rdtf.generative import wiener
from rdtf.generative.conditions import Condition
from rdtf.status import InputError


def load(path, kind: type, name: str, app: str):
    """A network of some kind from its .keras file.

    Args:
      path: of the file.
      kind: what it has to be.
      name, app: what it is called, and what makes it, for messages.

    Raises:
      InputError: if there is none.
    """
    try:
        found = keras.models.load_model(path)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"Expected a {name} in {path}, got {type(error).__name__}: make one with "
            f"python -m rdtf {app}."
        ) from None
    if not isinstance(found, kind):
        raise InputError(f"Expected a {name} in {path}, got a {type(found).__name__}.")
    return found


class DenoisingNetwork(Protocol):
    """What samplers and scores ask of a network.

    Attributes:
      shape: (y, x) of the training data.
      species: channels.
      names: of the species, or None.
      condition: see `rdtf.generative.conditions`, or None.
      mean, scale: of the data, per species.
      powers: of its spectrum, `[bins, species]`; see `rdtf.generative.wiener`.
      sigmas: levels that it must be sampled at, from the highest to 0, or None.
      level: the only level that it knows, or None.
    """

    shape: tuple[int, int]
    species: int
    names: Sequence[str] | None
    condition: Condition | None
    mean: tf.Tensor
    scale: tf.Tensor
    powers: tf.Tensor
    sigmas: np.ndarray | None
    level: float | None

    def denoise(self, y, sigma, condition=None) -> tf.Tensor:
        """E[x | y] of standardised fields.

        Args:
          y: `[batch, y, x, species]`.
          sigma: `[batch]`.
          condition: `[batch, ...]`, as `Condition` makes it; default: any.
        """


class Network(keras.Model):
    """Mean, scale and spectrum of the data, its Wiener filter, and D in its units.

    A subclass has the `denoise` of `DenoisingNetwork`.

    Args:
      shape: (y, x) of the training data.
      species: channels.
      names: of the species.
      condition: what it depends on, if anything; see `rdtf.generative.conditions`.
    """

    sigmas = None  # levels that it must be sampled at, from the highest to 0
    level = None  # the only level that it knows, if so

    def __init__(self, shape, species=2, names=None, condition=None, **kwargs):
        super().__init__(**kwargs)
        self.shape, self.species, self.names = tuple(shape), species, names
        self.condition = condition
        bins = len(wiener.radii(self.shape))
        fixed = {"trainable": False, "initializer": "zeros"}
        self.mean = self.add_weight(shape=(species,), name="mean", **fixed)
        self.scale = self.add_weight(shape=(species,), name="scale", **fixed)
        self.powers = self.add_weight(shape=(bins, species), name="powers", **fixed)
        self.bases = self.add_weight(
            shape=(bins, species, species), name="bases", **fixed
        )

    def get_config(self):
        """Arguments to make it again."""
        names = ("shape", "species", "names")
        own = {name: getattr(self, name) for name in names}
        condition = self.condition and self.condition.get_config()
        return super().get_config() | own | {"condition": condition}

    @classmethod
    def from_config(cls, config):
        """Makes it again."""
        condition = config.pop("condition", None)
        return cls(**config, condition=condition and Condition(**condition))

    def get_build_config(self):
        """What Keras asks for; shapes follow from the arguments."""
        return {"shape": list(self.shape)}

    def build_from_config(self, config):
        """Makes all weights, by a call."""
        del config
        y = tf.zeros([1, *self.shape, self.species])
        row = None if self.condition is None else self.condition.any(1)
        self(y, tf.ones([1]), row)

    def adapt(self, samples: np.ndarray) -> None:
        """Takes mean, scale and spectrum from samples `[n, y, x, species]`."""
        samples = np.asarray(samples, np.float64)
        mean, scale = samples.mean((0, 1, 2)), samples.std((0, 1, 2))
        spectrum = wiener.fit((samples - mean) / scale)
        for weight, value in (
            (self.mean, mean),
            (self.scale, scale),
            (self.powers, spectrum.powers),
            (self.bases, spectrum.bases),
        ):
            weight.assign(value)

    def call(self, y, sigma, condition=None):
        """E[x | y], in units of the data.

        Args:
          y: `[batch, y, x, species]`, standardised data plus σ times white noise, back
            in units of the data: mean + scale (x + σ n).
          sigma: `[batch]`, in standard deviations of the data.
          condition: `[batch, ...]`, as `Condition` makes it; default: any.
        """
        standard = (y - self.mean) / self.scale
        return self.mean + self.scale * self.denoise(standard, sigma, condition)

    def filter(self, y, sigma):
        """W_σ y of standardised fields."""
        bins = wiener.bins(tuple(y.shape[1:3]), self.shape)
        return wiener.denoise(y, sigma, self.powers, self.bases, bins)

    def filter_error(self, sigma, shape):
        """The mean square error of W_σ on grids of that shape, `[batch]`."""
        shares = wiener.shares(tuple(shape), self.shape).astype(np.float32)
        return wiener.mean_square_error(sigma, self.powers, shares)
