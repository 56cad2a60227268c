"""The velocity fields v(s) of patterns on a torus, and how to load one.

    LocalVelocity          D ∇²s + R(s), R a network: `local_velocity`
    LibraryVelocity        Σ c f(s) of given terms: `library_velocity`
    UNetVelocity           any field, by a U-Net: `network_velocities`
    SkewVelocity           keeps the distribution of a score: `network_velocities`
    EquilibriumVelocity    the published equilibrium flow: `isotropic`

What each owes is `rdtf.dynamics.velocity.Velocity`.
"""

from rdtf.dynamics.isotropic import EquilibriumVelocity
from rdtf.dynamics.library_velocity import LibraryVelocity
from rdtf.dynamics.local_velocity import LocalVelocity
from rdtf.dynamics.network_velocities import SkewVelocity, UNetVelocity
from rdtf.dynamics.velocity import KerasVelocity
from rdtf.generative import networks
from rdtf.generative.denoiser import Denoiser

# Those of `rdtf.names.VELOCITIES`, and the equilibrium flow.
VELOCITIES = {
    "local": LocalVelocity,
    "library": LibraryVelocity,
    "unet": UNetVelocity,
    "skew": SkewVelocity,
    "equilibrium": EquilibriumVelocity,
}

# The networks that a file of a velocity may hold: a SkewVelocity has a score.
SCORES = (Denoiser,)


def load(path) -> KerasVelocity:
    """A velocity from its .keras file: one of `VELOCITIES`, or a registered subclass.

    Raises:
      InputError: if the file is missing, or holds something else.
    """
    return networks.load(path, KerasVelocity, "velocity", "train_flow")
