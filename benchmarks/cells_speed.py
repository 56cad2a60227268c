"""Speed of the cell dynamics beside a JAX scan, in turn, in the same run."""

import json
import pathlib
import statistics
import subprocess
import time

import tensorflow as tf

from benchmarks import common
from rdtf.cells import estimators, networks
from rdtf.cells.dynamics import Dynamics

CASES = ((64, 1000), (256, 1000))  # replicates, steps
ROUNDS = 7
_ROOT = pathlib.Path(__file__).resolve().parents[1]


class Peer:
    """A `benchmarks.cells_jax` process."""

    def __init__(self, python, case):
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.cells_jax", *map(str, case)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        hello = self._process.stdout.readline()
        if not hello:
            raise RuntimeError(f"{python} has no JAX.")
        self.hello = json.loads(hello)

    def seconds(self, variant):
        """Of one call."""
        self._process.stdin.write(json.dumps(variant) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def ours(case):
    """name -> function of no arguments: from the network's weights, as JAX's."""
    replicates, steps = case
    dynamics, f = Dynamics(), networks.network()
    state = dynamics.initial_state(replicates, 0)

    @tf.function
    def forward():
        return dynamics.advance(state, networks.tabulate(f), steps, 0.1, 1)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            value = estimators.kernel(forward(), 10.0)
        return value, tape.gradient(value, f.trainable_variables)

    return {"forward": forward, "gradient": gradient}


def clock(work):
    """Seconds, the least of three calls after a warming one, as the peer's."""
    work()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(python):
    """case -> kind -> {"rdtf": seconds per round, "jax": ..., "variant": its best}."""
    found = {}
    for case in CASES:
        peer, works = Peer(python, case), ours(case)
        results = {}
        for kind, work in works.items():
            names = [name for name in peer.hello["first"] if name.startswith(kind)]
            tried = {name: peer.seconds(name) for name in names}
            best = min(tried, key=tried.get)
            pairs = [(clock(work), peer.seconds(best)) for _ in range(ROUNDS)]
            results[kind] = {
                "rdtf": [pair[0] for pair in pairs],
                "jax": [pair[1] for pair in pairs],
                "variant": best,
                "tried": tried,
            }
        results["version"] = peer.hello["version"]
        peer.close()
        found[f"{case[0]} replicates, {case[1]} steps"] = results
    return found


HEADER = ["case", "rdtf ms", "JAX ms", "its best variant", "rdtf is faster by"]


def table(found):
    """Rows of medians; the ratio is the median of paired runs."""
    rows = []
    for case, results in found.items():
        for kind in ("forward", "gradient"):
            r = results[kind]
            rows.append(
                [
                    f"{kind}, {case}",
                    *(f"{1e3 * statistics.median(r[k]):.3g}" for k in ("rdtf", "jax")),
                    r["variant"].partition(": ")[2],
                    f"{common.ratio(r['jax'], r['rdtf']):.1f}",
                ]
            )
    return rows
