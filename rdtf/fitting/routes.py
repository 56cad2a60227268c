"""Routes from pictures to parameters.

residual   solve for the hidden species, least squares on the steady equation
bptt       truncated backpropagation through simulations
auto       residual; windows from the target state if the pictures are noisy
"""

import dataclasses
import json
from collections.abc import Callable

import numpy as np

from rdtf import files
from rdtf.constraints import Constraints
from rdtf.inference import levenberg_marquardt, noise
from rdtf.fitting.bptt import OptimizerSettings, Trainer
from rdtf.fitting.polish import polish
from rdtf.fitting.problem import Problem, StageResult
from rdtf.fitting.records import Record, Recorder, of_step
from rdtf.fitting.windows import Windows, WindowSettings
from rdtf.losses.elimination import eliminate
from rdtf.losses.residual import SteadyResidual
from rdtf.status import FitStatus

ROUTES = ("auto", "residual", "bptt")

NOISY = 0.003
"""Noise over standard deviation beyond which a picture counts as noisy."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a fit may be told.

    Attributes:
      route: a name of `ROUTES`.
      form: of the residual, "norm" or "integral"; None chooses by the noise.
      loss: of route bptt, `loss(predicted, target)`.
      windows, optimizer: of route bptt.
      polish_window: steps of the windows that polish route auto.
    """

    route: str = "auto"
    form: str | None = None
    loss: Callable | None = None
    windows: WindowSettings = dataclasses.field(default_factory=WindowSettings)
    optimizer: OptimizerSettings = dataclasses.field(default_factory=OptimizerSettings)
    polish_window: int = 50


def validate(problem: Problem, settings: Settings) -> None:
    """Raises InputError if the route cannot be taken; call it before touching files."""
    model = problem.simulation.model
    if settings.route != "bptt" or settings.windows.start == "target":
        eliminate(model, problem.observe, problem.start)
    if settings.route == "bptt":
        problem.simulation.check_stability(problem.start)
        Constraints(model, settings.optimizer.transforms).raw(problem.start)
        settings.optimizer.make()
        draw = Windows(problem, settings.windows, settings.loss).draw(0)
        settings.loss(draw.targets, draw.targets)  # whether the grid suits the loss


def fit(
    problem: Problem, settings: Settings, recorder: Recorder, resume: bool = False
) -> list[StageResult]:
    """Runs a route; the last stage's parameters are the answer.

    Finished stages are kept in `checkpoint.json` of the work directory. With `resume` they
    are not run again; an unfinished stage of route bptt goes on from its checkpoint,
    the others, which take seconds, start again.
    """
    stages = _Stages(recorder, resume)
    if settings.route == "bptt":
        windows = Windows(problem, settings.windows, settings.loss)
        trainer = Trainer(problem, windows, settings.optimizer, recorder)
        stages.run("bptt", lambda: trainer.fit(resume))
        return stages.results
    sigma = noise.estimate(problem.fields, problem.simulation.grid)
    ratio = sigma / problem.fields.std()
    noisy = ratio > NOISY
    smooth = problem.fields
    if noisy:
        smooth = noise.low_pass(problem.fields, problem.simulation.grid, sigma)
    form = settings.form or ("integral" if noisy else "norm")
    first = stages.run(
        "residual", lambda: residual(problem, smooth, form, ratio, recorder.write)
    )
    if settings.route == "auto" and noisy and first.status is FitStatus.CONVERGED:
        window = settings.polish_window
        stages.run(
            "windows",
            lambda: polish(problem, smooth, sigma, first, recorder.write, window),
        )
    return stages.results


def residual(
    problem: Problem,
    fields: np.ndarray,
    form: str,
    noise_ratio: float,
    callback: Callable[[Record], None],
) -> StageResult:
    """The steady residual, minimised by Levenberg-Marquardt."""
    model = problem.simulation.model
    linearise = SteadyResidual(
        model, problem.simulation.grid, problem.observe, fields, problem.start, form
    )
    found = levenberg_marquardt.minimise(
        linearise,
        levenberg_marquardt.Coordinates(model.parameters, problem.start, problem.held),
        problem.start,
        callback=lambda step: callback(of_step("residual", step)),
    )
    notes = {
        "form": form,
        "noise_over_std": float(noise_ratio),
        "undetermined": found.undetermined,
    }
    return StageResult(
        "residual", found.params, found.cost, found.status, found.iterations, notes
    )


class _Stages:
    """Finished stages, on disk so that a resumed fit does not repeat them."""

    def __init__(self, recorder, resume):
        self._recorder = recorder
        self._path = recorder.workdir / "checkpoint.json"
        self.results = []
        if resume and self._path.exists():
            text = self._path.read_text(encoding="utf-8")
            self.results = [StageResult.from_json(value) for value in json.loads(text)]
        else:
            self._recorder.keep(lambda record: resume)

    def run(self, name, work):
        """The stage's result: the stored one, or that of `work()`, then stored."""
        unfinished = [FitStatus.INTERRUPTED]
        if name == "bptt":  # --iterations may have been raised
            unfinished.append(FitStatus.MAX_ITERATIONS)
        for result in self.results:
            if result.stage == name and result.status not in unfinished:
                return result
        self.results = [r for r in self.results if r.stage != name]
        if name != "bptt":  # its trainer goes on from a checkpoint
            self._recorder.keep(lambda record: record["stage"] != name)
        self.results.append(work())
        files.write_json(self._path, [r.to_json() for r in self.results])
        return self.results[-1]
