"""Gradients beyond the window: steady states, certificates of what was computed.

`Simulation.advance` carries the gradients of windows; this room has those of a steady
state (`steady_state`, implicit function theorem) and the checks that a gradient is
right and useful (`certificate`).
"""

from rdtf.gradients.certificate import Certificate, certificate
from rdtf.gradients.implicit import SteadyState, implicit, steady_state

__all__ = ["Certificate", "SteadyState", "certificate", "implicit", "steady_state"]
