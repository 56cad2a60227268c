"""Flags of the model of a velocity, and of its gradient descent, in apps.train_flow."""

from absl import flags

from rdtf import names
from rdtf.status import InputError

flags.DEFINE_enum(
    "velocity", "local", names.VELOCITIES, "The model; see docs/dynamics.md."
)
flags.DEFINE_string("denoiser", None, "The .keras of a trained score.")
_WIDTHS = flags.DEFINE_list("widths", [], "Of the hidden layers.")
_STEPS = flags.DEFINE_integer(
    "steps", None, "Of gradient descent. Default: 400; 1000 on points.", 20
)
_BATCH = flags.DEFINE_integer(
    "batch_size", None, "Of gradient descent. Default: 8; equilibrium: 32.", 2
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the weights.", 0)


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
