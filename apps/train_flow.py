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
a --dataset of points (lorenz, ring, two_peaks, two_moons), does what
apps.train_equilibrium does.
"""

from absl import flags

from . import (
    common,
    equilibrium_flags,
    flow_flags,
    library_flags,
    training_progress,
    velocity_flags,
    workdirs,
)

workdirs.define_workdir_flags("train_flow")
for module in (flow_flags, velocity_flags, library_flags, equilibrium_flags, workdirs):
    flags.adopt_module_key_flags(module)


def main(argv):
    """0 once found."""
    del argv
    workdir, values = workdirs.open_workdir("train_flow"), flags.FLAGS
    if values.resume and (workdir / "result.json").exists():
        print(f"{workdir} is finished: nothing is left to do")
        return 0
    if equilibrium_flags.on_points() or values.supervision == "equilibrium":
        return equilibrium_flags.run(workdir, flow_flags.OWN)
    equilibrium_flags.refuse()
    flow_flags.widths()
    common.quiet_tensorflow()
    from rdtf import patterns, storage
    from rdtf.dynamics import flows, reports, snapshots
    from rdtf.generative import denoiser

    options = flow_flags.options()
    data = patterns.read(values.dataset)
    species = data.metadata["species"]
    common.check_channel(values.plot_channel, len(species))
    network = None if values.denoiser is None else denoiser.load(values.denoiser)
    flows.check(options.model, options.supervision, options.num_pairs, network)
    flows.chosen(data, options.num_snapshots, options.num_pairs)
    library = None
    if options.model == "library":
        library = library_flags.chosen(species)
        snapshots.check_library(data, library)
    workdirs.begin(workdir)
    velocity, result = _train(data, options, network, library, workdir)
    with storage.atomic(workdir / "velocity.keras") as temporary:
        velocity.save(temporary)
    storage.write_json(workdir / "result.json", result)
    reports.draw(workdir / "velocity.png", velocity, data, values.plot_channel)
    print(reports.text(result))
    print(f"results: {workdir}")
    return 0


def _train(data, options, network, library, workdir):
    """(velocity, result) of what the flags ask for."""
    from rdtf.dynamics import flows, library_flows

    if library is not None:
        return library_flows.train(data, library, options)
    return flows.train(
        data,
        options,
        network=network,
        settings=flow_flags.settings(),
        workdir=workdir,
        callbacks=[training_progress.epochs()],
        progress=training_progress.patterns(),
    )


if __name__ == "__main__":
    flags.mark_flag_as_required("dataset")
    common.run(main)
