"""How long a learnt velocity follows the truth: errors of rollouts, beside persistence.

    python -m apps.generate --output=runs.h5 --until=steps --preset=waves --seed=1 \\
        --num_samples=16 --height=64 --width=64 --frames=31 --every=10
    python -m apps.evaluate_flow --velocity=runs/flow/velocity.keras --dataset=runs.h5

The velocity needs a unit of time: train it with --num_pairs. Each run starts at the first frame.
"""

from absl import flags

from apps import common
from rdtf import files
from rdtf.status import InputError

_VELOCITY = flags.DEFINE_string("velocity", None, "The .keras. Required.")
_DATASET = flags.DEFINE_list("dataset", None, "The .h5 with frames. Required.")
_RUNS = flags.DEFINE_integer("num_runs", 16, "At most these.", 1)
_OUTPUT = flags.DEFINE_string("output", None, "Also writes the numbers, .json.")


def main(argv):
    """Prints the table."""
    del argv
    if _OUTPUT.value is not None:
        files.check_writable(_OUTPUT.value)
    common.quiet_tensorflow()
    import numpy as np

    from rdtf import patterns
    from rdtf.generative.dynamics import rollouts, snapshots, velocities

    velocity = velocities.load(_VELOCITY.value)
    data = patterns.read(_DATASET.value)
    names = data.metadata["species"]
    if data.fields[names[0]].ndim != 4:
        raise InputError(
            "Expected a data set with frames of two dimensions: make one with --frames."
        )
    if velocity.names is not None and list(velocity.names) != list(names):
        raise InputError(f"Expected species {velocity.names}, got {names}.")
    frames = snapshots.in_units(data)[: _RUNS.value]
    start, truth = frames[:, 0], frames[:, 1:]
    interval = data.metadata["every"] * data.metadata["time_step"]
    found = rollouts.rollout(velocity, start, interval, truth.shape[1])
    still = np.broadcast_to(start[:, None], truth.shape)
    result = {"runs": len(frames), "interval": interval}
    result["blown_up"] = float(np.mean(~np.isfinite(found).all((1, 2, 3, 4))))
    for name, run in (("velocity", found), ("persistence", still)):
        result[name] = [vars(row) for row in rollouts.errors(run, truth)]
        kept = rollouts.correlated_frames(run, truth)
        result[f"{name}_correlated"] = float(np.median(kept)) * interval
    print(text(result))
    if _OUTPUT.value is not None:
        files.write_json(_OUTPUT.value, result)


def text(result):
    """A table."""
    lines = [
        f"{'VRMSE, mean of ratios (pooled)':32}{'velocity':>18}{'persistence':>18}"
    ]
    for ours, still in zip(result["velocity"], result["persistence"], strict=True):
        label = f"frames {ours['first']} to {ours['last']}"
        cells = [f"{row['mean']:.4f} ({row['pooled']:.4f})" for row in (ours, still)]
        lines.append(f"{label:32}{cells[0]:>18}{cells[1]:>18}")
    kept = [result[f"{name}_correlated"] for name in ("velocity", "persistence")]
    lines.append(f"{'correlation above .8 for':32}{kept[0]:>18g}{kept[1]:>18g}")
    lines.append(
        f"{result['runs']} runs, frames {result['interval']:g} apart, "
        f"{result['blown_up']:.0%} blown up"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    flags.mark_flags_as_required(["velocity", "dataset"])
    common.run(main)
