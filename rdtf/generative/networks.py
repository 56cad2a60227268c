"""What all networks that denoise patterns have in common."""

import keras
import numpy as np
import tensorflow as tf

from rdtf.generative import wiener
from rdtf.generative.conditions import Condition
from rdtf.status import InputError


def load(path, kinds: type | tuple[type, ...], name: str, app: str):
    """A network of some kind from its .keras file.

    Args:
      kinds: what it has to be, one of them.
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
    if not isinstance(found, kinds):
        raise InputError(f"Expected a {name} in {path}, got a {type(found).__name__}.")
    return found


class Network(keras.Model):
    """Mean, scale and spectrum of the data, its Wiener filter, and D in its units.

    A subclass has `denoise(y, sigma, condition)` of standardised fields.

    Args:
      shape: (y, x) of the training data.
      species: channels.
      names: of the species.
      condition: what it is told, if anything; see `rdtf.generative.conditions`.
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
        told = None if self.condition is None else self.condition.get_config()
        return super().get_config() | own | {"condition": told}

    @classmethod
    def from_config(cls, config):
        """Makes it again."""
        told = config.pop("condition", None)
        return cls(**config, condition=told and Condition(**told))

    def get_build_config(self):
        """What Keras asks for; shapes follow from the arguments."""
        return {"shape": list(self.shape)}

    def build_from_config(self, config):
        """Makes all weights, by a call."""
        del config
        y = tf.zeros([1, *self.shape, self.species])
        told = None if self.condition is None else self.condition.any(1)
        self(y, tf.ones([1]), told)

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
          y: `[batch, y, x, species]`, standardised data plus σ times white noise, back in
            units of the data: mean + scale (x + σ n).
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
