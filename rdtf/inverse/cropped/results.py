"""What a fit of windows ends with, and how ends are compared."""

import dataclasses

import numpy as np

from rdtf.inverse.cropped.system import CropSystem
from rdtf.inverse.structure import equations
from rdtf.status import FitStatus

CLEAN = 1e-3  # noise over standard deviation that the form "norm" tolerates
FORMS = ("picture", "integral", "norm")  # where there is noise, the best first
EXCESS = 1.5  # a misfit of so many times the noise is no fit


@dataclasses.dataclass(frozen=True)
class WindowFit:
    """Parameters of windows, and how far to trust them.

    Attributes:
      params: the estimate.
      sd: Gauss-Newton standard deviations by name, 0 if held, infinite along directions
        that nothing determines. For "picture" they are those of white noise; for the
        other forms, whose errors are systematic, no more than an order of magnitude.
      cost: half the sum of squares, priors included; relative: its root, the share of
        the picture (or of its equation) that is left over.
      sigma: standard deviation of the noise: as given, or of what is left over.
      form: the misfit that was minimised last, `rdtf.inverse.cropped.misfits`.
      status, iterations, undetermined: as of `levenberg_marquardt.Minimum`.
      singular_values: of the Jacobian by coordinates, rings projected out, falling.
      fields: all species, `[n, species, ny, nx]`, of the estimate.
      starts: how many were tried.
      seconds: what it took.
    """

    params: dict[str, float]
    sd: dict[str, float]
    cost: float
    relative: float
    sigma: float
    form: str
    status: FitStatus
    iterations: int
    undetermined: list[dict[str, float]]
    singular_values: np.ndarray
    fields: np.ndarray
    starts: int
    seconds: float

    @property
    def rank(self) -> tuple:
        """Smaller is better, among Laplacians."""
        failed = self.status is not FitStatus.CONVERGED
        return (failed, FORMS.index(self.form), self.relative)


class Found:
    """The end of one minimisation of a task of `rdtf.inverse.cropped.fits`."""

    def __init__(self, task, form, residual, coordinates, minimum):
        self._task, self._form, self.minimum = task, form, minimum
        self._residual, self._coordinates = residual, coordinates
        self.fields = residual.fields
        self.relative = float(np.sqrt(2.0 * minimum.cost))
        self.left = self.relative * task.spread  # per cell, for "picture"

    @property
    def good(self) -> bool:
        """Whether nothing but noise, or next to nothing, is left over."""
        if self._form == "norm":
            return self._apparent_noise() < CLEAN * self._task.spread
        return self._form == "picture" and self.left < EXCESS * self._task.guess

    def _apparent_noise(self):
        """The standard deviation of white noise that would leave as much over."""
        task, params = self._task, self.minimum.params
        o = task.model.check_species(task.observe)
        system = CropSystem(equations.of(task.model), task.domain, [o])
        rho = [system.defect(o, fields, params) for fields in self.fields]
        slopes = [system.jacobian(fields, params).data for fields in self.fields]
        return np.linalg.norm(rho) / np.linalg.norm(np.concatenate(slopes))

    @property
    def rank(self) -> tuple:
        """Smaller is better; not a number counts as worst."""
        order = FORMS.index(self._form)
        failed = not np.isfinite(self.relative)
        return (failed, not self.good, order, self.relative)

    def report(self, starts: int, seconds: float) -> WindowFit:
        """The `WindowFit`."""
        task, minimum = self._task, self.minimum
        here = self._residual(minimum.params)
        slopes = self._coordinates.slopes(minimum.params)
        curvature = here.curvature * np.outer(slopes, slopes)
        free = np.flatnonzero(self._coordinates.free)
        values, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
        inside = self._residual.fields[:, 0, 1:-1, 1:-1].size
        variance = 2.0 * here.cost / (inside - len(free))
        sigma = task.sigma
        if sigma is None and self._form == "norm":
            sigma = self._apparent_noise()
        elif sigma is None:
            sigma = task.spread * np.sqrt(variance * task.pictures.size)
        elif self._form == "picture" and sigma > 0.0:
            variance = (sigma / task.spread) ** 2 / task.pictures.size
        with np.errstate(divide="ignore"):
            spread = (vectors**2 / np.maximum(values, 0.0)).sum(axis=1) * variance
        sd = np.zeros(len(slopes))
        sd[free] = np.sqrt(spread) * slopes[free]
        return WindowFit(
            params=minimum.params,
            sd=dict(zip(self._coordinates.names, map(float, sd), strict=True)),
            cost=minimum.cost,
            relative=self.relative,
            sigma=float(sigma),
            form=self._form,
            status=minimum.status,
            iterations=minimum.iterations,
            undetermined=minimum.undetermined,
            singular_values=np.sqrt(np.maximum(values[::-1], 0.0)),
            fields=self.fields,
            starts=starts,
            seconds=seconds,
        )
