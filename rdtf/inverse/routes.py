"""Routes from pictures to parameters.

residual   solve for the hidden species, least squares on the steady equation
windows    residual, then short simulations that start at the pictures
bptt       truncated backpropagation through simulations
auto       what the pictures need: residual if they are clean stills; the field as an
           unknown too if they are noisy, blurred, coarse or partly hidden; free boundary
           values if they are cut from a larger pattern; a driven filter for movies
"""

import dataclasses
import json
from collections.abc import Callable

from rdtf.constraints import Constraints
from rdtf.inverse import still_stages
from rdtf.inverse.movies import stage as moving_stages
from rdtf.inverse.problem import Problem, StageResult
from rdtf.inverse.reporting.recorders import Recorder
from rdtf.inverse.simulated.bptt import OptimizerSettings, Trainer
from rdtf.inverse.simulated.polish import polish
from rdtf.inverse.simulated.windows import Windows, WindowSettings
from rdtf.inverse.structure.elimination import eliminate
from rdtf.inverse.uncertainty import posterior
from rdtf.names import RESIDUAL_FORMS, ROUTES
from rdtf.status import FitStatus, InputError
from rdtf.storage.row_log import RowLog


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a fit may be told.

    Attributes:
      route: a name of `rdtf.names.ROUTES`.
      form: of the residual, a name of `rdtf.names.RESIDUAL_FORMS`; None chooses by the
        noise.
      loss: of route bptt, which needs one: `loss(predicted, target)`, see
        `rdtf.losses.LOSSES`.
      windows, optimizer: of route bptt.
      polish_window: steps of the windows of route windows.
      posterior: whether route auto ends with draws from the posterior.

    Raises:
      InputError: if there is no such route or form, route bptt has no loss, or
        `polish_window` is below 1.
    """

    route: str = "auto"
    form: str | None = None
    loss: Callable | None = None
    windows: WindowSettings = dataclasses.field(default_factory=WindowSettings)
    optimizer: OptimizerSettings = dataclasses.field(default_factory=OptimizerSettings)
    polish_window: int = 50
    posterior: bool = False

    def __post_init__(self):
        if self.route not in ROUTES:
            raise InputError(
                f"Expected a route among {', '.join(ROUTES)}, got {self.route!r}."
            )
        if self.form is not None and self.form not in RESIDUAL_FORMS:
            raise InputError(
                f"Expected a form of the residual among {', '.join(RESIDUAL_FORMS)}, "
                f"or None, got {self.form!r}."
            )
        if not callable(self.loss) and (self.route == "bptt" or self.loss is not None):
            raise InputError(
                f"Expected a loss for route {self.route}, such as "
                f"rdtf.losses.LOSSES['power_spectrum'], got {self.loss!r}."
            )
        if self.polish_window < 1:
            raise InputError(
                f"Expected polish_window of at least 1, got {self.polish_window}."
            )


def validate(problem: Problem, settings: Settings) -> None:
    """Raises InputError if the route cannot be taken; call it before touching files."""
    model, route = problem.simulation.model, settings.route
    if route != "bptt":
        model.check_plain("use --route=bptt")
        problem.simulation.grid.check_uniform_boundary(f"route {route}")
        problem.simulation.check_uniform("--route=bptt")
    if settings.posterior:
        _validate_posterior(problem, settings)
    if route in ("windows", "bptt") and not problem.is_plain:
        raise InputError(
            f"Expected stills of whole fields for route {route}, got a movie or pictures "
            "that are cropped, blurred, coarse, masked or of unknown gain: use "
            "--route=auto."
        )
    if route != "bptt" or settings.windows.start == "target":
        eliminate(model, problem.observe)
    if route == "bptt":
        problem.simulation.check_stability(problem.start)
        Constraints(model, settings.optimizer.transforms).raw(problem.start)
        settings.optimizer.make()
        draw = Windows(problem, settings.windows, settings.loss).draw(0)
        settings.loss(draw.targets, draw.targets)  # whether the grid suits the loss
    elif problem.times is not None:
        moving_stages.validate(problem)
    elif problem.observation.window:
        still_stages.validate_window(problem)


def _validate_posterior(problem, settings):
    cells = problem.simulation.grid.num_cells
    still = problem.times is None and not problem.observation.window
    if settings.route != "auto" or not still or len(problem.fields) > 1:
        raise InputError(
            "Expected one whole still and --route=auto for --posterior: choose one."
        )
    if cells > posterior.MAX_CELLS:
        raise InputError(
            f"Expected at most {posterior.MAX_CELLS} cells for --posterior, got {cells}: "
            "its field is sampled too; take the bootstrap's intervals instead."
        )


def fit(
    problem: Problem, settings: Settings, recorder: Recorder, resume: bool = False
) -> list[StageResult]:
    """Runs a route; the last stage's parameters are the answer.

    Finished stages are kept in `stages.jsonl` of the work directory. With `resume` they
    are not run again; an unfinished stage of route bptt goes on from its checkpoint,
    the others, which take seconds, start again.
    """
    stages = _Stages(recorder, resume)
    if settings.route == "bptt":
        windows = Windows(problem, settings.windows, settings.loss)
        trainer = Trainer(problem, windows, settings.optimizer, recorder)
        stages.run("bptt", lambda: trainer.fit(resume))
    elif problem.times is not None:
        stages.run("movie", lambda: moving_stages.movie(problem, recorder.write))
    elif problem.observation.window:
        stages.run("window", lambda: still_stages.window(problem, recorder.write))
    else:
        _fit_stills(problem, settings, stages, recorder)
    return stages.results


def _fit_stills(problem, settings, stages, recorder):
    prepared = still_stages.prepare(problem)
    first = stages.run(
        "residual",
        lambda: still_stages.residual(problem, prepared, settings.form, recorder.write),
    )
    if settings.route == "windows" and first.status is FitStatus.CONVERGED:
        stages.run(
            "windows",
            lambda: polish(
                problem,
                prepared.smooth,
                prepared.sigma,
                first,
                recorder.write,
                settings.polish_window,
            ),
        )
    if settings.route == "auto" and not prepared.clean:
        second = stages.run(
            still_stages.STAGE,
            lambda: still_stages.errors_in_variables(
                problem, prepared, first, recorder
            ),
        )
        if second.status is FitStatus.CONVERGED:
            stages.run(
                "bootstrap",
                lambda: still_stages.bootstrap(
                    problem, prepared, second, recorder.workdir
                ),
            )
            if settings.posterior:
                stages.run(
                    "posterior",
                    lambda: still_stages.posterior_of(
                        problem, prepared, second, recorder.workdir
                    ),
                )


class _Stages:
    """Finished stages, on disk so that a resumed fit does not repeat them."""

    def __init__(self, recorder, resume):
        self._recorder = recorder
        self._log = RowLog(recorder.workdir / "stages.jsonl")
        rows = self._log.start(resume)
        old = recorder.workdir / "checkpoint.json"  # of versions up to 0.1.0
        if resume and not rows and old.exists():
            rows = json.loads(old.read_text(encoding="utf-8"))
            for row in rows:
                self._log.append(row)
        self.results = [StageResult.from_json(row) for row in rows]
        if not rows:
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
        self._log.keep(lambda row: row["stage"] != name)
        if name != "bptt":  # its trainer goes on from a checkpoint
            self._recorder.keep(lambda record: record["stage"] != name)
        self.results.append(work())
        self._log.append(self.results[-1].to_json())
        return self.results[-1]
