"""What a finished fit says: `result.json`, a table, a figure and a GIF."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

import rdtf
from rdtf import analysis, initial_conditions, storage, viz
from rdtf.inverse.problem import Problem, StageResult
from rdtf.inverse.simulated.checks import (
    Check,
    as_seen,
    model_params,
    simulate,
    targets,
)
from rdtf.inverse.structure import scalings


def table(problem: Problem, stages: Sequence[StageResult]) -> str:
    """Parameters as aligned lines: true and error where known, start, found, interval."""
    truth = problem.truth if comparable(problem) else None
    intervals = stages[-1].notes.get("intervals") or {}
    ranges = intervals.get("interval") or {}
    head = ["", "true", "start", "found", "error %", "95 % interval"]
    rows = []
    for name, value in stages[-1].params.items():
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
    """Whether parameters can be compared with a truth, which an unknown gain forbids."""
    if not problem.observation.unknown_gain:
        return True
    return not scalings.scalings(
        problem.simulation.model, problem.observe, True, problem.held
    )


def relative_error(value: float, truth: float) -> float:
    """|value / truth - 1| in per cent; the absolute error times 100 at truth 0."""
    return 100.0 * abs(value - truth) / (abs(truth) or 1.0)


def summary(stages: Sequence[StageResult], check: Check | None, seconds: float) -> str:
    """How the fit ended and what the check says, in a line or two."""
    last = stages[-1]
    names = " + ".join(stage.stage for stage in stages)
    lines = [f"{last.status.value} by {names} in {seconds:.1f} s: {last.status.advice}"]
    for stage in stages:
        lines += stage.notes.get("remarks", ())
    if check is not None:
        verdict = "alike" if check.passed else "NOT alike"
        lines.append(
            f"check: new patterns are {verdict} (spectrum loss {check.spectrum_loss:.2f}, "
            f"among targets {check.floor:.2f})"
        )
    return "\n".join(lines)


def result(
    problem: Problem,
    route: str,
    stages: Sequence[StageResult],
    check: Check | None,
    wall_seconds: float,
) -> dict:
    """What `result.json` holds."""
    last = stages[-1]
    value = {
        "status": last.status.value,
        "advice": last.status.advice,
        "route": route,
        "params": last.params,
        "start": dict(problem.start),
        "loss": last.loss,
        "iterations": sum(stage.iterations for stage in stages),
        "wall_seconds": wall_seconds,
        "stages": [stage.to_json() for stage in stages],
        "intervals": last.notes.get("intervals"),
        "laplacian": last.notes.get("laplacian"),
        "check": check.to_json() if check else None,
        "model": problem.simulation.model.name,
        "equations": problem.simulation.model.source,
        "observe": problem.observe,
        "engine": problem.simulation.engine,
        "scheme": problem.simulation.scheme.name,
        "time_step": problem.simulation.time_step,
        "rdtf_version": rdtf.__version__,
    }
    if problem.truth is not None:
        value["true_params"] = dict(problem.truth)
        if comparable(problem):
            value["relative_error_percent"] = {
                name: relative_error(found, problem.truth[name])
                for name, found in last.params.items()
                if name in problem.truth
            }
    return storage.jsonable(value)


def pictures(
    workdir: pathlib.Path,
    problem: Problem,
    params: Mapping[str, float],
    check: Check,
) -> None:
    """Writes `fit.png` (target / start / found), `spectra.png` and `fit.gif`."""
    stills = targets(problem)
    count, index = min(len(stills), 4), problem.index
    rows = {"target": stills[:count]}
    panels = {"found": model_params(problem, params)}
    if np.max(problem.simulation.stability_ratio(problem.start)) <= 1.0:
        start = simulate(problem, problem.start, count)
        rows["start"] = as_seen(problem, params, start.state[index]).numpy()
        panels = {"start": dict(problem.start)} | panels
    found = as_seen(problem, params, check.run.state[index]).numpy()
    rows["found"] = found[:count]
    name = problem.simulation.model.name
    viz.compare(
        workdir / "fit.png", rows, f"{name}: {problem.observe}", problem.observe
    )
    viz.power_spectra(workdir / "spectra.png", rows, f"{name}: power spectra")
    state = initial_conditions.create(
        problem.initial_condition,
        problem.simulation.model,
        problem.simulation.grid,
        1,
        problem.seed + 2**31,
        model_params(problem, params),
    )
    analysis.animation.write(
        workdir / "fit.gif",
        problem.simulation,
        state,
        list(panels.values()),
        num_steps=8000,
        every=100,
        names=list(panels),
        species=problem.observe,
    )
