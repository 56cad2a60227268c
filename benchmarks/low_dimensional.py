"""Velocities of points from snapshots alone: Lorenz, a ring, two peaks, two moons.

    python -m benchmarks.low_dimensional --json=FILE

Per seed, of the data and everything else: |cosine| to the Lorenz equations of the equilibrium flow
as published, of one that commutes with the turns that the law shows, of one with 1 % of
pairs, of v = K s, of random weights and of quadratic polynomials from moments; and of all data sets
the squared MMD of a cloud that the flow carried along, and of one that it did not.
"""

import dataclasses
import json

import numpy as np
from absl import app, flags

from benchmarks import common
from rdtf.dynamics.low_dimensional import data, evaluation, experiments, training

_SEEDS = flags.DEFINE_list("seeds", ["1", "2", "3", "4", "5"], "Of everything.")
_ONLY = flags.DEFINE_list("datasets", list(data.NAMES), "Which.")
_STEPS = flags.DEFINE_integer("steps", 1000, "Of each training.", 1)
_SHOWN = ("cosine", "cosine_to_oracle", "pointwise", "mmd", "mmd_floor")


def _rows(name, seed):
    """What one seed gave, a row per field."""
    settings = training.Settings(steps=_STEPS.value, seed=seed)
    found = experiments.run(name, settings)
    points, both = found.points, {"dataset": name, "seed": seed}
    for field, row in found.result["fields"].items():
        yield both | {"field": field} | row
    row = experiments.Row(points, points.sigma, seed)
    kinds = {"symmetric": {"turns": evaluation.turns(points.samples, seed)}}
    if points.rates is not None:
        pairs = points.samples[-500:], points.rates[-500:]
        kinds["1 % of pairs"] = {"pairs": pairs}
    for kind, options in kinds.items():
        longer = 3 if "pairs" in options else 1  # as there is more to fit
        own = dataclasses.replace(settings, steps=longer * settings.steps)
        velocity = training.train_velocity(
            points.samples, found.score, points.sigma, own, **options
        )
        one = row(experiments.of_arrays(velocity))
        yield both | {"field": f"learned, {kind}"} | one


def _cell(rows, key):
    """Mean and spread over seeds."""
    values = [row[key] for row in rows if key in row]
    return f"{np.mean(values):.4f} ± {np.std(values):.4f}" if values else ""


def main(_) -> None:
    """Measures, prints, writes."""
    rows, lines = [], []
    for name in _ONLY.value:
        for seed in map(int, _SEEDS.value):
            for row in _rows(name, seed):
                rows.append(row)
                print(json.dumps(row), flush=True)
        own = [row for row in rows if row["dataset"] == name]
        for field in dict.fromkeys(row["field"] for row in own):
            found = [row for row in own if row["field"] == field]
            lines.append([name, field, *(_cell(found, key) for key in _SHOWN)])
    print(f"\n{common.machine()}\n")
    common.show(["points", "field", *_SHOWN], lines)
    common.save({"rows": rows})


if __name__ == "__main__":
    app.run(main)
