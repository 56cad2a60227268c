"""Parameters from windows that are cut from a larger steady pattern of one species.

Nothing is known beyond the edge: treated as periodic, such pictures give parameters that
are wrong by tens of per cent. Here the edge values of the hidden species are unknowns
(`rdtf.inverse.cropped.residual`).
"""

import time
from collections.abc import Callable, Collection, Mapping

import numpy as np

from rdtf.grids import Grid
from rdtf.inverse.cropped.domain import CropDomain
from rdtf.inverse.cropped.latent_field import LatentFieldResidual
from rdtf.inverse.cropped.residual import CropResidual
from rdtf.inverse.cropped.results import Found, WindowFit
from rdtf.inverse.cropped.system import roughness
from rdtf.inverse.observation import noise
from rdtf.inverse.solvers import levenberg_marquardt as lm
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.structure import equations
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError

FAINT = 1e-4  # differences along the ring of a clean picture: see `_minimise`
COARSE = 3e-3  # noise over standard deviation that stands for the errors of "compact"
OTHER_STARTS = 6


def fit_window(
    model: ReactionDiffusion,
    grid_spacing: float | tuple[float, float],
    observe: str,
    fields: np.ndarray,
    start: Mapping[str, float],
    held: Collection[str] = (),
    laplacian: str = "second_order",
    sigma: float | None = None,
    callback: Callable[[lm.Step], None] = lambda step: None,
    seed: int = 0,
    other_starts: int = OTHER_STARTS,
) -> WindowFit:
    """Fits a model's parameters to windows of steady patterns.

    First the seen species' equation, as it is ("norm"). If that leaves more over than a
    clean picture would, the windows are smoothed, the integrated equation is fitted
    ("integral"), and from there exact solutions are fitted to the raw pictures
    ("picture"). If those miss the picture by more than the noise, all is repeated from
    random starts within a factor of 3, and the best is kept.

    Args:
      model: its hidden species are linear in turn, and all species diffuse.
      grid_spacing: distance between cell centres, in the model's length unit.
      observe: the species that is seen.
      fields: `[n, ny, nx]`; the n windows share the parameters.
      start: of all parameters.
      held: names of parameters that keep the value of `start`.
      laplacian: of the pattern: "second_order" for the solver of that order with this
        spacing, "compact" for anything smoother.
      sigma: standard deviation of white noise in the picture; None: unknown; 0: none.
      callback: called with every step of every minimisation.
      seed: of the other starts.
      other_starts: most of them.

    Raises:
      InputError: if the model, the windows or the Laplacian cannot be used.
    """
    begun = time.perf_counter()
    pictures = np.asarray(fields, np.float64)
    if pictures.ndim != 3 or not np.isfinite(pictures).all():
        raise InputError(
            f"Expected finite windows [n, y, x], got an array of shape {pictures.shape}."
        )
    grid = Grid(pictures.shape[1:], grid_spacing, "no_flux")
    task = _Task(model, grid, observe, pictures, laplacian, sigma, held, callback)
    best, starts = task.run(start), 1
    rng = np.random.default_rng(seed)
    while not best.good and starts <= other_starts:
        other = task.run(_elsewhere(model, start, held, rng))
        best, starts = min(best, other, key=lambda found: found.rank), starts + 1
    return best.report(starts, time.perf_counter() - begun)


def _elsewhere(model, start, held, rng):
    moved = dict(start)
    for name, value in start.items():
        parameter, factor = model.parameters[name], 3.0 ** rng.uniform(-1.0, 1.0)
        if name not in held:
            moved[name] = float(
                np.clip(value * factor, parameter.lower, parameter.upper)
            )
    return moved


class _Task:
    """What all starts share."""

    def __init__(
        self, model, grid, observe, pictures, laplacian, sigma, held, callback
    ):
        self.model, self.held, self.sigma = model, held, sigma
        self.observe, self._grid, self._callback = observe, grid, callback
        if any(name not in model.diffusivity for name in model.species):
            raise InputError(
                f"Expected species that all diffuse on a window, {model.name} has one "
                "that does not: its edge values are not needed to solve for it."
            )
        self.domain = CropDomain(grid, laplacian)
        self.pictures = pictures
        self.guess = noise.estimate_crop(pictures) if sigma is None else sigma
        self._exact = laplacian == "second_order"
        self.smooth = noise.smooth_crop(pictures, self.guess)
        spread = pictures - pictures.mean(axis=(1, 2), keepdims=True)
        self.spread = float(np.sqrt(np.mean(spread**2)))
        if not self._exact:
            self.guess = max(self.guess, COARSE * self.spread)

    def run(self, start):
        """The best `Found` of one start."""
        clean = self._minimise("norm", self.pictures, start, FAINT)
        if self._exact and (self.sigma == 0.0 or clean.good):
            return clean
        level = self.guess / self.spread
        rough = self._minimise("integral", self.smooth, start, max(0.1 * level, FAINT))
        exact = self._polish(rough)
        return min(exact, rough, clean, key=lambda found: found.rank)

    def _minimise(self, form, pictures, start, level):
        """Rings differ by `level` of what neighbours in the hidden fields do."""
        steady, point = self._mirrored(start)
        fields = np.stack(point.fields, axis=1)
        edge = np.sqrt(np.prod(self._grid.shape))
        weights = [level / (edge * roughness(fields[:, i])) for i in steady.order]
        residual = CropResidual(steady, self.domain, pictures, fields, form, weights)
        return self._end(form, residual, start)

    def _polish(self, rough):
        params, fields = rough.minimum.params, rough.fields
        residual = LatentFieldResidual(
            equations=equations.of(self.model),
            domain=self.domain,
            observed=self.model.check_species(self.observe),
            pictures=self.pictures,
            fields=fields,
            params=params,
            sigma=self.guess,
        )
        return self._end("picture", residual, params)

    def _end(self, form, residual, start):
        coordinates = lm.Coordinates(self.model.parameters, start, self.held)
        minimum = lm.minimise(residual, coordinates, start, callback=self._callback)
        minimum.params.update({name: start[name] for name in self.held})
        return Found(self, form, residual, coordinates, minimum)

    def _mirrored(self, params):
        """Where to begin: the hidden species if the window's edges were mirrors."""
        domain = WholeDomain(self._grid)
        steady = SteadyMap(self.model, self.observe, domain, (self.smooth, params))
        return steady, steady(self.smooth, params)
