"""Flags of the gene network of a cell, in apps.cells: its shape and its start."""

from absl import flags

from rdtf import names

from . import number_lists

_HIDDEN = flags.DEFINE_list("hidden", ["8", "8"], "Widths of the tanh layers.")
_GAIN = flags.DEFINE_float("gain", 5.0, "The gain in f(s) = net(gain (s - centre)).")
_CENTRE = flags.DEFINE_float(
    "centre", 0.5, "The centre in it; a plain network has gain 1, centre 0."
)
_INHIBITS = flags.DEFINE_bool(
    "inhibits", False, "Make f fall everywhere, by weights of one sign."
)
_HEIGHT = flags.DEFINE_float("height", 1.0, "A factor of the output of the network.")
_START = flags.DEFINE_string(
    "start",
    "slope",
    "slope: f'(1/2) is --slope; plain: as initialised; dead_zone: fitted to it; or a "
    "network.keras of another run.",
)
_SLOPE = flags.DEFINE_float("slope", -2.0, "f'(1/2) at the start, with --start=slope.")


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
