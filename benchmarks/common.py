"""What the benchmarks share: workers, alternating measurements, tables."""

import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

from absl import flags

from benchmarks import cases

_JSON = flags.DEFINE_string("json", None, "Also write all numbers to this file.")
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", sys.executable, "Interpreter that can import the peers."
)
_ROUNDS = flags.DEFINE_integer("rounds", 9, "Measurements per contestant.", 3)
_PEERS = flags.DEFINE_list(
    "peers",
    ["c", "jax", "torch", "diffrax", "exponax"],
    "What to measure beside rdtf: the module is benchmarks/with_NAME.py.",
)
RDTF = ("rdtf native", "rdtf xla")  # ratios are to the first that is there

_ROOT = pathlib.Path(__file__).resolve().parent.parent


class Worker:
    """A contestant in its own process; see `benchmarks.worker` for its verbs.

    Args:
      name: of the contestant.
      python: the interpreter.
      root: the checkout that it runs in.
    """

    def __init__(self, name: str, python: str = sys.executable, root=_ROOT):
        self.name = name
        self.python = python
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", name],
            cwd=root,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        hello = self._read()
        self.version = hello.get("version")
        self.missing = hello.get("missing")
        self.other_method = hello.get("other_method", False)

    def ask(self, verb: str, *arguments):
        """The worker's answer; RuntimeError if it has none."""
        self._process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer["value"]

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _read(self):
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}


def start(*names: str) -> list[Worker]:
    """The workers of these contestants (all, if none is named); says what is missing."""
    workers = []
    for name in names or (*RDTF, *_PEERS.value):
        python = sys.executable if name in RDTF else _PEER_PYTHON.value
        worker = Worker(name, python)
        if worker.version is None:
            print(f"{name} is not measured: {python} has no {worker.missing}.")
        else:
            workers.append(worker)
    return workers


def compare(workers: list[Worker], case: cases.Case) -> dict:
    """Each worker's best variant, measured in turn, round after round.

    Returns worker name -> {"variant", "seconds" per round, "compile" in seconds,
    "numbers" it computed, "tried": seconds of every variant}; a worker that does not
    do such cases is left out.
    """
    results = {w.name: best for w in workers if (best := _best_variant(w, case))}
    pairs = [(w, results[w.name]["variant"]) for w in workers if w.name in results]
    for (worker, _), seconds in zip(pairs, alternate(pairs), strict=True):
        results[worker.name]["seconds"] = seconds
    return results


def alternate(pairs: list[tuple[Worker, str]]) -> list[list[float]]:
    """Seconds per round of each (prepared worker, variant), in turn, back and forth."""
    seconds = [[] for _ in pairs]
    for index in range(_ROUNDS.value):
        order = range(len(pairs)) if index % 2 else reversed(range(len(pairs)))
        for position in order:
            worker, variant = pairs[position]
            seconds[position].append(worker.ask("timing", variant))
    return seconds


def ratio(seconds: list[float], reference: list[float]) -> float:
    """The median, over rounds, of seconds / reference."""
    return statistics.median(a / b for a, b in zip(seconds, reference, strict=True))


def _best_variant(worker, case):
    tried, first, errors = {}, {}, []
    for variant in worker.ask("prepare", dataclasses.asdict(case)):
        try:
            first[variant] = worker.ask("first", variant)
            tried[variant] = worker.ask("timing", variant)
            if tried[variant] < 1.5 * min(tried.values()):  # else it has no chance
                again = [worker.ask("timing", variant) for _ in range(2)]
                tried[variant] = min(tried[variant], *again)
        except RuntimeError as error:
            errors.append(f"{variant}: {error}")
    if not tried:
        if errors:
            print(f"{worker.name} failed: {'; '.join(errors)}")
        return None
    variant = min(tried, key=tried.get)
    return {
        "variant": variant,
        "other_method": worker.other_method,
        "compile": first[variant]["seconds"] - tried[variant],
        "numbers": first[variant]["numbers"],
        "tried": tried,
        "errors": errors,
    }


def rows(case: cases.Case, results: dict) -> list[list[str]]:
    """One table row per contestant of `compare`."""
    reference = next(iter(results.values()))
    return [
        [
            str(case),
            f"{name} ({result['variant']})",
            f"{speed(case, statistics.median(result['seconds'])):.0f}",
            f"{speed(case, min(result['seconds'])):.0f}",
            ""
            if result is reference
            else f"{ratio(result['seconds'], reference['seconds']):.2f}",
            f"{result['compile']:.2f}",
            "other method"
            if result["other_method"]
            else f"{_disagreement(reference['numbers'], result['numbers']):.0e}",
        ]
        for name, result in results.items()
    ]


HEADER = [
    "case",
    "contestant (best variant)",
    "median",
    "best",
    "rdtf is faster by",
    "compile s",
    "differs by",
]


def speed(case: cases.Case, seconds: float) -> float:
    """Million cell-steps per second."""
    return case.cell_steps / seconds / 1e6


def _disagreement(ours, theirs):
    """Largest relative difference; every contestant must compute the same numbers."""
    worst = max(abs(a - b) / abs(a) for a, b in zip(ours, theirs, strict=True))
    if not worst < 1e-6:
        raise ValueError(f"Expected the same numbers, got {ours} and {theirs}.")
    return worst


def race(all_cases) -> None:
    """Measures all cases, prints the table and writes `--json`."""
    workers = start()
    table, results = [], {}
    for case in all_cases:
        results[str(case)] = compare(workers, case)
        table += rows(case, results[str(case)])
    print("Million cell-steps per second; median of the ratios of paired runs.\n")
    report(HEADER, table, workers, results)
    for worker in workers:
        worker.close()


def report(header, table, workers, results) -> None:
    """Prints a Markdown table under the machine and versions; writes `--json`."""
    versions = list(dict.fromkeys(worker.version for worker in workers))
    print("; ".join([machine(), *versions]) + "\n")
    show(header, table)
    save(results, versions)


def show(header, table) -> None:
    """Prints a Markdown table."""
    lines = [header, ["---"] * len(header), *table]
    print("\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n")


def save(results, versions=()) -> None:
    """Writes `--json`, if given."""
    if _JSON.value:
        record = {"machine": machine(), "versions": versions, "results": results}
        pathlib.Path(_JSON.value).write_text(json.dumps(record, indent=1) + "\n")


def machine() -> str:
    """CPU model, cores and Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if "model name" in x]
        model = names[0].split(":")[1].strip() if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
