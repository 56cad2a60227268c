"""The published equilibrium flow in its own terms, beside a local velocity of the same patterns.

    python -m benchmarks.equilibrium --json=FILE --workdir=DIR \\
        --cases=waves,.018/.051 --denoisers=waves.keras,spirals.keras

Per case and seed: the flow with two Hutchinson probes in each of two divergences and a schedule,
with exact divergences, and with --sym=.1 or --gaussian_weight=.5 beside, all of the same steps;
v = K s, random weights, and `LocalVelocity` from the moments of the first 256 patterns. |cosine| to
the Gray-Scott field at patterns as they are, and noised; to E[F(x) | y] noised.
"""

import dataclasses
import json
import statistics
import tempfile
import time

from absl import app, flags

from benchmarks import common, velocities
from rdtf.dynamics import equilibrium, flows, noised
from rdtf.generative import denoiser

_DENOISERS = flags.DEFINE_list("denoisers", None, "A .keras per case.")
_KINDS = flags.DEFINE_list("kinds", None, "Of flows; default: all.")
_SETTINGS = {
    "as published": {},
    "exact": {"probes": 0},
    "exact and sym": {"probes": 0, "sym": 0.1},
    "exact and gaussian_weight": {"probes": 0, "gaussian_weight": 0.5},
}
_PATTERNS, _EPOCHS, _BATCH = 640, 12, 16
_KEYS = ("cosine", "cosine_noised", "cosine_to_oracle")


def _rows(name, path, seed):
    """One row per field."""
    data = velocities.data_of(name, seed, _PATTERNS, "rate")
    network, both = denoiser.load(path), {"case": name, "seed": seed}
    common_settings = equilibrium.Settings(
        epochs=_EPOCHS, batch_size=_BATCH, schedule=True, seed=int(seed)
    )
    for index, kind in enumerate(_KINDS.value or _SETTINGS):
        settings = dataclasses.replace(common_settings, **_SETTINGS[kind])
        cpu = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            _, result = noised.train(data, network, settings, folder)
        cpu = time.process_time() - cpu
        found = {kind: result["trained"] | {"cpu_seconds": cpu}}
        if index == 0:
            found |= {"K s": result["training_free"], "random": result["random"]}
            found["oracle"] = result["oracle"]
        for field, row in found.items():
            row = {key: row[key] for key in (*_KEYS, "cpu_seconds") if key in row}
            yield both | {"field": field} | row
    cpu = time.process_time()
    _, result = flows.train(data)
    row = {"cosine": abs(result["cosine"]), "cpu_seconds": time.process_time() - cpu}
    yield both | {"field": "LocalVelocity, moments"} | row


def _cell(rows, key):
    values = [abs(row[key]) for row in rows if key in row]
    if not values:
        return ""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main(_) -> None:
    """Measures, prints, writes."""
    rows, lines = [], []
    names = flags.FLAGS.cases
    for name, path in zip(names, _DENOISERS.value, strict=True):
        for seed in flags.FLAGS.seeds:
            for row in _rows(name, path, seed):
                rows.append(row)
                print(json.dumps(row), flush=True)
                common.save({"rows": rows})
        own = [row for row in rows if row["case"] == name]
        for field in dict.fromkeys(row["field"] for row in own):
            found = [row for row in own if row["field"] == field]
            cpu = [row["cpu_seconds"] for row in found if "cpu_seconds" in row]
            cells = [_cell(found, key) for key in _KEYS]
            lines.append(
                [name, field, *cells, f"{statistics.median(cpu):.0f}" if cpu else ""]
            )
    print(f"\n{common.machine()}\n")
    common.show(["case", "field", "clean", "noised", "to E[F(x) | y]", "CPU s"], lines)


if __name__ == "__main__":
    flags.mark_flag_as_required("denoisers")
    app.run(main)
