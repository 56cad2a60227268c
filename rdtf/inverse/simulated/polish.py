"""Polishing a noisy fit: short windows that start at the target state.

From the observed field (filtered) and its hidden species, `window` steps are taken and
compared with the raw observation. A good equation leaves a steady pattern where it is.
Tangents carried along with the steps give the exact gradient and the Gauss-Newton
curvature. The result is kept only if it lowers the misfit on data that it was not
fitted to.
"""

import numpy as np
import tensorflow as tf

from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting.recorders import Recorder, of_step
from rdtf.inverse.results import Estimate
from rdtf.inverse.solvers import levenberg_marquardt, linearisation
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.steady.hidden import TargetState
from rdtf.inverse.steady.stills import Stills

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
    prepared: Stills,
    start: Estimate,
    recorder: Recorder,
    window: int = 50,
) -> Estimate:
    """Improves an estimate by windows, if they help on data that were not fitted.

    Args:
      problem: stills of whole fields.
      prepared: their noise, and the filtered fields that windows start from.
      start: the estimate of stage "residual".
      recorder: gets every iteration.
      window: steps of a window.

    Returns:
      the estimate of stage "windows"; `rejected` has the parameters found if they were
      not kept.
    """
    fitted, held_out = split(problem.fields, problem.seed)

    def windows(weights):
        return TargetWindows(problem, prepared.smooth, prepared.sigma, window, weights)

    found = levenberg_marquardt.minimise(
        windows(fitted),
        levenberg_marquardt.Coordinates(
            problem.model.parameters, start.params, problem.held
        ),
        start.params,
        max_iterations=40,
        callback=lambda step: recorder.write(of_step(STAGE, step, window)),
    )
    judge = windows(held_out)
    before, after = (
        2.0 * float(judge.cost(_tensors(params))) / float(held_out.sum())
        for params in (start.params, found.params)
    )
    helped = after < before
    return Estimate(
        stage=STAGE,
        params=found.params if helped else start.params,
        loss=found.cost,
        status=found.status,
        iterations=found.iterations,
        held_out=(before, after),
        rejected=None if helped else found.params,
    )


def _tensors(params):
    return {name: tf.constant(p, tf.float64) for name, p in params.items()}
