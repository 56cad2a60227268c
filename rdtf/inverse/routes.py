"""Routes from pictures to parameters.

residual   solve for the hidden species, least squares on the steady equation
windows    residual, then short simulations that start at the pictures
bptt       truncated backpropagation through simulations
auto       what the pictures need: residual if they are clean stills; the field as an
           unknown too if they are noisy, blurred, coarse or partly hidden; free
           boundary values if they are cut from a larger pattern; a driven filter for
           movies
"""

from rdtf.constraints import Constraints
from rdtf.inverse.cropped import stage as crops
from rdtf.inverse.movies import stage as movies
from rdtf.inverse.noisy import stage as noisy
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting.recorders import Recorder
from rdtf.inverse.results import Estimate
from rdtf.inverse.settings import Settings
from rdtf.inverse.simulated.bptt import Trainer
from rdtf.inverse.simulated.polish import polish
from rdtf.inverse.simulated.windows import Windows
from rdtf.inverse.stages import Stages
from rdtf.inverse.steady import stage as steady
from rdtf.inverse.structure.elimination import eliminate
from rdtf.inverse.uncertainty import posterior
from rdtf.status import FitStatus, InputError


def validate(problem: Problem, settings: Settings) -> None:
    """Raises InputError if the route cannot be taken; call it before touching files."""
    model, route = problem.model, settings.route
    if route != "bptt":
        model.check_plain("use --route=bptt")
        problem.simulation.grid.check_uniform_boundary(f"route {route}")
        problem.simulation.check_uniform("--route=bptt")
    if settings.posterior:
        _validate_posterior(problem, settings)
    if route in ("windows", "bptt") and not problem.is_plain:
        raise InputError(
            f"Expected stills of whole fields for route {route}, got a movie or "
            "pictures that are cropped, blurred, coarse, masked or of unknown gain: "
            "use --route=auto."
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
        movies.validate(problem)
    elif problem.observation.cropped:
        crops.validate(problem)


def _validate_posterior(problem, settings):
    cells = problem.simulation.grid.num_cells
    still = problem.times is None and not problem.observation.cropped
    if settings.route != "auto" or not still or len(problem.fields) > 1:
        raise InputError(
            "Expected one whole still and --route=auto for --posterior: choose one."
        )
    if cells > posterior.MAX_CELLS:
        raise InputError(
            f"Expected at most {posterior.MAX_CELLS} cells for --posterior, got "
            f"{cells}: its field is sampled too; take the intervals of the bootstrap."
        )


def run(
    problem: Problem, settings: Settings, stages: Stages, recorder: Recorder
) -> list[Estimate]:
    """Runs a route; the last estimate is the answer.

    Finished stages that `stages` knows are not run again; an unfinished stage of route
    bptt goes on from its checkpoint, the others, which take seconds, start again.

    Args:
      problem: what is fitted.
      settings: the route and its choices; see `validate`.
      stages: where the stages are kept.
      recorder: gets every iteration.
    """
    if settings.route == "bptt":
        windows = Windows(problem, settings.windows, settings.loss)
        checkpoint = stages.checkpoint("bptt")
        trainer = Trainer(problem, windows, settings.optimizer, recorder, checkpoint)
        stages.run("bptt", trainer.fit)
    elif problem.times is not None:
        stages.run("movie", lambda: movies.movie(problem, recorder))
    elif problem.observation.cropped:
        stages.run("cropped", lambda: crops.cropped(problem, recorder))
    else:
        _fit_stills(problem, settings, stages, recorder)
    return stages.results


def _fit_stills(problem, settings, stages, recorder):
    prepared = steady.prepare(problem)
    first = stages.run(
        "residual",
        lambda: steady.residual(problem, prepared, settings.form, recorder),
    )
    if settings.route == "windows" and first.status is FitStatus.CONVERGED:
        steps = settings.polish_window
        stages.run("windows", lambda: polish(problem, prepared, first, recorder, steps))
    if settings.route != "auto" or prepared.clean:
        return
    second = stages.run(
        noisy.STAGE,
        lambda: noisy.errors_in_variables_of(problem, prepared, first, recorder),
    )
    if second.status is FitStatus.CONVERGED:
        stages.run("bootstrap", lambda: noisy.bootstrap(problem, prepared, second))
        if settings.posterior:
            stages.run(
                "posterior", lambda: noisy.posterior_of(problem, prepared, second)
            )
