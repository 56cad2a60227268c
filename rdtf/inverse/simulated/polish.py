"""Polishing a noisy fit: short windows that start at the target state.

From the observed field (filtered) and its hidden species, `window` steps are taken and
compared with the raw observation. A good equation leaves a steady pattern where it is.
Tangents carried along with the steps give the exact gradient and the Gauss-Newton
curvature. The result is kept only if it lowers the misfit on data that it was not fitted
to.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.inverse.problem import Problem, StageResult
from rdtf.inverse.reporting.recorders import Record, of_step
from rdtf.inverse.solvers import levenberg_marquardt, linearisation
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.steady.hidden import TargetState

STAGE = "windows"


class TargetWindows:
    """The misfit of windows that start at the targets, in units of the noise.

        cost = 1/2 Σ w (o_K - observed)² / sigma²

    Args:
      problem: with the raw fields.
      smooth: the fields to start from, filtered.
      sigma: standard deviation of the noise.
      window: steps, K.
      weights: w of each cell of each sample.
    """

    def __init__(
        self,
        problem: Problem,
        smooth: np.ndarray,
        sigma: float,
        window: int,
        weights: np.ndarray,
    ):
        simulation = problem.simulation
        self._problem, self._simulation, self._window = problem, simulation, window
        self._raw = tf.constant(problem.fields)
        self._weights = tf.constant(weights / sigma**2)
        self._names = list(simulation.model.parameters)
        self._start = TargetState(
            simulation.model, simulation.grid, problem.observe, smooth, problem.start
        )

    def cost(self, params) -> tf.Tensor:
        """Differentiable in scalar tensors `params`."""
        observed = self._run(self._start.tensors(params), params)
        squares = tf.math.squared_difference(observed, self._raw)
        return 0.5 * tf.reduce_sum(self._weights * squares)

    def __call__(self, params: dict[str, float]) -> Linearisation:
        """Cost, exact gradient and Gauss-Newton curvature, by parameter."""
        if not float(np.max(self._simulation.stability_ratio(params))) <= 1.0:
            return linearisation.impossible(len(params))
        end, columns = self._tangents(params)
        misfit = end - self._raw
        weighted = tf.reshape(columns * self._weights, [len(params), -1])
        gradient = tf.linalg.matvec(weighted, tf.reshape(misfit, [-1]))
        columns = tf.reshape(columns, [len(params), -1])
        curvature = tf.matmul(weighted, columns, transpose_b=True)
        cost = 0.5 * tf.reduce_sum(self._weights * tf.square(misfit))
        return Linearisation(float(cost), gradient.numpy(), curvature.numpy())

    def _run(self, state, params):
        end = self._simulation.advance(state, params, self._window)
        return end[self._problem.index]

    def _tangents(self, params):
        """o_K and its derivatives `[P, n, *grid]`, carried along with the steps."""
        state, slopes = self._start.numpy(params)
        begin = {n: tuple(map(tf.constant, slopes[n])) for n in self._names}
        end, ends = self._simulation.tangents(
            tuple(map(tf.constant, state)), params, self._window, begin
        )
        index = self._problem.index
        return end[index], tf.stack([ends[n][index] for n in self._names])


def split(fields: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (0 or 1) of what is fitted and what is held out.

    Whole samples if there are several, otherwise a random half of the cells.
    """
    fitted = np.zeros(fields.shape)
    if len(fields) > 1:
        fitted[: (len(fields) + 1) // 2] = 1.0
    else:
        rng = np.random.Generator(np.random.Philox(key=[seed, 2**33]))
        fitted[:] = rng.integers(2, size=fields.shape)
    return fitted, 1.0 - fitted


def polish(
    problem: Problem,
    smooth: np.ndarray,
    sigma: float,
    start: StageResult,
    callback: Callable[[Record], None],
    window: int = 50,
) -> StageResult:
    """Improves `start` by windows, or returns it with a note that they did not help."""
    fitted, held_out = split(problem.fields, problem.seed)
    found = levenberg_marquardt.minimise(
        TargetWindows(problem, smooth, sigma, window, fitted),
        levenberg_marquardt.Coordinates(
            problem.simulation.model.parameters, start.params, problem.held
        ),
        start.params,
        max_iterations=40,
        callback=lambda step: callback(of_step(STAGE, step, window)),
    )
    judge = TargetWindows(problem, smooth, sigma, window, held_out)
    before, after = (
        2.0 * float(judge.cost(_tensors(params))) / float(held_out.sum())
        for params in (start.params, found.params)
    )
    helped = after < before
    notes = {
        "held_out_misfit_before": before,
        "held_out_misfit_after": after,
        "accepted": helped,
        "tried_params": found.params,
    }
    params = found.params if helped else start.params
    return StageResult(STAGE, params, found.cost, found.status, found.iterations, notes)


def _tensors(params):
    return {name: tf.constant(p, tf.float64) for name, p in params.items()}
