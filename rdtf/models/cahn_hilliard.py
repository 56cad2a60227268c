"""Cahn-Hilliard: a mixture that parts into two phases and keeps its mass.

    ∂u/∂t = D ∇²(u³ - u - gamma ∇²u)

Cahn & Hilliard 1958, doi:10.1063/1.1744102; Cahn 1961,
doi:10.1016/0001-6160(61)90182-1. Every uniform u is a steady state, unstable if
u² < 1/3: a wave of number k then grows at D k² (1 - 3 u² - gamma k²). The phases are -1
and 1, and a flat wall between them is tanh(x / sqrt(2 gamma)).
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    del params
    return (0.0 * state[0],)


def laplacian_terms(state, params):
    (u,) = state
    return (params["D"] * (u * u * u - u),)


def bilaplacian_terms(state, params):
    return (-params["D"] * params["gamma"] * state[0],)


CAHN_HILLIARD = ReactionDiffusion(
    name="cahn_hilliard",
    species=("u",),
    reaction=reaction,
    diffusivity={},
    parameters={
        "D": Parameter(1.0, lower=0.0, unit="length²/time", doc="mobility"),
        "gamma": Parameter(1.0, lower=0.0, unit="length²", doc="cost of a gradient"),
    },
    valid_range={"u": (-1.5, 1.5)},
    presets={"spinodal": {}, "sharp": {"gamma": 0.5}},
    start=Start(background=(0.0,)),
    laplacian_terms=laplacian_terms,
    bilaplacian_terms=bilaplacian_terms,
)
