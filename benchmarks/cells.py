"""Cell-fate patterns: what each method reaches, at what cost; speed beside a JAX scan.

    python -m benchmarks.cells --json=FILE --peer_python=PATH
    python -m benchmarks.cells --rows=standard,evolution --seeds=3

Every row is trained from --seeds seeds; U is of 4096 fresh replicates, the same noise for
all rows. "To .665" are the replicate-steps simulated until f first scores that on 16,384
fresh replicates (tested after 1, 2, 3, 5, 8, ... iterations; not counted). CPU seconds
are those of building, tracing and training in a process that has TensorFlow; kernels
come from Numba's cache. --json is written as rows come; rows that it holds are kept.
"""

import json
import pathlib
import statistics
import time

from absl import app, flags

from benchmarks import cells_rows, cells_speed, common
from rdtf import storage

_ROWS = flags.DEFINE_list("rows", list(cells_rows.ROWS), "Which; none: ''.")
_SEEDS = flags.DEFINE_integer("seeds", 10, "Of each row.", 1)
_SPEED = flags.DEFINE_bool("speed", True, "Also measure speed beside JAX.")


def kept():
    """What --json holds."""
    path = flags.FLAGS.json
    if path and pathlib.Path(path).exists():
        return json.loads(pathlib.Path(path).read_text())["results"]
    return {}


def write(results):
    """As `common.save`, but atomically."""
    if flags.FLAGS.json:
        record = {"machine": common.machine(), "results": results}
        storage.write_json(flags.FLAGS.json, record)


def line(name, runs):
    """A row of the table."""
    fresh = [r["utility"] for r in runs]
    finer = [r["finer"] for r in runs]
    reached = [r["steps_to_ceiling"] for r in runs if r["steps_to_ceiling"]]
    to = f"{statistics.median(reached) / 1e6:.2g} ({len(reached)})" if reached else ""
    patterns = statistics.median(r["num_patterns"] for r in runs)
    return [
        cells_rows.ROWS[name].title,
        str(len(runs)),
        f"{statistics.median(fresh):.3f}",
        f"{min(fresh):.3f}",
        f"{max(fresh):.3f}",
        f"{statistics.median(finer):.3f}",
        f"{patterns:g}",
        f"{statistics.median(r['disagreement'] for r in runs):.2f}",
        f"{statistics.median(r['replicate_steps'] for r in runs) / 1e6:.3g}",
        to,
        f"{statistics.median(r['processor_seconds'] for r in runs):.1f}",
    ]


HEADER = [
    *("method", "seeds", "U median", "least", "best", "median at dt/10", "patterns"),
    *("neighbours differ", "million steps", "to .665 (seeds)", "CPU s"),
]


def main(_) -> None:
    """Measures, prints, writes."""
    results = kept()
    for name in filter(None, _ROWS.value):
        runs = results.setdefault(name, [])
        row = cells_rows.ROWS[name]
        for number in range(len(runs), _SEEDS.value):
            seed = row.first_seed + number
            start = time.perf_counter()
            runs.append(cells_rows.measure(row, seed))
            write(results)
            seconds = time.perf_counter() - start
            print(
                f"{name} {seed}: U {runs[-1]['utility']:.4f}, {seconds:.0f} s",
                flush=True,
            )
    if "square" in _ROWS.value or "hexagonal" in _ROWS.value:
        results.setdefault("best tanh", cells_rows.best_tanh())
    if _SPEED.value:
        results["speed"] = cells_speed.measure(flags.FLAGS.peer_python)
    write(results)
    print(f"\n{common.machine()}\n")
    rows = [name for name in cells_rows.ROWS if results.get(name)]
    common.show(HEADER, [line(name, results[name]) for name in rows])
    for lattice, (utility, slope, centre) in results.get("best tanh", {}).items():
        print(f"best tanh, {lattice}: {utility:.4f} at slope {slope}, centre {centre}")
    if "speed" in results:
        common.show(cells_speed.HEADER, cells_speed.table(results["speed"]))


if __name__ == "__main__":
    app.run(main)
