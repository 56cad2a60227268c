"""Parameters of a moving pattern from a movie of one of its species.

`fit` minimises the misfit of `rdtf.inverse.movies.driven_filter` in three stages:

1. Levenberg-Marquardt on the frames of the last 40 % of the time, from the given start,
   and from random ones as long as the residual is larger than noise and spline explain;
2. twice again with all values weighted by how far they have forgotten the start;
3. if the movie is noisy, with as much noise added again: the bias of the parameters
   grows with the variance of the noise, so the change due to the addition is subtracted
   (simulation and extrapolation: Cook & Stefanski 1994, doi:10.2307/2290994), and its
   scatter is the standard deviation of the estimate.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable

import numpy as np

from rdtf.inverse import starts
from rdtf.inverse.movies import frames as movies_frames
from rdtf.inverse.movies.driven_filter import DrivenFilter
from rdtf.inverse.movies.frames import Frames
from rdtf.inverse.observation import typical_ranges
from rdtf.inverse.observation.camera_settings import CAMERA
from rdtf.inverse.problem import Problem
from rdtf.inverse.results import Estimate, Intervals
from rdtf.inverse.solvers import levenberg_marquardt
from rdtf.inverse.solvers.levenberg_marquardt import Coordinates, Minimum
from rdtf.status import FitStatus

REPLICATES = 6  # of the added noise
BIAS_ERROR = 0.25  # of the bias that is subtracted, as a share
START_EFFECT = 0.2  # of the unknown start on the parameters, as a share of the worst
SPREAD = 4.0  # of random starts: up to this factor from the given one
GAINS = (0.68, 0.86, 1.08, 1.35, 1.7)  # tried, as shares of the typical range
POOR = 0.1  # largest residual of a movie that is explained, beside the noise


def fit(
    problem: Problem,
    typical_range: tuple[float, float] | None = None,
    max_starts: int = 6,
    callback: Callable = lambda step: None,
) -> Estimate:
    """Fits the model's parameters to a movie of one species.

    Args:
      problem: a movie of at least 10 frames, `[n, time, *grid]`. The pattern should
        turn over no faster than in about six frames, and the movie last a few decay
        times of
        the hidden species: see the remarks of the estimate.
      typical_range: (lowest, highest) value of the observed field, from where an
        unknown gain is looked for, between 0.7 and 1.7 of it. None: the range in
        patterns of the model's presets.
      max_starts: at most so many, if the first do not explain the movie.
      callback: called with every `levenberg_marquardt.Step`.

    Returns:
      the estimate of stage "movie". Its `sd` is the scatter of added noise if the movie
      is noisy, else that of Gauss-Newton for white residuals, with a quarter of the
      bias subtracted and a fifth of the worst that the unknown start of the hidden
      species can do. It leaves out the error of the spline, and of a wrong model. The
      status is `FitStatus.UNEXPLAINED` where the residual exceeds the noise by more
      than 0.1.

    Raises:
      InputError: if the frames are too few or too far apart, or the model cannot be
        followed.
    """
    began, simulation = time.perf_counter(), problem.simulation
    data = movies_frames.prepare(problem.fields, problem.times, simulation.grid)
    begin = [dict(problem.start)]
    if problem.observation.unknown_gain:
        if typical_range is None:
            ranges = typical_ranges.ranges(problem.model, problem.observe)
            typical_range = np.median(ranges, axis=0)
        low, high = typical_range
        spans = [(low, share * (high - low)) for share in GAINS]
        begin = starts.with_gains(problem.start, data.values, spans)
    known = problem.laplacian != "auto"
    misfit = DrivenFilter(
        simulation,
        problem.observe,
        data.values,
        data.times,
        gain=problem.observation.unknown_gain,
        laplacian=problem.laplacian if known else simulation.laplacian,
        typical=begin[0],
    )
    job = _Job(problem, data, misfit, callback)
    found = job.finish(job.search(begin, max_starts))
    return dataclasses.replace(found, seconds=time.perf_counter() - began)


@dataclasses.dataclass
class _Candidate:
    """Where one start led: cost of stage 1, misfit and minimum of stage 2."""

    first_cost: float
    misfit: DrivenFilter
    minimum: Minimum
    starts: int = 0


class _Job:
    """One fit: what its stages share, and how many iterations they took."""

    def __init__(self, problem, data: Frames, misfit: DrivenFilter, callback):
        self.problem, self.data, self.misfit = problem, data, misfit
        self.callback, self.iterations = callback, 0
        camera = {n: p for n, p in CAMERA.items() if n in misfit.names}
        self.parameters = {**problem.model.parameters, **camera}
        # At the truth the misfit is less than this: measured, with room.
        self.explained = 3.0 * data.relative_noise + 0.2 * data.interpolation + 0.003

    def coordinates(self, start):
        return Coordinates(self.parameters, start, self.problem.held)

    def minimise(self, misfit, start, max_iterations=60) -> Minimum:
        result = levenberg_marquardt.minimise(
            misfit,
            self.coordinates(start),
            start,
            max_iterations,
            callback=self.callback,
        )
        self.iterations += result.iterations
        return result

    def search(self, begin, max_starts) -> "_Candidate":
        """Stages 1 and 2, from one start after another until one explains the movie."""
        if len(begin) > 1:  # gains: a few iterations each, and the best two go on
            tries = [self.minimise(self.misfit, s, 6) for s in begin]
            begin = [t.params for t in sorted(tries, key=lambda t: t.cost)[:2]]
        problem, best = self.problem, None
        rng = np.random.default_rng(problem.seed)
        others = starts.around(problem.model, begin[0], problem.held, rng, SPREAD)
        every = itertools.chain(begin, map(self._stable, others))
        for i, start in enumerate(itertools.islice(every, max(max_starts, len(begin)))):
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

    def _stable(self, start):
        """A start with diffusivities at which the time step is stable."""
        simulation = self.problem.simulation
        free = set(simulation.model.diffusivities) - set(self.problem.held)
        ratio = float(np.max(simulation.stability_ratio(start)))
        slower = max(1.0, ratio / 0.9)
        return {n: v / slower if n in free else v for n, v in start.items()}

    def finish(self, best: "_Candidate") -> Estimate:
        """Stage 3, and what there is to say."""
        misfit, params = best.misfit, best.minimum.params
        here = misfit(params)
        residual = float(np.sqrt(2.0 * here.cost))
        coordinates = self.coordinates(params)
        slopes = coordinates.slopes(params)
        curvature = here.curvature * np.outer(slopes, slopes)
        eigenvalues = np.linalg.eigvalsh(curvature)[::-1][: coordinates.free.sum()]
        singular_values = np.sqrt(np.maximum(eigenvalues, 1e-300))
        spread = np.diag(np.linalg.pinv(curvature)).clip(0.0)
        is_noisy = self.data.kept is not None
        if is_noisy and np.isfinite(here.cost):
            params, variance = self._correct(misfit, params, coordinates)
        else:
            count = misfit.share * self.data.values.size
            variance = spread * 2.0 * here.cost / count
        variance = variance + spread * (START_EFFECT * misfit.memory) ** 2
        noise, status = self.data.sigma / float(self.problem.fields.std()), None
        if residual > POOR + noise and best.minimum.status is FitStatus.CONVERGED:
            status = FitStatus.UNEXPLAINED
        sd = dict(zip(params, (np.sqrt(variance) * slopes).tolist(), strict=True))
        return Estimate(
            stage="movie",
            params=params,
            loss=residual,
            status=status or best.minimum.status,
            iterations=self.iterations,
            starts=best.starts,
            remarks=self._remarks(residual, misfit.memory / singular_values[-1]),
            relative_residual=residual,
            noise_ratio=noise,
            sigma=self.data.sigma,
            singular_values=singular_values,
            sd=sd,
            undetermined=tuple(best.minimum.undetermined),
            intervals=self._intervals(params, sd, is_noisy),
        )

    def _intervals(self, params, sd, is_noisy):
        names = [name for name in sd if name not in self.problem.held]
        ends = {n: (params[n] - 1.96 * sd[n], params[n] + 1.96 * sd[n]) for n in names}
        method = "added noise" if is_noisy else "curvature"
        return Intervals(params=params, interval=ends, method=method)

    def _correct(self, misfit, params, coordinates):
        """Stage 3: the parameters without bias, the variance of their coordinates."""
        problem, vector = self.problem, coordinates.encode(params)
        moved = []
        for replicate in range(REPLICATES):
            seed = problem.seed * REPLICATES + replicate
            frames = self.data.noisier(problem.simulation.grid, seed)
            found = self.minimise(misfit.with_frames(frames), params, 4)
            moved.append(coordinates.encode(found.params) - vector)
        bias = np.mean(moved, axis=0)
        vector = np.clip(vector - bias, coordinates.lower, coordinates.upper)
        # Of the movie's own noise, of the replicates' mean, of the extrapolation.
        variance = np.var(moved, axis=0, ddof=1) * (1.0 + 1.0 / len(moved))
        return coordinates.decode(vector), variance + (BIAS_ERROR * bias) ** 2

    def _remarks(self, residual, memory):
        remarks = []
        if not residual < self.explained:
            remarks.append(
                f"Expected a residual below {100 * self.explained:.2g} %, got "
                f"{100 * residual:.2g} %: another model, Laplacian or time step, or no "
                "start was good."
            )
        if not memory < 0.02:
            remarks.append(
                "Expected a movie of several decay times of the hidden species: what "
                "they were at its start may move a parameter by up to "
                f"{100 * memory:.2g} %."
            )
        if self.data.interpolation > 0.1:
            remarks.append(
                "Expected denser frames: a spline through every second one misses "
                f"{100 * self.data.interpolation:.0f} % of the others."
            )
        return tuple(remarks)
