"""Whether states are valid: finite, and within the valid range of their model.

The engines check every step in their own programs, by the same rule.
"""

from collections.abc import Sequence

import numpy as np

from rdtf.models.base import ReactionDiffusion
from rdtf.status import Status


def invalid(model: ReactionDiffusion, state: Sequence) -> list[Status | None]:
    """Per sample, why its state is not valid, or None.

    `Status.NOT_FINITE` if a cell of any species is NaN or infinite, else
    `Status.LEFT_VALID_RANGE` if one lies outside `model.valid_range`, whose ends are
    valid.

    Args:
      state: one array or tensor per species, `[B, *grid]`.
    """
    finite = np.ones(len(state[0]), bool)
    within = finite.copy()
    for name, field in zip(model.species, state, strict=True):
        cells = np.asarray(field).reshape(len(finite), -1)
        lowest, highest = model.valid_range.get(name, (-np.inf, np.inf))
        finite &= np.isfinite(cells).all(axis=1)
        within &= ((cells >= lowest) & (cells <= highest)).all(axis=1)
    found = np.where(finite, Status.LEFT_VALID_RANGE, Status.NOT_FINITE)
    return [
        None if good else Status(int(status))
        for good, status in zip(finite & within, found, strict=True)
    ]
