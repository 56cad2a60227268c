"""The largest Lyapunov exponent of a pattern's dynamics, by tangents.

A perturbation w of a trajectory s obeys the linearised equations

    ∂s_i/∂t = R_i(s) + D_i ∇²s_i,      ∂w_i/∂t = Σ_j ∂R_i/∂s_j w_j + D_i ∇²w_i

and the largest exponent is its mean rate of growth, λ = lim ln(|w(t)| / |w(0)|) / t, in
1 / time. `tangent_model` writes both lines as one reaction-diffusion system of twice
the species, from the model's own equations by SymPy, so that every engine and scheme
carries exact tangents; w is brought back to length 1 again and again: Benettin,
Galgani, Giorgilli & Strelcyn 1980, doi:10.1007/BF02128236.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.analysis.regimes.options import fewest_steps
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.types import Params, State

_BLOCKS = 8  # of the measured time, for the standard error
_SMOOTH = {"exp", "log", "sqrt", "sin", "cos", "tanh", "power_derivative"}
_ALIGNING = 0.25  # share of the run in which w turns into the fastest direction


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exponent:
    """The largest Lyapunov exponent of each sample.

    Attributes:
      value: λ, `[B]`, in 1 / time; NaN if the run left the finite numbers.
      error: standard error of the mean over 8 blocks of the measured time, `[B]`; on
        the large side, as the length of w fluctuates between them.
      halves: λ of the first and the second half of the measured time, `[B, 2]`.
      duration: the measured time: that of the run less the first quarter, in which w
        aligns.
      state: the species at the end, `[B, *grid]` each.
    """

    value: np.ndarray
    error: np.ndarray
    halves: np.ndarray
    duration: float
    state: State

    def per_sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(value, error, halves), each of which yields one item per sample."""
        return self.value, self.error, self.halves


@functools.lru_cache(maxsize=16)
def tangent_model(model: ReactionDiffusion) -> ReactionDiffusion:
    """The system of a model's species and, after them, a perturbation of each.

    Raises:
      InputError: if the derivatives hold functions that `rdtf.math` does not.
    """
    names = tuple(f"tangent_{name}" for name in model.species)
    diffusivity = dict(model.diffusivity)
    for name, tangent in zip(model.species, names, strict=True):
        if name in model.diffusivity:
            diffusivity[tangent] = model.diffusivity[name]
    return dataclasses.replace(
        model,
        name=f"{model.name}_tangent",
        species=model.species + names,
        reaction=_with_tangents(model, model.reaction, "R"),
        diffusivity=diffusivity,
        presets={},
        laplacian_terms=_with_tangents(model, model.laplacian_terms, "Q"),
        bilaplacian_terms=_with_tangents(model, model.bilaplacian_terms, "P"),
    )


def tangent_simulation(simulation: Simulation) -> Simulation:
    """A simulation of `tangent_model` by the same steps; kept for the next call.

    Raises:
      InputError: if a side of the grid holds a value or a slope other than zero, which
        would be wrong for the tangents.
    """
    sides = [side for axis in simulation.grid.sides if axis for side in axis]
    if any(value for side in sides for value in side.values):
        raise InputError(
            "Expected sides that are periodic or zero for tangents, got "
            f"{simulation.grid.boundary}: shift the species so that they are."
        )
    return _tangent_simulation(simulation)


def largest_exponent(
    simulation: Simulation,
    params: Params,
    state: State,
    num_steps: int,
    every: int = 50,
    seed: int = 0,
    callback: Callable[[int], None] | None = None,
) -> Exponent:
    """λ of each sample, from `num_steps` steps that start at `state`.

    Start on the attractor: growth on the way to it counts as growth.

    Args:
      simulation: what runs; the tangents are those of its steps, exactly.
      params: name -> scalar or `[B]`.
      state: `[B, *grid]` per species, or a batch of 1.
      num_steps: at least 64 * `every`; rounded down to whole periods of `every`.
      every: steps between two renormalisations.
      seed: of the first perturbation, white noise, the same for every sample.
      callback: called as callback(steps so far).

    Raises:
      InputError: if there are too few steps for a standard error.
    """
    segments = num_steps // every
    if num_steps < fewest_steps(every):
        raise InputError(
            f"Expected at least {fewest_steps(every)} steps for a Lyapunov exponent, "
            f"got {num_steps}: take more steps, or renormalise after fewer."
        )
    system = tangent_simulation(simulation)
    count = len(simulation.model.species)
    noise = np.random.default_rng(seed).standard_normal((count, *simulation.grid.shape))
    carry = (*state, *(tf.ones_like(state[0]) * field for field in noise))
    carry, _ = _renormalise(carry, count)
    growths = []
    for segment in range(segments):
        first = segment * every
        carry, growth = _renormalise(system.advance(carry, params, every, first), count)
        growths.append(growth)
        if callback is not None:
            callback(first + every)
    start = int(_ALIGNING * segments)
    rates = np.stack(growths[start:], axis=1) / (every * simulation.time_step)
    duration = rates.shape[1] * every * simulation.time_step
    return _statistics(rates, duration, carry[:count])


def _statistics(rates, duration, state):
    """An `Exponent` from the growth rates of the segments, `[B, segments]`."""

    def means(parts):
        pieces = np.array_split(rates, parts, axis=1)
        return np.stack([piece.mean(axis=1) for piece in pieces], axis=1)

    error = means(_BLOCKS).std(axis=1, ddof=1) / np.sqrt(_BLOCKS)
    return Exponent(
        value=rates.mean(axis=1),
        error=error,
        halves=means(2),
        duration=duration,
        state=state,
    )


def _renormalise(carry, count):
    """(carry with tangents of length 1, ln of the length they had, `[B]`)."""
    tangents = carry[count:]
    axes = list(range(1, tangents[0].shape.rank))
    square = tf.add_n([tf.reduce_sum(w * w, axes, keepdims=True) for w in tangents])
    length = tf.sqrt(square)
    growth = np.log(length.numpy()).reshape(-1)
    return (*carry[:count], *(w / length for w in tangents)), growth


@functools.lru_cache(maxsize=4)
def _tangent_simulation(simulation):
    return Simulation(
        tangent_model(simulation.model),
        simulation.grid,
        simulation.time_step,
        simulation.scheme.name,
        engine=simulation.engine,
        laplacian=simulation.laplacian,
    )


def _with_tangents(model, terms, name):
    """`terms(state, params)` of a model, then its derivative along the tangents."""
    if terms is None:
        return None
    derivative = _derivative(model, name)

    def both(state, params):
        count = len(model.species)
        values = [params[name] for name in model.parameters]
        first = tuple(terms(state[:count], params))
        return (*first, *derivative(*state, *values))

    return both


def _derivative(model, name):
    """Σ_j ∂T_i/∂s_j w_j as a function of the species, the w and the parameters."""
    import sympy

    found = derivatives.of(model, axis=None)
    tangents = sympy.symbols(f"tangent_:{len(found.state)}", real=True)
    along = [
        sum(slope * w for slope, w in zip(row, tangents, strict=True))
        for row in found.by_state[name]
    ]
    used = {
        f.func.__name__ for e in along for f in sympy.sympify(e).atoms(sympy.Function)
    }
    if used - _SMOOTH:
        raise InputError(
            f"Expected smooth equations of {model.name}, got {', '.join(used)} in "
            "their derivatives: there are no tangents."
        )
    symbols = [*found.state, *tangents, *found.params.values()]
    return derivatives.compiled(symbols, along, "tensorflow")
