"""Allen-Cahn: two phases that part and whose boundary then shrinks by its curvature.

    ∂u/∂t = D ∇²u + r (u - u³)

Allen & Cahn 1979, doi:10.1016/0001-6160(79)90196-2. Uniform states -1 and 1, stable,
and 0, unstable; a flat wall between the two is tanh(x sqrt(r / (2 D))).
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    (u,) = state
    return (params["r"] * (u - u * u * u),)


ALLEN_CAHN = ReactionDiffusion(
    name="allen_cahn",
    species=("u",),
    reaction=reaction,
    diffusivity={"u": "D"},
    parameters={
        "D": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "r": Parameter(1.0, lower=0.0, unit="1/time", doc="rate of parting"),
    },
    presets={"quench": {}},
    start=Start(background=(0.0,)),
)
