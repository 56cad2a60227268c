"""The gene network of a cell: flags of its shape and its start, in apps.cells."""

from absl import flags

from rdtf import names

from . import number_lists

_HIDDEN = flags.DEFINE_list(
    "hidden", ["8", "8"], "Widths of the hidden layers, which are tanh."
)
_GAIN = flags.DEFINE_float(
    "gain", 5.0, "Gain of the input: f(s) = height * net(gain * (s - centre))."
)
_CENTRE = flags.DEFINE_float(
    "centre", 0.5, "Centre of the input; a plain network has gain 1 and centre 0."
)
_INHIBITS = flags.DEFINE_bool(
    "inhibits", False, "Let f only fall, by weights of one sign."
)
_HEIGHT = flags.DEFINE_float("height", 1.0, "Factor in front of the network.")
_START = flags.DEFINE_string(
    "start",
    "slope",
    "Where training starts. slope: scaled so that f'(1/2) is --slope; plain: as "
    "initialised; dead_zone: fitted to a function that is flat around 1/2; or the "
    "network.keras of another run.",
)
_SLOPE = flags.DEFINE_float("slope", -2.0, "Slope f'(1/2) of --start=slope.")


def network(seed: int):
    """The network that the flags describe, at its start."""
    from rdtf.cells import networks

    start = _START.value
    if start not in names.NETWORK_STARTS:
        return networks.load(start)
    made = networks.network(
        number_lists.whole(_HIDDEN, 8),
        _GAIN.value,
        _CENTRE.value,
        seed=seed,
        inhibits=_INHIBITS.value,
        height=_HEIGHT.value,
    )
    networks.begin(made, start, _SLOPE.value)
    return made
