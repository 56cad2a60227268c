"""How a fit is told what to do: flags, and the settings they stand for."""

from absl import flags

from rdtf import names
from rdtf.models import parameters_text
from rdtf.status import InputError

flags.DEFINE_string("start", "", "Where the fit starts; default: the model's.")
flags.DEFINE_string("known", "", "Parameters that are known and not fitted.")
_ROUTE = flags.DEFINE_enum("route", "auto", names.ROUTES, "The route.")
_RESIDUAL = flags.DEFINE_enum(
    "residual_form", None, names.RESIDUAL_FORMS, "Default: chosen by the noise."
)
_POLISH = flags.DEFINE_integer(
    "polish_window", 50, "Steps of the windows of route windows.", lower_bound=1
)
_POSTERIOR = flags.DEFINE_bool(
    "posterior", False, "Of a small noisy picture: sample the parameters and the field."
)
_LOSS = flags.DEFINE_enum("loss", "power_spectrum", names.LOSSES, "Of route bptt.")
_FLOOR = flags.DEFINE_float(
    "relative_floor", None, "Floor of log spectra, of their mean; default: 1e-8 fixed."
)
_WINDOW = flags.DEFINE_integer(
    "window", 50, "Steps with gradient, of route bptt.", lower_bound=1
)
_WARMUP = flags.DEFINE_string(
    "warmup", "until_steady", "Steps without gradient before it, or until_steady."
)
_STRIDE = flags.DEFINE_integer(
    "stride", 0, "Steps the window moves per iteration; 0: afresh.", lower_bound=0
)
_WINDOW_START = flags.DEFINE_enum(
    "window_start", "simulated", names.WINDOW_STARTS, "State a window starts from."
)
_BATCH = flags.DEFINE_integer("batch", 8, "Samples per iteration.", lower_bound=1)
_REQUIRE = flags.DEFINE_bool(
    "require_steady", False, "Refuse parameters whose runs do not settle."
)
_RANGE = flags.DEFINE_list(
    "valid_range", None, "Species=LOW:HIGH,... that end a run; default: the model's."
)
_OPTIMIZER = flags.DEFINE_string("optimizer", "Adam", "A Keras optimiser.")
_RATE = flags.DEFINE_float("learning_rate", 1e-2, "Base rate.", lower_bound=0.0)
_DECAY = flags.DEFINE_float("weight_decay", 0.0, "On raw parameters.", lower_bound=0.0)
_TRANSFORMS = flags.DEFINE_list(
    "transforms", [], "Name=log|softplus|sigmoid:UPPER|identity,... of parameters."
)
_ITERATIONS = flags.DEFINE_integer("iterations", 100, "Of route bptt.", lower_bound=0)
_KEEP_RATE = flags.DEFINE_bool("keep_rate", False, "Carry the rate used over.")
_DECREASE = flags.DEFINE_float(
    "decrease", None, "Accept a rate only if the loss falls by this much of ideal."
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
            _ROUTE.value,
            _RESIDUAL.value,
            loss,
            windows,
            optimizer,
            _POLISH.value,
            _POSTERIOR.value,
        )


def _warmup():
    """Steps, or None for until_steady."""
    if _WARMUP.value == "until_steady":
        return None
    if not _WARMUP.value.isdigit():
        raise InputError(
            f"Expected --warmup=until_steady or a number of steps, got {_WARMUP.value!r}."
        )
    return int(_WARMUP.value)


def laplacian():
    """The Laplacian of the pictures: the one asked for, or auto."""
    holder = flags.FLAGS["laplacian"]
    return "auto" if holder.using_default_value else holder.value


def custom_range(model):
    """The model with the valid range of the flags."""
    if _RANGE.value is None:
        return model
    return parameters_text.with_valid_range(model, _RANGE.value)
