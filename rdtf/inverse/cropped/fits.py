"""Parameters from pictures that are cropped from a larger steady pattern.

Nothing is known beyond the edge: treated as periodic, such pictures give parameters
that are wrong by tens of per cent. Here the edge values of the hidden species are
unknowns (`rdtf.inverse.cropped.residual`).
"""

import itertools
import time
from collections.abc import Callable, Mapping

import numpy as np

from rdtf.grids import Grid
from rdtf.inverse import starts
from rdtf.inverse.cropped.domain import CropDomain
from rdtf.inverse.cropped.ends import End
from rdtf.inverse.cropped.latent_field import LatentFieldResidual
from rdtf.inverse.cropped.residual import CropResidual
from rdtf.inverse.cropped.system import roughness
from rdtf.inverse.observation import noise
from rdtf.inverse.problem import Problem
from rdtf.inverse.results import Estimate
from rdtf.inverse.solvers import levenberg_marquardt as lm
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.structure import equations
from rdtf.status import InputError

FAINT = 1e-4  # differences along the ring of a clean picture: see `_minimise`
COARSE = 3e-3  # noise over standard deviation that stands for the errors of "compact"
OTHER_STARTS = 6


def fit(
    problem: Problem,
    laplacian: str = "second_order",
    start: Mapping[str, float] | None = None,
    sigma: float | None = None,
    other_starts: int = OTHER_STARTS,
    callback: Callable[[lm.Step], None] = lambda step: None,
) -> Estimate:
    """Fits a model's parameters to cropped pictures of steady patterns.

    First the observed species' equation, as it is ("norm"). If its residual is larger
    than that of a clean picture, the pictures are smoothed, the integrated equation is
    fitted ("integral"), and from there exact solutions are fitted to the raw pictures
    ("picture"). If those miss the pictures by more than the noise, all is repeated from
    random starts within a factor of 3, and the best is kept.

    Args:
      problem: stills `[n, y, x]`, which share the parameters; the model's hidden
        species are linear in turn, and all its species diffuse.
      laplacian: of the pattern: "second_order" for the solver of that order with this
        spacing, "compact" for anything smoother.
      start: of all parameters; None is that of the problem.
      sigma: standard deviation of white noise in the picture; None: unknown; 0: none.
      other_starts: most of them.
      callback: called with every step of every minimisation.

    Returns:
      the estimate of stage "cropped". Its `sd` is infinite along directions that
      nothing determines; for the form "picture" it is that of white noise, for the
      other forms, whose errors are systematic, no more than an order of magnitude.

    Raises:
      InputError: if the model, the pictures or the Laplacian cannot be used.
    """
    began = time.perf_counter()
    start = problem.start if start is None else start
    task = _Task(problem, laplacian, sigma, callback)
    best, tried = task.run(start), 1
    rng = np.random.default_rng(problem.seed)
    others = starts.around(problem.model, start, problem.held, rng)
    for other in itertools.islice(others, other_starts):
        if best.good:
            break
        best, tried = min(best, task.run(other), key=lambda end: end.rank), tried + 1
    return best.estimate(laplacian, tried, time.perf_counter() - began)


class _Task:
    """What all starts share."""

    def __init__(self, problem, laplacian, sigma, callback):
        self.problem, self.sigma, self._callback = problem, sigma, callback
        if any(name not in problem.model.diffusivity for name in problem.model.species):
            raise InputError(
                "Expected species that all diffuse in a cropped picture, but "
                f"{problem.model.name} has one that does not: its edge values are not "
                "needed to solve for it."
            )
        self._grid = Grid(
            problem.simulation.grid.shape, problem.simulation.grid.spacing, "no_flux"
        )
        self.domain = CropDomain(self._grid, laplacian)
        self.pictures = pictures = problem.fields
        self.guess = noise.estimate_crop(pictures) if sigma is None else sigma
        self._exact = laplacian == "second_order"
        self.smooth = noise.smooth_crop(pictures, self.guess)
        spread = pictures - pictures.mean(axis=(1, 2), keepdims=True)
        self.spread = float(np.sqrt(np.mean(spread**2)))
        if not self._exact:
            self.guess = max(self.guess, COARSE * self.spread)

    def run(self, start):
        """The best `End` of one start."""
        clean = self._minimise("norm", self.pictures, start, FAINT)
        if self._exact and (self.sigma == 0.0 or clean.good):
            return clean
        level = self.guess / self.spread
        rough = self._minimise("integral", self.smooth, start, max(0.1 * level, FAINT))
        exact = self._polish(rough)
        return min(exact, rough, clean, key=lambda end: end.rank)

    def _minimise(self, form, pictures, start, level):
        """Rings differ by `level` of what neighbours in the hidden fields do."""
        steady, point = self._mirrored(start)
        fields = np.stack(point.fields, axis=1)
        edge = np.sqrt(np.prod(self._grid.shape))
        weights = [level / (edge * roughness(fields[:, i])) for i in steady.order]
        residual = CropResidual(
            steady, self.domain, pictures, fields, form=form, weights=weights
        )
        return self._end(form, residual, start)

    def _polish(self, rough):
        params, fields = rough.minimum.params, rough.fields
        residual = LatentFieldResidual(
            equations=equations.of(self.problem.model),
            domain=self.domain,
            observed=self.problem.index,
            pictures=self.pictures,
            fields=fields,
            params=params,
            sigma=self.guess,
        )
        return self._end("picture", residual, params)

    def _end(self, form, residual, start):
        held = self.problem.held
        coordinates = lm.Coordinates(self.problem.model.parameters, start, held)
        minimum = lm.minimise(residual, coordinates, start, callback=self._callback)
        minimum.params.update({name: start[name] for name in held})
        return End(self, form, residual, coordinates, minimum)

    def _mirrored(self, params):
        """Where to begin: the hidden species if the window's edges were mirrors."""
        domain = WholeDomain(self._grid)
        steady = SteadyMap(
            self.problem.model, self.problem.observe, domain, (self.smooth, params)
        )
        return steady, steady(self.smooth, params)
