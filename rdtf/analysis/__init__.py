"""Looking at what a model does: sweeps, losses of all pairs, loss landscapes."""

from rdtf.analysis import animation
from rdtf.analysis.landscape import Landscape, Slice, measure, simulate_target
from rdtf.analysis.pairs import pair_losses, sample_features
from rdtf.analysis.sweeps import Frame, frames, stack_params

__all__ = [
    "Frame",
    "Landscape",
    "Slice",
    "animation",
    "frames",
    "measure",
    "pair_losses",
    "sample_features",
    "simulate_target",
    "stack_params",
]
