"""Speed of this checkout beside another one, in turn, in the same run.

    git worktree add /tmp/before HEAD~5
    python -m benchmarks.house_speed --before=/tmp/before --json FILE

The cases of `benchmarks.rollout` and `benchmarks.gradient` on both engines, the cell
dynamics of `benchmarks.cells`, imports, `--help` and first calls of `benchmarks.startup`.
Each row is the median, over alternating rounds, of this checkout's seconds over the other's.
"""

import dataclasses
import json
import pathlib
import statistics
import sys
import tempfile

from absl import app, flags

from benchmarks import cases, common, startup

_BEFORE = flags.DEFINE_string("before", None, "Root of the other checkout. Required.")
_TURNS = flags.DEFINE_integer("turns", 5, "Alternating rounds.", 1)
_ROOT = pathlib.Path(__file__).resolve().parent.parent
_CELLS = """
import json
from benchmarks import cells_speed
works = cells_speed.ours((64, 1000))
print(json.dumps({kind: cells_speed.clock(work) for kind, work in works.items()}))
"""


def main(argv):
    del argv
    roots = [_ROOT, pathlib.Path(_BEFORE.value).resolve()]
    print(f"{common.machine()}; {_TURNS.value} alternating rounds\n")
    print("| what | here, s | before, s | here / before |\n| --- | --- | --- | --- |")
    found = {}
    for _ in range(_TURNS.value):
        for place, root in enumerate(roots):
            for name, seconds in _processes(root).items():
                found.setdefault(name, ([], []))[place].append(seconds)
    for name, pair in found.items():
        _show(name, pair)
    for engine in common.RDTF:
        workers = [common.Worker(engine, sys.executable, root) for root in roots]
        for case in (*cases.FORWARD, *cases.GRADIENT):
            name = f"{'gradient' if case.gradient else 'forward'}, {engine}, {case}"
            found[name] = _steps(workers, case)
            _show(name, found[name])
            common.save(found)
        for worker in workers:
            worker.close()


def _show(name, pair):
    """Prints a row as soon as it is measured."""
    here, before = (f"{statistics.median(seconds):.4g}" for seconds in pair)
    print(f"| {name} | {here} | {before} | {common.ratio(*pair):.3f} |", flush=True)


def _steps(workers, case):
    """(seconds here, seconds before), of the variant that is best here."""
    for worker in workers:
        variants = worker.ask("prepare", dataclasses.asdict(case))
        for variant in variants:
            worker.ask("first", variant)
    best = min(variants, key=lambda v: workers[0].ask("timing", v))
    found = ([], [])
    for turn in range(_TURNS.value):
        for place in (0, 1) if turn % 2 else (1, 0):
            found[place].append(workers[place].ask("timing", best))
    return found


def _processes(root):
    """name -> seconds, each in processes of its own."""
    found = {
        f"`{name}`": startup.process_seconds(arguments, root)
        for name, arguments in startup.COMMANDS.items()
        if "rdtf" in name or "apps" in name
    }
    for gradient in (False, True):
        with tempfile.TemporaryDirectory() as cache:
            for kind in ("empty", "filled"):
                name = f"first {'gradient' if gradient else 'forward'}, {kind} cache"
                found[name] = startup.first_call("native", gradient, cache, root)
    cells = startup.output(["-c", _CELLS], root, TF_CPP_MIN_LOG_LEVEL="3")
    times = json.loads(cells.splitlines()[-1])
    return found | {f"cells, {kind}": seconds for kind, seconds in times.items()}


if __name__ == "__main__":
    flags.mark_flag_as_required("before")
    app.run(main)
