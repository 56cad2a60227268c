"""Fisher-KPP: growth to a capacity of one, which spreads as a front.

    ∂u/∂t = D ∇²u + r u (1 - u)

Fisher 1937, doi:10.1111/j.1469-1809.1937.tb02153.x; Kolmogorov, Petrovsky & Piskunov
1937. Uniform states 0, unstable, and 1, stable. A front from a patch moves at
2 sqrt(r D); the one that moves at c = 5 sqrt(r D / 6) is
(1 + exp(sqrt(r / (6 D)) (x - c t)))⁻² (Ablowitz & Zeppetella 1979,
doi:10.1007/BF02462380).
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    (u,) = state
    return (params["r"] * u * (1.0 - u),)


FISHER_KPP = ReactionDiffusion(
    name="fisher_kpp",
    species=("u",),
    reaction=reaction,
    diffusivity={"u": "D"},
    parameters={
        "D": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "r": Parameter(1.0, lower=0.0, unit="1/time", doc="rate of growth"),
    },
    presets={"front": {}},
    start=Start(kind="central_square", background=(0.0,), patch=(1.0,), noise=0.0),
)
