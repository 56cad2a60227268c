"""Looking at what a model does, and at what its equations say before it runs.

Before: uniform states, dispersion relations, bifurcation boundaries (no TensorFlow).
After: sweeps, losses of all pairs, loss landscapes. The names below are loaded when they
are first used, so that what needs no solver never waits for one.
"""

import importlib

_NAMES = {
    "Boundary": "bifurcations",
    "Diagram": "diagrams",
    "Dispersion": "growth",
    "Frame": "sweeps",
    "Landscape": "landscape",
    "Mode": "growth",
    "Slice": "landscape",
    "UniformState": "stability",
    "boundaries": "bifurcations",
    "curve": "diagrams",
    "describe": "stability",
    "diagram": "diagrams",
    "dispersion": "growth",
    "dispersion_on_grid": "growth",
    "frames": "sweeps",
    "measure": "landscape",
    "pair_losses": "pairs",
    "remarks": "notes",
    "sample_features": "pairs",
    "select_state": "stability",
    "simulate_target": "landscape",
    "stack_params": "sweeps",
    "uniform_states": "stability",
}
_MODULES = ("animation", "landscape", "pairs", "row_log", "summary", "sweeps")


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"rdtf.analysis.{name}")
    if name in _NAMES:
        module = importlib.import_module(f"rdtf.analysis.{_NAMES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'rdtf.analysis' has no attribute {name!r}")


def __dir__():
    return sorted([*_MODULES, *_NAMES])
