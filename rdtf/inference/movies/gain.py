"""Where to look for an unknown gain and offset: field = gain · grey level + offset.

The misfit has valleys for wrong gains, but they are wide: starts a quarter apart do.
"""

import numpy as np

from rdtf import initial_conditions
from rdtf.simulation import Simulation
from rdtf.status import InputError

GAINS = (0.68, 0.86, 1.08, 1.35, 1.7)  # tried, as shares of the typical range


def pattern_range(simulation: Simulation, observe: str) -> tuple[float, float]:
    """Lowest and highest value of a species in a pattern of the default parameters.

    After 3000 steps on the simulation's grid, from the customary initial state.
    """
    model, params = simulation.model, simulation.model.defaults
    ratio = float(np.max(simulation.stability_ratio(params)))
    stable = Simulation(
        model, simulation.grid, simulation.time_step / max(1.0, ratio / 0.8)
    )
    state = initial_conditions.create(None, model, simulation.grid)
    field = stable.advance(state, params, 3000)[model.check_species(observe)].numpy()
    low, high = float(field.min()), float(field.max())
    if not (np.isfinite(field).all() and high - low > 1e-3 * max(abs(high), abs(low))):
        raise InputError(
            f"Expected a pattern at the default parameters of {model.name} to look up "
            f"the range of {observe}; there is none: give the typical range."
        )
    return low, high


def candidates(values: np.ndarray, typical_range: tuple[float, float]):
    """Gains and offsets that map grey levels to shares of the typical range."""
    low, high = typical_range
    for share in GAINS:
        gain = share * (high - low) / np.ptp(values)
        yield {"gain": gain, "offset": low - gain * float(values.min())}
