"""How a fit travels: regimes, bifurcations, loss and slope along its path."""

from rdtf import lazy
from rdtf.analysis.traversal.paths import (
    REGIME,
    Crossing,
    Runs,
    Trace,
    crossings,
    distances,
    trace,
)
from rdtf.analysis.traversal.points import Point, every_nth, point_of, read, thin

__all__ = [
    "REGIME",
    "Crossing",
    "Point",
    "Runs",
    "Trace",
    "crossings",
    "distances",
    "every_nth",
    "point_of",
    "read",
    "thin",
    "trace",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
