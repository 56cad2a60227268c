"""Velocities that keep the law of points in two or three dimensions: small experiments."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Experiment": "experiments",
        "Points": "data",
        "Polynomials": "polynomials",
        "make": "data",
        "run": "experiments",
    },
)
