"""Import times and the time to `--help`, each in a fresh process.

python -m benchmarks.startup
"""

import importlib.util
import os
import pathlib
import statistics
import subprocess
import sys
import time

from absl import app

from benchmarks import common

_ROUNDS = 7
_COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import tensorflow": ["-c", "import tensorflow"],
    "import rdtf": ["-c", "import rdtf"],
    "import rdtf; rdtf.Simulation": ["-c", "import rdtf; rdtf.Simulation"],
    "python -m apps.fit --help": ["-m", "apps.fit", "--help"],
}


def _seconds(arguments):
    root = pathlib.Path(__file__).resolve().parent.parent
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # absl's --help ends with status 1
    )
    return time.perf_counter() - start


def main(_) -> None:
    """Measures and prints."""
    commands = dict(_COMMANDS)
    if importlib.util.find_spec("apps.fit") is None:
        del commands["python -m apps.fit --help"]
    results = {name: [] for name in commands}
    for _ in range(_ROUNDS):
        for name, arguments in commands.items():
            results[name].append(_seconds(arguments))
    table = [
        [f"`{name}`", f"{statistics.median(times):.2f}", f"{min(times):.2f}"]
        for name, times in results.items()
    ]
    common.report(["process", "median s", "best s"], table, [], results)


if __name__ == "__main__":
    app.run(main)
