"""Pattern data sets: making and describing them."""

from rdtf.patterns.targets import make, summary

__all__ = ["make", "summary"]
