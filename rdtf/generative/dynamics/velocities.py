"""Velocity fields v(s) of patterns on a torus, as Keras models of `[batch, y, x, species]`.

    LocalVelocity          D ∇²s + R(s), R a network: `local_velocity`
    LibraryVelocity        Σ c f(s) of given terms: `library_velocity`
    UNetVelocity           any field; SkewVelocity: `network_velocities`
    EquilibriumVelocity    the published one: `isotropic`

What they share is `rdtf.generative.dynamics.velocity`.
"""

from rdtf.generative import networks
from rdtf.generative.dynamics.isotropic import EquilibriumVelocity
from rdtf.generative.dynamics.library_velocity import LibraryVelocity
from rdtf.generative.dynamics.local_velocity import LocalVelocity
from rdtf.generative.dynamics.network_velocities import SkewVelocity, UNetVelocity
from rdtf.generative.dynamics.velocity import Velocity

VELOCITIES = (
    LocalVelocity,
    LibraryVelocity,
    UNetVelocity,
    SkewVelocity,
    EquilibriumVelocity,
)


def load(path) -> Velocity:
    """One of `VELOCITIES` from its .keras file; see `networks.load`."""
    return networks.load(path, VELOCITIES, "velocity", "train_flow")
