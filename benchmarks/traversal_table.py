"""The tables of the traversal study: who arrived, and where the others stopped."""

import collections
import statistics

import numpy as np

from benchmarks import traversal_cases as cases

HEADER = [
    "target / start / way",
    "start is",
    "worst error %",
    "stopped at",
    "nearest boundary",
    "saddle-node crossed",
    "length",
    "slope",
    "status",
    "iterations",
    "s",
]


def line(row: dict) -> list[str]:
    """A row of the table."""
    first, *_, last = row["trace"]["points"]
    near = {k: d for k, d in last["distances"].items() if d is not None}
    kind = min(near, key=lambda k: abs(near[k]), default=None)
    crossings = collections.Counter(c["kind"] for c in row["trace"]["crossings"])
    slopes = [p["relative_slope"] for p in row["trace"]["points"]]
    slopes = [slope for slope in slopes if slope is not None]
    status = row["status"].replace("_", " ")
    return [
        row["name"].replace("/", " / "),
        first["regime"].replace("_", " "),
        f"**{row['worst']:.2g}**" if row["arrived"] else f"{row['worst']:.3g}",
        last["regime"].replace("_", " "),
        "" if kind is None else f"{kind.replace('_', '-')} {near[kind]:+.3f}",
        str(crossings["saddle_node"]),
        f"{length(row['path']):.2f}",
        f"{slopes[-1]:.2g}" if slopes else "",
        f"{status}: {row['why']}" if row["why"] else status,
        str(row["iterations"]),
        f"{row['seconds']:.1f}",
    ]


def length(path: list[dict]) -> float:
    """Of a path of parameters, in their logarithms."""
    logs = np.log([list(params.values()) for params in path])
    return float(np.linalg.norm(np.diff(logs, axis=0), axis=1).sum())


def arrivals(rows: list[dict]) -> list[list[str]]:
    """Per way and target: how many arrived, with their median error in % and seconds."""
    lines = []
    for way in cases.WAYS:
        cells = []
        for target in cases.TARGETS:
            parts = [row["name"].split("/") for row in rows]
            mine = [
                r for r, p in zip(rows, parts, strict=True) if p[::2] == [target, way]
            ]
            came = [row for row in mine if row["arrived"]]
            cell = f"{len(came)} of {len(mine)}" if mine else "not run"
            if came:
                worst, seconds = (
                    statistics.median(row[name] for row in came)
                    for name in ("worst", "seconds")
                )
                cell += f" ({worst:.2g} %, {seconds:.1f} s)"
            cells.append(cell)
        lines.append([way, *cells])
    return lines
