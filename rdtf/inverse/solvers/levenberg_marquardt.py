"""Damped Gauss-Newton least squares for a handful of parameters.

Levenberg 1944, doi:10.1090/qam/10666; Marquardt 1963, doi:10.1137/0111030. Positive
parameters are fitted in their logarithms, the others as they are.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping

import numpy as np

from rdtf.models import Parameter
from rdtf.status import FitStatus


class Coordinates:
    """The coordinates of the fit: log p where p cannot be negative, else p.

    Bounds are those of the parameters (a model's, and perhaps more, such as a gain), and
    a factor of `reach` (positive parameters) from `start`.
    Parameters in `held` keep their value: nothing depends on their coordinate.
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
        parameters = [parameters[name] for name in self.names]
        values = np.array([start[name] for name in self.names])
        self.logarithmic = np.array([p.lower >= 0.0 for p in parameters]) & (
            values > 0.0
        )
        lower = np.array([p.lower for p in parameters])
        upper = np.array([p.upper for p in parameters])
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


@dataclasses.dataclass(frozen=True)
class Step:
    """What one iteration did, for logs; iteration 0 is the start.

    Attributes:
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


@dataclasses.dataclass(frozen=True)
class Minimum:
    """How a minimisation ended.

    Attributes:
      undetermined: directions in coordinates, {name: component}, along which the cost
        hardly changes: singular values of J below 1e-4 of the largest.
    """

    params: dict[str, float]
    cost: float
    status: FitStatus
    iterations: int
    undetermined: list[dict[str, float]]


def minimise(
    linearise: Callable,
    coordinates: Coordinates,
    start: Mapping[str, float],
    max_iterations: int = 100,
    largest_step: float = 0.7,
    callback: Callable[[Step], None] = lambda step: None,
) -> Minimum:
    """Minimises half the sum of squares.

    Each trial solves (H + μ diag H) d = -g with |d| <= largest_step; μ falls by 5 on
    success and grows by 6 on failure. It ends when a step moves less than 1e-5 and
    gains less than 1e-9, or when μ exceeds 1e8.

    Args:
      linearise: params -> object with cost, gradient and curvature by parameter.
      coordinates: what is stepped in.
      start: where from.
      callback: called at iteration 0 and after every iteration.
    """
    params, damping, iteration = dict(start), 1e-2, 0
    here = linearise(params)
    status = FitStatus.MAX_ITERATIONS
    if np.isfinite(here.cost):
        callback(_step(0, params, here, coordinates, [], True))
    else:
        status, max_iterations = FitStatus.FAILED_START, 0
    while iteration < max_iterations:
        iteration += 1
        before = here
        params, here, tried, move = _iterate(
            linearise, coordinates, params, here, damping, largest_step
        )
        accepted = here is not before
        damping = tried[-1] / 5.0
        callback(_step(iteration, params, here, coordinates, tried, accepted))
        gain = 1.0 - here.cost / before.cost if before.cost else 0.0
        if not accepted or here.cost == 0.0 or (move < 1e-5 and gain < 1e-9):
            vector = coordinates.encode(params)
            stuck = (vector <= coordinates.lower) | (vector >= coordinates.upper)
            status = (
                FitStatus.STALLED
                if (stuck & coordinates.free).any()
                else FitStatus.CONVERGED
            )
            break
    weak = _undetermined(here, coordinates, params)
    return Minimum(params, here.cost, status, iteration, weak)


def _undetermined(here, coordinates, params):
    slopes = coordinates.slopes(params)
    curvature = (here.curvature * np.outer(slopes, slopes))[coordinates.free]
    curvature = curvature[:, coordinates.free]
    if not curvature.size or not np.isfinite(curvature).all():
        return []
    values, vectors = np.linalg.eigh(curvature)
    weak = vectors.T[np.maximum(values, 0.0) < 1e-8 * values.max()]
    names = [
        n for n, free in zip(coordinates.names, coordinates.free, strict=True) if free
    ]
    return [dict(zip(names, map(float, vector), strict=True)) for vector in weak]


def _iterate(linearise, coordinates, params, here, damping, largest_step):
    """Raises the damping until a trial lowers the cost, or nothing is left to try."""
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
        target[free] += _move(
            gradient[free], curvature[np.ix_(free, free)], damping, largest_step
        )
        target = np.clip(target, coordinates.lower, coordinates.upper)
        candidate = coordinates.decode(target)
        trial = linearise(candidate)
        if np.isfinite(trial.cost) and trial.cost < here.cost:
            return candidate, trial, tried, float(np.max(np.abs(target - vector)))
        damping *= 6.0
    return params, here, tried, 0.0


def _move(gradient, curvature, damping, largest_step):
    damped = curvature + damping * np.diag(np.maximum(np.diag(curvature), 1e-300))
    step = -np.linalg.lstsq(damped, gradient, rcond=None)[0]
    size = np.max(np.abs(step), initial=0.0)
    return step * min(1.0, largest_step / max(size, 1e-300))


def _step(iteration, params, here, coordinates, tried, accepted):
    raw = here.gradient * coordinates.slopes(params)
    return Step(iteration, params, here.cost, here.gradient, raw, tried, accepted)
