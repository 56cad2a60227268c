"""The stage of pictures that are cropped from larger patterns."""

import dataclasses

from rdtf.inverse.cropped import domain, ends, fits
from rdtf.inverse.observation.camera_settings import WHOLE
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting.recorders import Recorder, of_step
from rdtf.inverse.results import Estimate
from rdtf.status import InputError


def validate(problem: Problem) -> None:
    """Raises InputError unless the cropped pictures can be fitted."""
    camera = dataclasses.replace(problem.observation, quantum=0.0, cropped=False)
    if camera != WHOLE:
        raise InputError(
            "Expected cropped pictures that are otherwise sharp, whole and of known "
            "scale, got blur, coarse pixels, a mask or an unknown gain as well: give "
            "--scale, or crop to where everything is seen."
        )


def cropped(problem: Problem, recorder: Recorder) -> Estimate:
    """Fits with every Laplacian that may be the right one; the best is the answer.

    `recorder` gets the iterations that led to it.
    """
    names = [problem.laplacian]
    if problem.laplacian == "auto":
        names = list(domain.LAPLACIANS)
    found, steps = {}, {}
    for name in names:
        steps[name] = []
        first = next(iter(found.values()), None)
        if first is not None and first.form == "norm":
            break  # a clean picture, explained by what was tried first
        explained = first is not None and first.starts <= fits.OTHER_STARTS
        found[name] = fits.fit(
            problem,
            name,
            start=None if first is None else first.params,
            other_starts=0 if explained else fits.OTHER_STARTS,
            callback=steps[name].append,
        )
    best = min(found.values(), key=ends.rank)
    for number, step in enumerate(steps[best.laplacian]):
        record = of_step("cropped", step)
        recorder.write(dataclasses.replace(record, iteration=number))
    recorder.compare(problem.fields, best.field)
    return dataclasses.replace(
        best,
        laplacians={name: fit.relative_residual for name, fit in found.items()},
        seconds=sum(fit.seconds for fit in found.values()),
    )
