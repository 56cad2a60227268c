"""The work that every contestant does: forward Euler, 5-point, periodic, h = 1.

Gray-Scott, with dt = 1, unless a case names another model (`rdtf.models` has the
equations):

    u' = Du ∇²u - u v² + F (1 - u),    v' = Dv ∇²v + u v² - (F + k) v

This file is read by the workers too, so it needs NumPy only.
"""

import dataclasses

import numpy as np

PARAMS = {
    "gray_scott": {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065},
    "fitzhugh_nagumo": {
        "Du": 1.0,
        "Dv": 5.0,
        "epsilon": 1.0,
        "gamma": 1.0,
        "kappa": -0.005,
    },
    "brusselator": {"Du": 2.0, "Dv": 16.0, "A": 4.5, "B": 7.5},
    "schnakenberg": {"Du": 1.0, "Dv": 10.0, "a": 0.1, "b": 0.9},
    "gierer_meinhardt": {"Da": 0.5, "Dh": 10.0, "rho0": 0.1, "mu": 1.0, "nu": 1.2},
}
TIME_STEP = {
    "gray_scott": 1.0,
    "fitzhugh_nagumo": 0.02,
    "brusselator": 0.01,
    "schnakenberg": 0.02,
    "gierer_meinhardt": 0.02,
}
_UNIFORM = {
    "fitzhugh_nagumo": (-0.170998, -0.170998),
    "brusselator": (4.5, 7.5 / 4.5),
    "schnakenberg": (1.0, 0.9),
    "gierer_meinhardt": (1.3, 1.3**2 / 1.2),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """`num_steps` steps of `batch` samples of `side` x `side` cells.

    Attributes:
      gradient: also the gradient of the mean square of the last species with respect
        to all parameters.
      calls: how many calls one timing averages over.
      model: the name of the equations.
      scale: factor of the last species of the initial state.
    """

    batch: int
    side: int
    num_steps: int
    gradient: bool = False
    calls: int = 1
    model: str = "gray_scott"
    scale: float = 1.0

    @property
    def cell_steps(self) -> int:
        return self.batch * self.side**2 * self.num_steps

    @property
    def params(self) -> dict[str, float]:
        return PARAMS[self.model]

    @property
    def time_step(self) -> float:
        return TIME_STEP[self.model]

    def __str__(self):
        model = "" if self.model == "gray_scott" else f"{self.model}, "
        scale = "" if self.scale == 1.0 else f", last species x {self.scale:g}"
        work = f"batch {self.batch}, {self.side}², {self.num_steps} steps"
        return model + work + scale


_OTHERS = [name for name in PARAMS if name != "gray_scott"]
FORWARD = (
    Case(1, 128, 4000),
    Case(16, 128, 500),
    Case(2, 512, 200),
    *(Case(16, 128, 200, model=name) for name in _OTHERS),
)
GRADIENT = (
    Case(1, 128, 100, gradient=True, calls=5),
    Case(16, 128, 50, gradient=True, calls=2),
    *(Case(16, 128, 50, gradient=True, calls=2, model=name) for name in _OTHERS),
)
LONG_GRADIENT = Case(8, 128, 10_000, gradient=True)
SHORT_GRADIENT = Case(8, 128, 100, gradient=True, calls=5)
ORDINARY = Case(1, 128, 2000, calls=5)
SUBNORMAL = Case(1, 128, 2000, calls=5, scale=1e-306)


def initial_state(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy fields `[batch, side, side]`, float64.

    Gray-Scott starts from a central square, the others from their uniform state.
    """
    rng = np.random.default_rng(0)
    shape = (case.batch, case.side, case.side)
    if case.model == "gray_scott":
        middle = slice(3 * case.side // 8, 5 * case.side // 8)
        noise, first, last = 0.01, np.ones(shape), np.zeros(shape)
        first[:, middle, middle], last[:, middle, middle] = 0.5, 0.25
    else:
        noise, values = 0.1, _UNIFORM[case.model]
        first, last = (np.full(shape, value) for value in values)
    first += noise * rng.random(shape)
    last += noise * rng.random(shape)
    return first, case.scale * last
