"""Pictures cropped from larger steady patterns; beyond the edge all is unknown."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {"fit": "fits"})
