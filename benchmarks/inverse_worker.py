"""One process of the inverse benchmark: takes tasks, answers with what the fits found.

`python -m benchmarks.inverse_worker '{"seed": 1, ...}' [CORE]` reads one task per line
and answers each with one line, as `benchmarks.worker` does. With a core, it stays on
that one and uses one thread.
"""

import json
import os
import sys

_CORE = sys.argv[2:] if __name__ == "__main__" else []
if _CORE:  # before the libraries look
    for _name in ("OMP_NUM", "OPENBLAS_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        os.environ[f"{_name}_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(_CORE[0])})

import dataclasses
import resource
import time
import warnings

from benchmarks import (
    inverse_cases,
    inverse_peers,
    inverse_problems,
    inverse_rows,
)
from rdtf import inverse, storage
from rdtf.inverse import routes
from rdtf.inverse.reporting.recorders import Listeners
from rdtf.inverse.stages import Stages


def fit(problem, settings, row) -> dict:
    """One fit by the row's route: "params", "status" and what is known of its cost."""
    if row.route in inverse_peers.PEERS:
        return inverse_peers.PEERS[row.route](problem, settings)
    chosen = inverse.Settings(route=row.route)
    if row.route == "bptt":
        problem, chosen = inverse_peers.published(problem, settings.bptt_iterations)
    routes.validate(problem, chosen)
    recorder = Listeners()
    stages = routes.run(problem, chosen, Stages(None, recorder), recorder)
    return {
        "params": stages[-1].params,
        "status": stages[-1].status.value,
        "evaluations": sum(stage.iterations for stage in stages),
        "stages": {stage.stage: stage.params for stage in stages},
        "laplacian": stages[0].laplacian,
    }


class Worker:
    """Runs tasks of one measurement."""

    def __init__(self, settings: inverse_cases.Settings):
        self.settings, self._seen = settings, set()

    def run(self, task: dict) -> dict:
        """The task with errors in %, seconds and status; "error" if it failed."""
        row = inverse_rows.ROWS[task["row"]]
        first = task["row"] not in self._seen  # compiles and imports
        self._seen.add(task["row"])
        problem, settings = inverse_problems.problem(task, self.settings), self.settings
        if row.group == "memory":  # which all iterations have in common
            settings = dataclasses.replace(settings, bptt_iterations=2)
        wall, cpu = time.perf_counter(), time.process_time()
        found = fit(problem, settings, row)
        seconds = {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
        }
        errors = inverse_problems.judged(
            row, problem.truth, found["params"], problem.held
        )
        return {
            **task,
            **found,
            **seconds,
            **inverse_problems.drift(task, self.settings),
            "first": first,
            "model": problem.simulation.model.name,
            "truth": dict(problem.truth),
            "begin": dict(problem.start),
            "held": list(problem.held),
            "errors": errors,
            "worst": max(errors.values()),
            "peak": peak(),
        }

    def answer(self, task: dict) -> dict:
        """`run`, or what went wrong: one case must not sink its row."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.run(task)
        except Exception as error:  # noqa: BLE001 - whatever fails is reported
            return {**task, "error": f"{type(error).__name__}: {error}"[:500]}


def peak() -> float:
    """The most memory that this process has held so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(settings: str) -> None:
    """Serves tasks until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the answers
    worker = Worker(inverse_cases.Settings(**json.loads(settings)))
    for line in sys.stdin:
        answer = worker.answer(json.loads(line))
        print(json.dumps(storage.jsonable(answer)), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
