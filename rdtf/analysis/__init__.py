"""Looking at what a model does, and at what its equations say before it runs.

Before: uniform states, dispersion relations, bifurcation boundaries (no TensorFlow).
After: sweeps, losses of all pairs, loss landscapes. The names below are loaded when
they are first used, so that what needs no solver never waits for one.
"""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "Boundary": "stability.bifurcations",
        "Diagram": "stability.diagrams",
        "Dispersion": "stability.growth",
        "Frame": "sweeps",
        "Landscape": "landscape",
        "Mode": "stability.growth",
        "Slice": "slices",
        "Sweep": "sweeps",
        "UniformState": "stability.states",
        "boundaries": "stability.bifurcations",
        "curve": "stability.diagrams",
        "describe": "stability.states",
        "diagram": "stability.diagrams",
        "dispersion": "stability.growth",
        "dispersion_on_grid": "stability.growth",
        "largest_params": "slices",
        "measure": "landscape",
        "pair_losses": "pairs",
        "remarks": "stability.notes",
        "sample_features": "pairs",
        "select_state": "stability.states",
        "simulate_target": "landscape",
        "stack_params": "sweeps",
        "uniform_states": "stability.states",
        "write_pairs": "pairs",
    },
)
