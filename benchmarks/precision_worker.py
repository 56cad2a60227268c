"""One solver on one problem: `python -m benchmarks.precision_worker NAME PROBLEM FILE`.

FILE holds the reference, `.npy`; with NAME "reference" it is made, with "check" compared
with SciPy at 1e-10. Every setting prints
one JSON line: seconds of the first call, which compiles, the median of three more, and
the relative error. What takes longer than BUDGET is measured once, and what would take
longer still is left out.
"""

import importlib
import json
import os
import statistics
import sys
import time

import numpy as np

from benchmarks import precision_problems

BUDGET = 60.0  # seconds of one solution


def main(name: str, problem: str, path: str) -> None:
    """Serves one pair of solver and problem."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the answers
    problem = precision_problems.create(problem)
    if name == "reference":
        np.save(
            path,
            importlib.import_module("benchmarks.precision_rdtf").reference(problem),
        )
        return
    if name == "check":
        from benchmarks import precision_scipy

        distance = precision_scipy.check(problem, np.load(path))
        print(json.dumps({"distance": distance}), file=answers, flush=True)
        return
    solver, reference = (
        importlib.import_module(f"benchmarks.precision_{name}"),
        np.load(path),
    )
    slow = set()
    for setting in solver.settings(problem):
        family = setting.split()[0]  # the settings of a family grow more expensive
        if family in slow:
            continue
        try:
            answer = _measure(solver.solver(problem, setting), reference)
        except Exception as error:  # noqa: BLE001 - whatever fails is reported
            answer = {"failed": f"{type(error).__name__}: {error}"[:200]}
        if answer.get("seconds", 0.0) > BUDGET:
            slow.add(family)
        print(json.dumps({"setting": setting} | answer), file=answers, flush=True)


def _measure(work, reference):
    clock = time.perf_counter
    start = clock()
    result = work()
    first = clock() - start
    seconds = [first]
    if first < 2.0 * BUDGET:
        seconds = []
        for _ in range(3):
            start = clock()
            work()
            seconds.append(clock() - start)
            if seconds[-1] > BUDGET / 3.0:
                break
    error = np.linalg.norm(result - reference) / np.linalg.norm(reference)
    return {
        "first": first,
        "seconds": statistics.median(seconds),
        "error": float(error),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
