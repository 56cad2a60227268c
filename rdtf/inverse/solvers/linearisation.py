"""What least squares needs to know of a misfit at some parameters."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Linearisation:
    """A sum of squares and its first and approximate second derivatives.

    Attributes:
      cost: half the sum of squares.
      gradient: J^T r, `[P]`, by parameter.
      curvature: J^T J, `[P, P]`.
      solver_residual: of the elliptic solves; far above 1e-9 the rest is not to be
        trusted.
    """

    cost: float
    gradient: np.ndarray
    curvature: np.ndarray
    solver_residual: float = 0.0


def of_columns(residual: np.ndarray, columns: np.ndarray, solver_residual: float = 0.0):
    """The linearisation of a residual `[...]` and its Jacobian's columns `[P, ...]`."""
    flat = residual.ravel()
    jacobian = columns.reshape(len(columns), -1)
    return Linearisation(
        0.5 * float(flat @ flat),
        jacobian @ flat,
        jacobian @ jacobian.T,
        solver_residual,
    )
