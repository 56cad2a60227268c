"""Velocity fields v(s) of patterns on a torus, as Keras models of `[batch, y, x, species]`.

    LocalVelocity          D ∇²s + R(s), R a network: `local_velocity`
    LibraryVelocity        Σ c f(s) of given terms: `library_velocity`
    UNetVelocity           any field; SkewVelocity: `network_velocities`
    EquilibriumVelocity    the published one: `isotropic`

What they share is `rdtf.dynamics.velocity`.
"""

from rdtf.dynamics.isotropic import EquilibriumVelocity
from rdtf.dynamics.library_velocity import LibraryVelocity
from rdtf.dynamics.local_velocity import LocalVelocity
from rdtf.dynamics.network_velocities import SkewVelocity, UNetVelocity
from rdtf.dynamics.velocity import Velocity
from rdtf.generative import networks

# Those of `rdtf.names.VELOCITIES`, and the equilibrium flow.
VELOCITIES = {
    "local": LocalVelocity,
    "library": LibraryVelocity,
    "unet": UNetVelocity,
    "skew": SkewVelocity,
    "equilibrium": EquilibriumVelocity,
}


def load(path) -> Velocity:
    """One of `VELOCITIES`, or of a registered class of one's own, from its .keras file.

    See `networks.load`.
    """
    return networks.load(path, Velocity, "velocity", "train_flow")
