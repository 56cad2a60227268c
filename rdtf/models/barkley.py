"""Barkley: an excitable medium with straight nullclines, made for fast spiral waves.

    ∂u/∂t = Du ∇²u + u (1 - u) (u - (v + b) / a) / epsilon
    ∂v/∂t = Dv ∇²v + u - v

Barkley 1991, doi:10.1016/0167-2789(91)90194-E; Barkley 2008,
doi:10.4249/scholarpedia.1877. Uniform states: (0, 0), stable and excitable; (1, 1) and
u = v = b / (a - 1), unstable. Barkley has Du = 1; Du = 5 makes one cell of a unit grid
0.45 of his lengths, where Euler's step for diffusion suits 1 / epsilon too.
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    u, v = state
    threshold = (v + params["b"]) / params["a"]
    return u * (1.0 - u) * (u - threshold) / params["epsilon"], u - v


BARKLEY = ReactionDiffusion(
    name="barkley",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(5.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(0.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "a": Parameter(0.75, lower=0.0, doc="length of the excitation"),
        "b": Parameter(0.01, lower=0.0, doc="threshold of excitation, times a"),
        "epsilon": Parameter(0.02, lower=0.0, unit="time", doc="time of excitation"),
    },
    presets={"spiral": {}, "slow": {"b": 0.02}},
    start=Start(
        kind="central_square",
        background=(0.0, 0.0),
        patch=(1.0, 0.0),
        noise=0.0,
        refractory=(0.0, 0.375),
    ),
)
