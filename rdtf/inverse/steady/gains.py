"""Where to start if a picture's grey levels are concentrations but for gain and offset.

A still fixes neither on its own (`rdtf.inverse.structure.scalings`), but a fit has to start with
a gain at which the parameters can have their signs: ranges of the model's own patterns.
"""

from collections.abc import Mapping

import numpy as np

from rdtf.inverse.observation import typical_ranges
from rdtf.inverse.steady.stills import ResidualFit, Stills, fit_residual


def starts(stills: Stills, start: Mapping[str, float]) -> list[dict[str, float]]:
    """Gains and offsets that give the levels the range of the model's patterns."""
    lows, highs = typical_ranges.ranges(stills.model, stills.observe).T
    spans = highs - lows
    bottom, top = stills.smooth.min(), stills.smooth.max()
    found = []
    for span in np.geomspace(0.8 * spans.min(), 1.2 * spans.max(), 4):
        for low in sorted({lows.min(), lows.max()}):
            gain = span / (top - bottom)
            found.append({**start, "gain": gain, "offset": low - gain * bottom})
    return found


def scan(stills: Stills, laplacian: str, start: Mapping[str, float]) -> ResidualFit:
    """A few steps from every start, then the best two to their end."""
    short = [
        fit_residual(stills, laplacian, begin, "integral", max_iterations=8)
        for begin in starts(stills, start)
    ]
    ranked = sorted(short, key=lambda fit: np.nan_to_num(fit.relative, nan=np.inf))
    ends = [fit_residual(stills, laplacian, fit.params) for fit in ranked[:2]]
    return min(ends, key=lambda fit: fit.relative)
