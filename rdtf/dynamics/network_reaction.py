"""The equations of a local velocity: a reaction that is a network, in float64.

    ∂s/∂t = D ∇²s + scale R(e) + D (e - s),    e the nearest state in the range of data

with the weights that the network has when the model is made. TensorFlow differentiates
it exactly; there is no formula of it for SymPy, so that only engine xla can run it.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from rdtf.dynamics.velocity import float64
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class NetworkReaction:
    """R of a local velocity, as `ReactionDiffusion` calls it.

    Attributes:
      mean, scale: of the species, `[species]`.
      layers: (kernel, bias) of each layer; silu between them.
      low, high: the range of the standardised species, `[species]`; None: no range.
      diffusivities: names of the parameters D, which also pull states back into it.
    """

    mean: np.ndarray
    scale: np.ndarray
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    low: np.ndarray | None
    high: np.ndarray | None
    diffusivities: tuple[str, ...]

    def __call__(self, state, params):
        """R of each species, of the shape of the fields.

        Raises:
          InputError: if the fields are no tensors, as where SymPy asks for a formula.
        """
        if not all(tf.is_tensor(field) for field in state):
            raise InputError(
                "Expected tensors, got symbols or arrays: the reaction of a "
                "LocalVelocity is a network without a formula; simulate it with engine "
                "xla, or learn a LibraryVelocity for analysis."
            )
        standard = (tf.stack(state, -1) - self.mean) / self.scale
        inside = standard
        if self.low is not None:
            inside = tf.clip_by_value(standard, self.low, self.high)
        x = inside
        for i, (kernel, bias) in enumerate(self.layers):
            x = x * tf.sigmoid(x) if i else x
            x = tf.tensordot(x, kernel, 1) + bias
        rates = tf.unstack(self.scale * x, axis=-1)
        if self.low is None:
            return tuple(rates)
        pulls = tf.unstack(self.scale * (inside - standard), axis=-1)
        return tuple(
            rate + params[name] * pull
            for rate, pull, name in zip(rates, pulls, self.diffusivities, strict=True)
        )


def model(velocity) -> ReactionDiffusion:
    """The equations of a `LocalVelocity`, built; see `LocalVelocity.model`."""
    species = tuple(velocity.names or (f"s{i}" for i in range(len(velocity.mean))))
    names = tuple(f"D_{name}" for name in species)
    low, high = (
        None if edge is None else np.array(edge)
        for edge in (velocity.low, velocity.high)
    )
    reaction = NetworkReaction(
        mean=np.array(velocity.mean),
        scale=np.array(velocity.scale),
        layers=tuple(tuple(map(float64, pair)) for pair in velocity.layer_weights()),
        low=low,
        high=high,
        diffusivities=names,
    )
    parameters = {
        name: Parameter(float(value), lower=0.0, unit="cells²/time")
        for name, value in zip(names, float64(velocity.diffusivity), strict=True)
    }
    diffusivity = dict(zip(species, names, strict=True))
    return ReactionDiffusion(
        name="local_velocity",
        species=species,
        reaction=reaction,
        diffusivity=diffusivity,
        parameters=parameters,
    )
