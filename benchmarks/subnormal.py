"""Subnormal numbers: forward speed where a field has decayed below 2.2e-308.

    python -m benchmarks.subnormal --json subnormal.json

The same work twice, from an ordinary state and from one whose last species starts at
1e-307 and decays; a processor may take many times longer over subnormal numbers.
"""

import dataclasses
import statistics

from absl import app

from benchmarks import cases, common


def main(_) -> None:
    """Measures and prints."""
    ordinary = common.start(*common.RDTF)
    subnormal = [common.Worker(worker.name, worker.python) for worker in ordinary]
    pairs, work = [], (cases.ORDINARY, cases.SUBNORMAL)
    for case, workers in zip(work, (ordinary, subnormal), strict=True):
        for worker in workers:
            variant = worker.ask("prepare", dataclasses.asdict(case))[-1]
            worker.ask("first", variant)
            pairs.append((worker, variant))
    seconds = common.alternate(pairs)
    results, table = {}, []
    for index, worker in enumerate(ordinary):
        usual, slow = seconds[index], seconds[index + len(ordinary)]
        results[worker.name] = {"ordinary": usual, "subnormal": slow}
        speeds = [
            f"{common.speed(case, statistics.median(times)):.0f}"
            for case, times in zip(work, (usual, slow), strict=True)
        ]
        table.append([worker.name, *speeds, f"{common.ratio(slow, usual):.2f}"])
    print(f"Million cell-steps per second, {cases.ORDINARY}.\n")
    header = ["contestant", "ordinary", "subnormal", "times as long"]
    common.report(header, table, ordinary, results)
    for worker in ordinary + subnormal:
        worker.close()


if __name__ == "__main__":
    app.run(main)
