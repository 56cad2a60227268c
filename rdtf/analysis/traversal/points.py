"""Paths of parameters: what the trajectory of a fit records of them."""

import contextlib
import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from rdtf.models import ReactionDiffusion
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a path.

    Attributes:
      place: its number in the trajectory, all stages together.
      stage, iteration, status: as recorded.
      params: all parameters.
      loss, slope, relative_slope: see `rdtf.analysis.traversal.paths`; NaN where none
        was recorded.
      regime, margin: label, and how clear it is (see `regimes.Verdict`); None and NaN
        if regimes were not asked for.
      distances: kind -> signed relative distance; kinds that are nowhere near are
        absent.
    """

    place: int
    stage: str
    iteration: int
    status: str
    params: dict[str, float]
    loss: float
    slope: float
    relative_slope: float
    regime: str | None = None
    margin: float = math.nan
    distances: dict[str, float] = dataclasses.field(default_factory=dict)


def read(path, model: ReactionDiffusion) -> list[Point]:
    """The points of a `trajectory.jsonl`, all stages in the order of the fit.

    Parameters that the file lacks are the model's defaults. A last line that a kill cut
    in half is no point.

    Raises:
      InputError: if the file holds no point, or values that the model cannot have.
    """
    path, points = pathlib.Path(path), []
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except UnicodeDecodeError:
        lines = []
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
            points.append(point_of(json.loads(line), model, len(points)))
    if not points:
        raise InputError(f"Expected the trajectory of a fit in {path}, found none.")
    for point in points:
        model.check_bounds(point.params)
    return points


def point_of(record: Mapping, model: ReactionDiffusion, place: int) -> Point:
    """A point of a recorded iteration (a line of trajectory.jsonl, parsed)."""
    own = {name: float(value) for name, value in record["params"].items()}
    params = {**model.defaults, **own}
    slopes = {n: _number(x) for n, x in (record.get("gradient") or {}).items()}
    relative = [params[name] * slope for name, slope in slopes.items()]
    return Point(
        place=place,
        stage=str(record.get("stage", "")),
        iteration=int(record["iteration"]),
        status=str(record.get("status", "ok")),
        params=params,
        loss=_number(record.get("loss")),
        slope=math.hypot(*slopes.values()) if slopes else math.nan,
        relative_slope=math.hypot(*relative) if relative else math.nan,
    )


def thin(points: Sequence[Point], count: int) -> list[Point]:
    """At most `count` points, evenly spread over the path, both ends among them.

    Raises:
      InputError: if `count` is less than 2.
    """
    if count < 2:
        raise InputError(f"Expected at least 2 points of a path, got {count}.")
    if len(points) <= count:
        return list(points)
    chosen = np.linspace(0, len(points) - 1, count).round().astype(int)
    return [points[i] for i in chosen]


def every_nth(points: Sequence[Point], every: int) -> list[Point]:
    """Those of every Nth iteration, and the last one."""
    chosen = [point for point in points[:-1] if point.iteration % every == 0]
    return [*chosen, *points[-1:]]


def _number(value):
    """A float; what JSON could not hold is NaN."""
    return math.nan if value is None else float(value)
