"""Peak memory of the gradient of a long window (4,000 steps, 128², batch 8).

    python -m benchmarks.memory --peer_python PATH

The peak resident size of a fresh process, above what it held before the call. A peer
is measured with the variant that keeps one state per segment: keeping all 4,000 states
takes 7.8 GiB, and what its tape adds.
"""

import dataclasses

from absl import app

from benchmarks import cases, common

_VARIANT = {"rdtf": "xla, eager", "jax": "segments, roll, unroll 1"}


def main(_) -> None:
    """Measures and prints."""
    workers, table, results = common.start("jax"), [], {}
    for worker in workers:
        worker.ask("prepare", dataclasses.asdict(cases.LONG_GRADIENT))
        used = worker.ask("memory", _VARIANT[worker.name])
        results[worker.name] = used
        name = f"{worker.name} ({_VARIANT[worker.name]})"
        table.append([str(cases.LONG_GRADIENT), name, f"{used / 2**30:.2f}"])
    common.report(["case", "contestant", "GiB"], table, workers, results)
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    app.run(main)
