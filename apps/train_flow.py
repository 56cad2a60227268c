r"""The dynamics behind patterns: a velocity field that keeps their law, from snapshots alone.

    python -m apps.train_flow --dataset=waves.h5 --workdir=runs/flow

v = D ∇²s + R(s), R a network of the state of one cell; nothing is told of the equation. Leaves
velocity.keras, velocity.png and result.json in --workdir. Snapshots leave the unit of time
open; --num_pairs=1 of a data set with --pairs settles it. See docs/dynamics.md.

    python -m apps.train_flow --dataset=waves.h5 --velocity=unet --supervision=pairs \
        --num_snapshots=1000 --num_pairs=100

U-Nets and skew fields are trained by gradient descent, with TensorBoard traces; a kill loses a
twentieth of it at most: the same command with --resume goes on, to the same weights.

    python -m apps.train_flow --dataset=waves.h5 --velocity=library --model=gray_scott \
        --supervision=pairs --num_pairs=1

learns the coefficients of given terms, see apps.identify. --supervision=equilibrium and a
--dataset of points (lorenz, ring, two_peaks, two_moons) train an equilibrium flow.
"""

from absl import flags

from rdtf.status import InputError

from . import common, equilibrium_flags, library_flags, workdirs

workdirs.define_workdir_flags("train_flow")
flags.adopt_module_key_flags(workdirs)
flags.adopt_module_key_flags(library_flags)
flags.adopt_module_key_flags(equilibrium_flags)
_DATASET = flags.DEFINE_list("dataset", None, "The .h5, or its shards. Required.")
_SNAPSHOTS = flags.DEFINE_integer("num_snapshots", 256, "At most these.", 8)
_SUPERVISION = flags.DEFINE_enum(
    "supervision",
    "snapshots",
    ["snapshots", "residual", "pairs", "equilibrium"],
    "What it is learnt from.",
)
_NUM_PAIRS = flags.DEFINE_integer(
    "num_pairs", 0, "Pairs used; beside snapshots they set the unit of time.", 0
)
_VELOCITY = flags.DEFINE_enum(
    "velocity",
    "local",
    ["local", "library", "unet", "skew"],
    "The model; see docs/dynamics.md.",
)
_DENOISER = flags.DEFINE_string("denoiser", None, "The .keras of a trained score.")
_WIDTHS = flags.DEFINE_list("widths", [], "Of the hidden layers.")
_STEPS = flags.DEFINE_integer(
    "steps", None, "Of gradient descent. Default: 400; 1000 on points.", 20
)
_BATCH = flags.DEFINE_integer(
    "batch_size", None, "Of gradient descent. Default: 8; equilibrium: 32.", 2
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the weights.", 0)
_CHANNEL = flags.DEFINE_integer("plot_channel", -1, "The species of the picture.")


def main(argv):
    """0 once found."""
    del argv
    workdir = workdirs.open_workdir("train_flow")
    if flags.FLAGS.resume and (workdir / "result.json").exists():
        print(f"{workdir} is finished: nothing is left to do")
        return 0
    if (equilibrium := equilibrium_flags.chosen()) is not None:
        return equilibrium(workdir)
    widths = _widths()
    common.quiet_tensorflow()
    from rdtf import patterns, storage
    from rdtf.generative import denoiser
    from rdtf.generative.dynamics import flows, snapshots

    data = patterns.read(_DATASET.value)
    names = data.metadata["species"]
    common.check_channel(_CHANNEL.value, len(names))
    network = None if _DENOISER.value is None else denoiser.load(_DENOISER.value)
    flows.check(_VELOCITY.value, _SUPERVISION.value, _NUM_PAIRS.value, network)
    flows.chosen(data, _SNAPSHOTS.value, _NUM_PAIRS.value)
    library = None
    if _VELOCITY.value == "library":
        library = library_flags.chosen(names)
        snapshots.check_library(data, library)
    workdirs.begin(workdir)
    velocity, result = _train(data, widths, network, library, workdir)
    with storage.atomic(workdir / "velocity.keras") as temporary:
        velocity.save(temporary)
    storage.write_json(workdir / "result.json", result)
    _draw(workdir / "velocity.png", velocity, data)
    print(text(result))
    print(f"results: {workdir}")
    return 0


def _widths():
    """Those asked for, or None."""
    try:
        widths = tuple(int(text) for text in _WIDTHS.value)
    except ValueError:
        widths = (0,)
    if widths and min(widths) < 1:
        raise InputError(
            f"Expected --widths of at least 1, such as 32,32, got {_WIDTHS.value}."
        )
    return widths or None


def _train(data, widths, network, library, workdir):
    """(velocity, result) of what the flags ask for."""
    from rdtf.generative.dynamics import flows, library_flows, supervision

    known = {
        "supervision": _SUPERVISION.value,
        "num_snapshots": _SNAPSHOTS.value,
        "num_pairs": _NUM_PAIRS.value,
    }
    if library is not None:
        return library_flows.train(data, library, **known)
    steps, batch_size = _STEPS.value or 400, _BATCH.value or 8
    return flows.train(
        data,
        model=_VELOCITY.value,
        widths=widths,
        network=network,
        settings=supervision.Settings(steps, batch_size, seed=_SEED.value),
        workdir=workdir,
        verbose=2,
        seed=_SEED.value,
        **known,
    )


def _draw(path, velocity, data):
    """The field beside the true one, of four snapshots."""
    from rdtf.generative.dynamics import flows, snapshots
    from rdtf.viz import figures

    shown = snapshots.in_units(data)[:4]
    rows = {"found": velocity(shown).numpy(), "true": flows.true_velocity(data, shown)}
    rows = {
        name: row[..., _CHANNEL.value] for name, row in rows.items() if row is not None
    }
    rows = {name: row / row.std() for name, row in rows.items()}
    label = f"∂{data.metadata['species'][_CHANNEL.value]}/∂t, in standard deviations"
    figures.compare(path, rows, label=label)


def text(result):
    """The numbers in a line or two."""
    lines = [f"{result['snapshots']} snapshots, {result['pairs']} pairs"]
    if "equations" in result:
        lines.append(result["equations"])
    if "gap" in result:
        verdict = "one field" if result["is_determined"] else "not determined"
        lines.append(f"{verdict} (gap {result['gap']:.3f})")
    for name in result.get("lifted", ()):
        lines.append(
            f"diffusivity of {name} found at or below .001: set to .001; more snapshots"
        )
    if "cosine" in result:
        lines.append(f"cosine to the true field: {result['cosine']:.4f}")
    return "\n".join(lines)


if __name__ == "__main__":
    flags.mark_flag_as_required("dataset")
    common.run(main)
