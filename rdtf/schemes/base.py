"""What a scheme is, and the right-hand side that explicit ones evaluate."""

import dataclasses
import functools
import math
from typing import Protocol

import numpy as np
import tensorflow as tf

from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.operators import laplacians, modes
from rdtf.operators.finite_differences import DiffusionOperator
from rdtf.types import Carry, Params, State, Step


class MakeStep(Protocol):
    """How a scheme builds its steps: a function, or the class of a step."""

    def __call__(
        self,
        scheme: "Scheme",
        model: ReactionDiffusion,
        operator: DiffusionOperator,
        time_step: float,
        varying: tuple[str, ...],
    ) -> Step:
        """Builds a step.

        Args:
          scheme: the scheme that asks for it.
          model, operator, time_step, varying: as of `Scheme.make_step`.

        Raises:
          InputError: if the scheme cannot take the model on that boundary, or with
            those parameters as fields.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scheme:
    """A time-stepping scheme of fixed steps.

    Args:
      name: the name used by flags and files.
      order: of accuracy in the time step.
      stages: evaluations of the reaction per step.
      real_stability: how far its stability region reaches along the negative real axis;
        infinite if it takes diffusion implicitly or exactly.
      make: builds a step.
    """

    name: str
    order: int
    stages: int
    real_stability: float
    make: MakeStep

    def make_step(
        self,
        model: ReactionDiffusion,
        operator: DiffusionOperator,
        time_step: float,
        varying: tuple[str, ...] = (),
    ) -> Step:
        """Builds a step.

        Args:
          model: the equations.
          operator: the Laplacian, from `finite_differences.diffusion_operator`.
          time_step: in the model's time unit.
          varying: names of the parameters that are fields.

        Raises:
          InputError: as of `MakeStep`.
        """
        return self.make(self, model, operator, time_step, varying)

    @property
    def is_explicit(self) -> bool:
        """Whether diffusion bounds the time step."""
        return math.isfinite(self.real_stability)

    def largest_time_step(
        self, grid: Grid, diffusivity: float, laplacian: str = "second_order"
    ) -> float:
        """The largest stable time step of pure diffusion."""
        if diffusivity <= 0.0 or not self.is_explicit:
            return math.inf
        return self.real_stability / (diffusivity * spectral_radius(grid, laplacian))


@functools.cache
def spectral_radius(grid: Grid, laplacian: str = "second_order") -> float:
    """Largest |eigenvalue| of a Laplacian, 1 / length².

    For second_order between periodic or no-flux sides that of an even number of cells,
    Σ 4 / h², whatever the grid.
    """
    if grid.reflects and laplacian == "second_order":
        return laplacians.bound(grid)
    return float(np.abs(modes.eigenvalues(grid, laplacian)).max())


def prepare(step: Step, params: Params) -> Params:
    """The parameters, and what a step computes from them alone: once for many steps.

    Every step takes either; it is faster with this.
    """
    return step.prepare(params) if hasattr(step, "prepare") else dict(params)


def begin(step: Step, state: State, params: Params) -> Carry:
    """What the first step takes: the state, and the memory of a multistep scheme."""
    return step.begin(state, params) if hasattr(step, "begin") else tuple(state)


def rate(
    model: ReactionDiffusion,
    operator: DiffusionOperator,
    state: State,
    params: Params,
    varying: tuple[str, ...] = (),
) -> tuple[State, State]:
    """The time derivative of a state.

    Args:
      model: the equations.
      operator: the Laplacian.
      state: fields `[B, *grid.shape]`, or rows `[B, cells]`.
      params: name -> tensor of the same rank.
      varying: names of the parameters that are fields.

    Returns:
      (the state as the operator read it, its time derivative), species by species.
    """
    plain = model.is_plain and not any(n in varying for n in model.diffusivities)
    if not plain:
        reaction = model.reaction(state, params)
        diffusion = _general_diffusion(model, operator, state, params, varying)
        return state, tuple(d + r for d, r in zip(diffusion, reaction, strict=True))
    zero = tf.zeros([1] * state[0].shape.rank, state[0].dtype)
    coefficients = [
        params[model.diffusivity[name]] if name in model.diffusivity else zero
        for name in model.species
    ]
    values, diffusion = operator(state, coefficients)
    reaction = model.reaction(values, params)
    return values, tuple(d + r for d, r in zip(diffusion, reaction, strict=True))


def check_transport(
    model: ReactionDiffusion, operator: DiffusionOperator, varying: tuple[str, ...]
) -> None:
    """Raises InputError where `rate` has no discretization for boundary and model."""
    moved = [n for n in model.diffusivities if n in varying]
    if not model.is_plain or moved:
        what = f"diffusivities that vary in space ({', '.join(moved)})"
        if not model.is_plain:
            what = f"the diffusion of {model.name}"
        operator.grid.check_reflects(what)
    for value in model.diffusivity.values():
        if not isinstance(value, str):
            model.check_axes(operator.grid.ndim)
            laplacians.combine(
                [0.0] * operator.grid.ndim, operator.grid, operator.kind, 0
            )


def _general_diffusion(model, operator, state, params, varying):
    """∇·(D ∇s) + ∇²(Q + ∇²P), one sum under the Laplacian where it can be."""

    def fields(terms):
        values = terms(state, params)
        return [tf.broadcast_to(q, s.shape) for q, s in zip(values, state, strict=True)]

    inner = [tf.zeros_like(s) for s in state]
    if model.laplacian_terms is not None:
        inner = fields(model.laplacian_terms)
    if model.bilaplacian_terms is not None:
        bent = operator.laplacian(tuple(fields(model.bilaplacian_terms)))
        inner = [q + b for q, b in zip(inner, bent, strict=True)]
    beside = [0.0] * len(state)
    for i, name in enumerate(model.species):
        value = model.diffusivity.get(name, ())
        by_axis = [(None, value)] if isinstance(value, str) else enumerate(value)
        for axis, key in by_axis:
            if axis is None and key not in varying:
                inner[i] += params[key] * state[i]
            else:
                moves = key in varying
                beside[i] += _own(operator, state[i], params[key], axis, moves)
    bent = operator.laplacian(tuple(inner))
    return [b + x for b, x in zip(beside, bent, strict=True)]


def _own(operator, field, diffusivity, axis, varies):
    """∇·(D ∇s), or its part along an axis.

    Where D varies it is (D ∇²s + ∇²(D s) - s ∇²D) / 2: with second_order these are
    fluxes between cells, D the mean of the two.
    """
    d = tf.broadcast_to(diffusivity, field.shape)
    if not varies:
        return d * operator.laplacian((field,), axis)[0]
    of_s, of_both, of_d = operator.laplacian((field, d * field, d), axis)
    return 0.5 * (d * of_s + of_both - field * of_d)
