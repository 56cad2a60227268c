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
    fresh: FreshPatterns | None = None,
    seed: int = 0,
    logdir=None,
    resume: bool = False,
    progress: bool | Progress = True,
) -> Fit:
    """Finds a model's parameters from pictures of its patterns.

        found = rdtf.fit(array, "gray_scott")                       # [y, x] or [sample, y, x]
        found = rdtf.fit("photo.png", "gray_scott", scale=(0.0, 0.4))
        found = rdtf.fit("movie.gif", "gray_scott", times=20.0)     # 20 units between frames

    Args:
      pictures: an array `[y, x]` or `[sample, y, x]` (with `times`, a movie `[time, y, x]`
        or `[sample, time, y, x]`); pixels that a `numpy.ma` array masks were not observed.
        Or the path of a picture, a movie or an `.npz`, or several; or
        `rdtf.storage.Targets`.
      model: the name of a built-in model, or any other, such as that of
        `rdtf.models.from_equations`.
      observe: the species that the pictures show; default: the model's last.
      start: where the fit begins, by name; what is left out starts at the model's default.
      known: parameters that are known, by name; they are not fitted.
      times: of the frames of a movie, `[time]`, or one number, the interval between them,
        in the model's unit of time. None: stills.
      scale: of a file of integer grey levels: "LOW:HIGH" or a pair, the concentration of
        the darkest and the brightest level. Without it gain and offset are unknown.
      pixel_size: distance between pixel centres, in the model's unit of length; default:
        that of the file, else 1.
      boundary: of the pattern, as of `rdtf.Grid`, where the file does not say.
      observation: blur, coarse pixels, cropping, hidden pixels, unknown gain.
      simulation: grid, scheme and time step; default: a stable one on the grid of the
        pictures, with the scheme and the time step of the file if it has them.
      laplacian: the one that made the pictures, or "auto" to let them say.
      settings: route and optimiser; default: route "auto".
      fresh: how patterns are simulated to check the result.
      seed: of every random choice.
      logdir: directory for `trajectory.jsonl`, TensorBoard events and finished stages;
        None keeps nothing on disk.
      resume: whether to go on with the fit that `logdir` holds.
      progress: whether to show a bar, or what to show progress with.

    Returns:
      the `Fit`: `params`, `intervals`, `status`, `advice`, `remarks`, `summary()`,
      `plot()`, `save(directory)`. A fit that does not explain the pictures says so by its
      status.

    Raises:
      InputError: in one line, if the pictures or the options cannot be used.
    """
    chosen = models.get(model) if isinstance(model, str) else model
    if simulation is not None and simulation.model is not chosen:
        chosen = _same(chosen, simulation.model)
    observe = observe or chosen.species[-1]
    chosen.check_species(observe)
    targets = inputs.as_targets(pictures, chosen, observe, times, scale, pixel_size)
    known = dict(known or {})
    params = {**chosen.defaults, **(start or {}), **known}
    chosen.check_bounds(params)
    seen = inputs.observation_of(targets, observation)
    if simulation is None:
        simulation = make_simulation(
            chosen, targets, observe, params, seen, boundary=boundary
        )
    if fresh is None:
        fresh = FreshPatterns(targets.metadata.get("initial_condition"))
    problem = Problem(
        simulation=simulation,
        observe=observe,
        fields=targets.fields[observe],
        start=params,
        held=tuple(known),
        seed=seed,
        observation=seen,
        laplacian=laplacian,
        times=targets.times,
        fresh=fresh,
        truth=targets.true_params,
    )
    if progress is True or progress is False:
        progress = ProgressBar(disable=not progress)
    return solve(problem, settings or Settings(), progress, logdir, resume)


def solve(
    problem: Problem,
    settings: Settings,
    progress: Progress,
    logdir=None,
    resume: bool = False,
) -> Fit:
    """Runs the route of the settings, then checks the result.

    Args:
      problem: what is fitted.
      settings: how.
      progress: shows it; closed at the end.
      logdir, resume: as of `fit`.

    Raises:
      InputError: if the route cannot be taken.
    """
    began = time.monotonic()
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
    model: ReactionDiffusion,
    targets: Targets,
    observe: str,
    params: Mapping[str, float],
    observation: Observation,
    boundary="periodic",
) -> Simulation:
    """A stable simulation on the grid of pictures.

    Args:
      model: to be simulated.
      targets: the pictures; a file's scheme and time step are taken where its grid is.
      observe: the observed species.
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


def _same(model, other):
    if model.name != other.name:
        raise InputError(
            f"Expected a simulation of {model.name}, got one of {other.name}."
        )
    return other
