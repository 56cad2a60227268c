"""Error against seconds: rdtf beside Diffrax, py-pde and SciPy.

    python -m benchmarks.work_precision --json FILE --peer_python PATH

Every solver gets all its methods and tolerances, compilation not counted; a cell of the
table is the shortest time in which it came below that error (relative, in the final
state, against a reference of 1e-9).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags

_JSON = flags.DEFINE_string("json", None, "Write all numbers to this file.")
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", sys.executable, "Interpreter that can import the peers."
)
_PROBLEMS = flags.DEFINE_list(
    "problems", ["brusselator32", "brusselator128", "gray_scott128"], "Which to solve."
)
_SOLVERS = flags.DEFINE_list(
    "solvers", ["rdtf", "diffrax", "py_pde", "scipy"], "Who solves them."
)
_FIGURE = flags.DEFINE_string("figure", None, "Draw the diagram into this file, .png.")
_CHECK = flags.DEFINE_bool(
    "check", False, "Compare the reference with SciPy at 1e-10, within --limit."
)
_LIMIT = flags.DEFINE_float(
    "limit", 600.0, "Seconds for all settings of a solver on a problem, compiling too."
)
ERRORS = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7]
_ROOT = pathlib.Path(__file__).resolve().parent.parent


def _run(name, problem, path):
    """JSON lines of a worker in a process of its own."""
    python = sys.executable if name in ("rdtf", "reference") else _PEER_PYTHON.value
    command = [python, "-m", "benchmarks.precision_worker", name, problem, path]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(_ROOT)}
    try:
        text = subprocess.run(
            command,
            cwd=_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            timeout=None if name == "reference" else _LIMIT.value,
            check=True,
        ).stdout
    except subprocess.TimeoutExpired as expired:
        text = expired.stdout or b""
    return [json.loads(line) for line in text.decode().split("\n")[:-1]]


def cells(rows: list[dict]) -> list[float]:
    """The shortest time below each of ERRORS; infinite if there is none."""
    good = [(r["seconds"], r["error"]) for r in rows if "error" in r]
    return [min((s for s, e in good if e <= limit), default=np.inf) for limit in ERRORS]


def main(_) -> None:
    """Measures, prints the table and the share of cells in which rdtf is ahead."""
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        for problem in _PROBLEMS.value:
            path = f"{directory}/{problem}.npy"
            _run("reference", problem, path)
            if _CHECK.value:
                for answer in _run("check", problem, path):
                    distance = answer["distance"]
                    print(f"{problem}: reference {distance:.1e} from SciPy at 1e-10")
            results[problem] = {n: _run(n, problem, path) for n in _SOLVERS.value}
            _print(problem, results[problem])
            if _JSON.value:
                pathlib.Path(_JSON.value).write_text(json.dumps(results, indent=1))
    for name in _SOLVERS.value[1:]:
        pairs = [
            (mine, other)
            for rows in results.values()
            for mine, other in zip(cells(rows["rdtf"]), cells(rows[name]), strict=True)
        ]
        ahead = sum(mine < other for mine, other in pairs)
        missing = sum(np.isinf(other) for _, other in pairs)
        print(
            f"rdtf is ahead of {name} in {ahead} of {len(pairs)} cells, in {missing} of "
            "which it did not get there within the limit"
        )
    if _FIGURE.value:
        _draw(results)


def _print(problem, solvers):
    print(f"\n{problem}: seconds to a relative error of")
    print("| solver | " + " | ".join(f"{e:.0e}" for e in ERRORS) + " |")
    print("|---" * (len(ERRORS) + 1) + "|")
    for name, rows in solvers.items():
        numbers = (f"{s:.3g}" if np.isfinite(s) else "-" for s in cells(rows))
        print(f"| {name} | " + " | ".join(numbers) + " |", flush=True)


def _draw(results):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(results), figsize=(4.0 * len(results), 3.6), sharey=True, squeeze=False
    )
    for axis, (problem, solvers) in zip(axes[0], results.items(), strict=True):
        for name, marker in zip(solvers, "osD^", strict=False):
            points = {s: e for e, s in zip(ERRORS, cells(solvers[name]), strict=True)}
            found = [(s, e) for s, e in points.items() if np.isfinite(s)]
            axis.loglog(*zip(*found, strict=True) if found else ([], []), marker=marker,
                        label=name)  # fmt: skip
        axis.set(title=problem, xlabel="seconds")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("relative error reached")
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(_FIGURE.value, dpi=110)


if __name__ == "__main__":
    app.run(main)
