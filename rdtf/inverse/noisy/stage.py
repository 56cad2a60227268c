"""The stages of noisy stills: the field as an unknown, then intervals."""

import dataclasses
import time

from rdtf.inverse.noisy import errors_in_variables, field_fits
from rdtf.inverse.problem import Problem
from rdtf.inverse.reporting import remarks
from rdtf.inverse.reporting.recorders import Record, Recorder
from rdtf.inverse.results import Estimate
from rdtf.inverse.steady.stills import Stills
from rdtf.inverse.uncertainty import intervals, posterior
from rdtf.status import FitStatus

STAGE = "errors_in_variables"


def errors_in_variables_of(
    problem: Problem, prepared: Stills, first: Estimate, recorder: Recorder
) -> Estimate:
    """Fits the field beside the parameters.

    Args:
      problem: stills that are not cropped.
      prepared: of `rdtf.inverse.steady.stage.prepare`.
      first: the estimate of stage "residual", which says where every Laplacian starts.
      recorder: gets every iteration, and the field at every level of ε.

    Returns:
      the estimate of stage "errors_in_variables", whose status is
      `FitStatus.UNEXPLAINED` if data or model are not met, or the pattern is moving.
    """
    began, count, epsilons = time.monotonic(), 0, []

    def report(epsilon, iteration, params, levels, cost):
        nonlocal count
        nothing = dict.fromkeys(params, float("nan"))
        record = Record(
            stage=STAGE,
            iteration=count,
            params=dict(params),
            loss=cost,
            gradient=nothing,
            raw_gradient=nothing,
        )
        recorder.write(record)
        if iteration == 1:
            epsilons.append(epsilon)
            recorder.compare(prepared.pictures, prepared.camera.see(levels))
        count += 1

    tried = first.laplacians
    ranked = sorted(tried, key=tried.get)
    begin = {name: first.laplacian_params[name] for name in ranked}
    begin[first.laplacian] = first.params
    found = field_fits.fit_field(prepared, begin, report)
    recorder.compare(prepared.pictures, prepared.camera.see(found.levels))
    lines, moving = (
        remarks.on_likelihood(found.laplacians, found.laplacian),
        errors_in_variables.is_moving(found),
    )
    if moving:
        lines += remarks.on_drift(found.drift / prepared.spread)
    status = found.status
    explained = errors_in_variables.explains(found) and not moving
    if status is FitStatus.CONVERGED and not explained:
        status = FitStatus.UNEXPLAINED
    return dataclasses.replace(
        found,
        status=status,
        epsilons=tuple(epsilons),
        remarks=tuple(lines),
        seconds=time.monotonic() - began,
    )


def bootstrap(problem: Problem, prepared: Stills, last: Estimate) -> Estimate:
    """Bias and intervals of the stage before, from synthetic pictures."""
    began = time.monotonic()
    found = intervals.bootstrap(prepared, last, seed=problem.seed)
    lines, determined = remarks.on_gain(problem, found.params)
    if found.reason:
        lines.append(
            f"the intervals are quick ones, perhaps too narrow: {found.reason}"
        )
    return Estimate(
        stage="bootstrap",
        params=found.params,
        loss=last.loss,
        status=last.status,
        iterations=found.count,
        laplacian=last.laplacian,
        intervals=found,
        quick_intervals=intervals.quick(prepared.coordinates(last.params), last),
        determined=determined,
        remarks=tuple(lines),
        seconds=time.monotonic() - began,
    )


def posterior_of(problem: Problem, prepared: Stills, last: Estimate) -> Estimate:
    """Samples the parameters and the field of a small picture."""
    began = time.monotonic()
    found = posterior.sample(prepared, last, seed=problem.seed)
    worst = max(found.r_hat.values())
    lines = (f"the chains do not agree yet (R-hat {worst:.3f})",)
    return Estimate(
        stage="posterior",
        params=found.params,
        loss=last.loss,
        status=last.status,
        iterations=found.count,
        laplacian=last.laplacian,
        intervals=found,
        remarks=lines if worst > 1.05 else (),
        seconds=time.monotonic() - began,
    )
