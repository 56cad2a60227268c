"""How optimisers travel between regimes of Gray-Scott: who arrives, who stops where.

    python -m benchmarks.traversal --json=traversal.json
    python -m benchmarks.traversal --json=traversal.json --rows=/lm,spots/dead
    python -m benchmarks.traversal --json=traversal.json --figure=traversal.png

A row is TARGET/START/WAY; they are in `benchmarks.traversal_cases`, what is measured of
each in `benchmarks.traversal_rows`, what it means in docs/traversal.md. Rows are kept
beside `--json` as JSON lines, so that a stopped run goes on where it was; the same flags
print and draw all that is kept. `--only_draw` measures nothing more.
"""

import dataclasses
import json
import pathlib

import tqdm
from absl import app, flags

from benchmarks import common, traversal_figure, traversal_rows, traversal_table
from benchmarks import traversal_cases as cases
from rdtf import storage
from rdtf.storage import row_log

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


def main(_) -> None:
    """Measures what is asked and not kept; prints, writes and draws all that is kept."""
    if not flags.FLAGS.json:
        raise app.UsageError("Expected --json=FILE, beside which rows are kept.")
    fields = [field.name for field in dataclasses.fields(cases.Settings)]
    settings = cases.Settings(**{name: flags.FLAGS[name].value for name in fields})
    log = pathlib.Path(flags.FLAGS.json).with_suffix(".jsonl")
    log = row_log.RowLog(log, dataclasses.asdict(settings))
    kept = {row["name"]: row for row in log.start_numbered(resume=True).values()}
    if not _ONLY_DRAW.value:
        measure(cases.names(_ROWS.value), kept, settings, log)
    rows = [kept[name] for name in cases.names() if name in kept]
    print(f"\n{common.machine()}; {json.dumps(dataclasses.asdict(settings))}\n")
    common.show(["way", *cases.TARGETS], traversal_table.arrivals(rows))
    print("Those that did not arrive:\n")
    lost = [traversal_table.line(row) for row in rows if not row["arrived"]]
    common.show(traversal_table.HEADER, lost)
    common.save(
        {"settings": dataclasses.asdict(settings), "rows": storage.jsonable(rows)}
    )
    if _FIGURE.value:
        traversal_figure.draw(_FIGURE.value, rows)


def measure(names: list[str], kept: dict, settings, log) -> None:
    """Measures rows that are not kept, and keeps each as it comes."""
    with tqdm.tqdm([n for n in names if n not in kept], unit="fit") as bar:
        for name in bar:
            bar.set_description(name)
            row = storage.jsonable(traversal_rows.measure(name, settings))
            log.append({"row": len(kept), **row})
            kept[name] = row


if __name__ == "__main__":
    app.run(main)
