"""Patterns by simulation: a few targets, or data sets of thousands.

`make` and `summary` are of targets (`rdtf.storage.Targets`); the rest is of data sets.
"""

from rdtf import lazy
from rdtf.patterns.ensembles import MOVING, Plan
from rdtf.patterns.generation import generate, shard_path
from rdtf.patterns.loading import DataSet, move, pipeline, read, read_labels
from rdtf.patterns.targets import Settings, make, summary

__all__ = [
    "MOVING",
    "DataSet",
    "Plan",
    "Settings",
    "generate",
    "make",
    "move",
    "pipeline",
    "read",
    "read_labels",
    "shard_path",
    "summary",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
