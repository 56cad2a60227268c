"""What a finished fit says: `result.json`, a table, figures and a GIF.

Functions of a `rdtf.inverse.Fit`, which offers them as methods.
"""

import pathlib

import numpy as np

import rdtf
from rdtf import analysis, storage, viz
from rdtf.inverse.problem import Problem
from rdtf.inverse.results import save_draws
from rdtf.inverse.simulated import certificates
from rdtf.inverse.simulated.checks import (
    as_seen,
    fresh_state,
    model_params,
    simulate,
    targets,
)
from rdtf.inverse.structure import scalings

SHOWN = 4  # samples of a figure


def table(fit) -> str:
    """Parameters as aligned lines: true, start, found, error, interval."""
    problem, ranges = fit.problem, fit.intervals
    truth = problem.truth if comparable(problem) else None
    head = ["", "true", "start", "found", "error %", "95 % interval"]
    rows = []
    for name, value in fit.params.items():
        known = truth is not None and name in truth
        row = [name, f"{truth[name]:.6g}" if known else "?"]
        row += [f"{problem.start[name]:.6g}" if name in problem.start else ""]
        row += [f"{value:.6g}"]
        row.append(f"{relative_error(value, truth[name]):.3f}" if known else "?")
        row.append("{:.5g} to {:.5g}".format(*ranges[name]) if name in ranges else "")
        rows.append(row)
    if not ranges:
        head, rows = head[:-1], [row[:-1] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in [head, *rows]
    )


def comparable(problem: Problem) -> bool:
    """Whether a truth can be compared with, which an unknown gain forbids."""
    if not problem.observation.unknown_gain:
        return True
    return not scalings.scalings(problem.model, problem.observe, True, problem.held)


def relative_error(value: float, truth: float) -> float:
    """|value / truth - 1| in per cent; the absolute error times 100 at truth 0."""
    return 100.0 * abs(value - truth) / (abs(truth) or 1.0)


def summary(fit) -> str:
    """The table, how the fit ended, remarks, check and certificates."""
    names = " + ".join(stage.stage for stage in fit.stages)
    ended = f"{fit.status.value} by {names} in {fit.seconds:.1f} s: {fit.advice}"
    lines = [table(fit), ended, *fit.remarks]
    if fit.check is not None:
        verdict = "alike" if fit.check.passed else "NOT alike"
        lines.append(
            f"check: new patterns are {verdict} (spectrum loss "
            f"{fit.check.spectrum_loss:.2f}, among targets {fit.check.floor:.2f})"
        )
    if fit.certificates:
        lines.append(certificates.summary(fit.certificates))
    return "\n".join(lines)


def result(fit) -> dict:
    """What `result.json` holds."""
    problem, last = fit.problem, fit.stages[-1]
    simulation = problem.simulation
    value = {
        "status": fit.status.value,
        "advice": fit.advice,
        "remarks": fit.remarks,
        "route": fit.settings.route,
        "params": fit.params,
        "start": dict(problem.start),
        "loss": last.loss,
        "iterations": sum(stage.iterations for stage in fit.stages),
        "wall_seconds": fit.seconds,
        "stages": [stage.to_json() for stage in fit.stages],
        "intervals": fit.intervals,
        "interval_method": fit.interval_method,
        "laplacian": fit.laplacian,
        "check": fit.check.to_json() if fit.check else None,
        "model": problem.model.name,
        "equations": problem.model.source,
        "observe": problem.observe,
        "engine": simulation.engine,
        "scheme": simulation.scheme.name,
        "time_step": simulation.time_step,
        "rdtf_version": rdtf.__version__,
    }
    if problem.truth is not None:
        value["true_params"] = dict(problem.truth)
        if comparable(problem):
            value["relative_error_percent"] = {
                name: relative_error(found, problem.truth[name])
                for name, found in fit.params.items()
                if name in problem.truth
            }
    return storage.jsonable(value)


def write(fit, directory: pathlib.Path) -> None:
    """Writes all files of `Fit.save`; `result.json` is the last."""
    if fit.field is not None:
        field = {fit.problem.observe: fit.field}
        found = storage.Targets(field, metadata={"params": fit.params})
        storage.save_targets(directory / "field.npz", found)
    for stage in fit.stages:
        if stage.intervals is not None and stage.intervals.draws is not None:
            draws = stage.intervals.draws
            save_draws(directory, draws)
            flat = {name: values.ravel() for name, values in draws.items()}
            (centre,) = (s.params for s in fit.stages if s.epsilon is not None)
            viz.corner(directory / "posterior.png", flat, fit.problem.truth, centre)
    if fit.check is not None:
        _write_pictures(fit, directory)
    if fit.certificates:
        value = certificates.to_json(fit.certificates)
        storage.write_json(directory / "certificates.json", value)
    storage.write_json(directory / "result.json", result(fit))


def comparison(fit, path, rows=None):
    """Pictures and new patterns side by side; the figure, which is saved if `path`."""
    problem = fit.problem
    title = f"{problem.model.name}: {problem.observe}"
    return viz.compare(path, rows or _rows(fit), title, problem.observe)


def _rows(fit) -> dict[str, np.ndarray]:
    """Samples by what they are: target, and where there are, field and found."""
    problem = fit.problem
    stills = targets(problem)
    rows = {"target": stills}
    if fit.field is not None and fit.field.shape[1:] == stills.shape[1:]:
        rows["field"] = fit.field
    if fit.check is not None:
        rows["found"] = _checked(fit)
    return {name: fields[:SHOWN] for name, fields in rows.items()}


def _checked(fit):
    state = fit.check.run.state[fit.problem.index]
    return as_seen(fit.problem, fit.params, state).numpy()


def _write_pictures(fit, directory):
    """`fit.png` (target, start, found), `spectra.png` and `fit.gif`."""
    problem, params, name = fit.problem, fit.params, fit.problem.model.name
    stills = targets(problem)
    count = min(len(stills), SHOWN)
    rows = {"target": stills[:count]}
    panels = {"found": model_params(problem, params)}
    if np.max(problem.simulation.stability_ratio(problem.start)) <= 1.0:
        start = simulate(problem, problem.start, count)
        rows["start"] = as_seen(problem, params, start.state[problem.index]).numpy()
        panels = {"start": dict(problem.start)} | panels
    rows["found"] = _checked(fit)[:count]
    comparison(fit, directory / "fit.png", rows)
    viz.power_spectra(directory / "spectra.png", rows, f"{name}: power spectra")
    sweep = analysis.Sweep(
        simulation=problem.simulation,
        state=fresh_state(problem, params, 1),
        params=list(panels.values()),
        num_steps=8000,
        every=100,
    )
    look = analysis.animation.Look(species=problem.observe)
    analysis.animation.write(
        directory / "fit.gif", sweep, names=list(panels), look=look
    )
