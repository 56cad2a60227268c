"""`fit`: a model's parameters from pictures or movies of its patterns."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Mapping

from rdtf import models, schemes
from rdtf.inverse import pictures as inputs
from rdtf.inverse import routes
from rdtf.inverse.fits import Fit
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.problem import FreshPatterns, Problem
from rdtf.inverse.reporting.progress import Progress, ProgressBar
from rdtf.inverse.reporting.recorders import DirectoryRecorder, Listeners
from rdtf.inverse.reporting.report import comparable
from rdtf.inverse.settings import Settings
from rdtf.inverse.simulated import certificates, checks
from rdtf.inverse.stages import Stages
from rdtf.models import ReactionDiffusion
from rdtf.simulation import Simulation
from rdtf.status import FitStatus, InputError
from rdtf.storage import Targets

_HOPELESS = (FitStatus.FAILED_START, FitStatus.INTERRUPTED)


def fit(
    pictures: inputs.Pictures,
    model: str | ReactionDiffusion,
    observe: str | None = None,
    start: Mapping[str, float] | None = None,
    known: Mapping[str, float] | None = None,
    *,
    times=None,
    scale=None,
    pixel_size: float | None = None,
    boundary="periodic",
    observation: Observation | None = None,
    simulation: Simulation | None = None,
    laplacian: str = "auto",
    settings: Settings | None = None,
    seed: int = 0,
    logdir=None,
    progress: bool | Progress = True,
) -> Fit:
    """Finds a model's parameters from pictures or movies of its patterns.

    Args:
      pictures: an array, a file or several, or targets: `inverse.pictures.as_targets`.
      model: the name of a built-in model, or a model.
      observe: the species that the pictures show; default: the model's last.
      start: where the fit begins, by name; default: the model's default parameters.
      known: parameters that are held at known values, by name.
      times: of a movie's frames, `[time]`, or one number, the interval between them.
      scale: (low, high) concentration of integer grey levels, whose gain and offset are
        unknown without it.
      pixel_size: between pixel centres, a length of the model; default: the file's, or
        1.
      boundary: of the pattern, as of `rdtf.Grid`, where the file does not say.
      observation: blur, coarse pixels, cropping, hidden pixels, unknown gain.
      simulation: that checks the result; default: the file's, or a stable one.
      laplacian: the one that made the pictures; "auto" lets them say.
      settings: route and optimiser; default: route "auto".
      seed: of every random choice.
      logdir: where trajectory, TensorBoard events and finished stages are written.
      progress: whether to show a bar, or what shows the progress.

    Returns:
      a `Fit`; one that does not explain the pictures says so by its status.

    Raises:
      InputError: in one line, if the pictures or the options cannot be used.
    """
    model = models.get(model) if isinstance(model, str) else model
    observe = model.species[-1] if observe is None else observe
    ndim = 2 if simulation is None else simulation.grid.ndim
    how = inputs.Reading(times, scale, pixel_size, ndim)
    targets = inputs.as_targets(pictures, model, observe, how)
    params = {**model.defaults, **(start or {}), **(known or {})}
    seen = inputs.observation_of(targets, observation)
    if simulation is None:
        simulation = make_simulation(targets, observe, model, params, seen, boundary)
    problem = _pose(targets, observe, params, tuple(known or ()), seen, simulation)
    problem = dataclasses.replace(problem, laplacian=laplacian, seed=seed)
    return solve(problem, settings or Settings(), progress, logdir)


def _pose(targets, observe, start, held, observation, simulation):
    """The problem, as far as the targets tell."""
    return Problem(
        simulation=simulation,
        observe=observe,
        fields=targets.fields[observe],
        start=start,
        held=held,
        observation=observation,
        times=targets.times,
        fresh=FreshPatterns(targets.metadata.get("initial_condition")),
        truth=targets.true_params,
    )


def solve(
    problem: Problem,
    settings: Settings,
    progress: bool | Progress = True,
    logdir=None,
    resume: bool = False,
) -> Fit:
    """Runs the route of the settings, then checks the result.

    Args:
      problem: what is fitted.
      settings: how.
      progress, logdir: as of `fit`; what shows the progress is closed at the end.
      resume: whether to go on with the fit that `logdir` holds.

    Raises:
      InputError: if the route cannot be taken.
    """
    began = time.monotonic()
    if isinstance(progress, bool):
        progress = ProgressBar(disable=not progress)
    with contextlib.closing(progress):
        routes.validate(problem, settings)
        directory, recorder = None, Listeners([progress])
        if logdir is not None:
            directory = pathlib.Path(logdir)
            directory.mkdir(parents=True, exist_ok=True)
            context = {"engine": problem.simulation.engine}
            recorder = DirectoryRecorder(directory, [progress], context)
        elif resume:
            raise InputError("Expected logdir with resume: which fit goes on?")
        with contextlib.closing(recorder):
            stages = Stages(directory, recorder, resume)
            found = routes.run(problem, settings, stages, recorder)
            seconds = time.monotonic() - began
            fitted = Fit(
                problem=problem, settings=settings, stages=tuple(found), seconds=seconds
            )
            hopeless = fitted.status in _HOPELESS or not comparable(problem)
            if not settings.check or hopeless:
                return fitted
            return _checked(fitted, recorder, progress)


def _checked(fitted, recorder, progress):
    """The fit with its check and certificates."""
    problem, certified = fitted.problem, {}
    stills = checks.targets(problem)
    sigma = (fitted.stages[0].noise_ratio or 0.0) * float(stills.std())
    check = checks.check(problem, fitted.params, progress.checking, sigma)
    pattern = check.run.state[problem.index]
    recorder.compare(stills, checks.as_seen(problem, fitted.params, pattern))
    if problem.is_plain:
        certified = certificates.certify(problem, fitted.settings, fitted.stages[-1])
    return dataclasses.replace(fitted, check=check, certificates=certified)


def make_simulation(
    targets: Targets,
    observe: str,
    model: ReactionDiffusion,
    params: Mapping[str, float],
    observation: Observation,
    boundary="periodic",
) -> Simulation:
    """A stable simulation on the grid of pictures.

    Args:
      targets: the pictures; a file's scheme and time step are taken where its grid is.
      observe: the observed species.
      model: to be simulated.
      params: set the time step where the file has none.
      observation: tells how many cells a pixel has.
      boundary: where the file does not say.
    """
    pixels = inputs.pixel_grid(targets, observe, targets.pixel_size, boundary=boundary)
    grid, metadata = inputs.model_grid(pixels, observation), targets.metadata
    scheme, step = metadata.get("scheme", "forward_euler"), metadata.get("time_step")
    if step is None or grid != pixels or targets.pixel_size is not None:
        step = schemes.default_time_step(model, params, grid, scheme)
    return Simulation(model, grid, step, scheme)
