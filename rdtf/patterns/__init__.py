"""Pattern data sets: making and describing them."""

from rdtf.patterns.targets import describe, make, summary

__all__ = ["describe", "make", "summary"]
