"""Peak memory and time of the gradient of a long window: 10,000 steps, 128², batch 8.

    python -m benchmarks.memory --peer_python PATH

The peak resident size of a fresh process, above what it held before the call; then the
time of a cell-step in this window over that in a window of 100 steps. A peer is
measured with the variant that keeps one state per segment: keeping all 10,000 states
takes 19.5 GiB, and what its tape adds.
"""

import dataclasses
import math
import statistics

from absl import app

from benchmarks import cases, common

_VARIANT = {
    "rdtf native": "tf.function",
    "rdtf xla": "tf.function",
    "c": "samples, keeps 1 in {root}",
    "jax": "segments, roll, unroll 1",
}


def _prepare(workers, case):
    """Pairs (worker, variant) ready for the case."""
    root = math.isqrt(case.num_steps)
    for worker in workers:
        worker.ask("prepare", dataclasses.asdict(case))
    return [(worker, _VARIANT[worker.name].format(root=root)) for worker in workers]


def _row(name, result):
    seconds = statistics.median(result["long"])
    growth = common.ratio(result["long"], result["short"])
    growth *= cases.SHORT_GRADIENT.cell_steps / cases.LONG_GRADIENT.cell_steps
    return [
        f"{name} ({result['variant']})",
        f"{result['bytes'] / 2**30:.2f}",
        f"{seconds:.2f}",
        f"{common.speed(cases.LONG_GRADIENT, seconds):.0f}",
        f"{growth:.2f}",
    ]


def main(_) -> None:
    """Measures and prints."""
    workers = common.start(*_VARIANT)
    twins = [common.Worker(worker.name, worker.python) for worker in workers]
    longs = _prepare(workers, cases.LONG_GRADIENT)
    used = [worker.ask("memory", variant) for worker, variant in longs]
    pairs = longs + _prepare(twins, cases.SHORT_GRADIENT)
    for worker, variant in pairs:
        worker.ask("first", variant)
    seconds = common.alternate(pairs)
    results = {
        worker.name: {"variant": variant, "bytes": peak, "long": long, "short": short}
        for (worker, variant), peak, long, short in zip(
            longs, used, seconds[: len(longs)], seconds[len(longs) :], strict=True
        )
    }
    table = [_row(name, result) for name, result in results.items()]
    print(f"The gradient of {cases.LONG_GRADIENT}.\n")
    header = ["contestant", "GiB", "s", "million cell-steps / s", "over 100 steps"]
    common.report(header, table, workers, results)
    for worker in workers + twins:
        worker.close()


if __name__ == "__main__":
    app.run(main)
