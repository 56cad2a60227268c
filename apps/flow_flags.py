"""Flags of apps.train_flow alone: the model, and what it is learnt from."""

from absl import flags

from rdtf import names
from rdtf.status import InputError

_VELOCITY = flags.DEFINE_enum(
    "velocity",
    "local",
    names.VELOCITIES,
    "Model of the velocity. local: diffusion and a network of the state of one cell; "
    "library: given terms; unet: a U-Net; skew: a field that leaves the distribution "
    "of a score invariant. See docs/dynamics.md.",
)
_WIDTHS = flags.DEFINE_list(
    "widths", [], "Widths of the hidden layers, as 32,32. Default: those of the model."
)
_SUPERVISION = flags.DEFINE_enum(
    "supervision",
    "snapshots",
    (*names.SUPERVISIONS, "equilibrium"),
    "What the velocity is learnt from. snapshots: moments of snapshots; residual: the "
    "stationarity residual with the score of --denoiser; pairs: pairs of states; "
    "equilibrium: what apps.train_equilibrium does, from noised patterns.",
)
_SNAPSHOTS = flags.DEFINE_integer(
    "num_snapshots", 256, "Number of snapshots to use, at most.", 8
)
_CHANNEL = flags.DEFINE_integer(
    "plot_channel", -1, "Index of the species of the picture; -1 is the last."
)
# No equilibrium flow uses these.
OWN = tuple(flag.name for flag in (_VELOCITY, _WIDTHS, _SNAPSHOTS, _CHANNEL))


def widths():
    """Those asked for, or None."""
    try:
        found = tuple(int(text) for text in _WIDTHS.value)
    except ValueError:
        found = (0,)
    if found and min(found) < 1:
        raise InputError(
            f"Expected --widths of at least 1, such as 32,32, got {_WIDTHS.value}."
        )
    return found or None


def options():
    """The `flows.Options` that the flags describe."""
    from rdtf.dynamics import flows

    return flows.Options(
        model=_VELOCITY.value,
        supervision=_SUPERVISION.value,
        num_snapshots=_SNAPSHOTS.value,
        num_pairs=flags.FLAGS.num_pairs,
        widths=widths(),
        seed=flags.FLAGS.seed,
    )


def settings():
    """The `supervision.Settings` of gradient descent."""
    from rdtf.dynamics import supervision

    values = flags.FLAGS
    return supervision.Settings(
        steps=values.steps or 400, batch_size=values.batch_size or 8, seed=values.seed
    )
