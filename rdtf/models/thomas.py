"""Thomas: uric acid and oxygen on a membrane of an enzyme that its substrate inhibits.

    ∂u/∂t = Du ∇²u + a - u - h
    ∂v/∂t = Dv ∇²v + alpha (b - v) - h,      h = rho u v / (1 + u + K u²)

Thomas 1975 (in: Analysis and Control of Immobilized Enzyme Systems); as a model of coat
markings: Murray 1981, doi:10.1016/0022-5193(81)90334-9, and 2003, doi:10.1007/b98869.
For a = 92 it has the uniform state (9.9338, 9.2892), which is Turing unstable with a
wavelength of 7.4 sqrt(Du). For `onset`, whose state is (37.7382, 25.1588), Dv / Du is
where that begins.
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    u, v = state
    uptake = params["rho"] * u * v / (1.0 + u + params["K"] * u * u)
    return params["a"] - u - uptake, params["alpha"] * (params["b"] - v) - uptake


THOMAS = ReactionDiffusion(
    name="thomas",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(10.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "a": Parameter(92.0, lower=0.0, doc="supply of u"),
        "b": Parameter(64.0, lower=0.0, doc="supply of v"),
        "alpha": Parameter(1.5, lower=0.0, doc="exchange of v"),
        "rho": Parameter(18.5, lower=0.0, doc="speed of the enzyme"),
        "K": Parameter(0.1, lower=0.0, doc="inhibition by the substrate u"),
    },
    presets={
        "turing": {},
        "onset": {"Dv": 27.03, "a": 150.0, "b": 100.0, "rho": 13.0, "K": 0.05},
    },
)
