"""Complex Ginzburg-Landau: any field of oscillators near their onset, A = u + i v.

    ∂A/∂t = D (1 + i alpha) ∇²A + A - (1 + i beta) |A|² A

    ∂u/∂t = D ∇²(u - alpha v) + u - s² (u - beta v)
    ∂v/∂t = D ∇²(alpha u + v) + v - s² (beta u + v),      s² = u² + v²

Review: Aranson & Kramer 2002, doi:10.1103/RevModPhys.74.99. D only sets the unit of
length. A = exp(-i beta t) is unstable if 1 + alpha beta < 0 (Benjamin & Feir): a
perturbation of wave number k changes by λ with λ² + 2 (1 + D k²) λ + (1 + alpha²) D² k⁴
+ 2 (1 + alpha beta) D k² = 0. Chebfun's example is alpha = 0, beta = 1.5.
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    u, v = state
    square, beta = u * u + v * v, params["beta"]
    return u - square * (u - beta * v), v - square * (v + beta * u)


def laplacian_terms(state, params):
    u, v = state
    turning = params["D"] * params["alpha"]
    return -turning * v, turning * u


GINZBURG_LANDAU = ReactionDiffusion(
    name="ginzburg_landau",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "D", "v": "D"},
    parameters={
        "D": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of A"),
        "alpha": Parameter(2.0, doc="dispersion: frequency by wave number"),
        "beta": Parameter(-1.2, unit="1/time", doc="frequency by amplitude"),
    },
    presets={"turbulence": {}, "spirals": {"alpha": 0.0, "beta": 1.5}},
    start=Start(background=(0.0, 0.0)),
    laplacian_terms=laplacian_terms,
)
