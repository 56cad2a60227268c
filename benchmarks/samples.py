"""How like real patterns the samples of small denoisers are, after half an hour of CPU.

    python -m benchmarks.samples --json=FILE --workdir=DIR --samples=2560 --minutes=13

For each preset of `benchmarks.denoising`: a network is trained for `--minutes` on four fifths
of `--samples` patterns of 64 x 64 cells, 256 samples of it are compared with the fifth that
was held out by `rdtf.generative.evaluation`; each score beside that of real against real.
"""

import json
import pathlib
import time

import numpy as np
from absl import app, flags

from benchmarks import common, denoising
from rdtf import Grid, Simulation, models
from rdtf.generative import evaluation, reports, samplers, training

_SIZE = flags.DEFINE_enum("size", "ci", ["ci", "small"], "Of the network.")
_STEPS = flags.DEFINE_integer("steps", 32, "Of Heun's sampler.", 2)
_SAMPLES = 256
_SHARE = 0.2  # held out


def _measure(preset):
    """(row, scores) of one preset."""
    flag = flags.FLAGS
    samples, metadata = denoising.data_of(preset)
    rest, held = (
        samples[rows] for rows in training.split(len(samples), _SHARE, flag.seed)
    )
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = pathlib.Path(flag.workdir) / f"{preset}-samples-{stamp}"
    cpu = time.process_time()
    network, epochs, minutes = denoising.train(samples, "edm", folder, _SIZE.value)
    row = {"preset": preset, "epochs": epochs, "minutes": minutes}
    row["cpu_minutes"] = (time.process_time() - cpu) / 60.0
    network.save(folder / "denoiser.keras")
    settings = samplers.Settings(steps=_STEPS.value, batch=64)
    made = samplers.sample(network, _SAMPLES, settings=settings)
    np.save(folder / "samples.npy", made)
    simulation = Simulation(
        models.GRAY_SCOTT, Grid(tuple(metadata["shape"])), metadata["time_step"]
    )
    params = metadata["params"][preset]
    scores = evaluation.evaluate(made, held, rest, simulation, params)
    reports.draw_evaluation(folder / "scores.png", scores, made, held, 1)
    row["scores"] = {s.name: (s.value, s.floor) for s in scores}
    print(json.dumps(row), flush=True)
    return row


def main(_) -> None:
    """Measures, prints, writes."""
    rows = [_measure(preset) for preset in flags.FLAGS.presets]
    print(f"\n{common.machine()}; {_SIZE.value}; each beside real against real\n")
    names = list(rows[0]["scores"])
    lines = [
        [name, *("{:.3f} / {:.3f}".format(*row["scores"][name]) for row in rows)]
        for name in names
    ]
    lines.append(["CPU minutes", *(f"{row['cpu_minutes']:.0f}" for row in rows)])
    common.show(["score", *(row["preset"] for row in rows)], lines)
    common.save({"rows": rows})


if __name__ == "__main__":
    app.run(main)
