"""Schnakenberg: the simplest two-species chemical Turing system.

    ∂u/∂t = Du ∇²u + a - u + u² v
    ∂v/∂t = Dv ∇²v + b - u² v

Schnakenberg 1979, doi:10.1016/0022-5193(79)90042-0. Uniform state
(a + b, b / (a + b)²); with a = 0.1, b = 0.9 it is Turing unstable at Dv/Du > 8.5676275.
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    u, v = state
    uuv = u * u * v
    return params["a"] - u + uuv, params["b"] - uuv


SCHNAKENBERG = ReactionDiffusion(
    name="schnakenberg",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(10.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "a": Parameter(0.1, lower=0.0, doc="supply of u"),
        "b": Parameter(0.9, lower=0.0, doc="supply of v"),
    },
    presets={"turing": {}, "strong": {"Dv": 20.0}},
)
