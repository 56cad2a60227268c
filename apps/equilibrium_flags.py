"""The equilibrium flow: its flags in apps.train_flow, and its two kinds of runs."""

from absl import flags

from rdtf.names import POINT_SETS
from rdtf.status import InputError

from . import common, training_progress, workdirs

_ALPHA = flags.DEFINE_float(
    "alpha",
    None,
    "Share ᾱ of the signal under the noise. Default: 0.8 for patterns, the published "
    "one for points.",
    1e-3,
    0.999,
)
_SCHEDULE = flags.DEFINE_bool(
    "schedule",
    False,
    "Let the learning rate rise by a warm-up and fall along half a cosine.",
)
_GAUSSIAN = flags.DEFINE_float(
    "gaussian_weight",
    0.0,
    "Weight g of a confining Gaussian: g z / √(1 - ᾱ) is taken from the score.",
)
_SYM = flags.DEFINE_float(
    "sym",
    0.0,
    "Weight λ of the penalty (v·s)², which keeps v on level sets of the density.",
    0.0,
)
_PROBES = flags.DEFINE_integer(
    "probes", 2, "Random probes of each divergence; 0 computes it exactly.", 0
)
_EPOCHS = flags.DEFINE_integer("epochs", 20, "Passes over the patterns.", 1)
_SYMMETRIC = flags.DEFINE_bool(
    "symmetric",
    False,
    "For points: let v commute with the rotations that leave their distribution as it "
    "is.",
)
_RATE = flags.DEFINE_float(
    "learning_rate", 1e-3, "Highest learning rate, for patterns.", 0.0
)


_OF_PATTERNS = (
    "schedule",
    "gaussian_weight",
    "sym",
    "probes",
    "epochs",
    "learning_rate",
)
_OF_OTHERS = ("velocity", "widths", "num_snapshots", "plot_channel")


def chosen():
    """The run(workdir) that the flags ask for, or None."""
    values = flags.FLAGS
    if len(values.dataset) == 1 and values.dataset[0] in POINT_SETS:
        _refuse((*_OF_PATTERNS, *_OF_OTHERS, "denoiser", "batch_size"), "of points")
        return _points
    if values.supervision != "equilibrium":
        _refuse((*_OF_PATTERNS, "alpha", "symmetric"), "without an equilibrium flow")
        return None
    _refuse((*_OF_OTHERS, "steps", "num_pairs", "symmetric"), "of an equilibrium flow")
    if values.denoiser is None:
        raise InputError(
            "Expected --denoiser, of apps.train_score, with --supervision=equilibrium."
        )
    return _patterns


def _refuse(names, where):
    """One line about a flag that has no say."""
    for name in names:
        if flags.FLAGS[name].value != flags.FLAGS[name].default:
            raise InputError(f"Expected no --{name} {where}, where it has no say.")


def _points(workdir):
    """Trains on points; leaves two networks, velocity.png and result.json."""
    common.quiet_tensorflow()
    from rdtf import storage
    from rdtf.dynamics.low_dimensional import drawings, experiments, training

    values = flags.FLAGS
    settings = training.Settings(steps=values.steps or 1000, seed=values.seed)
    with training_progress.steps(settings.steps) as progress:
        found = experiments.run(
            values.dataset[0],
            settings,
            _ALPHA.value,
            values.num_pairs,
            _SYMMETRIC.value,
            progress,
        )
    workdirs.begin(workdir)
    for name, network in (("score", found.score), ("velocity", found.velocity)):
        with storage.atomic(workdir / f"{name}.keras") as temporary:
            network.save(temporary)
    drawings.draw(workdir / "velocity.png", found)
    storage.write_json(workdir / "result.json", found.result)
    for name, row in found.result["fields"].items():
        cells = [f"{key} {row[key]:.4f}" for key in ("cosine", "mmd") if key in row]
        print(f"{name:14} {'  '.join(cells)}")
    print(f"results: {workdir}")
    return 0


def _patterns(workdir):
    """Trains on patterns, leaves velocity.keras, result.json, TensorBoard traces."""
    common.quiet_tensorflow()
    import keras

    from rdtf import patterns, storage
    from rdtf.dynamics import equilibrium, noised
    from rdtf.generative import networks

    data = patterns.read(flags.FLAGS.dataset)
    denoiser = networks.load(
        flags.FLAGS.denoiser, networks.Network, "denoiser", "train_score"
    )
    settings = equilibrium.Settings(
        0.8 if _ALPHA.value is None else _ALPHA.value,
        _EPOCHS.value,
        flags.FLAGS.batch_size or 32,
        _RATE.value,
        _SCHEDULE.value,
        _GAUSSIAN.value,
        _SYM.value,
        _PROBES.value,
        flags.FLAGS.seed,
    )
    noised.check(data, denoiser, settings)
    workdirs.begin(workdir)
    traces = keras.callbacks.TensorBoard(workdir / "tensorboard", write_graph=False)
    shown = [traces, training_progress.epochs()]
    velocity, result = noised.train(data, denoiser, settings, workdir, callbacks=shown)
    with storage.atomic(workdir / "velocity.keras") as temporary:
        velocity.save(temporary)
    storage.write_json(workdir / "result.json", result)
    for name in ("trained", "training_free", "random", "oracle"):
        if name in result:
            print(f"{name:14} cosine to the true field: {result[name]['cosine']:.4f}")
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    return 0
