"""The stage of movies: a filter driven by the observed species."""

import dataclasses
from collections.abc import Callable

import numpy as np

from rdtf.inverse.movies import fits as movies
from rdtf.inverse.observation.camera_settings import WHOLE
from rdtf.inverse.problem import Problem, StageResult
from rdtf.inverse.reporting.recorders import Record, of_step
from rdtf.status import FitStatus, InputError

POOR = 0.1  # what the filter may leave over, beside the noise


def validate(problem: Problem) -> None:
    """Raises InputError unless the movie can be fitted."""
    camera = dataclasses.replace(problem.observation, quantum=0.0, unknown_gain=False)
    if camera != WHOLE:
        raise InputError(
            "Expected a movie of whole fields, got one that is cropped, blurred, coarse "
            "or masked: fit its stills, if it comes to rest, with --frame=-1."
        )


def movie(problem: Problem, callback: Callable[[Record], None]) -> StageResult:
    """Fits the frames of all samples at once by `rdtf.inverse.movies.fits.fit`.

    `callback` gets the record of every iteration. The status is
    `FitStatus.UNEXPLAINED` where more than 0.1 of the standard deviation, and the noise,
    is left over.
    """
    count = [0]

    def report(step):
        callback(dataclasses.replace(of_step("movie", step), iteration=count[0]))
        count[0] += 1

    found = movies.fit(
        problem.simulation,
        problem.observe,
        problem.fields,
        problem.times,
        problem.start,
        gain=problem.observation.unknown_gain,
        held=problem.held,
        laplacian=problem.simulation.laplacian
        if problem.laplacian == "auto"
        else problem.laplacian,
        seed=problem.seed,
        callback=report,
    )
    params = dict(found.params)
    if problem.observation.unknown_gain:
        params |= {"gain": found.gain, "offset": found.offset}
    names = [n for n in found.sd if n not in problem.held]
    notes = {
        "relative_residual": found.relative_residual,
        "noise_over_std": found.sigma / float(problem.fields.std()),
        "singular_values": found.singular_values.tolist(),
        "undetermined": found.undetermined,
        "remarks": found.notes,
        "starts": found.starts,
        "seconds": found.seconds,
        "intervals": {
            "method": "scatter of added noise" if found.sigma else "Gauss-Newton",
            "sd": found.sd,
            "interval": {
                n: [params[n] - 1.96 * found.sd[n], params[n] + 1.96 * found.sd[n]]
                for n in names
            },
        },
    }
    status = found.status
    noise = found.sigma / float(np.std(problem.fields))
    if status is FitStatus.CONVERGED and found.relative_residual > POOR + noise:
        status = FitStatus.UNEXPLAINED
    return StageResult(
        "movie", params, found.relative_residual, status, found.iterations, notes
    )
