"""The stage of movies: a filter driven by the observed species."""

import dataclasses
import itertools

from rdtf.inverse.movies import fits
from rdtf.inverse.observation.camera_settings import WHOLE
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting.recorders import Recorder, of_step
from rdtf.inverse.results import Estimate
from rdtf.status import InputError


def validate(problem: Problem) -> None:
    """Raises InputError unless the movie can be fitted."""
    camera = dataclasses.replace(problem.observation, quantum=0.0, unknown_gain=False)
    if camera != WHOLE:
        raise InputError(
            "Expected a movie of whole fields, got one that is cropped, blurred, "
            "coarse or masked: fit its stills, if it comes to rest, with --frame=-1."
        )


def movie(problem: Problem, recorder: Recorder) -> Estimate:
    """`rdtf.inverse.movies.fits.fit`, with every iteration recorded."""
    numbers = itertools.count()

    def report(step):
        record = of_step("movie", step)
        recorder.write(dataclasses.replace(record, iteration=next(numbers)))

    return fits.fit(problem, callback=report)
