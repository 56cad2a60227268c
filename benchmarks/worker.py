"""One contestant in its own process: `python -m benchmarks.worker jax`.

`rdtf native` names a module that offers several, `with_rdtf.Contestant("native")`.
Reads requests, one JSON object per line, and answers each with one line, so that
thread pools and allocators of the contestants never meet.
"""

import importlib
import json
import os
import pathlib
import resource
import sys
import time

import numpy as np

from benchmarks import cases


class _Worker:
    def __init__(self, contestant):
        self._contestant = contestant
        self._case = None
        self._work = {}

    def prepare(self, case):
        """Names of the variants of this case."""
        self._case = cases.Case(**case)
        self._work = self._contestant.variants(self._case)
        return list(self._work)

    def first(self, variant):
        """Seconds of the first call, which compiles, and the numbers it returns."""
        start = time.perf_counter()
        numbers = self._work[variant]()
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "numbers": np.ravel(numbers).tolist()}

    def timing(self, variant):
        """Seconds per call; of short calls the mean of several, after a warming one."""
        work, calls = self._work[variant], self._case.calls
        seconds = _clock(work, 1)
        return seconds if calls == 1 or seconds > 1.0 else _clock(work, calls)

    def memory(self, variant):
        """Bytes by which the process peaks above what it held before the call."""
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        before = pages * os.sysconf("SC_PAGE_SIZE")
        self._work[variant]()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before


def _clock(work, calls):
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def _contestant(name):
    module, *options = name.split()
    imported = importlib.import_module(f"benchmarks.with_{module}")
    return imported.Contestant(*options) if options else imported


def main(name: str) -> None:
    """Serves requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the answers
    try:
        contestant = _contestant(name)
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), file=answers, flush=True)
        return
    other = getattr(contestant, "OTHER_METHOD", False)  # its numbers do not compare
    hello = {"version": contestant.VERSION, "other_method": other}
    print(json.dumps(hello), file=answers, flush=True)
    worker = _Worker(contestant)
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        try:
            answer = {"value": getattr(worker, verb)(*arguments)}
        except Exception as error:  # noqa: BLE001 - whatever fails is reported
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
