"""Steady pictures prepared for a fit: their noise, and a first guess of the field.

`Stills` holds what all stages of a fit share; `fit_residual` is the first of them,
`rdtf.inverse.noisy.field_fits` has the second.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rdtf.grids import Grid
from rdtf.inverse.observation import noise
from rdtf.inverse.observation.camera import Camera
from rdtf.inverse.observation.camera_settings import CAMERA, Observation
from rdtf.inverse.results import Estimate
from rdtf.inverse.solvers import levenberg_marquardt
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.solvers.levenberg_marquardt import Coordinates
from rdtf.inverse.steady import roots
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.steady.residual import SteadyResidual
from rdtf.inverse.structure import elimination
from rdtf.models import Parameter, ReactionDiffusion

CLEAN = 0.003  # noise over standard deviation below which a picture counts as clean
POOR = 0.05  # relative residual above which other starts are tried


class Stills:
    """Pictures of steady patterns and what is known of them.

    Args:
      model: what should explain them.
      grid: of the model's cells.
      observe: the species that is seen.
      pictures: y, `[n, *pixels]`; what the mask hides may be anything.
      observation: the camera.
      held: parameters that are known.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        observe: str,
        pictures: np.ndarray,
        observation: Observation,
        held: Sequence[str] = (),
    ):
        self.model, self.grid, self.observe = model, grid, observe
        self.observation, self.held = observation, tuple(held)
        domain = WholeDomain(grid)
        self.camera = Camera(observation, domain)
        seen = observation.mask
        if seen is None:
            seen = np.ones(pictures.shape, bool)
        else:
            seen = np.broadcast_to(seen, pictures.shape)
        self.pictures = np.where(seen, pictures, 0.0)
        self.spread = float(pictures[seen].std())
        floor = max(observation.quantum / np.sqrt(12.0), 1e-9 * self.spread)
        if seen.all():
            estimate = noise.estimate(self.pictures, self.camera.pixels)
        else:
            estimate = noise.estimate_masked(self.pictures, seen)
        self.sigma = max(estimate, floor)

    @property
    def noise_ratio(self) -> float:
        """Standard deviation of the noise over that of the pictures."""
        return self.sigma / self.spread

    @property
    def clean(self) -> bool:
        """Whether the pictures are the field itself, with next to no noise."""
        return self.camera.is_identity and self.noise_ratio < CLEAN

    @functools.cached_property
    def smooth(self) -> np.ndarray:
        """A first guess of the field in the units of the pictures, `[n, *grid]`."""
        if self.clean:
            return self.pictures
        if self.camera.is_identity:
            return noise.low_pass(self.pictures, self.grid, self.sigma)
        return self.camera.guess(self.pictures, max(self.sigma, 1e-3 * self.spread))

    @property
    def form(self) -> str:
        """The residual that suits the noise."""
        return "norm" if self.clean else "integral"

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Of the model and, if it is unknown, of the camera."""
        unknown = CAMERA if self.observation.unknown_gain else {}
        return {**self.model.parameters, **unknown}

    def coordinates(self, start: Mapping[str, float]) -> Coordinates:
        """What a fit from `start` is stepped in."""
        return Coordinates(self.parameters, start, self.held)

    def field(self, levels: np.ndarray, params: Mapping[str, float]) -> np.ndarray:
        """Concentrations of grey levels."""
        return params.get("gain", 1.0) * levels + params.get("offset", 0.0)

    def steady(self, laplacian: str, params: Mapping[str, float]) -> SteadyMap:
        """The fixed-point map with that Laplacian."""
        domain = WholeDomain(self.grid, laplacian)
        typical = (self.field(self.smooth, params), params)
        return SteadyMap(self.model, self.observe, domain, typical, combine=True)

    def drift(self, fit: Estimate) -> tuple[float, np.ndarray]:
        """(|o - w| / |o - mean(o)|, w): how far clean pictures are from steady."""
        field = self.field(self.pictures, fit.params)
        with np.errstate(all="ignore"):
            point = self.steady(fit.laplacian, fit.params)(field, fit.params)
            distance = np.linalg.norm(point.o - point.w)
            return float(distance / np.linalg.norm(field - field.mean())), point.w


def fit_residual(
    stills: Stills,
    laplacian: str,
    start: Mapping[str, float],
    form: str | None = None,
    max_iterations: int = 100,
    callback: Callable = lambda step: None,
    near: bool = False,
) -> Estimate:
    """Least squares of the steady residual from one start.

    A hidden species that is a root (`rdtf.inverse.steady.roots`) has the form "root".
    The form "norm" starts where "integral" ends, for it has local minima that the other
    has not, unless `near` says that the start is close.

    Args:
      stills: the pictures.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      start: all parameters, gain and offset too if they are unknown.
      form: of the residual; None takes the one that suits the noise.
      max_iterations: of each minimisation.
      callback: called with every `levenberg_marquardt.Step`.
      near: whether `start` is close to the answer.
    """
    form = form or stills.form
    split = elimination.eliminate(stills.model, stills.observe)
    if isinstance(split, elimination.Root):
        residual, minimum = roots.fit_root(
            stills, laplacian, start, split, max_iterations, callback=callback
        )
        return _estimate(stills, residual, minimum, laplacian, "root")

    def fit(form, begin, before=0):
        def report(step):
            callback(dataclasses.replace(step, iteration=before + step.iteration))

        options = {"max_iterations": max_iterations, "callback": report}
        return _fit_steady(stills, laplacian, begin, form, options)

    before = 0
    if form == "norm" and not near:
        _, first = fit("integral", start)
        start, before = first.params, first.iterations + 1
    residual, minimum = fit(form, start, before)
    minimum = dataclasses.replace(minimum, iterations=before + minimum.iterations)
    return _estimate(stills, residual, minimum, laplacian, form)


def _estimate(stills, residual, minimum, laplacian, form):
    last, coordinates = residual(minimum.params), stills.coordinates(minimum.params)
    slopes = coordinates.slopes(minimum.params)
    return Estimate(
        stage="residual",
        params=minimum.params,
        loss=minimum.cost,
        status=minimum.status,
        iterations=minimum.iterations,
        form=form,
        laplacian=laplacian,
        relative_residual=float(np.sqrt(2.0 * last.cost)),
        noise_ratio=stills.noise_ratio,
        curvature=last.curvature * np.outer(slopes, slopes),
        undetermined=tuple(minimum.undetermined),
    )


def _fit_steady(stills, laplacian, start, form, options):
    residual = SteadyResidual(
        stills.steady(laplacian, start),
        stills.smooth,
        form,
        None if stills.camera.is_identity else stills.camera.see,
        stills.observation.unknown_gain,
    )
    minimum = levenberg_marquardt.minimise(
        residual, stills.coordinates(start), start, **options
    )
    return residual, minimum


def candidates(grid: Grid) -> list[str]:
    """Laplacians that may have made a picture on that grid."""
    if grid.boundary == "periodic":
        return ["second_order", "fourth_order", "spectral"]
    return ["second_order", "spectral"]


def choose_laplacian(fits: Sequence[Estimate]) -> tuple[Estimate, float]:
    """(the fit of the smallest residual, how many times larger the second is)."""
    ranked = sorted(fits, key=lambda fit: fit.unexplained)
    if len(ranked) == 1:
        return ranked[0], np.inf
    least = max(ranked[0].relative_residual, 1e-300)
    return ranked[0], ranked[1].relative_residual / least
