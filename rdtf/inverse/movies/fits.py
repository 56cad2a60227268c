"""Parameters of a moving pattern from a movie of one of its species.

`fit` minimises the misfit of `rdtf.inverse.movies.driven_filter` in three stages:

1. Levenberg-Marquardt on the frames of the last 40 % of the time, from the given start,
   and from random ones as long as more is left over than noise and spline explain;
2. twice again with all values weighted by how far they have forgotten the start;
3. if the movie is noisy, with as much noise added again: the bias of the parameters
   grows with the variance of the noise, so what the addition moves is taken off
   (simulation and extrapolation: Cook & Stefanski 1994, doi:10.2307/2290994), and its
   scatter is the standard deviation of the estimate.
"""

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping

import numpy as np

from rdtf.inverse.movies import frames as movies_frames
from rdtf.inverse.movies import gain as movies_gain
from rdtf.inverse.movies.driven_filter import DrivenFilter
from rdtf.inverse.movies.frames import Frames
from rdtf.inverse.observation import typical_ranges
from rdtf.inverse.observation.camera_settings import CAMERA
from rdtf.inverse.solvers import levenberg_marquardt
from rdtf.inverse.solvers.levenberg_marquardt import Coordinates, Minimum
from rdtf.simulation import Simulation
from rdtf.status import FitStatus, InputError

REPLICATES = 6  # of the added noise
BIAS_ERROR = 0.25  # of what is taken off, as a share
START_EFFECT = 0.2  # of the unknown start on the parameters, as a share of the worst
SPREAD = 4.0  # of random starts: up to this factor from the given one


@dataclasses.dataclass(frozen=True)
class MovieFit:
    """What a movie tells of the parameters.

    Attributes:
      params: of the model.
      gain, offset: field = gain · y + offset; 1 and 0 if they were known.
      status: of the last minimisation.
      relative_residual: rms of (w - o) / std(o) over what counts.
      sigma: standard deviation of the noise of the frames as given.
      singular_values: of the Jacobian by the coordinates of the fit (log p where p >= 0),
        largest first.
      sd: of each parameter (and gain, offset): the scatter of added noise if the movie
        is noisy, else Gauss-Newton of white residuals; a quarter of the bias taken off;
        and a fifth of the worst that the unknown start of the hidden species can do.
        It leaves out the error of the spline, and of a wrong model.
      undetermined: directions in coordinates along which the cost hardly changes.
      iterations: of Levenberg-Marquardt, over all starts and stages.
      starts: how many were used.
      seconds: of the whole fit.
      notes: what to know before the parameters are believed, one line each.
    """

    params: dict[str, float]
    gain: float
    offset: float
    status: FitStatus
    relative_residual: float
    sigma: float
    singular_values: np.ndarray
    sd: dict[str, float]
    undetermined: list[dict[str, float]]
    iterations: int
    starts: int
    seconds: float
    notes: list[str]


def fit(
    simulation: Simulation,
    observe: str,
    frames: np.ndarray,
    times: np.ndarray,
    start: Mapping[str, float],
    gain: bool = False,
    typical_range: tuple[float, float] | None = None,
    held: Collection[str] = (),
    laplacian: str = "second_order",
    max_starts: int = 6,
    seed: int = 0,
    callback: Callable = lambda step: None,
) -> MovieFit:
    """Fits the model's parameters to a movie of one species.

    Args:
      simulation, observe, frames, times, gain, laplacian: see `DrivenFilter`; at least
        10 frames. The pattern should turn over no faster than in about six frames, and
        the movie last a few decay times of the hidden species: see `MovieFit.notes`.
      start: the model's parameters, where the fit begins.
      typical_range: (lowest, highest) value of the observed field, from where the gain
        is looked for, between 0.7 and 1.7 of it. None: the range in patterns of the
        model's default parameters.
      held: names of parameters that keep their value.
      max_starts: at most so many, if the first do not explain the movie.
      seed: of random starts and of added noise.
      callback: called with every `levenberg_marquardt.Step`.

    Raises:
      InputError: if the frames are too few or too far apart, or the model cannot be
        followed.
    """
    began = time.perf_counter()
    model = simulation.model
    model.check_bounds(start)
    stray = sorted(set(held) - set(model.parameters))
    if stray or len(set(held)) == len(model.parameters):
        raise InputError(
            f"Expected some parameters of {model.name} to hold and some to fit, got "
            f"{', '.join(stray or held)} to hold."
        )
    data = movies_frames.prepare(frames, times, simulation.grid)
    starts = [dict(start)]
    if gain:
        if typical_range is None:
            typical_range = np.median(typical_ranges.ranges(model, observe), axis=0)
        starts = [
            {**start, **c} for c in movies_gain.candidates(data.values, typical_range)
        ]
    misfit = DrivenFilter(
        simulation, observe, data.values, data.times, gain, laplacian, starts[0]
    )
    job = _Job(simulation, data, misfit, held, callback)
    return job.finish(job.search(starts, max_starts, seed), seed, began)


@dataclasses.dataclass
class _Candidate:
    """Where one start led: cost of stage 1, misfit and minimum of stage 2."""

    first_cost: float
    misfit: DrivenFilter
    minimum: Minimum
    starts: int = 0


class _Job:
    """One fit: what its stages share, and how many iterations they took."""

    def __init__(self, simulation, data: Frames, misfit: DrivenFilter, held, callback):
        self.simulation, self.data, self.misfit = simulation, data, misfit
        self.held, self.callback, self.iterations = held, callback, 0
        camera = {n: p for n, p in CAMERA.items() if n in misfit.names}
        self.parameters = {**simulation.model.parameters, **camera}
        # At the truth the misfit is less than this: measured, with room.
        self.explained = 3.0 * data.relative_noise + 0.2 * data.interpolation + 0.003

    def minimise(self, misfit, start, max_iterations=60) -> Minimum:
        coordinates = Coordinates(self.parameters, start, self.held)
        result = levenberg_marquardt.minimise(
            misfit, coordinates, start, max_iterations, callback=self.callback
        )
        self.iterations += result.iterations
        return result

    def search(self, starts, max_starts, seed) -> "_Candidate":
        """Stages 1 and 2, from one start after another until one explains the movie."""
        if len(starts) > 1:  # gains: a few iterations each, and the best two go on
            tries = [self.minimise(self.misfit, s, 6) for s in starts]
            starts = [t.params for t in sorted(tries, key=lambda t: t.cost)[:2]]
        rng = np.random.default_rng(seed)
        best = None
        for i in range(max(max_starts, len(starts))):
            start = starts[i] if i < len(starts) else self._random(starts[0], rng)
            first = self.minimise(self.misfit, start)
            if best is None or first.cost < best.first_cost:
                best = self._forget(first)
            best.starts = i + 1
            if np.sqrt(2.0 * best.minimum.cost) < self.explained:
                break
        return best

    def _forget(self, minimum):
        """Stage 2."""
        first_cost, misfit = minimum.cost, self.misfit
        floor = max(1e-5, 0.003 * self.data.relative_noise)
        for _ in range(2):
            if np.isfinite(minimum.cost):
                misfit = self.misfit.forgetting(minimum.params, floor)
                minimum = self.minimise(misfit, minimum.params)
        return _Candidate(first_cost, misfit, minimum)

    def _random(self, start, rng):
        """A start up to a factor away, with a time step that stays stable."""
        coordinates = Coordinates(self.parameters, start, self.held)
        reach = np.log(SPREAD) * rng.uniform(-1.0, 1.0, len(coordinates.names))
        camera = np.isin(coordinates.names, list(CAMERA))
        vector = coordinates.encode(start) + reach * coordinates.free * ~camera
        drawn = coordinates.decode(
            np.clip(vector, coordinates.lower, coordinates.upper)
        )
        model = self.simulation.model
        diffusivities = {n for n in model.diffusivities if n not in self.held}
        ratio = float(np.max(self.simulation.stability_ratio(drawn)))
        return {
            n: v / max(1.0, ratio / 0.9) if n in diffusivities else v
            for n, v in drawn.items()
        }

    def finish(self, best: "_Candidate", seed, began) -> MovieFit:
        """Stage 3, and what there is to say."""
        misfit, params = best.misfit, best.minimum.params
        here = misfit(params)
        residual = float(np.sqrt(2.0 * here.cost))
        coordinates = Coordinates(self.parameters, params, self.held)
        slopes = coordinates.slopes(params)
        curvature = here.curvature * np.outer(slopes, slopes)
        eigenvalues = np.linalg.eigvalsh(curvature)[::-1][: coordinates.free.sum()]
        singular_values = np.sqrt(np.maximum(eigenvalues, 1e-300))
        spread = np.diag(np.linalg.pinv(curvature)).clip(0.0)
        if self.data.kept is None or not np.isfinite(here.cost):
            count = misfit.share * self.data.values.size
            variance = spread * 2.0 * here.cost / count
        else:
            params, variance = self._correct(misfit, params, coordinates, seed)
        variance = variance + spread * (START_EFFECT * misfit.memory) ** 2
        sd = np.sqrt(variance) * slopes
        return MovieFit(
            params={n: params[n] for n in self.simulation.model.parameters},
            gain=params.get("gain", 1.0),
            offset=params.get("offset", 0.0),
            status=best.minimum.status,
            relative_residual=residual,
            sigma=self.data.sigma,
            singular_values=singular_values,
            sd=dict(zip(params, sd.tolist(), strict=True)),
            undetermined=best.minimum.undetermined,
            iterations=self.iterations,
            starts=best.starts,
            seconds=time.perf_counter() - began,
            notes=self._notes(residual, misfit.memory / singular_values[-1]),
        )

    def _correct(self, misfit, params, coordinates, seed):
        """Stage 3: the parameters without bias, the variance of their coordinates."""
        grid, vector = self.simulation.grid, coordinates.encode(params)
        moved = []
        for replicate in range(REPLICATES):
            frames = self.data.noisier(grid, seed * REPLICATES + replicate)
            found = self.minimise(misfit.with_frames(frames), params, 4)
            moved.append(coordinates.encode(found.params) - vector)
        bias = np.mean(moved, axis=0)
        vector = np.clip(vector - bias, coordinates.lower, coordinates.upper)
        # Of the movie's own noise, of the replicates' mean, of the extrapolation.
        variance = np.var(moved, axis=0, ddof=1) * (1.0 + 1.0 / len(moved))
        return coordinates.decode(vector), variance + (BIAS_ERROR * bias) ** 2

    def _notes(self, residual, memory):
        notes = []
        if not residual < self.explained:
            notes.append(
                f"Expected a residual below {100 * self.explained:.2g} %, got "
                f"{100 * residual:.2g} %: another model, Laplacian or time step, or no "
                "start was good."
            )
        if not memory < 0.02:
            notes.append(
                "Expected a movie of several decay times of the hidden species: what they "
                f"were at its start may move a parameter by up to {100 * memory:.2g} %."
            )
        if self.data.interpolation > 0.1:
            notes.append(
                "Expected denser frames: a spline through every second one misses "
                f"{100 * self.data.interpolation:.0f} % of the others."
            )
        return notes
