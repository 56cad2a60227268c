"""The stages of a fit of steady pictures, from cheap to accurate, each with its notes."""

import dataclasses
import pathlib
import time
from collections.abc import Callable

import numpy as np

from rdtf import storage, viz
from rdtf.inverse.cropped import domain
from rdtf.inverse.cropped import fits as window_fits
from rdtf.inverse.noisy import field_fits
from rdtf.inverse.noisy.errors_in_variables import Estimate
from rdtf.inverse.observation.camera_settings import WHOLE
from rdtf.inverse.problem import Problem, StageResult
from rdtf.inverse.reporting import remarks
from rdtf.inverse.reporting.recorders import Record, Recorder, of_step
from rdtf.inverse.steady import gains, stills
from rdtf.inverse.steady.fixed_point import UNSETTLED
from rdtf.inverse.steady.stills import ResidualFit, Stills
from rdtf.inverse.uncertainty import intervals, posterior
from rdtf.status import FitStatus, InputError

STAGE, FIELD = "errors_in_variables", "field.npz"


def prepare(problem: Problem) -> Stills:
    """The pictures, their noise and a first guess of the field."""
    return Stills(
        problem.simulation.model,
        problem.simulation.grid,
        problem.observe,
        problem.fields,
        problem.observation,
        problem.held,
    )


def residual(
    problem: Problem,
    prepared: Stills,
    form: str | None,
    callback: Callable[[Record], None],
) -> StageResult:
    """The steady residual, minimised for every Laplacian that may be the right one."""
    began, search = time.monotonic(), _Search(prepared, form)
    start = dict(problem.start)
    if prepared.observation.unknown_gain:
        first = "second_order" if problem.laplacian == "auto" else problem.laplacian
        start = gains.scan(prepared, first, start).params
    fits = _of_every_laplacian(problem, search.fit, start)
    best, margin = stills.choose_laplacian(list(fits.values()))
    best, starts = search.elsewhere(best, start, problem.seed)
    for step in search.steps_of(best):
        callback(of_step("residual", step))
    notes = {
        "form": best.form,
        "noise_over_std": prepared.noise_ratio,
        "relative_residual": best.relative,
        "laplacian": best.laplacian,
        "laplacians": {
            name: {"left_over": found.relative, "params": found.params}
            for name, found in fits.items()
        },
        "starts": starts,
        "seconds": time.monotonic() - began,
    }
    lines, notes["identifiability"] = remarks.on_identifiability(
        problem, prepared, best
    )
    told, notes["determined"] = remarks.on_gain(problem, best.params)
    moves = False
    if prepared.clean:  # otherwise the next stages can tell better
        lines += told
        lines = [*remarks.on_laplacian(fits, best.laplacian, margin), *lines]
        notes["drift"] = prepared.drift(best)
        moves = notes["drift"] > UNSETTLED
        lines += remarks.on_drift(notes["drift"]) if moves else []
    notes["remarks"] = lines
    minimum = best.minimum
    status = minimum.status
    poor = moves or not best.relative <= _poor(prepared)
    if status is not FitStatus.FAILED_START and poor:
        status = FitStatus.UNEXPLAINED
    return StageResult(
        "residual", best.params, minimum.cost, status, minimum.iterations, notes
    )


class _Search:
    """Fits of the residual, with the steps of each."""

    def __init__(self, prepared: Stills, form: str | None):
        self._prepared, self._form = prepared, form
        self._runs = []

    def fit(self, laplacian, start, near=False) -> ResidualFit:
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

    def steps_of(self, fit: ResidualFit) -> list:
        """What Levenberg-Marquardt did to get there."""
        return next(steps for found, steps in self._runs if found is fit)

    def elsewhere(self, best, start, seed) -> tuple[ResidualFit, int]:
        """(the best, number of starts): other starts are tried while it is poor."""
        others = iter(stills.other_starts(self._prepared, start, seed))
        starts = 1
        while not best.relative <= _poor(self._prepared):
            other = next(others, None)
            if other is None:
                break
            found = self.fit(best.laplacian, other)
            best, starts = min(best, found, key=_left_over), starts + 1
        return best, starts


def _left_over(fit):
    return fit.relative if np.isfinite(fit.relative) else np.inf


def _poor(prepared):
    """The relative residual beyond which a fit explains nothing."""
    return stills.POOR + prepared.noise_ratio


def _of_every_laplacian(problem, fit, start) -> dict[str, ResidualFit]:
    """Fits by Laplacian; later ones start where the first ended, if that was anywhere."""
    names = [problem.laplacian]
    if problem.laplacian == "auto":
        names = stills.candidates(problem.simulation.grid)
    fits = {}
    for name in names:
        first = next(iter(fits.values()), None)
        near = first is not None and first.relative < 4.0 * stills.POOR
        fits[name] = fit(name, first.params if near else start, near)
    return fits


def errors_in_variables(
    problem: Problem, prepared: Stills, first: StageResult, recorder: Recorder
) -> StageResult:
    """The field as an unknown beside the parameters; keeps it as `field.npz`."""
    began, start = time.monotonic(), first.params
    count, levels_of_epsilon = [0], []

    def report(epsilon, iteration, params, cost):
        if not levels_of_epsilon or iteration == 1:
            levels_of_epsilon.append({"epsilon": epsilon})
        levels_of_epsilon[-1] |= {"iterations": iteration, "params": dict(params)}
        nothing = dict.fromkeys(params, float("nan"))
        record = Record(STAGE, count[0], dict(params), cost, nothing, nothing)
        count[0] += 1
        recorder.write(record)

    tried = first.notes["laplacians"]
    ranked = sorted(tried, key=lambda name: tried[name]["left_over"])
    starts = {name: tried[name]["params"] for name in ranked}
    starts[first.notes["laplacian"]] = start
    laplacian, estimate, costs = field_fits.fit_laplacians(prepared, starts, report)
    name = problem.observe
    targets = storage.Targets(
        {name: estimate.field}, metadata={"params": estimate.params}
    )
    storage.save_targets(recorder.workdir / FIELD, targets)
    notes = {
        "laplacian": laplacian,
        "laplacians": costs,
        "remarks": remarks.on_likelihood(costs, laplacian),
        "levels_of_epsilon": levels_of_epsilon,
        "sigma": estimate.sigma,
        "epsilon": estimate.epsilon,
        "drift": estimate.drift,
        "laplacian_spread": np.asarray(estimate.laplacian_spread).tolist(),
        "curvature": estimate.curvature.tolist(),
        "scatter": estimate.scatter.tolist(),
        "moved": {n: estimate.params[n] - start[n] for n in start},
        "data_misfit": estimate.data_misfit,
        "model_misfit": estimate.model_misfit,
        "seconds": time.monotonic() - began,
    }
    status = estimate.status
    if estimate.moves:
        notes["remarks"] += remarks.on_drift(estimate.drift / prepared.spread)
    if status is FitStatus.CONVERGED and (estimate.moves or not estimate.explains):
        status = FitStatus.UNEXPLAINED
    return StageResult(
        STAGE, estimate.params, estimate.cost, status, estimate.iterations, notes
    )


def bootstrap(
    problem: Problem, prepared: Stills, last: StageResult, workdir: pathlib.Path
) -> StageResult:
    """Bias and intervals of the stage before, from synthetic pictures."""
    began, laplacian = time.monotonic(), last.notes["laplacian"]
    estimate = _estimate(problem, last, workdir)
    found = intervals.bootstrap(prepared, laplacian, estimate, seed=problem.seed)
    quick = intervals.quick(prepared.coordinates(last.params), estimate)
    notes = {
        "laplacian": laplacian,
        "intervals": dataclasses.asdict(found),
        "quick": dataclasses.asdict(quick),
        "seconds": time.monotonic() - began,
    }
    notes["remarks"], notes["determined"] = remarks.on_gain(problem, found.params)
    if found.reason:
        notes["remarks"].append(
            f"the intervals are quick ones, perhaps too narrow: {found.reason}"
        )
    return StageResult(
        "bootstrap", found.params, last.loss, last.status, found.count, notes
    )


def posterior_of(
    problem: Problem, prepared: Stills, last: StageResult, workdir: pathlib.Path
) -> StageResult:
    """Samples parameters and field; keeps the draws and draws `posterior.png`."""
    began, laplacian = time.monotonic(), last.notes["laplacian"]
    estimate = _estimate(problem, last, workdir)
    found = posterior.sample(prepared, laplacian, estimate, seed=problem.seed)
    with storage.atomic(workdir / "posterior.npz") as temporary:
        np.savez_compressed(temporary, **found.samples)
    flat = {name: draws.ravel() for name, draws in found.samples.items()}
    viz.corner(workdir / "posterior.png", flat, problem.truth, last.params)
    notes = {
        "laplacian": laplacian,
        "intervals": {
            "method": "posterior",
            "interval": {n: (q[0], q[-1]) for n, q in found.quantiles.items()},
            "likely": {n: (q[1], q[-2]) for n, q in found.quantiles.items()},
            "sd": found.sd,
        },
        "r_hat": found.r_hat,
        "effective": found.effective,
        "divergences": found.divergences,
        "seconds": time.monotonic() - began,
    }
    worst = max(found.r_hat.values())
    if worst > 1.05:
        notes["remarks"] = [f"the chains do not agree yet (R-hat {worst:.3f})"]
    params = {**last.params, **{n: q[2] for n, q in found.quantiles.items()}}
    return StageResult(
        "posterior", params, last.loss, last.status, found.evaluations, notes
    )


def _estimate(problem, stage, workdir):
    """The estimate of a finished stage, from its notes and its field."""
    field = storage.load_targets(workdir / FIELD, problem.observe).fields[
        problem.observe
    ]
    notes = stage.notes
    return Estimate(
        stage.params,
        field,
        stage.loss,
        notes["data_misfit"],
        notes["model_misfit"],
        np.array(notes["curvature"]),
        np.array(notes["scatter"]),
        notes["sigma"],
        notes["epsilon"],
        stage.status,
        stage.iterations,
        notes["drift"],
        np.array(notes["laplacian_spread"]),
    )


def validate_window(problem: Problem) -> None:
    """Raises InputError unless the windows can be fitted."""
    camera = dataclasses.replace(problem.observation, quantum=0.0, window=False)
    if camera != WHOLE:
        raise InputError(
            "Expected cropped pictures that are otherwise sharp, whole and of known "
            "scale, got blur, coarse pixels, a mask or an unknown gain as well: give "
            "--scale, or crop to where everything is seen."
        )


def window(problem: Problem, callback: Callable[[Record], None]) -> StageResult:
    """Pictures cut from larger patterns; their hidden edge values are unknowns."""
    names = [problem.laplacian]
    if problem.laplacian == "auto":
        names = list(domain.LAPLACIANS)
    simulation, fits, steps = problem.simulation, {}, {}
    for name in names:
        steps[name] = []
        first = next(iter(fits.values()), None)
        if first is not None and first.form == "norm":
            break  # a clean window, explained by what was tried first
        explained = first is not None and first.starts <= window_fits.OTHER_STARTS
        fits[name] = window_fits.fit_window(
            simulation.model,
            simulation.grid.spacing,
            problem.observe,
            problem.fields,
            problem.start if first is None else first.params,
            problem.held,
            name,
            callback=steps[name].append,
            seed=problem.seed,
            other_starts=0 if explained else window_fits.OTHER_STARTS,
        )
    laplacian = min(fits, key=lambda name: fits[name].rank)
    found = fits[laplacian]
    for number, step in enumerate(steps[laplacian]):
        callback(dataclasses.replace(of_step("window", step), iteration=number))
    notes = {
        "form": found.form,
        "noise_over_std": found.sigma / float(problem.fields.std()),
        "relative_residual": found.relative,
        "laplacian": laplacian,
        "laplacians": {name: fit.relative for name, fit in fits.items()},
        "starts": found.starts,
        "seconds": sum(fit.seconds for fit in fits.values()),
        "undetermined": found.undetermined,
        "intervals": {"method": "Gauss-Newton", "sd": found.sd},
    }
    return StageResult(
        "window", found.params, found.cost, found.status, found.iterations, notes
    )
