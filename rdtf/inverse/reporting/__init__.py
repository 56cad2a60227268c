"""What a fit says while it runs and when it has ended."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
