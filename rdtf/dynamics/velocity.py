"""What all velocity fields v(s) of patterns share; see `rdtf.dynamics.velocities`."""

import keras
import numpy as np

from rdtf.generative import divergence


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

    def standardise(self, samples: np.ndarray) -> np.ndarray:
        """The same in float64."""
        return (np.float64(samples) - self.mean) / self.scale

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`: exact; of local velocities only."""
        return divergence.exact(self, x, self.radius)

    @property
    def fastest(self) -> float:
        """A bound on the rates at which v damps, 1 / time, for stable steps."""
        raise NotImplementedError
