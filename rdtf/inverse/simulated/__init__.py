"""Fits by simulation: windows of time steps, and checks of a result."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
