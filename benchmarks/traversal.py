"""How optimisers travel between regimes of Gray-Scott: who arrives, who stops where.

    python -m benchmarks.traversal --json=traversal.json
    python -m benchmarks.traversal --json=traversal.json --rows=/lm,spots/dead
    python -m benchmarks.traversal --json=traversal.json --figure=traversal.png

A row is TARGET/START/WAY; they are in `benchmarks.traversal_cases`, what is measured of
each in `benchmarks.traversal_rows`, what it means in docs/traversal.md. Rows are kept
beside `--json` as JSON lines, so that a stopped run goes on where it was; the same flags
print and draw all that is kept. `--only_draw` measures nothing more.
"""

import collections
import dataclasses
import json
import pathlib
import statistics

import numpy as np
from absl import app, flags

from benchmarks import common

_ROWS = flags.DEFINE_list("rows", [], "Parts of names; default: all rows.")
_FIGURE = flags.DEFINE_string("figure", None, "Draw this PNG too.")
_ONLY_DRAW = flags.DEFINE_bool("only_draw", False, "Measure nothing.")
_SIDE = flags.DEFINE_integer("side", 64, "Cells a side.", 32)
_SAMPLES = flags.DEFINE_integer("samples", 2, "Pictures of a target.", 1)
_STEPS = flags.DEFINE_integer("max_steps", 20_000, "Of a simulation.", 64)
_BATCH = flags.DEFINE_integer("batch", 8, "Of backpropagation.", 1)
_ITERATIONS = flags.DEFINE_integer("iterations", 300, "Of backpropagation.", 1)
_SECONDS = flags.DEFINE_float("seconds", 600.0, "For one fit.", 1.0)
_POINTS = flags.DEFINE_integer("path_points", 12, "Of a path that are labelled.", 2)
_SEED = flags.DEFINE_integer("seed", 0, "Of everything.", 0)

HEADER = [
    "target / start / way",
    "start is",
    "worst error %",
    "stopped at",
    "nearest boundary",
    "saddle-node crossed",
    "went",
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
    from benchmarks import traversal_cases as cases

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


def main(_) -> None:
    """Measures what is asked and not kept; prints, writes and draws all that is kept."""
    if not flags.FLAGS.json:
        raise app.UsageError("Expected --json=FILE, beside which rows are kept.")
    from benchmarks import traversal_cases as cases
    from rdtf import files
    from rdtf.analysis import row_log

    fields = [field.name for field in dataclasses.fields(cases.Settings)]
    settings = cases.Settings(**{name: flags.FLAGS[name].value for name in fields})
    log = pathlib.Path(flags.FLAGS.json).with_suffix(".jsonl")
    done = row_log.start(log, dataclasses.asdict(settings), resume=True)
    kept = {row["name"]: row for row in done.values()}
    if not _ONLY_DRAW.value:
        measure(
            [n for n in cases.names(_ROWS.value) if n not in kept], kept, settings, log
        )
    rows = [kept[name] for name in cases.names() if name in kept]
    print(f"\n{common.machine()}; {json.dumps(dataclasses.asdict(settings))}\n")
    common.show(["way", *cases.TARGETS], arrivals(rows))
    print("Those that did not arrive:\n")
    common.show(HEADER, [line(row) for row in rows if not row["arrived"]])
    common.save(
        {"settings": dataclasses.asdict(settings), "rows": files.jsonable(rows)}
    )
    if _FIGURE.value:
        from benchmarks import traversal_figure

        traversal_figure.draw(_FIGURE.value, rows)


def measure(names: list[str], kept: dict, settings, log) -> None:
    """Measures rows, and keeps each as it comes."""
    import tqdm

    from benchmarks import traversal_rows
    from rdtf import files
    from rdtf.analysis import row_log

    with tqdm.tqdm(names, unit="fit") as bar:
        for name in bar:
            bar.set_description(name)
            row = files.jsonable(traversal_rows.measure(name, settings))
            row_log.append(log, len(kept), row)
            kept[name] = row


if __name__ == "__main__":
    app.run(main)
