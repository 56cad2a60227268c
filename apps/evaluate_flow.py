"""Compares a learnt velocity and its rollouts with the true equation.

    python -m apps.generate --output=runs.h5 --until=steps --preset=waves --seed=1 \\
        --num_samples=16 --height=64 --width=64 --frames=31 --every=10
    python -m apps.evaluate_flow --velocity=runs/flow/velocity.keras \\
        --dataset=runs.h5 --gif=rollout.gif --figure=errors.png

The velocity needs a unit of time: train it with --num_pairs. Each rollout starts at the
first frame of a run. It is compared with the other frames, beside persistence and,
where the data set knows it, the true equation by the same integrator. --long=1000 also
compares the statistics of patterns after 1000 frames; --denoiser adds the stationarity
residual with the score of apps.train_score.
"""

import pathlib

from absl import flags

from rdtf import storage
from rdtf.status import InputError

from . import common

_VELOCITY = flags.DEFINE_string(
    "velocity", None, "The velocity.keras of apps.train_flow. Required."
)
_DATASET = flags.DEFINE_list(
    "dataset", None, "The .h5 data set, made with --frames, or its shards. Required."
)
_RUNS = flags.DEFINE_integer(
    "num_runs", 16, "Number of runs, at most those of the data set.", 2
)
_LONG = flags.DEFINE_integer(
    "long", 0, "Number of frames of long rollouts; 0: none.", 0
)
_DENOISER = flags.DEFINE_string(
    "denoiser", None, "The denoiser.keras of apps.train_score."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The .json file to which the numbers are written. Default: none."
)
_GIF = flags.DEFINE_string(
    "gif", None, "The .gif file of rollouts beside the truth. Default: none."
)
_FIGURE = flags.DEFINE_string(
    "figure", None, "The .png file in which the errors are drawn. Default: none."
)
_CHANNEL = flags.DEFINE_integer(
    "plot_channel", -1, "Index of the species of the GIF; -1 is the last."
)


def main(argv):
    """Prints the table."""
    del argv
    for flag, ending in ((_OUTPUT, None), (_GIF, ".gif"), (_FIGURE, None)):
        if flag.value is not None:
            if ending and pathlib.Path(flag.value).suffix != ending:
                raise InputError(
                    f"Expected --{flag.name} to end in {ending}, got {flag.value}."
                )
            common.claim(flag.value, flag=f"--{flag.name}")
    common.quiet_tensorflow()
    from tqdm import tqdm

    from rdtf import patterns
    from rdtf.dynamics import comparison, comparison_reports, velocities
    from rdtf.generative import denoiser

    network = None if _DENOISER.value is None else denoiser.load(_DENOISER.value)
    velocity = velocities.load(_VELOCITY.value)
    data = patterns.read(_DATASET.value)
    names = data.metadata["species"]
    common.check_channel(_CHANNEL.value, len(names))
    if data.fields[names[0]].ndim != 4 or data.metadata["frames"] < 2:
        raise InputError(
            "Expected a data set with frames of two dimensions: make one with --frames."
        )
    if velocity.names is not None and list(velocity.names) != list(names):
        raise InputError(f"Expected species {velocity.names}, got {names}.")

    def watch(steps):
        return tqdm(steps, "long rollouts", leave=False, unit="frame")

    result, runs = comparison.evaluate(
        velocity,
        data,
        num_runs=_RUNS.value,
        long=_LONG.value,
        network=network,
        watch=watch,
    )
    print(comparison_reports.text(result))
    if _OUTPUT.value is not None:
        storage.write_json(_OUTPUT.value, result)
    if _FIGURE.value is not None:
        comparison_reports.draw(_FIGURE.value, result, names)
    if _GIF.value is not None:
        shown = (names[_CHANNEL.value], _CHANNEL.value)
        comparison_reports.animate(_GIF.value, runs, result["interval"], *shown)
    return 0


if __name__ == "__main__":
    flags.mark_flags_as_required(["velocity", "dataset"])
    common.run(main)
