"""Where to look for an unknown gain and offset: field = gain · grey level + offset.

The misfit has valleys for wrong gains, but they are wide: starts a quarter apart do.
"""

import numpy as np

GAINS = (0.68, 0.86, 1.08, 1.35, 1.7)  # tried, as shares of the typical range


def candidates(values: np.ndarray, typical_range: tuple[float, float]):
    """Gains and offsets that map grey levels to shares of the typical range."""
    low, high = typical_range
    for share in GAINS:
        gain = share * (high - low) / np.ptp(values)
        yield {"gain": gain, "offset": low - gain * float(values.min())}
