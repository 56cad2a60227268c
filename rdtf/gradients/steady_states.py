"""Steady states that are differentiable in the parameters.

A steady state s(p) solves F(s, p) = D ∇²s + R(s, p) = 0. By the implicit function
theorem the gradient of a loss L(s) needs one linear solve and no time steps,

    Jᵀ λ = ∂L/∂s,    dL/dp = -λᵀ ∂F/∂p,    J = ∂F/∂s

(Griewank & Walther 2008, Evaluating Derivatives, chapter 15). A periodic pattern is
held in its place, see `rdtf.gradients.bordered`: of a loss that tells shifted
patterns apart, this is the gradient at that place.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rdtf.engines import arguments
from rdtf.gradients.bordered import BorderedSolver, shifts
from rdtf.gradients.linearization import Linearization
from rdtf.gradients.newton_krylov import newton
from rdtf.simulation import Simulation
from rdtf.status import InputError, Status
from rdtf.types import Params, State

_TOLERANCE = 1e-10
_ACCEPTED = 1e-8  # relative residual beyond which a gradient is NaN


@dataclasses.dataclass(frozen=True, kw_only=True)
class SteadyState:
    """The end of `steady_state`, per sample.

    Attributes:
      state: one float64 tensor `[B, *grid.shape]` per species, differentiable in the
        parameters; a sample that failed keeps its last good state.
      status: list of `Status`.
      residual: float64 `[B]`, max |F| over cells and species, in units of field / time.
      newton_steps: int32 `[B]`.
      num_steps: int32 `[B]`, time steps taken before.
    """

    state: State
    status: list[Status]
    residual: np.ndarray
    newton_steps: np.ndarray
    num_steps: np.ndarray


def steady_state(
    simulation: Simulation,
    state: State,
    params: Params,
    tolerance: float = 1e-10,
    run_tolerance: float = 1e-4,
    max_steps: int = 400_000,
) -> SteadyState:
    """Runs each sample until it is nearly steady, then polishes it by Newton.

    Newton only polishes: where it would have to go far, the sample is run on to a tenth
    of `run_tolerance`, and so on until `max_steps`. Slowly settling patterns, such as
    many spots in a large domain, need that.

    Args:
      simulation: model, grid and time stepping.
      state: where to start; a constant, it has no gradient.
      params: name -> scalar or `[B]`, as for `Simulation.advance`; the result is
        differentiable in them by a `tf.GradientTape` around this call. The gradient of
        a sample is NaN, with one RuntimeWarning, if it did not converge and its loss
        counts.
      tolerance: largest |F| of any cell, in units of field / time.
      run_tolerance: largest change per step at which Newton is tried.
      max_steps: time steps at most.

    Raises:
      InputError: on names, shapes or tolerances that do not fit, inside tf.function, or
        for a Laplacian other than second_order.
    """
    if not tf.executing_eagerly():
        raise InputError(
            "Expected steady_state to be called eagerly, got a call in a tf.function: "
            "take it out of the function."
        )
    if not 0.0 < tolerance < np.inf:
        raise InputError(f"Expected a positive tolerance, got {tolerance!r}.")
    _check_laplacian(simulation)
    model, grid = simulation.model, simulation.grid
    state, params = arguments.bind(model, grid, state, params)
    search = _Search(simulation, state, params, tolerance)
    search.run(run_tolerance, max_steps)
    return SteadyState(
        state=_differentiable(search, params),
        status=[Status(code) for code in search.status],
        residual=search.residual,
        newton_steps=search.newton_steps,
        num_steps=search.num_steps,
    )


class _Search:
    """Time steps and Newton in turn, on the samples that still need them."""

    def __init__(self, simulation, state, params, tolerance):
        self.simulation, self.tolerance = simulation, tolerance
        self.fields = _stack(state)
        batch = len(self.fields)
        self.params = _per_sample(params, batch)
        self.status = np.full(batch, int(Status.NOT_CONVERGED))
        self.residual = np.full(batch, np.inf)
        self.newton_steps = np.zeros(batch, np.int32)
        self.num_steps = np.zeros(batch, np.int32)
        self.solvers = [BorderedSolver() for _ in range(batch)]

    def run(self, run_tolerance, max_steps):
        """Fills in the attributes."""
        left = max_steps
        while True:
            samples = np.flatnonzero(self.status == Status.NOT_CONVERGED)
            ended = self._advance(samples, run_tolerance, left)
            for sample, status in zip(samples, ended, strict=True):
                self.status[sample] = status
                self._polish(sample, run_tolerance)
            left = max_steps - int(self.num_steps.max())
            run_tolerance *= 0.1
            if left <= 0 or not (self.status == Status.NOT_CONVERGED).any():
                return

    def _advance(self, samples, run_tolerance, max_steps):
        state = tuple(tf.constant(f) for f in np.moveaxis(self.fields[samples], 1, 0))
        params = {name: p[samples] for name, p in self.params.items()}
        ran = self.simulation.run_until_steady(state, params, run_tolerance, max_steps)
        self.fields[samples] = _stack(ran.state)
        self.num_steps[samples] += ran.num_steps
        return ran.status

    def _polish(self, sample, run_tolerance):
        """Newton on a sample that is nearly steady; kept only if it converged."""
        system = _linearize(self.simulation, self.fields, self.params, sample)
        self.residual[sample] = np.abs(system.rate).max()
        steps = self.simulation.time_step * self.residual[sample]
        settled = self.status[sample] == Status.CONVERGED or steps <= run_tolerance
        if self.status[sample] > Status.NOT_CONVERGED or not settled:
            return
        polished = newton(system, self.tolerance, self.solvers[sample])
        self.newton_steps[sample] += polished.steps
        self.status[sample] = Status.NOT_CONVERGED
        if polished.converged:
            self.fields[sample] = polished.system.fields
            self.residual[sample] = np.abs(polished.system.rate).max()
            self.status[sample] = Status.CONVERGED


def _differentiable(search, params):
    """The fields of the search as tensors that carry the implicit gradient."""
    names = list(params)
    fields = [tf.constant(f) for f in np.moveaxis(search.fields, 1, 0)]

    @tf.custom_gradient
    def hold(*values):
        def gradient(*upstream):
            systems = [
                _linearize(search.simulation, search.fields, search.params, i)
                for i in range(len(search.fields))
            ]
            steady = search.status == Status.CONVERGED
            sums, _, _ = _solve(systems, _stack(upstream), search.solvers, steady)
            return [_like(sums[n], v) for n, v in zip(names, values, strict=True)]

        return tuple(tf.identity(f) for f in fields), gradient

    return tuple(hold(*params.values()))


def implicit(
    simulation: Simulation, state: State, params: Params, upstream: Sequence
) -> tuple[dict[str, tf.Tensor], list[Status], np.ndarray]:
    """-λᵀ ∂F/∂p at a steady state, where Jᵀ λ = upstream.

    Args:
      simulation: model and grid; its scheme and time step play no part.
      state: a steady state, `[B, *grid.shape]` per species; F = 0 is not checked.
      params: name -> scalar or `[B]`.
      upstream: ∂L/∂s, shaped as `state`.

    Returns:
      (gradients shaped as `params`, status of each sample's solve, its relative
      residual `[B]`). A sample whose solve failed has the gradient NaN, with one
      RuntimeWarning.

    Raises:
      InputError: on names or shapes that do not fit, or for a Laplacian other than
        second_order.
    """
    _check_laplacian(simulation)
    model, grid = simulation.model, simulation.grid
    given = {name: np.shape(params[name]) for name in model.parameters}
    state, params = arguments.bind(model, grid, state, params)
    upstream, _ = arguments.bind(model, grid, upstream, model.defaults)
    fields, rows = _stack(state), _per_sample(params, len(state[0]))
    batch = range(len(fields))
    systems = [_linearize(simulation, fields, rows, i) for i in batch]
    solvers = [BorderedSolver() for _ in batch]
    steady = np.ones(len(fields), bool)
    sums, status, residual = _solve(systems, _stack(upstream), solvers, steady)
    gradients = {
        name: tf.reshape(_like(sums[name], params[name]), shape)
        for name, shape in given.items()
    }
    return gradients, status, residual


def _solve(systems, upstream, solvers, steady):
    """({name: gradient `[B]`}, status, relative residual `[B]`)."""
    rows, status, residuals = [], [], []
    for system, g, solver, good in zip(systems, upstream, solvers, steady, strict=True):
        adjoint, residual = np.zeros_like(g), np.inf if np.any(g) else 0.0
        if good and np.any(g):
            modes = solver.weak(system, shifts(system))
            adjoint, residual = solver.solve(system, modes, g, _TOLERANCE, True)
        failed = not residual <= _ACCEPTED
        slopes = system.by_params(adjoint)
        rows.append({n: np.nan if failed else -s for n, s in slopes.items()})
        status.append(Status.NOT_CONVERGED if failed else Status.CONVERGED)
        residuals.append(residual)
    bad = [i for i, s in enumerate(status) if s != Status.CONVERGED]
    if bad:
        warnings.warn(
            f"The implicit gradient of samples {bad} is NaN: no steady state, or one "
            "near a bifurcation. Look at status and residual, and leave these samples "
            "out of the loss.",
            RuntimeWarning,
            stacklevel=2,
        )
    sums = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return sums, status, np.array(residuals)


def _check_laplacian(simulation):
    if simulation.laplacian != "second_order":
        raise InputError(
            "Expected the second_order Laplacian for implicit gradients, got "
            f"{simulation.laplacian}: differentiate the steps of Simulation.advance."
        )
    advice = "the gradient of Simulation.advance"
    simulation.model.check_plain(f"use {advice}")
    simulation.grid.check_uniform_boundary("implicit gradients")
    simulation.check_uniform(advice)


def _linearize(simulation, fields, params, sample):
    values = {name: p[sample] for name, p in params.items()}
    return Linearization(simulation.model, simulation.grid, fields[sample], values)


def _stack(state):
    """`[B, species, *grid.shape]` in NumPy."""
    return np.stack([s.numpy() for s in state], axis=1)


def _per_sample(params, batch):
    return {n: np.broadcast_to(np.ravel(p), [batch]) for n, p in params.items()}


def _like(gradient, value):
    """`[B]` gradients in the shape `[1 or B, 1, ...]`; a shared one is the sum."""
    if value.shape[0] == 1:
        gradient = np.sum(gradient, keepdims=True)
    return tf.reshape(tf.constant(gradient, tf.float64), value.shape)
