"""Brusselator: a trimolecular model of chemical oscillations and Turing patterns.

    ∂u/∂t = Du ∇²u + A - (B + 1) u + u² v
    ∂v/∂t = Dv ∇²v + B u - u² v

Prigogine & Lefever 1968, doi:10.1063/1.1668896. Uniform state (A, B/A); Turing
instability at B > (1 + A sqrt(Du/Dv))², Hopf at B > 1 + A².
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    u, v = state
    uuv = u * u * v
    return params["A"] - (params["B"] + 1.0) * u + uuv, params["B"] * u - uuv


BRUSSELATOR = ReactionDiffusion(
    name="brusselator",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(2.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(16.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "A": Parameter(4.5, lower=0.0, doc="supply of u"),
        "B": Parameter(7.5, lower=0.0, doc="conversion of u into v"),
    },
    presets={
        "turing": {},
        "near_onset": {"B": 6.9},
        "oscillation": {"Du": 1.0, "Dv": 1.0, "A": 1.0, "B": 3.0},
    },
)
