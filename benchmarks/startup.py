"""Import times, the time to `--help` and first calls, each in a fresh process.

    python -m benchmarks.startup

A first call is timed inside the process, after its imports: `advance` over 100 steps of
Gray-Scott at 128², or its gradient, with an empty and with a filled kernel cache.
"""

import importlib.util
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from absl import app, flags

from benchmarks import common

_FIRST_CALLS = flags.DEFINE_bool("first_calls", True, "Also time first calls.")

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_ROUNDS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import tensorflow": ["-c", "import tensorflow"],
    "import rdtf": ["-c", "import rdtf"],
    "import rdtf; rdtf.Simulation": ["-c", "import rdtf; rdtf.Simulation"],
    "python -m apps.fit --help": ["-m", "apps.fit", "--help"],
}
_FIRST_CALL = """
import time
from benchmarks import cases, with_rdtf
case = cases.Case(1, 128, 100, gradient={gradient})
contestant = with_rdtf.Contestant({engine!r})
start = time.perf_counter()
contestant.variants(case)["eager"]()
print(time.perf_counter() - start)
"""


def output(arguments, root=_ROOT, **environment) -> str:
    """What Python prints, run on these arguments in a checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,  # absl's --help ends with status 1
    ).stdout


def process_seconds(arguments, root=_ROOT) -> float:
    """Seconds of a whole process."""
    start = time.perf_counter()
    output(arguments, root)
    return time.perf_counter() - start


def first_call(engine, gradient, cache, root=_ROOT) -> float:
    """Seconds of a first call, with the kernels of that cache."""
    code = _FIRST_CALL.format(engine=engine, gradient=gradient)
    settings = {"RDTF_CACHE_DIR": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return float(output(["-c", code], root, **settings))


def _first_calls(engine, gradient):
    """Seconds with an empty cache, and with the cache that such a run leaves."""
    cold, warm = [], []
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(first_call(engine, gradient, cache))
            warm.append(first_call(engine, gradient, cache))
    work = "gradient" if gradient else "forward"
    name = f"first {work}, {engine}"
    return {f"{name}, empty cache": cold, f"{name}, filled cache": warm}


def main(_) -> None:
    """Measures and prints."""
    commands = dict(COMMANDS)
    if importlib.util.find_spec("apps.fit") is None:
        del commands["python -m apps.fit --help"]
    workers = common.start(*common.RDTF)  # for their versions
    for worker in workers:
        worker.close()
    results = {f"`{name}`": [] for name in commands}
    for _ in range(_ROUNDS):
        for name, arguments in commands.items():
            results[f"`{name}`"].append(process_seconds(arguments))
    if _FIRST_CALLS.value:
        for worker in workers:
            engine = worker.name.split()[1]
            for gradient in (False, True):
                results |= _first_calls(engine, gradient)
    table = [
        [name, f"{statistics.median(times):.2f}", f"{min(times):.2f}"]
        for name, times in results.items()
    ]
    common.report(["what", "median s", "best s"], table, workers, results)


if __name__ == "__main__":
    app.run(main)
