"""Least squares and linear systems that the fits share."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
