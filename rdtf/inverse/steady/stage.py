"""The first stage of a fit of stills: the residual of the steady equation."""

import dataclasses
import itertools
import time

import numpy as np

from rdtf.inverse import starts
from rdtf.inverse.observation import typical_ranges
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting import remarks
from rdtf.inverse.reporting.recorders import Recorder, of_step
from rdtf.inverse.results import Estimate
from rdtf.inverse.steady import stills
from rdtf.inverse.steady.fixed_point import UNSETTLED
from rdtf.inverse.steady.stills import Stills
from rdtf.status import FitStatus

OTHER_STARTS = 8


def prepare(problem: Problem) -> Stills:
    """The pictures, their noise and a first guess of the field."""
    return Stills(
        problem.model,
        problem.simulation.grid,
        problem.observe,
        problem.fields,
        observation=problem.observation,
        held=problem.held,
    )


def residual(
    problem: Problem, prepared: Stills, form: str | None, recorder: Recorder
) -> Estimate:
    """Minimises the steady residual for every Laplacian that may be the right one.

    Args:
      problem: stills that are not cropped.
      prepared: of `prepare`.
      form: of the residual, a name of `rdtf.names.RESIDUAL_FORMS`; None chooses.
      recorder: gets the iterations that led to the answer.

    Returns:
      the estimate of stage "residual", with what the pictures determine. Its status is
      `FitStatus.UNEXPLAINED` if the residual is large, or clean pictures not steady.
    """
    began, search = time.monotonic(), _Search(prepared, form)
    start = dict(problem.start)
    if prepared.observation.unknown_gain:
        first = "second_order" if problem.laplacian == "auto" else problem.laplacian
        start = scan_gains(prepared, first, start).params
    fits = _of_every_laplacian(problem, search.fit, start)
    best, margin = stills.choose_laplacian(list(fits.values()))
    best, tried = search.elsewhere(best, start, problem.seed)
    for step in search.steps_of(best):
        recorder.write(of_step("residual", step))
    lines, identifiability = remarks.on_identifiability(problem, prepared, best)
    told, determined = remarks.on_gain(problem, best.params)
    drift, moves = 0.0, False
    if prepared.clean:  # otherwise the next stages can tell better
        lines = [*remarks.on_laplacian(fits, best.laplacian, margin), *lines, *told]
        drift, predicted = prepared.drift(best)
        moves = drift > UNSETTLED
        lines += remarks.on_drift(drift) if moves else []
        recorder.compare(prepared.field(prepared.pictures, best.params), predicted)
    status = best.status
    poor = moves or not best.relative_residual <= _poor(prepared)
    if status is not FitStatus.FAILED_START and poor:
        status = FitStatus.UNEXPLAINED
    return dataclasses.replace(
        best,
        status=status,
        laplacians={name: found.relative_residual for name, found in fits.items()},
        laplacian_params={name: found.params for name, found in fits.items()},
        starts=tried,
        seconds=time.monotonic() - began,
        identifiability=identifiability,
        determined=determined,
        drift=drift,
        remarks=tuple(lines),
    )


def scan_gains(prepared: Stills, laplacian: str, start) -> Estimate:
    """Of unknown gain: a few steps from every start, the best two to the end.

    A still fixes neither gain nor offset on its own
    (`rdtf.inverse.structure.scalings`), but a fit has to start with a gain at which the
    parameters can have their signs.
    """
    short = [
        stills.fit_residual(prepared, laplacian, begin, "integral", max_iterations=8)
        for begin in gain_starts(prepared, start)
    ]
    ends = [
        stills.fit_residual(prepared, laplacian, fit.params)
        for fit in sorted(short, key=lambda fit: fit.unexplained)[:2]
    ]
    return min(ends, key=lambda fit: fit.relative_residual)


def gain_starts(prepared: Stills, start) -> list[dict[str, float]]:
    """Gains and offsets that give the levels the range of the model's patterns."""
    lows, highs = typical_ranges.ranges(prepared.model, prepared.observe).T
    spans = highs - lows
    ranges = itertools.product(
        np.geomspace(0.8 * spans.min(), 1.2 * spans.max(), 4),
        sorted({lows.min(), lows.max()}),
    )
    return starts.with_gains(
        start, prepared.smooth, [(low, span) for span, low in ranges]
    )


def other_starts(prepared: Stills, start, seed: int, count: int = OTHER_STARTS) -> list:
    """Starts around one, the same for the same seed.

    Args:
      prepared: tells the model and what is held.
      start: all parameters.
      seed: of the draws.
      count: how many.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, 2**34]))
    around = starts.around(prepared.model, start, prepared.held, rng)
    return list(itertools.islice(around, count))


class _Search:
    """Fits of the residual, with the steps of each."""

    def __init__(self, prepared: Stills, form: str | None):
        self._prepared, self._form = prepared, form
        self._runs = []

    def fit(self, laplacian, start, near=False) -> Estimate:
        """One fit; `near` as of `stills.fit_residual`."""
        steps = []
        found = stills.fit_residual(
            self._prepared,
            laplacian,
            start,
            self._form,
            callback=steps.append,
            near=near,
        )
        self._runs.append((found, steps))
        return found

    def steps_of(self, fit: Estimate) -> list:
        """What Levenberg-Marquardt did to get there."""
        return next(steps for found, steps in self._runs if found is fit)

    def elsewhere(self, best, start, seed) -> tuple[Estimate, int]:
        """(the best, number of starts): other starts are tried while it is poor."""
        tried = 1
        for other in other_starts(self._prepared, start, seed):
            if best.relative_residual <= _poor(self._prepared):
                break
            found = self.fit(best.laplacian, other)
            best, tried = min(best, found, key=lambda fit: fit.unexplained), tried + 1
        return best, tried


def _poor(prepared):
    """The relative residual beyond which a fit explains nothing."""
    return stills.POOR + prepared.noise_ratio


def _of_every_laplacian(problem, fit, start) -> dict[str, Estimate]:
    """Fits by Laplacian; later ones start where the first ended, if it fitted."""
    names = [problem.laplacian]
    if problem.laplacian == "auto":
        names = stills.candidates(problem.simulation.grid)
    fits = {}
    for name in names:
        first = next(iter(fits.values()), None)
        near = first is not None and first.relative_residual < 4.0 * stills.POOR
        fits[name] = fit(name, first.params if near else start, near)
    return fits
