"""Discrete operators on a grid: Laplacians, their eigenvalues, waves and modes."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
