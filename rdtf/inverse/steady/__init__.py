"""Steady pictures: the equation at rest, its residual, the fit of clean pictures."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
