"""Pictures cropped from larger steady patterns: what lies beyond the edge is unknown."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {"fit": "fits"})
