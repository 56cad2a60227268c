"""Small systems whose dynamics are known."""

import numpy as np
import tensorflow as tf

from rdtf.models import Parameter, ReactionDiffusion


def _lorenz(state, params):
    x, y, z = state
    return (
        params["sigma"] * (y - x),
        x * (params["rho"] - z) - y,
        x * y - params["beta"] * z,
    )


# Lorenz 1963, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2, once in every cell.
LORENZ = ReactionDiffusion(
    name="lorenz",
    species=("x", "y", "z"),
    reaction=_lorenz,
    diffusivity={},
    parameters={
        "sigma": Parameter(10.0),
        "rho": Parameter(28.0),
        "beta": Parameter(8.0 / 3.0),
    },
)


def lorenz_state(batch):
    """Random states near the attractor, uniform over 3 cells."""
    rng = np.random.default_rng(0)
    return tuple(
        tf.constant(np.repeat(rng.normal(middle, 1.0, (batch, 1)), 3, axis=1))
        for middle in (1.0, 1.0, 20.0)
    )


def _rotation(u, v, rate):
    square = u * u + v * v
    return (1.0 - square) * u - rate * square * v, (
        1.0 - square
    ) * v + rate * square * u


# Kopell & Howard 1973, doi:10.1002/sapm1973524291: with r = √(1 - q²), the plane wave
# r e^(i(ω r² t - q x)) is exact.
LAMBDA_OMEGA = ReactionDiffusion(
    name="lambda_omega",
    species=("u", "v"),
    reaction=lambda s, p: _rotation(*s, p["omega"]),
    diffusivity={"u": "D", "v": "D"},
    parameters={"omega": Parameter(0.5), "D": Parameter(1.0, lower=0.0)},
)

# Two clocks that do not know of each other: a torus.
CLOCKS = ReactionDiffusion(
    name="clocks",
    species=("a", "b", "c", "d"),
    reaction=lambda s, p: (
        *_rotation(s[0], s[1], p["first"]),
        *_rotation(s[2], s[3], p["second"]),
    ),
    diffusivity={},
    parameters={"first": Parameter(1.0), "second": Parameter(0.5 * (np.sqrt(5) + 1))},
)

# Nagumo's equation: the front 1 / (1 + e^((x - ct) / √2)) with c = (1 - 2a) / √2 is exact.
FRONT = ReactionDiffusion(
    name="front",
    species=("u",),
    reaction=lambda s, p: (s[0] * (1.0 - s[0]) * (s[0] - p["a"]),),
    diffusivity={"u": "D"},
    parameters={"a": Parameter(0.2), "D": Parameter(1.0, lower=0.0)},
)
