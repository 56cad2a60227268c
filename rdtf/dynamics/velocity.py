"""What a velocity field v(s) of patterns owes, and what those of Keras share.

A state is `[batch, y, x, species]` on a torus of unit cells; v(s) = ∂s/∂t has its
shape. Networks compute in float32; simulations in float64, with `float64` as the one
cast between the two.
"""

from collections.abc import Sequence
from typing import Protocol

import keras
import numpy as np

from rdtf.generative import divergence
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

_FASTEST = 2.0


class Velocity(Protocol):
    """What rollouts, comparisons and residuals ask of a velocity.

    Attributes:
      mean, scale: mean and standard deviation of each species over the data.
      names: of the species, in the order of the last axis; None: not known.
    """

    mean: Sequence[float]
    scale: Sequence[float]
    names: Sequence[str] | None

    def __call__(self, x):
        """∂s/∂t at states `[batch, y, x, species]` in units of the data, float32."""

    @property
    def fastest(self) -> float:
        """A bound on the rates at which v damps, in 1 / time: sets stable steps."""

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`."""

    def model(self) -> ReactionDiffusion:
        """The equations, if v is D ∇²s + R(s) or has terms; else InputError."""


class KerasVelocity(keras.Model):
    """Units, names, configuration and defaults that all velocities of Keras share.

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
        """The arguments of the constructor, for Keras."""
        names = ("mean", "scale", "names")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def standard(self, x):
        """(x - mean) / scale, in float32."""
        return (x - np.float32(self.mean)) / np.float32(self.scale)

    def standardise(self, samples: np.ndarray) -> np.ndarray:
        """(x - mean) / scale, in float64."""
        return (np.float64(samples) - self.mean) / self.scale

    def divergence(self, x):
        """∇·v, summed over all cells, `[batch]`: exact; of local velocities only."""
        return divergence.exact(self, x, self.radius)

    @property
    def fastest(self) -> float:
        """Where no bound is known: 2, which makes steps of one unit of time."""
        return _FASTEST

    def model(self) -> ReactionDiffusion:
        """The equations, for `rdtf.Simulation`; of velocities that have any.

        Raises:
          InputError: if this one has none.
        """
        raise InputError(
            "Expected a velocity of the form D ∇²s + R(s), a LocalVelocity or a "
            f"LibraryVelocity, got a {type(self).__name__}: use rdtf.dynamics.rollout."
        )


def float64(weight) -> np.ndarray:
    """A weight of a network (float32) as numbers for the solver (float64)."""
    return np.float64(weight)
