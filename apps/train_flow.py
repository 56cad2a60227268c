r"""Learns the velocity field behind patterns, from snapshots or pairs of states.

    python -m apps.train_flow --dataset=waves.h5 --workdir=runs/flow

The velocity is v = D ∇²s + R(s) with a network R of the state of one cell; the equation
is not used. It leaves the distribution of the snapshots invariant. Leaves
velocity.keras, velocity.png and result.json in --workdir. Snapshots do not determine
the unit of time; --num_pairs=1 does, with a data set made with --pairs. See
docs/dynamics.md.

    python -m apps.train_flow --dataset=waves.h5 --velocity=unet --supervision=pairs \
        --num_snapshots=1000 --num_pairs=100

trains a U-Net by gradient descent, with TensorBoard traces. After a kill, the same
command with --resume repeats at most a twentieth of it, and ends at the same weights.

    python -m apps.train_flow --dataset=waves.h5 --velocity=library --model=gray_scott \
        --supervision=pairs --num_pairs=1

learns the coefficients of given terms, see apps.identify. --supervision=equilibrium, or
a --dataset of points (lorenz, ring, two_peaks, two_moons), trains an equilibrium flow.
"""

from absl import flags

from rdtf.names import SUPERVISIONS

from . import (
    common,
    equilibrium_flags,
    library_flags,
    training_progress,
    velocity_flags,
    workdirs,
)

workdirs.define_workdir_flags("train_flow")
for module in (velocity_flags, library_flags, equilibrium_flags, workdirs):
    flags.adopt_module_key_flags(module)
_DATASET = flags.DEFINE_list(
    "dataset",
    None,
    "The .h5 data set, or its shards as A,B,...; or a name of points: lorenz, ring, "
    "two_peaks or two_moons. Required.",
)
_SNAPSHOTS = flags.DEFINE_integer(
    "num_snapshots", 256, "Number of snapshots to use, at most.", 8
)
_SUPERVISION = flags.DEFINE_enum(
    "supervision",
    "snapshots",
    (*SUPERVISIONS, "equilibrium"),
    "What the velocity is learnt from. snapshots: moments of snapshots; residual: the "
    "stationarity residual with the score of --denoiser; pairs: pairs of states; "
    "equilibrium: an equilibrium flow, from noised patterns.",
)
_NUM_PAIRS = flags.DEFINE_integer(
    "num_pairs",
    0,
    "Number of pairs to use; beside snapshots they determine the unit of time.",
    0,
)
_CHANNEL = flags.DEFINE_integer(
    "plot_channel", -1, "Index of the species of the picture; -1 is the last."
)


def main(argv):
    """0 once found."""
    del argv
    workdir = workdirs.open_workdir("train_flow")
    if flags.FLAGS.resume and (workdir / "result.json").exists():
        print(f"{workdir} is finished: nothing is left to do")
        return 0
    if (equilibrium := equilibrium_flags.chosen()) is not None:
        return equilibrium(workdir)
    widths = velocity_flags.widths()
    common.quiet_tensorflow()
    from rdtf import patterns, storage
    from rdtf.dynamics import flows, reports, snapshots
    from rdtf.generative import denoiser

    data = patterns.read(_DATASET.value)
    names = data.metadata["species"]
    common.check_channel(_CHANNEL.value, len(names))
    path, model = flags.FLAGS.denoiser, flags.FLAGS.velocity
    network = None if path is None else denoiser.load(path)
    flows.check(model, _SUPERVISION.value, _NUM_PAIRS.value, network)
    flows.chosen(data, _SNAPSHOTS.value, _NUM_PAIRS.value)
    library = None
    if model == "library":
        library = library_flags.chosen(names)
        snapshots.check_library(data, library)
    workdirs.begin(workdir)
    velocity, result = _train(data, widths, network, library, workdir)
    with storage.atomic(workdir / "velocity.keras") as temporary:
        velocity.save(temporary)
    storage.write_json(workdir / "result.json", result)
    reports.draw(workdir / "velocity.png", velocity, data, _CHANNEL.value)
    print(reports.text(result))
    print(f"results: {workdir}")
    return 0


def _train(data, widths, network, library, workdir):
    """(velocity, result) of what the flags ask for."""
    from rdtf.dynamics import flows, library_flows

    known = {
        "supervision": _SUPERVISION.value,
        "num_snapshots": _SNAPSHOTS.value,
        "num_pairs": _NUM_PAIRS.value,
    }
    if library is not None:
        return library_flows.train(data, library, **known)
    return flows.train(
        data,
        model=flags.FLAGS.velocity,
        widths=widths,
        network=network,
        settings=velocity_flags.settings(),
        workdir=workdir,
        callbacks=[training_progress.epochs()],
        progress=training_progress.patterns(),
        seed=flags.FLAGS.seed,
        **known,
    )


if __name__ == "__main__":
    flags.mark_flag_as_required("dataset")
    common.run(main)
