"""How near a learnt velocity is to the truth, and how long it follows it.

    python -m apps.generate --output=runs.h5 --until=steps --preset=waves --seed=1 \\
        --num_samples=16 --height=64 --width=64 --frames=31 --every=10
    python -m apps.evaluate_flow --velocity=runs/flow/velocity.keras --dataset=runs.h5 \\
        --gif=rollout.gif --figure=errors.png

The velocity needs a unit of time: train it with --num_pairs. Each run starts at the first frame;
beside it run persistence and, where the data set knows it, the true equation by the same
integrator. --long=1000 also compares the statistics of patterns after so many frames, --denoiser
tells the stationarity residual with the score of apps.train_score.
"""

import pathlib

from absl import flags

from rdtf import storage
from rdtf.status import InputError

from . import common

_VELOCITY = flags.DEFINE_string("velocity", None, "The .keras. Required.")
_DATASET = flags.DEFINE_list("dataset", None, "The .h5 with frames. Required.")
_RUNS = flags.DEFINE_integer("num_runs", 16, "At most these.", 2)
_LONG = flags.DEFINE_integer("long", 0, "Frames of long rollouts; 0: none.", 0)
_DENOISER = flags.DEFINE_string("denoiser", None, "The .keras of a trained score.")
_OUTPUT = flags.DEFINE_string("output", None, "Also writes the numbers, .json.")
_GIF = flags.DEFINE_string("gif", None, "Also writes rollouts beside the truth, .gif.")
_FIGURE = flags.DEFINE_string("figure", None, "Also draws the errors, .png.")
_CHANNEL = flags.DEFINE_integer("plot_channel", -1, "The species of the GIF.")


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
    from rdtf.generative import denoiser
    from rdtf.generative.dynamics import comparison, velocities

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
        velocity, data, _RUNS.value, _LONG.value, network, watch
    )
    print(text(result))
    if _OUTPUT.value is not None:
        storage.write_json(_OUTPUT.value, result)
    if _FIGURE.value is not None:
        draw(result, names)
    if _GIF.value is not None:
        animate(runs, result["interval"], names[_CHANNEL.value])
    return 0


def text(result):
    """Tables."""
    methods = [n for n in ("velocity", "true equation", "persistence") if n in result]
    lines = [
        f"{'VRMSE, mean of ratios (pooled)':32}" + "".join(f"{n:>18}" for n in methods)
    ]
    for rows in zip(*(result[name]["vrmse"] for name in methods), strict=True):
        label = f"frames {rows[0]['first']} to {rows[0]['last']}"
        cells = [f"{row['mean']:.4f} ({row['pooled']:.4f})" for row in rows]
        lines.append(f"{label:32}" + "".join(f"{cell:>18}" for cell in cells))
    kept = "".join(f"{result[name]['correlated']:18g}" for name in methods)
    lines.append(f"{'correlation above .8 for':32}{kept}")
    largest = "".join(f"{t:18.1f}" for t in result["largest_stein_t"].values())
    lines.append(f"{'largest |t| of statistics':32}{largest}")
    for sigma in result.get("residual", {}).get("velocity", ()):
        label = f"residual at σ = {sigma:g}"
        rows = "".join(f"{row[sigma]:18.3g}" for row in result["residual"].values())
        lines.append(f"{label:32}{rows}")
    if "field" in result:
        field = result["field"]
        lines.append(
            f"cosine to the true field {field['cosine']:.4f}, relative error "
            f"{field['relative_error']:.4f}, after scaling "
            f"{field['error_after_scaling']:.4f}"
        )
    if "long" in result:
        long = result["long"]
        for name in ("spectrum", "minkowski"):
            own, floor = long[name].values()
            lines.append(
                f"{name} after {long['frames']} frames: {own:.3f} from the truth, which at "
                f"two times is {floor:.3f} apart"
            )
        lines.append(f"blown up by then: {long['blown_up']:.0%}")
    lines.append(
        f"{result['runs']} runs, frames {result['interval']:g} apart, "
        f"{result['blown_up']:.0%} blown up"
    )
    return "\n".join(lines)


def draw(result, names):
    """Writes --figure."""
    from rdtf.viz import rollouts

    methods = ("velocity", "true equation", "persistence")
    by_time = {n: result[n]["by_frame"] for n in methods if n in result}
    waves = None
    if "field" in result:
        found = result["field"]["error_by_wavenumber"]
        waves = dict(zip(names, found, strict=True))
    rollouts.errors(_FIGURE.value, by_time, result["interval"], waves)


def animate(runs, interval, name):
    """Writes --gif: the truth and the velocity, two runs of each."""
    import numpy as np

    from rdtf import viz

    truth, found = (runs[key][:2, ..., _CHANNEL.value] for key in ("truth", "velocity"))
    both, limits = np.concatenate([truth, found]), (truth.min(), truth.max())
    captions = ["true"] * len(truth) + ["found"] * len(found)
    shape = both.shape[2:]
    draw_frame = viz.PanelFrames(captions, shape, *limits, "magma", name, 2, 128)
    frames = (
        draw_frame([run[i] for run in both], f"time {interval * (1 + i):g}")
        for i in range(both.shape[1])
    )
    viz.write_gif(_GIF.value, frames, fps=8.0)


if __name__ == "__main__":
    flags.mark_flags_as_required(["velocity", "dataset"])
    common.run(main)
