"""The work that every contestant does: Gray-Scott, forward Euler, 5-point, periodic.

    u' = Du ∇²u - u v² + F (1 - u),    v' = Dv ∇²v + u v² - (F + k) v,    dt = h = 1

This file is read by the workers too, so it needs NumPy only.
"""

import dataclasses

import numpy as np

PARAMS = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}


@dataclasses.dataclass(frozen=True)
class Case:
    """`num_steps` steps of `batch` samples of `side` x `side` cells.

    Attributes:
      gradient: also the gradient of mean(v²) with respect to the four parameters.
      calls: how many calls one timing averages over.
    """

    batch: int
    side: int
    num_steps: int
    gradient: bool = False
    calls: int = 1

    @property
    def cell_steps(self) -> int:
        return self.batch * self.side**2 * self.num_steps

    def __str__(self):
        return f"batch {self.batch}, {self.side}², {self.num_steps} steps"


FORWARD = (Case(1, 128, 4000), Case(16, 128, 500), Case(2, 512, 200))
GRADIENT = (
    Case(1, 128, 100, gradient=True, calls=5),
    Case(16, 128, 50, gradient=True, calls=2),
)
LONG_GRADIENT = Case(8, 128, 4000, gradient=True)


def initial_state(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """A noisy central square in every sample; `[batch, side, side]`, float64."""
    rng = np.random.default_rng(0)
    shape = (case.batch, case.side, case.side)
    middle = slice(3 * case.side // 8, 5 * case.side // 8)
    u, v = np.ones(shape), np.zeros(shape)
    u[:, middle, middle], v[:, middle, middle] = 0.5, 0.25
    return u + 0.01 * rng.random(shape), v + 0.01 * rng.random(shape)
