"""Damped Gauss-Newton least squares for a handful of parameters.

Levenberg 1944, doi:10.1090/qam/10666; Marquardt 1963, doi:10.1137/0111030. Positive
parameters are fitted in their logarithms, the others as they are.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping

import numpy as np

from rdtf.inverse.solvers.linearisation import Residual
from rdtf.models import Parameter
from rdtf.status import FitStatus

LARGEST_STEP = 0.7  # of one iteration, in coordinates


class Coordinates:
    """The coordinates of the fit: log p where p cannot be negative, else p.

    Bounds are those of the parameters (a model's, and perhaps gain and offset), and a
    factor of `reach` from `start` for positive ones.

    Args:
      parameters: bounds of all, by name.
      start: values of all, where the fit begins.
      held: names of those that keep their value: nothing depends on their coordinate.
      reach: how far from `start` positive parameters may go, as a factor.

    Attributes:
      names: of the parameters, in the order of the coordinates.
      free, logarithmic: whether each is not held, and is a logarithm, bool `[P]`.
      lower, upper: bounds of the coordinates, `[P]`.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        start: Mapping[str, float],
        held: Collection[str] = (),
        reach: float = 300.0,
    ):
        self.names = list(parameters)
        self.free = np.array([name not in held for name in self.names])
        lower = np.array([p.lower for p in parameters.values()])
        upper = np.array([p.upper for p in parameters.values()])
        values = np.array([start[name] for name in self.names])
        self.logarithmic = (lower >= 0.0) & (values > 0.0)
        lower = np.where(self.logarithmic, np.maximum(lower, values / reach), lower)
        upper = np.where(self.logarithmic, np.minimum(upper, values * reach), upper)
        self.lower, self.upper = self._encode(lower), self._encode(upper)

    def _encode(self, values):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.logarithmic, np.log(values), values)

    def encode(self, params: Mapping[str, float]) -> np.ndarray:
        """Parameters as a vector of coordinates."""
        return self._encode(np.array([params[name] for name in self.names]))

    def decode(self, vector: np.ndarray) -> dict[str, float]:
        """A vector of coordinates as parameters."""
        values = np.where(
            self.logarithmic, np.exp(np.where(self.logarithmic, vector, 0.0)), vector
        )
        return dict(zip(self.names, map(float, values), strict=True))

    def slopes(self, params: Mapping[str, float]) -> np.ndarray:
        """dp / dcoordinate, 0 for what is held."""
        values = np.array([params[name] for name in self.names])
        return np.where(self.logarithmic, values, 1.0) * self.free


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """What one iteration did, for logs; iteration 0 is the start.

    Attributes:
      iteration: its number.
      params, cost: after the iteration; cost is half the sum of squares.
      gradient: of the cost there, by parameter; `raw_gradient` by coordinate.
      tried: damping of each trial; the last one was accepted if `accepted`.
    """

    iteration: int
    params: dict[str, float]
    cost: float
    gradient: np.ndarray
    raw_gradient: np.ndarray
    tried: list[float]
    accepted: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Minimum:
    """How a minimisation ended.

    Attributes:
      params, cost: the best found; cost is half the sum of squares.
      status, iterations: why it ended, and after how many.
      undetermined: directions in coordinates, {name: component}, along which the cost
        hardly changes: singular values of J below 1e-4 of the largest.
    """

    params: dict[str, float]
    cost: float
    status: FitStatus
    iterations: int
    undetermined: list[dict[str, float]]


def minimise(
    residual: Residual,
    coordinates: Coordinates,
    start: Mapping[str, float],
    max_iterations: int = 100,
    callback: Callable[[Step], None] = lambda step: None,
) -> Minimum:
    """Minimises half the sum of squares.

    Each trial solves (H + μ diag H) d = -g with |d| <= 0.7; μ falls by 5 on success and
    grows by 6 on failure. It ends when a step moves less than 1e-5 and gains less than
    1e-9, or when μ exceeds 1e8.

    Args:
      residual: what is squared.
      coordinates: what is stepped in.
      start: all parameters, where it begins.
      max_iterations: accepted steps at most.
      callback: called at iteration 0 and after every iteration.
    """
    params, damping, iteration = dict(start), 1e-2, 0
    here = residual(params)
    status = FitStatus.MAX_ITERATIONS

    def report(tried, accepted):
        step = Step(
            iteration=iteration,
            params=params,
            cost=here.cost,
            gradient=here.gradient,
            raw_gradient=here.gradient * coordinates.slopes(params),
            tried=tried,
            accepted=accepted,
        )
        callback(step)

    if np.isfinite(here.cost):
        report([], accepted=True)
    else:
        status, max_iterations = FitStatus.FAILED_START, 0
    while iteration < max_iterations:
        iteration += 1
        before = here
        params, here, tried, move = _improve(
            residual, coordinates, params, here, damping
        )
        damping = tried[-1] / 5.0
        report(tried, accepted=here is not before)
        if _at_rest(before, here, move):
            stalled = _at_a_bound(coordinates, params)
            status = FitStatus.STALLED if stalled else FitStatus.CONVERGED
            break
    return Minimum(
        params=params,
        cost=here.cost,
        status=status,
        iterations=iteration,
        undetermined=_undetermined(here, coordinates, params),
    )


def _at_rest(before, here, move):
    gain = 1.0 - here.cost / before.cost if before.cost else 0.0
    return here is before or here.cost == 0.0 or (move < 1e-5 and gain < 1e-9)


def _at_a_bound(coordinates, params):
    vector = coordinates.encode(params)
    stuck = (vector <= coordinates.lower) | (vector >= coordinates.upper)
    return (stuck & coordinates.free).any()


def _undetermined(here, coordinates, params):
    slopes = coordinates.slopes(params)
    free = np.flatnonzero(coordinates.free)
    curvature = (here.curvature * np.outer(slopes, slopes))[np.ix_(free, free)]
    if not curvature.size or not np.isfinite(curvature).all():
        return []
    values, vectors = np.linalg.eigh(curvature)
    weak = vectors.T[np.maximum(values, 0.0) < 1e-8 * values.max()]
    names = [coordinates.names[i] for i in free]
    return [dict(zip(names, map(float, vector), strict=True)) for vector in weak]


def _improve(residual, coordinates, params, here, damping):
    """Raises the damping until a trial lowers the cost, or nothing is left to try.

    Returns (params, linearisation there, dampings tried, largest move).
    """
    slopes = coordinates.slopes(params)
    gradient = here.gradient * slopes
    curvature = here.curvature * np.outer(slopes, slopes)
    vector = coordinates.encode(params)
    outwards = ((vector <= coordinates.lower) & (gradient > 0.0)) | (
        (vector >= coordinates.upper) & (gradient < 0.0)
    )
    free = np.flatnonzero(~outwards)  # the others stay at their bounds
    tried = []
    while damping <= 1e8:
        tried.append(damping)
        target = vector.copy()
        target[free] += _move(gradient[free], curvature[np.ix_(free, free)], damping)
        target = np.clip(target, coordinates.lower, coordinates.upper)
        candidate = coordinates.decode(target)
        trial = residual(candidate)
        if np.isfinite(trial.cost) and trial.cost < here.cost:
            return candidate, trial, tried, float(np.max(np.abs(target - vector)))
        damping *= 6.0
    return params, here, tried, 0.0


def _move(gradient, curvature, damping):
    damped = curvature + damping * np.diag(np.maximum(np.diag(curvature), 1e-300))
    step = -np.linalg.lstsq(damped, gradient, rcond=None)[0]
    size = np.max(np.abs(step), initial=0.0)
    return step * min(1.0, LARGEST_STEP / max(size, 1e-300))
