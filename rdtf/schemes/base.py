"""What a scheme is, and the explicit ones: forward Euler and Runge-Kutta."""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import laplacians
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
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
        """Builds `step(carry, params, step_index) -> carry`.

        `operator` comes from `finite_differences.diffusion_operator`.
        """

        def step(carry, params, step_index):
            del step_index  # deterministic: only noise needs it
            return self.advance(
                lambda state: rate(model, operator, state, params), carry, time_step
            )

        return step

    def largest_time_step(
        self, grid: Grid, diffusivity: float, laplacian: str = "second_order"
    ) -> float:
        """The largest stable time step of pure diffusion."""
        if diffusivity <= 0.0 or math.isinf(self.real_stability):
            return math.inf
        return self.real_stability / (diffusivity * spectral_radius(grid, laplacian))


@functools.cache
def spectral_radius(grid: Grid, laplacian: str = "second_order") -> float:
    """Largest |eigenvalue| of a Laplacian, 1 / length².

    For second_order that of an even number of cells, Σ 4 / h², whatever the grid.
    """
    if laplacian == "second_order":
        return grid.laplacian_bound
    return float(np.abs(laplacians.symbol(grid, laplacian)).max())


def prepare(step: StepFn, params: Params) -> Params:
    """The parameters, and what a step computes from them alone: once for many steps.

    Every step takes either; it is faster with this.
    """
    return step.prepare(params) if hasattr(step, "prepare") else dict(params)


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


FORWARD_EULER = Scheme("forward_euler", 1, 1, 2.0, _forward_euler)
RK4 = Scheme("rk4", 4, 4, 2.785293563405282, _rk4)
