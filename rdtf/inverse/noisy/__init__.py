"""Noisy, blurred or partly hidden pictures: the field is an unknown too."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
