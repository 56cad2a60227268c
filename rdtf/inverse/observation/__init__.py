"""How a picture shows a pattern: camera, gain, noise."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
