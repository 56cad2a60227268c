"""Experiments on points of two or three dimensions instead of patterns."""

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
