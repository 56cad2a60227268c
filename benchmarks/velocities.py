"""What identifies a velocity: cosine to the true one against supervision.

    python -m benchmarks.velocities --json=FILE --part=curve --denoiser=waves.keras \\
        --figure=docs/images/identifiability.png
    python -m benchmarks.velocities --json=FILE --part=snapshots
    python -m benchmarks.velocities --json=FILE --part=score --cases=waves --denoiser=waves.keras
    python -m benchmarks.velocities --json=FILE --part=oracle --denoiser=waves.keras

curve: one parameter set, 64 x 64 cells. Models without pairs (a trained score; moments, symmetry
and locality; moments and a trained score) and with 1, 10, 100 and all of 1000 pairs of a state
and its rate, compared on 128 snapshots that none of them saw. snapshots, score: LocalVelocity
from 256 snapshots alone, by their moments or by a trained score. oracle: how near v(y),
v(D(y, σ)) and a regression of v(x) on D(y, σ) are to v(x), y = x + σ n.
"""

import json
import pathlib
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks import common
from rdtf import patterns
from rdtf.dynamics import flows, local_velocity, snapshots, supervision
from rdtf.generative import denoiser
from rdtf.viz import figures

_PART = flags.DEFINE_enum(
    "part", "snapshots", ["curve", "snapshots", "score", "oracle"], "What."
)
_WORKDIR = flags.DEFINE_string("workdir", "runs/velocities", "Data sets.")
_SEEDS = flags.DEFINE_list("seeds", ["1", "2", "3"], "Of the data sets.")
_CASES = {
    "waves": (("F", 0.018), ("k", 0.049)),
    ".018/.051": (("F", 0.018), ("k", 0.051)),
    ".020/.056": (("F", 0.020), ("k", 0.056)),
    ".026/.051": (("F", 0.026), ("k", 0.051)),
}
_ONLY = flags.DEFINE_list("cases", list(_CASES), "Which.")
_DENOISER = flags.DEFINE_string("denoiser", None, "Of the first of --cases.")
_STEPS = flags.DEFINE_integer("steps", 400, "Of one training.", 20)
_BATCH = flags.DEFINE_integer("batch_size", 8, "Of one training.", 2)
_FIGURE = flags.DEFINE_string("figure", None, "The curve, .png.")
_POOL, _HELD_OUT, _SNAPSHOTS = 1000, 128, 256
_SIGMAS = (0.1, 0.2, 0.4)


def data_of(name, seed, count, pairs=None):
    """Patterns of a case; made once."""
    path = pathlib.Path(_WORKDIR.value) / f"{name.replace('/', '_')}-{seed}-{count}.h5"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        plan = patterns.Plan(
            presets=("waves",),
            num_samples=count,
            shape=(64, 64),
            seed=int(seed),
            chunk=64,
            pairs=pairs,
            changes=_CASES[name],
        )
        patterns.generate(path, plan)
    return patterns.read(path)


def _train(data, network=None, **options):
    """A row of the curve."""
    cpu, options = time.process_time(), flows.Options(**options)
    settings = supervision.Settings(steps=_STEPS.value, batch_size=_BATCH.value)
    with tempfile.TemporaryDirectory() as workdir:
        velocity, result = flows.train(
            data, options, network=network, settings=settings, workdir=workdir
        )
    row = {name: result[name] for name in ("model", "supervision", "pairs", "cosine")}
    row["cosine"] = abs(row["cosine"])
    row["error"] = result["error_after_scaling"]
    row |= {"cpu_seconds": time.process_time() - cpu, "steps": _STEPS.value}
    return velocity, row


def _curve(name, seed):
    """All rows of one data set."""
    data = data_of(name, seed, _POOL + _HELD_OUT, "rate")
    network = denoiser.load(_DENOISER.value)
    few, rows = {"num_snapshots": _SNAPSHOTS}, []

    def add(**options):
        rows.append(_train(data, **options)[1] | {"case": name, "seed": seed})
        print(json.dumps(rows[-1]), flush=True)

    add(model="local", supervision="residual", network=network, **few)
    add(model="local", supervision="snapshots", **few)
    add(model="unet", supervision="snapshots", network=network, **few)
    for count in (1, 10, 100, _POOL):
        for model in ("local", "unet", "skew"):
            own = {"network": network} if model == "skew" else {}
            add(
                model=model,
                supervision="pairs",
                num_pairs=count,
                num_snapshots=_POOL,
                **own,
            )
    return rows


def _draw(rows):
    """Error after the best scalar against the number of pairs, of each model."""
    places = {"residual": 0, "snapshots": 1}
    labels = ["a trained score", "moments", "1 pair", "10", "100", "1000"]
    with figures.figure(_FIGURE.value, (6.4, 3.6)) as drawing:
        axis = drawing.subplots()
        for model, label in (
            ("local", "local: diffusion, reaction"),
            ("unet", "U-Net"),
            ("skew", "skew: keeps the law"),
        ):
            own = {}
            for row in rows:
                if row["model"] == model:
                    place = places.get(row["supervision"])
                    if place is None:
                        place = 2 + round(np.log10(row["pairs"]))
                    own.setdefault(place, []).append(row["error"])
            x = sorted(own)
            axis.plot(x, [statistics.median(own[i]) for i in x], "o-", label=label)
        axis.set(yscale="log", ylabel="error after the best scalar", xlabel="known")
        axis.set_xticks(range(len(labels)), labels)
        axis.grid(True)
        axis.legend(frameon=False)


def _snapshots(name, seed):
    """LocalVelocity from snapshots alone, their moments or a trained score."""
    data = data_of(name, seed, _SNAPSHOTS)
    start = time.perf_counter()
    options = {}
    if _PART.value == "score":
        options["supervision"] = "residual"
        options["network"] = denoiser.load(_DENOISER.value)
    _, row = _train(data, num_snapshots=_SNAPSHOTS, **options)
    row |= {"case": name, "seed": seed, "seconds": time.perf_counter() - start}
    print(json.dumps(row), flush=True)
    return row


def _oracle(name, seed):
    """Cosines to v(x) on half of the snapshots, the regression fitted on the others."""
    data, network = data_of(name, seed, _SNAPSHOTS), denoiser.load(_DENOISER.value)
    x = snapshots.in_units(data)[:_SNAPSHOTS]
    scale = network.scale.numpy()
    rng, truth, row = np.random.default_rng(0), flows.true_velocity(data, x), {}
    seen, held = slice(0, len(x) // 2), slice(len(x) // 2, None)
    for sigma in _SIGMAS:
        y = x + sigma * scale * rng.normal(size=x.shape)
        parts = [
            network(tf.constant(part, tf.float32), tf.fill([len(part)], sigma)).numpy()
            for part in np.array_split(y, len(y) // 16)
        ]
        clean = np.concatenate(parts)
        fitted = local_velocity.from_pairs(x, [clean[seen]], truth[seen])
        fields = {
            "v(y)": flows.true_velocity(data, y[held]),
            "v(D(y))": flows.true_velocity(data, clean[held]),
            "regression": fitted(tf.constant(clean[held], tf.float32)).numpy(),
        }
        row[str(sigma)] = {
            label: flows.compare(np.float64(field) / scale, truth[held] / scale, True)[
                "cosine"
            ]
            for label, field in fields.items()
        }
    row = {"case": name, "seed": seed, "cosines": row}
    print(json.dumps(row), flush=True)
    return row


def main(_) -> None:
    """Measures, prints, writes."""
    print(f"\n{common.machine()}\n")
    rows = []
    if _PART.value in ("snapshots", "score"):
        lines = []
        for name in _ONLY.value:
            own = [_snapshots(name, seed) for seed in _SEEDS.value]
            cosines = [row["cosine"] for row in own]
            middle = statistics.median(cosines)
            seconds = statistics.median(row["seconds"] for row in own)
            lines.append(
                [name, f"{middle:.4f}", f"{min(cosines):.4f}", f"{seconds:.0f}"]
            )
            rows += own
        common.show(["case", "cosine", "worst", "s"], lines)
    elif _PART.value == "curve":
        rows = [row for seed in _SEEDS.value for row in _curve(_ONLY.value[0], seed)]
        common.show(*_curve_table(rows))
        if _FIGURE.value is not None:
            _draw(rows)
    else:
        rows = [_oracle(_ONLY.value[0], seed) for seed in _SEEDS.value]
        kinds = list(rows[0]["cosines"][str(_SIGMAS[0])])
        lines = [
            [kind]
            + [
                f"{statistics.median(r['cosines'][str(s)][kind] for r in rows):.3f}"
                for s in _SIGMAS
            ]
            for kind in kinds
        ]
        common.show(["cosine to v(x)", *(f"σ = {s:g}" for s in _SIGMAS)], lines)
    common.save({"rows": rows})


def _curve_table(rows):
    """(header, lines), medians over seeds."""
    groups = {}
    for row in rows:
        key = (row["model"], row["supervision"], row["pairs"])
        groups.setdefault(key, []).append(row)
    lines = []
    for (model, kind, pairs), own in groups.items():
        cosines, errors, cpu = (
            [row[key] for row in own] for key in ("cosine", "error", "cpu_seconds")
        )
        known = f"{pairs} pairs" if pairs else kind
        numbers = [statistics.median(cosines), min(cosines), statistics.median(errors)]
        numbers = [f"{number:.4f}" for number in numbers]
        lines.append([model, known, *numbers, f"{statistics.median(cpu):.0f}"])
    return ["model", "known", "cosine", "worst", "error", "CPU s"], lines


if __name__ == "__main__":
    app.run(main)
