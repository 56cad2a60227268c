"""Flags of the equilibrium flow, in apps.train_equilibrium and apps.train_flow."""

from absl import flags

from rdtf.names import POINT_SETS
from rdtf.status import InputError

from . import equilibrium_runs

flags.DEFINE_float(
    "alpha",
    None,
    "Share ᾱ of the signal under the noise. Default: 0.8 for patterns, the published "
    "one for points.",
    1e-3,
    0.999,
)
flags.DEFINE_bool(
    "schedule",
    False,
    "Let the learning rate rise by a warm-up and fall along half a cosine.",
)
flags.DEFINE_float(
    "gaussian_weight",
    0.0,
    "Weight g of a confining Gaussian: g z / √(1 - ᾱ) is subtracted from the score.",
)
flags.DEFINE_float(
    "sym",
    0.0,
    "Weight λ of the penalty (v·s)², which keeps v on level sets of the density.",
    0.0,
)
flags.DEFINE_integer(
    "probes", 2, "Random probes of each divergence; 0 computes it exactly.", 0
)
flags.DEFINE_integer("epochs", 20, "Passes over the patterns.", 1)
flags.DEFINE_bool(
    "symmetric",
    False,
    "For points: let v commute with the rotations that leave their distribution as it "
    "is.",
)
flags.DEFINE_float("learning_rate", 1e-3, "Highest learning rate, for patterns.", 0.0)

_OF_PATTERNS = (
    "schedule",
    "gaussian_weight",
    "sym",
    "probes",
    "epochs",
    "learning_rate",
)


def on_points() -> bool:
    """Whether --dataset names points instead of a file."""
    dataset = flags.FLAGS.dataset
    return len(dataset) == 1 and dataset[0] in POINT_SETS


def refuse() -> None:
    """Raises InputError if flags of the equilibrium flow are given without it."""
    _refuse((*_OF_PATTERNS, "alpha", "symmetric"), "without an equilibrium flow")


def run(workdir, others=()) -> int:
    """Trains what the flags ask for, on points or on patterns.

    Args:
      workdir: where results go.
      others: names of flags of the app that no equilibrium flow uses.
    """
    if on_points():
        _refuse((*_OF_PATTERNS, *others, "denoiser", "batch_size"), "of points")
        return equilibrium_runs.on_points(workdir)
    unused = (*others, "steps", "num_pairs", "symmetric")
    _refuse(unused, "of an equilibrium flow")
    if flags.FLAGS.denoiser is None:
        raise InputError(
            "Expected --denoiser, of apps.train_score, for an equilibrium flow."
        )
    return equilibrium_runs.on_patterns(workdir)


def _refuse(names, where):
    """One line about a flag that is given and has no effect."""
    for name in names:
        if flags.FLAGS[name].value != flags.FLAGS[name].default:
            raise InputError(f"Expected no --{name} {where}: it has no effect there.")
