r"""The velocity field behind patterns, from snapshots alone.

    python -m apps.train_flow --dataset=waves.h5 --workdir=runs/flow

finds v = D ∇²s + R(s), R a network of the state of one cell, which keeps the
distribution of the patterns; no equation is given. It writes velocity.keras,
velocity.png and result.json into --workdir. Snapshots leave the unit of time open;
--num_pairs=1 of a data set with --pairs sets it. See docs/dynamics.md.

    python -m apps.train_flow --dataset=waves.h5 --velocity=unet --supervision=pairs \
        --num_snapshots=1000 --num_pairs=100

U-Nets and skew fields are trained by gradient descent, with TensorBoard traces. A kill
loses a twentieth of it at most: the same command with --resume goes on, to the same
weights.

    python -m apps.train_flow --dataset=waves.h5 --velocity=library --model=gray_scott \
        --supervision=pairs --num_pairs=1

learns the coefficients of given terms, as in apps.identify. --supervision=equilibrium
and a --dataset of points (lorenz, ring, two_peaks, two_moons) do what
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
