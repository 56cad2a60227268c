"""Compares generated samples with held-out patterns of the data set.

    python -m apps.evaluate --samples=made.npz --dataset=waves.h5 --output=waves.json

Every score stands beside the same score of real patterns against real ones. Real
patterns are the held-out share of the data set, the same as in training if --seed and
--held_out are. The simulator is a critic: does the true equation change the samples as
little as real patterns? --likelihood=16 --denoiser=runs/waves/denoiser.keras also gives
the log-likelihood of 16 held-out patterns under a denoiser, in nats per value.
"""

import pathlib

from absl import flags

from rdtf import storage
from rdtf.status import InputError

from . import common

_SAMPLES = flags.DEFINE_string(
    "samples", None, "The samples, an .npz of apps.sample. Required."
)
_DATASET = flags.DEFINE_list(
    "dataset", None, "The .h5 data set, or its shards as A,B,.... Required."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The .json file to which the numbers are written. Default: none."
)
_FIGURE = flags.DEFINE_string(
    "figure",
    None,
    "The .png file in which samples and scores are drawn. Default: none.",
)
_CHANNEL = flags.DEFINE_integer(
    "plot_channel", -1, "Index of the species of the figure; -1 is the last."
)
_HELD_OUT = flags.DEFINE_float(
    "held_out", 0.1, "Share of held-out patterns, as in training.", 0.0, 1.0
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of the choice of held-out patterns, as in training.", 0
)
_STEPS = flags.DEFINE_integer(
    "critic_steps", 200, "Time steps of the simulator as a critic; 0 leaves it out.", 0
)
_LIKELIHOOD = flags.DEFINE_integer(
    "likelihood",
    0,
    "Number of held-out patterns whose likelihood is computed; 0: none.",
    0,
)
_DENOISER = flags.DEFINE_string("denoiser", None, "The denoiser.keras of --likelihood.")


def main(argv):
    """Prints the table."""
    del argv
    for flag in (_OUTPUT, _FIGURE):
        if flag.value is not None:
            common.claim(flag.value, flag=f"--{flag.name}")
    if (_DENOISER.value is not None) != (_LIKELIHOOD.value > 0):
        raise InputError("Expected --likelihood and --denoiser together, got one.")
    common.quiet_tensorflow()
    import numpy as np

    from rdtf import patterns
    from rdtf.generative import evaluation, likelihood, reports, training

    data = patterns.read(_DATASET.value)
    names = data.metadata["species"]
    common.check_channel(_CHANNEL.value, len(names))
    stacked = (_samples(names), data.stacked())
    offset, scale = data.metadata["offset"], data.metadata["scale"]
    samples, real = (np.float32((x - offset) / scale) for x in stacked)
    rows = training.split(len(real), _HELD_OUT.value, _SEED.value)
    rest, held = (real[chosen] for chosen in rows)
    trained = _denoiser(names, held)
    simulation, params = _critic(data.metadata)
    scores = evaluation.evaluate(
        samples, held, rest, simulation, params, steps=_STEPS.value
    )
    print(reports.table(scores))
    value = {s.name: {"samples": s.value, "real": s.floor} for s in scores}
    if trained is not None:
        chosen = stacked[1][rows[1][: _LIKELIHOOD.value]]
        value["likelihood"] = likelihood.held_out(trained, chosen, _SEED.value)
        print(likelihood.text(value["likelihood"]))
    if _OUTPUT.value is not None:
        storage.write_json(pathlib.Path(_OUTPUT.value), value)
    if _FIGURE.value is not None:
        shown = (stacked[0], stacked[1][rows[1]])
        reports.draw_evaluation(_FIGURE.value, scores, *shown, _CHANNEL.value)


def _samples(names):
    """Those of --samples, `[n, y, x, species]`."""
    import numpy as np

    made = storage.load_targets(_SAMPLES.value, names[-1]).fields
    missing = [name for name in names if name not in made]
    if missing:
        raise InputError(f"Expected species {missing} in {_SAMPLES.value}, found none.")
    return np.stack([made[name] for name in names], -1)


def _denoiser(names, held):
    """That of --likelihood, which suits the patterns; None without."""
    from rdtf.generative import denoiser, likelihood

    if _DENOISER.value is None:
        return None
    if not 2 <= _LIKELIHOOD.value <= len(held):
        raise InputError(
            f"Expected --likelihood from 2 to {len(held)}, the patterns that are held "
            f"out, got {_LIKELIHOOD.value}."
        )
    trained = denoiser.load(_DENOISER.value)
    likelihood.check(trained, names, held.shape[1:3])
    return trained


def _critic(metadata):
    """(simulation, parameters) of a data set of one preset; (None, None) of others."""
    from absl import logging

    from rdtf import Grid, Simulation, models

    if _STEPS.value == 0:
        return None, None
    if len(metadata["presets"]) > 1:
        logging.warning("No critic: the data are of several presets.")
        return None, None
    simulation = Simulation(
        models.get(metadata["model"]),
        Grid(tuple(metadata["shape"])),
        metadata["time_step"],
    )
    return simulation, metadata["params"][metadata["presets"][0]]


if __name__ == "__main__":
    flags.mark_flags_as_required(["samples", "dataset"])
    common.run(main)
