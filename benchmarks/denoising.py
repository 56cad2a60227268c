"""How well small denoisers do in ten minutes, beside the Wiener filter and a plain ResNet.

    python -m benchmarks.denoising --json=FILE --workdir=DIR

For each of waves, maze and spirals (F = .018, k = .051): 640 patterns of 64 x 64 cells, 128
of them held out; `--size=ci` and the ResNet of `rdtf.generative.baselines` are trained for
`--minutes` each. Mean squared error on the held-out ones over that of the Wiener filter.
"""

import json
import pathlib
import time

import keras
import numpy as np
from absl import app, flags

from benchmarks import common
from rdtf import patterns
from rdtf.generative import objectives, training
from rdtf.generative.reports import LEVELS

_WORKDIR = flags.DEFINE_string("workdir", "runs/denoising", "Data and checkpoints.")
_MINUTES = flags.DEFINE_float("minutes", 10.0, "Of one training.", 0.1)
_SIDE = flags.DEFINE_integer("side", 64, "Cells a side.", 16)
_SAMPLES = flags.DEFINE_integer("samples", 640, "A fifth is held out.", 10)
_PRESETS = flags.DEFINE_list("presets", ["waves", "maze", "spirals"], "Which.")
_SEED = flags.DEFINE_integer("seed", 0, "Of everything.", 0)
_CHANGES = {"spirals": (("F", 0.018), ("k", 0.051))}  # those of The Well


class _Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._start)


def data_of(preset: str) -> tuple[np.ndarray, dict]:
    """(patterns `[n, y, x, 2]`, metadata); made once."""
    path = pathlib.Path(_WORKDIR.value) / (
        f"{preset}_{_SIDE.value}_{_SAMPLES.value}_{_SEED.value}.h5"
    )
    if not path.exists():
        side = (_SIDE.value,) * 2
        plan = patterns.Plan(
            presets=(preset,),
            num_samples=_SAMPLES.value,
            shape=side,
            seed=_SEED.value,
            chunk=64,
            changes=_CHANGES.get(preset, ()),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        patterns.generate(path, plan)
    data = patterns.read(path)
    return data.stacked(), data.metadata


def train(samples, objective, folder, size="ci"):
    """(network, epochs, minutes) of a training that takes about --minutes."""
    options = {
        "batch_size": 32,
        "learning_rate": 2e-3 if objective == "edm" else 1e-3,
        "warmup": 100,
        "average": 0.99,
        "held_out": 0.2,
        "seed": _SEED.value,
        "objective": objective,
        "size": size,
    }
    clock = _Clock()
    trial = training.Settings(epochs=3, **options)
    training.train(samples, trial, folder / "trial", callbacks=[clock])
    epochs = max(3, round(60.0 * _MINUTES.value / min(clock.seconds[1:])))
    start = time.perf_counter()
    network = training.train(
        samples, training.Settings(epochs=epochs, **options), folder / "run"
    )
    return network, epochs, (time.perf_counter() - start) / 60.0


def main(_) -> None:
    """Measures, prints, writes."""
    rows = []
    for preset in _PRESETS.value:
        samples, _ = data_of(preset)
        held = samples[training.split(len(samples), 0.2, _SEED.value)[1]]
        for objective in ("edm", "epsilon"):
            stamp = time.strftime("%Y%m%d-%H%M%S")
            folder = pathlib.Path(_WORKDIR.value) / f"{preset}-{objective}-{stamp}"
            network, epochs, minutes = train(samples, objective, folder)
            levels = LEVELS if network.level is None else (network.level,)
            errors = {
                round(s, 6): objectives.relative_error(network, held, s) for s in levels
            }
            row = {"preset": preset, "objective": objective, "errors": errors}
            rows.append(row | {"epochs": epochs, "minutes": minutes})
            print(json.dumps(rows[-1]), flush=True)
    print(f"\n{common.machine()}; {_SIDE.value}² cells, {_SAMPLES.value} patterns\n")
    header = ["preset", "network", *(f"σ = {s:g}" for s in LEVELS), "epochs", "min"]
    lines = []
    for row in rows:
        errors = [row["errors"].get(s) for s in LEVELS]
        numbers = ["" if e is None else f"{e:.2f}" for e in errors]
        name = "ci" if row["objective"] == "edm" else "ResNet"
        lines.append(
            [row["preset"], name, *numbers, str(row["epochs"]), f"{row['minutes']:.1f}"]
        )
    common.show(header, lines)
    common.save({"rows": rows})


if __name__ == "__main__":
    app.run(main)
