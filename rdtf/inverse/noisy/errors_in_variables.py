"""Errors in variables: the field itself is an unknown beside the parameters.

    min over fields z and parameters p of

    ½ |H z - y|² / σ²  +  ½ |o - w(o, p)|² / a²ε²,      o = a z + b

y is what the camera H recorded, z the field in the same units, gain a and offset b are
1 and 0 unless unknown, w is the steady map and ε how far a picture may be from steady.
In these units the cost does not change along a scaling of the gain. Gauss-Newton, with
the field eliminated: every step solves one field problem per parameter and one more by
conjugate gradients, and leaves a small Schur complement, whose inverse is the
covariance of the parameters.
"""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from rdtf.inverse.noisy.field_problem import FieldProblem
from rdtf.inverse.observation.camera import Camera
from rdtf.inverse.results import Estimate
from rdtf.inverse.solvers.levenberg_marquardt import Coordinates
from rdtf.inverse.steady.fixed_point import UNSETTLED, SteadyMap
from rdtf.status import FitStatus

NEGLIGIBLE = 1e-3  # decrease of the cost: parameters move by less than 5 % of their sd
LARGEST = 0.5  # step of one iteration, in coordinates
SHORT = 0.1  # step, in coordinates, within which the cost is nearly quadratic
UNSTEADY = 0.03  # model misfit beyond which a field is no steady state of the model


def explains(estimate: Estimate) -> bool:
    """Whether data and model are met about as well as σ and ε promise."""
    return estimate.data_misfit < 1.5 and estimate.model_misfit < UNSTEADY


def is_moving(estimate: Estimate) -> bool:
    """Whether the pattern is clearly too far from steady for its parameters."""
    clear = estimate.drift > estimate.epsilon / 10.0
    return clear and estimate.drift > UNSETTLED * float(np.std(estimate.levels))


class Newton(NamedTuple):
    """One Gauss-Newton step of the field and the free coordinates.

    Attributes:
      moves: decrements of the field, `[1 + P, n, *grid]`: of the field alone, and by
        each coordinate.
      gradient: of the cost by the coordinates, the field eliminated, `[P]`.
      schur: the curvature by the coordinates, the field eliminated, S `[P, P]`.
      scatter: K Kᵀ `[P, P]`: noise e of the data turns the gradient by
        K e / σ = (H B)ᵀ e / σ², with B the decrements by the coordinates.
    """

    moves: np.ndarray
    gradient: np.ndarray
    schur: np.ndarray
    scatter: np.ndarray


class Misfit:
    """The cost above, and its Gauss-Newton steps.

    Args:
      steady: the fixed-point map.
      camera: H.
      pictures: y, `[n, *pixels]`.
      sigma, epsilon: σ and ε in the units of y.
      coordinates: of the parameters, gain and offset too if they are unknown.
    """

    def __init__(
        self,
        steady: SteadyMap,
        camera: Camera,
        pictures: np.ndarray,
        sigma: float,
        epsilon: float,
        coordinates: Coordinates,
    ):
        self.steady, self.camera, self.pictures = steady, camera, pictures
        self.sigma, self.epsilon, self.coordinates = sigma, epsilon, coordinates
        mask = np.ones(pictures.shape) if camera.mask is None else camera.mask
        self.mask = np.broadcast_to(mask, pictures.shape) + 0.0

    def evaluate(self, levels, params, hidden=None):
        """(cost, misfits of the data and of the model, point) of a field in levels."""
        with np.errstate(all="ignore"):
            gain, offset = params.get("gain", 1.0), params.get("offset", 0.0)
            point = self.steady(gain * levels + offset, params, hidden)
            data = self.camera.see(levels) - self.pictures * self.mask
            model = (point.o - point.w) / gain
            cost = 0.5 * np.sum(np.square(data)) / self.sigma**2
            cost += 0.5 * np.sum(np.square(model)) / self.epsilon**2
        return (cost if np.isfinite(cost) else np.inf), data, model, point

    def step(self, here, params) -> Newton:
        """The Gauss-Newton step at `here`, what `evaluate` gave for `params`."""
        _, data, model, point = here
        columns = self._columns(params, here)
        count = len(columns)
        schur, gradient = np.zeros((count, count)), np.zeros(count)
        scatter = np.zeros_like(schur)
        moves = np.zeros((1 + count, *point.o.shape))
        for sample in range(len(point.o)):
            one = FieldProblem(self, params, point, sample)
            d, q = data[sample : sample + 1], model[sample : sample + 1]
            by_model = np.concatenate([c[sample : sample + 1] for c in columns])
            nothing = np.zeros((count, *d.shape[1:]))
            right = np.concatenate(
                [one.transposed(d, q), one.transposed(nothing, by_model)]
            )
            solved = one.solve(right)
            moves[:, sample] = solved
            left = (by_model - one.leave(solved[1:])).reshape(count, -1) / self.epsilon
            felt = one.see(solved[1:]).reshape(count, -1) / self.sigma
            schur += left @ left.T + felt @ felt.T
            cross = solved[1:].reshape(count, -1) @ right[0].ravel()
            gradient += (
                by_model.reshape(count, -1) @ q.ravel() / self.epsilon**2 - cross
            )
            scatter += felt @ felt.T
        return Newton(moves, gradient, schur, scatter)

    def gradient(self, here, params):
        """Of the cost: by field `[n, *grid]`, and by the coordinates that are free."""
        by_coordinate = [
            np.vdot(column, here[2]) / self.epsilon**2
            for column in self._columns(params, here)
        ]
        return self._by_field(here, params), np.array(by_coordinate)

    def _by_field(self, here, params):
        _, data, model, point = here
        slopes = [
            FieldProblem(self, params, point, i).transposed(
                data[i : i + 1], model[i : i + 1]
            )
            for i in range(len(data))
        ]
        return np.concatenate(slopes)

    def promise(self, here, params, move):
        """By how much a Newton decrement of the field alone would lower the cost."""
        return 0.5 * float(np.vdot(self._by_field(here, params), move))

    def of_pictures(self, pictures: np.ndarray) -> "Misfit":
        """The same misfit of other pictures."""
        other = copy.copy(self)
        other.pictures = pictures
        return other

    def answer(self, here, params, data):
        """The Newton decrement of the field for residuals of the data alone."""
        alone = (None, data, np.zeros_like(here[2]), here[3])
        return self.solve(here, params, self._by_field(alone, params))

    def solve(self, here, params, by_field):
        """The Newton decrement of the field for a gradient by the field."""
        samples = range(len(by_field))
        problems = [FieldProblem(self, params, here[3], i) for i in samples]
        moves = [p.solve(by_field[i : i + 1]) for i, p in enumerate(problems)]
        return np.concatenate(moves)

    def jacobian(self, here, params):
        """Of one small picture: (∂data, ∂model), `[cells + P, pixels or cells]`."""
        one = FieldProblem(self, params, here[3], 0)
        cells = here[3].o[0].size
        waves = np.eye(cells).reshape(cells, *here[3].o.shape[1:])
        columns = self._columns(params, here)
        by_field = one.see(waves).reshape(cells, -1)
        by_data = np.concatenate(
            [by_field, np.zeros((len(columns), by_field.shape[1]))]
        )
        by_model = np.concatenate([one.leave(waves), *columns])
        return by_data, by_model.reshape(len(by_data), -1)

    def _columns(self, params, here):
        """∂model by every free coordinate, `[n, *grid]` each, at a fixed field."""
        free = np.flatnonzero(self.coordinates.free)
        names = [self.coordinates.names[i] for i in free]
        slopes = self.coordinates.slopes(params)[free] / params.get("gain", 1.0)
        return [
            self._column(n, params, here) * s
            for n, s in zip(names, slopes, strict=True)
        ]

    def _column(self, name, params, here):
        _, _, model, point = here
        if name == "gain":
            levels = (point.o - params["offset"]) / params["gain"]
            return levels - point.along(levels) - model
        if name == "offset":
            return 1.0 - point.along(np.ones_like(model))
        return -point.by_param(name)

    def seen(self, data):
        """Mean square of the data's misfit over what is seen, in units of σ²."""
        return float(np.sum(np.square(data)) / self.mask.sum() / self.sigma**2)


def minimise(
    misfit: Misfit,
    levels: np.ndarray,
    start: Mapping[str, float],
    max_iterations: int = 60,
    callback: Callable[[int, dict, np.ndarray, float], None] = lambda *_: None,
    hopeless: float = np.inf,
) -> Estimate:
    """Damped Gauss-Newton from a field, in units of the pictures, and parameters.

    The damping acts on the parameters. A short step that promises no cost below
    `hopeless` is the last.

    Args:
      misfit: the cost.
      levels: the field to start from, in the units of the pictures, `[n, *grid]`.
      start: parameters to start from.
      max_iterations: at most so many.
      callback: called as callback(iteration, params, levels, cost).
      hopeless: a cost that another fit has reached already.

    Returns:
      the estimate of stage "errors_in_variables".
    """
    free = misfit.coordinates.free
    params, damping, status = dict(start), 1e-3, FitStatus.MAX_ITERATIONS
    here = misfit.evaluate(levels, params)
    iteration, schur = 0, np.zeros((int(free.sum()),) * 2)
    scatter = schur
    if not np.isfinite(here[0]):
        status, max_iterations = FitStatus.FAILED_START, 0
    while iteration < max_iterations:
        iteration += 1
        step, before = misfit.step(here, params), here[0]
        schur, scatter = step.schur, step.scatter
        newton = np.linalg.lstsq(schur, step.gradient, rcond=None)[0]
        promise = 0.5 * step.gradient @ newton
        best = before - promise - misfit.promise(here, params, step.moves[0])
        found = _descend(misfit, levels, params, here, damping, step=step)
        if found is not None:
            levels, params, here, damping = found
        callback(iteration, params, levels, here[0])
        if found is None or (promise < NEGLIGIBLE and before - here[0] < 1.0):
            status = FitStatus.CONVERGED
            break
        if best > hopeless and np.max(np.abs(newton)) < SHORT:
            break
    found = _estimate(misfit, levels, params, here)
    return dataclasses.replace(
        found,
        status=status,
        iterations=iteration,
        curvature=_whole(schur, free),
        scatter=_whole(scatter, free),
    )


def _estimate(misfit, levels, params, here):
    spread = np.linalg.norm(levels - levels.mean())
    return Estimate(
        stage="errors_in_variables",
        params=params,
        loss=here[0],
        status=FitStatus.MAX_ITERATIONS,
        iterations=0,
        field=params.get("gain", 1.0) * levels + params.get("offset", 0.0),
        data_misfit=misfit.seen(here[1]),
        model_misfit=float(np.linalg.norm(here[2]) / spread),
        sigma=misfit.sigma,
        epsilon=misfit.epsilon,
    )


def _descend(misfit, levels, params, here, damping, step):
    """(field, params, evaluation, damping) of a step that lowers the cost, or None."""
    coordinates = misfit.coordinates
    vector, free = coordinates.encode(params), coordinates.free
    while damping < 1e6:
        scale = np.diag(np.maximum(np.diag(step.schur), 1e-300))
        damped = step.schur + damping * scale
        move = -np.linalg.lstsq(damped, step.gradient, rcond=None)[0]
        move *= min(1.0, LARGEST / max(np.max(np.abs(move)), 1e-300))
        target = vector.copy()
        target[free] += move
        target = np.clip(target, coordinates.lower, coordinates.upper)
        trial = coordinates.decode(target)
        actual = (target - vector)[free]
        moved = levels - step.moves[0] - np.tensordot(actual, step.moves[1:], 1)
        there = misfit.evaluate(moved, trial, here[3].fields)
        if there[0] < here[0]:
            return moved, trial, there, max(damping / 5.0, 1e-6)
        damping *= 10.0
    return None


def _whole(matrix, free):
    """With rows and columns of zeros for what is held."""
    whole = np.zeros((len(free),) * 2)
    whole[np.ix_(free, free)] = matrix
    return whole
