"""What least squares needs to know of a residual at some parameters."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np


@dataclasses.dataclass(frozen=True)
class Linearisation:
    """A sum of squares and its first and approximate second derivatives.

    Attributes:
      cost: half the sum of squares; infinite where it cannot be evaluated.
      gradient: J^T r, `[P]`, by parameter.
      curvature: J^T J, `[P, P]`.
    """

    cost: float
    gradient: np.ndarray
    curvature: np.ndarray


class Residual(Protocol):
    """A residual r(p) that least squares can minimise.

    Attributes:
      names: of the parameters, in the order of the derivatives, which is that of
        `levenberg_marquardt.Coordinates`.
    """

    names: Sequence[str]

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """Cost and derivatives at all parameters by name; it does not raise."""


def of_columns(residual: np.ndarray, columns: np.ndarray) -> Linearisation:
    """The linearisation of a residual `[...]` and its Jacobian's columns `[P, ...]`."""
    flat = residual.ravel()
    jacobian = columns.reshape(len(columns), -1)
    return Linearisation(
        0.5 * float(flat @ flat), jacobian @ flat, jacobian @ jacobian.T
    )


def impossible(count: int) -> Linearisation:
    """Of infinite cost, where a residual of `count` parameters is not finite."""
    return Linearisation(np.inf, np.zeros(count), np.zeros((count, count)))
