"""Gradients beyond `Simulation.advance`: of steady states, and their certificates.

`Simulation.advance` carries the gradients of its steps; this room has those of a steady
state (`steady_state`, implicit function theorem) and the checks that a gradient is
right and useful (`certificate`).
"""

from rdtf import lazy
from rdtf.gradients.certification import Certificate, certificate
from rdtf.gradients.steady_states import SteadyState, implicit, steady_state

__all__ = ["Certificate", "SteadyState", "certificate", "implicit", "steady_state"]

__getattr__, __dir__ = lazy.attributes(__name__, {})
