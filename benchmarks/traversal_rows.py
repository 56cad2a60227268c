"""One row of the traversal study: a fit, where it stopped, and why."""

import contextlib
import dataclasses
import math
import pathlib
import tempfile
import time

from benchmarks import traversal_cases as cases
from rdtf.analysis import traversal
from rdtf.inverse import routes
from rdtf.inverse.reporting.recorders import DirectoryRecorder
from rdtf.inverse.stages import Stages
from rdtf.status import FitStatus, InputError

ARRIVED = 1.0  # %, of every parameter
_DRAWN = 60  # points of a path that a figure shows
_NOTHING, _ELSEWHERE = "nothing recorded", "begun again elsewhere"


def measure(name: str, settings: cases.Settings) -> dict:
    """The row of TARGET/START/WAY, in JSON's terms."""
    target, start, way = name.split("/")
    given = cases.problem(target, start, way, settings)
    with tempfile.TemporaryDirectory() as workdir:
        began = time.monotonic()
        stages, why = _fit(*cases.prepared(way, given, settings), workdir, settings)
        seconds = time.monotonic() - began
        points = _points(pathlib.Path(workdir), given)
    if points[0].status == _ELSEWHERE:
        why = "; ".join(filter(None, [why, _ELSEWHERE]))
    found = stages[-1].params if stages else dict(given.start)
    errors = {n: 100.0 * abs(found[n] / given.truth[n] - 1.0) for n in cases.NAMES}
    worst = max(errors.values())
    traced = traversal.trace(
        points,
        given.simulation.model,
        count=settings.path_points,
        runs=traversal.Runs(
            simulation=cases.simulation(settings),
            state=cases.fresh_state(settings),
            num_steps=settings.max_steps,
        ),
    )
    return {
        "name": name,
        "arrived": worst < ARRIVED,
        "worst": worst,
        "errors": errors,
        "found": found,
        "status": stages[-1].status.value if stages else "refused",
        "why": why,
        "iterations": sum(stage.iterations for stage in stages),
        "seconds": seconds,
        "trace": traced.to_json(),
        "path": [point.params for point in traversal.thin(points, _DRAWN)],
    }


def _fit(given, chosen, workdir, settings):
    """(stages, why it ended); none if the route refuses the problem."""
    latest, deadline = [], time.monotonic() + settings.seconds

    def listen(record):
        latest[:] = [record]
        if time.monotonic() > deadline:  # a fit takes this as a stop by hand
            raise KeyboardInterrupt

    recorder = DirectoryRecorder(workdir, [listen])
    with contextlib.closing(recorder):
        try:
            routes.validate(given, chosen)
            kept = Stages(workdir, recorder)
            stages = routes.run(given, chosen, kept, recorder)
        except InputError as error:
            return [], str(error)
        except KeyboardInterrupt:
            if time.monotonic() <= deadline:
                raise
            return [], f"out of time, {settings.seconds:g} s"
    if stages[-1].status is FitStatus.INTERRUPTED and time.monotonic() <= deadline:
        raise KeyboardInterrupt  # that one was by hand
    return stages, _why(stages[-1].status, latest, settings)


def _why(status, latest, settings):
    if status is FitStatus.INTERRUPTED:
        return f"out of time, {settings.seconds:g} s"
    last = latest[0] if latest else None
    if last is None or last.status == "ok":
        return ""
    outcomes = list(dict.fromkeys(trial["outcome"] for trial in last.tried))
    return "; ".join([last.status, *outcomes])


def _points(workdir, given):
    """The path, from the given start; a fit that recorded nothing stayed there.

    A fit of the residual that explains nothing begins again elsewhere, and records only
    the best of its paths: then the start is joined to that by a jump.
    """
    model, points = given.simulation.model, []
    with contextlib.suppress(InputError):
        points = traversal.read(workdir / "trajectory.jsonl", model)
    if not points or not _is_start(points[0], given):
        status = _ELSEWHERE if points else _NOTHING
        record = {"params": dict(given.start), "iteration": 0, "status": status}
        points = [traversal.point_of(record, model, 0), *points]
    if len(points) == 1:
        points *= 2  # a trace has two ends
    return [dataclasses.replace(point, place=i) for i, point in enumerate(points)]


def _is_start(point, given):
    return all(
        math.isclose(point.params[n], given.start[n], rel_tol=1e-6) for n in cases.NAMES
    )
