"""What the equations say before anything runs: states, growth rates, bifurcations.

Their public names are in `rdtf.analysis`. Nothing here needs TensorFlow.
"""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(__name__, {})
