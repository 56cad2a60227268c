"""Velocities from one pair of states, clean and noisy.

    python -m benchmarks.pairs --json=FILE --workdir=DIR

Two states 4 units of time apart, 64 x 64 cells, white noise on both in deviations of each species;
LibraryVelocity (the seven terms of the model) and LocalVelocity (a network, told nothing of the
equation) by Gauss-Newton through the steps between them, with errors in variables where noise is
found. Cosine and relative error of the field over eight other patterns.
"""

import json
import statistics
import time

import numpy as np
from absl import app, flags

from benchmarks import common, velocities
from rdtf import models
from rdtf.dynamics import (
    flows,
    libraries,
    library_velocity,
    local_velocity,
    pair_training,
    snapshots,
)
from rdtf.dynamics.flow_maps import FlowMap

_NOISE = (0.0, 0.02, 0.1)  # in deviations
_STEPS, _OTHERS = 4, 8


def _rows(name, seed):
    """One row per model and noise."""
    data = velocities.data_of(name, seed, 1 + _OTHERS, _STEPS)
    samples = snapshots.in_units(data)
    states, _ = snapshots.rates(data, np.arange(1))
    truth = flows.true_velocity(data, samples[1:])
    scale = states[0].std((0, 1, 2))
    duration = _STEPS * data.metadata["time_step"]
    for noise in _NOISE:
        rng = np.random.default_rng(int(seed))
        noisy = [s + noise * scale * rng.normal(size=s.shape) for s in states]
        for kind in ("LibraryVelocity", "LocalVelocity"):
            if kind == "LibraryVelocity":
                library, _ = libraries.of_model(models.GRAY_SCOTT)
                velocity = library_velocity.LibraryVelocity(library.terms)
            else:
                velocity = local_velocity.start(noisy[0], ("u", "v"), seed=int(seed))
            cpu = time.process_time()
            flow = FlowMap(velocity, duration, _STEPS, data.metadata["scheme"])
            pair_training.learn(flow, *noisy)
            cpu = time.process_time() - cpu
            found = flows.compare(flows.evaluate(velocity, samples[1:]), truth, True)
            row = {"case": name, "seed": seed, "model": kind, "noise": noise}
            row |= {key: found[key] for key in ("cosine", "relative_error")}
            yield row | {"cpu_seconds": cpu}


def main(_) -> None:
    """Measures, prints, writes."""
    rows, lines = [], []
    for name in flags.FLAGS.cases:
        for seed in flags.FLAGS.seeds:
            for row in _rows(name, seed):
                rows.append(row)
                print(json.dumps(row), flush=True)
                common.save({"rows": rows})
    groups = {}
    for row in rows:
        key = (row["model"], row["case"], row["noise"])
        groups.setdefault(key, []).append(row)
    for (kind, name, noise), own in groups.items():
        cosines, errors, cpu = (
            [row[key] for row in own]
            for key in ("cosine", "relative_error", "cpu_seconds")
        )
        numbers = [statistics.median(cosines), min(cosines), statistics.median(errors)]
        numbers = [f"{number:.4f}" for number in numbers]
        seconds = f"{statistics.median(cpu):.0f}"
        lines.append([kind, name, f"{100 * noise:g} %", *numbers, seconds])
    print(f"\n{common.machine()}\n")
    common.show(["model", "case", "noise", "cosine", "worst", "error", "CPU s"], lines)


if __name__ == "__main__":
    app.run(main)
