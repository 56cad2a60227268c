"""Where minimisations of cropped pictures end, and how ends are compared."""

import numpy as np

from rdtf.inverse.cropped.system import CropSystem
from rdtf.inverse.results import Estimate, Intervals
from rdtf.inverse.structure import equations
from rdtf.status import FitStatus

CLEAN = 1e-3  # noise over standard deviation that the form "norm" tolerates
FORMS = ("picture", "integral", "norm")  # where there is noise, the best first
EXCESS = 1.5  # a misfit of so many times the noise is no fit
NORMAL_95 = 1.95996  # quantile of the standard normal


class End:
    """The end of one minimisation of a task of `rdtf.inverse.cropped.fits`.

    Args:
      task: the pictures, their noise and the problem.
      form: of the residual, one of `FORMS`.
      residual: what was minimised.
      coordinates: that were stepped in.
      minimum: of `levenberg_marquardt`.
    """

    def __init__(self, task, form, residual, coordinates, minimum):
        self._task, self._form, self.minimum = task, form, minimum
        self._residual, self._coordinates = residual, coordinates
        self.fields = residual.fields
        self.relative = float(np.sqrt(2.0 * minimum.cost))
        self._misfit = self.relative * task.spread  # per cell, for "picture"

    @property
    def good(self) -> bool:
        """Whether the residual is that of noise, or next to nothing."""
        if self._form == "norm":
            return self._apparent_noise() < CLEAN * self._task.spread
        return self._form == "picture" and self._misfit < EXCESS * self._task.guess

    def _apparent_noise(self):
        """The standard deviation of white noise that would leave the same residual."""
        problem, params = self._task.problem, self.minimum.params
        o = problem.index
        system = CropSystem(equations.of(problem.model), self._task.domain, [o])
        rho = [system.defect(o, fields, params) for fields in self.fields]
        slopes = [system.jacobian(fields, params).data for fields in self.fields]
        return np.linalg.norm(rho) / np.linalg.norm(np.concatenate(slopes))

    @property
    def rank(self) -> tuple:
        """Smaller is better; not a number counts as worst."""
        order = FORMS.index(self._form)
        failed = not np.isfinite(self.relative)
        return (failed, not self.good, order, self.relative)

    def estimate(self, laplacian: str, starts: int, seconds: float) -> Estimate:
        """The estimate of stage "cropped"; `field` is that of the observed species."""
        task, minimum = self._task, self.minimum
        params, problem = minimum.params, task.problem
        here, slopes = self._residual(params), self._coordinates.slopes(params)
        curvature = here.curvature * np.outer(slopes, slopes)
        free = np.flatnonzero(self._coordinates.free)
        values, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
        sigma, variance = self._noise(here.cost, len(free))
        with np.errstate(divide="ignore"):
            spread = (vectors**2 / np.maximum(values, 0.0)).sum(axis=1) * variance
        sd = np.zeros(len(slopes))
        sd[free] = np.sqrt(spread) * slopes[free]
        return Estimate(
            stage="cropped",
            params=params,
            loss=minimum.cost,
            status=minimum.status,
            iterations=minimum.iterations,
            starts=starts,
            seconds=seconds,
            form=self._form,
            laplacian=laplacian,
            relative_residual=self.relative,
            noise_ratio=float(sigma) / float(problem.fields.std()),
            sigma=float(sigma),
            singular_values=np.sqrt(np.maximum(values[::-1], 0.0)),
            sd=dict(zip(self._coordinates.names, map(float, sd), strict=True)),
            undetermined=tuple(minimum.undetermined),
            intervals=self._intervals(np.sqrt(spread), free),
            field=self.fields[:, problem.index],
        )

    def _noise(self, cost, free):
        """(sd of the noise, variance of a component of the residual)."""
        task, sigma = self._task, self._task.sigma
        inside = self.fields[:, 0, 1:-1, 1:-1].size
        variance = 2.0 * cost / (inside - free)
        if sigma is None and self._form == "norm":
            sigma = self._apparent_noise()
        elif sigma is None:
            sigma = task.spread * np.sqrt(variance * task.pictures.size)
        elif self._form == "picture" and sigma > 0.0:
            variance = (sigma / task.spread) ** 2 / task.pictures.size
        return sigma, variance

    def _intervals(self, sd, free):
        """Of white noise; None for the forms whose errors are systematic."""
        if self._form != "picture":
            return None
        coordinates, params = self._coordinates, self.minimum.params
        ends = []
        for sign in (-NORMAL_95, NORMAL_95):
            vector = coordinates.encode(params)
            vector[free] += sign * sd
            ends.append(coordinates.decode(vector))
        names = [coordinates.names[i] for i in free]
        return Intervals(
            params=params,
            interval={n: (ends[0][n], ends[1][n]) for n in names},
            method="curvature",
            sd=dict(zip(names, map(float, sd), strict=True)),
        )


def rank(estimate: Estimate) -> tuple:
    """Smaller is better, among estimates with different Laplacians."""
    failed = estimate.status is not FitStatus.CONVERGED
    return (failed, FORMS.index(estimate.form), estimate.relative_residual)
