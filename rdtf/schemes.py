"""Time-stepping schemes: each a step factory with its order and stability bound.

A scheme advances  ds/dt = D ∇²s + R(s, params)  by one `time_step`. Its diffusive
stability bound is  time_step * max(D) * |largest eigenvalue of ∇²| <= real_stability,
where `real_stability` is how far its stability region reaches along the negative real
axis (Hairer & Wanner 1996, section IV.2). For Euler in 2-D it reads D dt / h² <= 1/4.
"""

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError
from rdtf.types import Params, State, StepFn


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A one-step scheme.

    Args:
      name: the name used by flags and files.
      order: of accuracy in the time step.
      stages: evaluations of the right-hand side per step.
      real_stability: reach of the stability region along the negative real axis.
      advance: `advance(rate, state, time_step) -> state`.
    """

    name: str
    order: int
    stages: int
    real_stability: float
    advance: Callable

    def make_step(
        self, model: ReactionDiffusion, operator: Callable, time_step: float
    ) -> StepFn:
        """Builds `step(carry, params, step_index) -> carry`."""

        def step(carry, params, step_index):
            del step_index  # deterministic: only noise needs it
            return self.advance(
                lambda state: rate(model, operator, state, params), carry, time_step
            )

        return step

    def largest_time_step(self, grid: Grid, diffusivity: float) -> float:
        """The largest stable time step of pure diffusion."""
        if diffusivity <= 0.0:
            return math.inf
        return self.real_stability / (diffusivity * grid.laplacian_bound)


def rate(
    model: ReactionDiffusion, operator: Callable, state: State, params: Params
) -> tuple[State, State]:
    """The state as read by the operator, and its time derivative, species by species."""
    zero = tf.zeros([1] * state[0].shape.rank, state[0].dtype)
    coefficients = [
        params[model.diffusivity[name]] if name in model.diffusivity else zero
        for name in model.species
    ]
    values, diffusion = operator(state, coefficients)
    reaction = model.reaction(values, params)
    return values, tuple(d + r for d, r in zip(diffusion, reaction, strict=True))


def _add(state, factor, derivatives):
    return tuple(s + factor * d for s, d in zip(state, derivatives, strict=True))


def _forward_euler(rate, state, time_step):
    state, derivatives = rate(state)
    return _add(state, time_step, derivatives)


def _rk4(rate, state, time_step):
    state, k1 = rate(state)
    _, k2 = rate(_add(state, 0.5 * time_step, k1))
    _, k3 = rate(_add(state, 0.5 * time_step, k2))
    _, k4 = rate(_add(state, time_step, k3))
    total = tuple(
        a + 2.0 * (b + c) + d for a, b, c, d in zip(k1, k2, k3, k4, strict=True)
    )
    return _add(state, time_step / 6.0, total)


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("forward_euler", 1, 1, 2.0, _forward_euler),
        Scheme("rk4", 4, 4, 2.785293563405282, _rk4),
    )
}


def get(name: str) -> Scheme:
    """The scheme of that name; raises InputError if there is none."""
    if name not in SCHEMES:
        raise InputError(f"Expected a scheme among {', '.join(SCHEMES)}, got {name!r}.")
    return SCHEMES[name]


def suggest_time_step(scheme: Scheme, grid: Grid, diffusivity: float) -> float:
    """The largest of 1, 2, 5 times a power of ten within 80 % of the stability bound."""
    bound = 0.8 * scheme.largest_time_step(grid, diffusivity)
    if math.isinf(bound):
        return 1.0
    power = 10.0 ** math.floor(math.log10(bound))
    # log10 rounds: a bound just below a power of ten may look like that power.
    return max(m * power for m in (0.5, 1.0, 2.0, 5.0) if m * power <= bound)
