"""How a fit is told what to do: flags, and the settings they stand for."""

from absl import flags

from rdtf import names
from rdtf.models import parameters_text
from rdtf.status import InputError

flags.DEFINE_string(
    "start",
    "",
    "Parameters at which the fit starts, as Du=0.13,F=0.05; the others start at the "
    "model's defaults.",
)
flags.DEFINE_string(
    "known", "", "Parameters that are held at known values, as Dv=0.08, and not fitted."
)
_ROUTE = flags.DEFINE_enum(
    "route",
    "auto",
    names.ROUTES,
    "The method. auto: the stages that the pictures need; residual: least squares of "
    "the steady equation; windows: residual, then short simulations that start at the "
    "pictures; bptt: truncated backpropagation through time.",
)
_RESIDUAL = flags.DEFINE_enum(
    "residual_form",
    None,
    names.RESIDUAL_FORMS,
    "The residual of the steady equation. norm: relative to its own size, for clean "
    "pictures; integral: without derivatives of the data, for noisy ones. Default: "
    "chosen by the measured noise.",
)
_POLISH = flags.DEFINE_integer(
    "polish_window", 50, "Time steps per window of --route=windows.", lower_bound=1
)
_POSTERIOR = flags.DEFINE_bool(
    "posterior",
    False,
    "Also sample the posterior of the parameters and the field of a still of at most "
    "1024 cells.",
)
_LOSS = flags.DEFINE_enum(
    "loss",
    "power_spectrum",
    names.LOSSES,
    "Loss of --route=bptt between patterns: squared differences of pixels, of log "
    "power spectra (of the whole field, of tiles, or over rings of wave numbers), or "
    "of field statistics.",
)
_FLOOR = flags.DEFINE_float(
    "relative_floor",
    None,
    "Floor of log spectra of --route=bptt, relative to the field's mean power. "
    "Default: a fixed floor of 1e-8.",
)
_WINDOW = flags.DEFINE_integer(
    "window", 50, "Time steps with a gradient, of --route=bptt.", lower_bound=1
)
_WARMUP = flags.DEFINE_string(
    "warmup",
    "until_steady",
    "Time steps without a gradient before the window of --route=bptt, or "
    "until_steady: the window is the end of a run that became steady.",
)
_STRIDE = flags.DEFINE_integer(
    "stride",
    0,
    "Time steps by which the window of --route=bptt moves on per iteration; 0 starts "
    "every iteration from fresh initial states.",
    lower_bound=0,
)
_WINDOW_START = flags.DEFINE_enum(
    "window_start",
    "simulated",
    names.WINDOW_STARTS,
    "Where a window of --route=bptt starts. simulated: in the state after --warmup; "
    "target: at the pictures, with the hidden species solved for.",
)
_BATCH = flags.DEFINE_integer(
    "batch", 8, "Samples per iteration of --route=bptt.", lower_bound=1
)
_REQUIRE = flags.DEFINE_bool(
    "require_steady",
    False,
    "Reject trial parameters of --route=bptt whose runs do not become steady.",
)
_RANGE = flags.DEFINE_list(
    "valid_range",
    None,
    "Ranges of the species as u=LOW:HIGH,..., outside which a run ends as invalid. "
    "Default: the model's.",
)
_OPTIMIZER = flags.DEFINE_string(
    "optimizer", "Adam", "Name of the Keras optimiser of --route=bptt."
)
_RATE = flags.DEFINE_float(
    "learning_rate",
    1e-2,
    "Learning rate of --route=bptt that every iteration tries first.",
    lower_bound=0.0,
)
_DECAY = flags.DEFINE_float(
    "weight_decay",
    0.0,
    "Weight decay of the optimiser, on the transformed parameters.",
    lower_bound=0.0,
)
_TRANSFORMS = flags.DEFINE_list(
    "transforms",
    [],
    "Transforms of parameters in which the optimiser steps, as "
    "F=softplus,k=sigmoid:0.1; log, softplus, sigmoid:UPPER or identity. Default: log "
    "of parameters that cannot be negative, identity of the others.",
)
_ITERATIONS = flags.DEFINE_integer(
    "iterations", 100, "Iterations of --route=bptt in all.", lower_bound=0
)
_KEEP_RATE = flags.DEFINE_bool(
    "keep_rate",
    False,
    "Start each iteration of --route=bptt from the learning rate that the last one "
    "accepted, not from --learning_rate.",
)
_DECREASE = flags.DEFINE_float(
    "decrease",
    None,
    "Accept a learning rate of --route=bptt only if the loss falls by at least this "
    "share of rate * |gradient|^2 (Armijo's rule). Default: any loss is accepted.",
)

_CHECK = flags.DEFINE_bool(
    "check",
    True,
    "Simulate new patterns with the parameters found and compare them, certify the "
    "gradients, and draw pictures.",
)


class Chosen:
    """What the flags choose; texts are checked at once, without TensorFlow."""

    def __init__(self):
        self._transforms = dict(map(parameters_text.parse_pair, _TRANSFORMS.value))
        self._warmup = _warmup()

    def settings(self):
        """The `rdtf.inverse.Settings` of the flags."""
        from rdtf import inverse, losses

        loss = losses.LOSSES[_LOSS.value]
        if _FLOOR.value is not None:
            loss = losses.with_relative_floor(_LOSS.value, _FLOOR.value)
        windows = inverse.WindowSettings(
            window=_WINDOW.value,
            warmup=self._warmup,
            stride=_STRIDE.value,
            start=_WINDOW_START.value,
            batch=_BATCH.value,
            require_steady=_REQUIRE.value,
        )
        optimizer = inverse.OptimizerSettings(
            name=_OPTIMIZER.value,
            learning_rate=_RATE.value,
            weight_decay=_DECAY.value,
            transforms=self._transforms,
            iterations=_ITERATIONS.value,
            keep_rate=_KEEP_RATE.value,
            decrease=_DECREASE.value,
        )
        return inverse.Settings(
            route=_ROUTE.value,
            form=_RESIDUAL.value,
            loss=loss,
            windows=windows,
            optimizer=optimizer,
            polish_window=_POLISH.value,
            posterior=_POSTERIOR.value,
            check=_CHECK.value,
        )


def _warmup():
    """Steps, or None for until_steady."""
    if _WARMUP.value == "until_steady":
        return None
    if not _WARMUP.value.isdigit():
        raise InputError(
            "Expected --warmup=until_steady or a number of steps, got "
            f"{_WARMUP.value!r}."
        )
    return int(_WARMUP.value)


def laplacian():
    """The Laplacian of the pictures: the one asked for, or auto."""
    holder = flags.FLAGS["laplacian"]
    return "auto" if holder.using_default_value else holder.value


def fresh(metadata):
    """How patterns are simulated from scratch, by flags and the metadata of targets."""
    from rdtf import inverse

    values = flags.FLAGS
    begin = values.initial_condition or metadata.get("initial_condition")
    return inverse.FreshPatterns(begin, values.tolerance, values.max_steps)


def custom_range(model):
    """The model with the valid range of the flags."""
    if _RANGE.value is None:
        return model
    return parameters_text.with_valid_range(model, _RANGE.value)
