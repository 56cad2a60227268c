"""How a fit travels: regimes, bifurcations, loss and slope along a path of parameters."""

from rdtf import lazy
from rdtf.analysis.traversal.paths import (
    REGIME,
    Crossing,
    Trace,
    crossings,
    distances,
    regimes_of,
    trace,
)
from rdtf.analysis.traversal.points import Point, every_nth, point_of, read, thin

__all__ = [
    "REGIME",
    "Crossing",
    "Point",
    "Trace",
    "crossings",
    "distances",
    "every_nth",
    "point_of",
    "read",
    "regimes_of",
    "thin",
    "trace",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
