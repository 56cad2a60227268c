"""Cell-fate patterns: a gene network of noisy cells, and how it learns to make them.

    tissue -> dynamics -> utility of its patterns -> gradient, or evolution ->
    evaluation

Raises:
  InputError: if Numba is not installed.
"""

import importlib.util

from rdtf import lazy
from rdtf.status import InputError

if importlib.util.find_spec("numba") is None:
    raise InputError(
        "Expected Numba, which steps the cells, found none: pip install 'rdtf[native]'."
    )

from rdtf.cells.dynamics import Dynamics
from rdtf.cells.evaluation import at_finer_step, evaluate
from rdtf.cells.networks import network, set_slope, tabulate
from rdtf.cells.runs import run
from rdtf.cells.tissue import Tissue
from rdtf.cells.training import Gradient, Settings

__all__ = [
    "Dynamics",
    "Gradient",
    "Settings",
    "Tissue",
    "at_finer_step",
    "evaluate",
    "network",
    "run",
    "set_slope",
    "tabulate",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
