"""Dynamics from snapshots: equations and velocities behind patterns."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Equilibrium": "equilibrium",
        "Library": "libraries",
        "LibraryVelocity": "library_velocity",
        "LocalVelocity": "local_velocity",
        "SkewVelocity": "network_velocities",
        "UNetVelocity": "network_velocities",
        "Velocity": "velocity",
        "identify": "snapshots",
        "load": "velocities",
        "parse": "libraries",
        "rollout": "rollouts",
        "train": "flows",
    },
)
