"""rdtf: a differentiable reaction-diffusion laboratory in TensorFlow.

    model -> grid -> operators -> step -> trajectory -> loss -> gradient -> inverse

The names below are loaded when they are first used, so `import rdtf` is light and code
that needs no solver (checking flags, reading files) never waits for TensorFlow.
"""

from rdtf import lazy

__version__ = "0.1.0"

_NAMES = {
    "Grid": "grids",
    "Simulation": "simulation",
    "ReactionDiffusion": "models",
    "Parameter": "models",
    "Status": "status",
    "InputError": "status",
    "StabilityError": "status",
    "steady_state": "gradients",
    "fit": "inverse.entry",
    "rank_models": "inverse.ranking",
}


__getattr__, __dir__ = lazy.attributes(__name__, _NAMES)
