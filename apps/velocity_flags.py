"""The velocity: flags of its model and its gradient descent, in apps.train_flow."""

from absl import flags

from rdtf import names
from rdtf.status import InputError

flags.DEFINE_enum(
    "velocity",
    "local",
    names.VELOCITIES,
    "Model of the velocity. local: diffusion and a network of the state of one cell; "
    "library: given terms; unet: a U-Net; skew: a field that leaves the distribution "
    "of a score invariant. See docs/dynamics.md.",
)
flags.DEFINE_string(
    "denoiser", None, "The denoiser.keras of apps.train_score that gives the score."
)
_WIDTHS = flags.DEFINE_list(
    "widths", [], "Widths of the hidden layers, as 32,32. Default: those of the model."
)
_STEPS = flags.DEFINE_integer(
    "steps",
    None,
    "Steps of gradient descent. Default: 400; 1000 for data sets of points.",
    20,
)
_BATCH = flags.DEFINE_integer(
    "batch_size", None, "Samples per step. Default: 8; 32 for an equilibrium flow.", 2
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the initial weights.", 0)


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


def settings():
    """The `supervision.Settings` of gradient descent."""
    from rdtf.dynamics import supervision

    steps, batch_size = _STEPS.value or 400, _BATCH.value or 8
    return supervision.Settings(steps, batch_size, seed=_SEED.value)
