"""Gierer-Meinhardt: a short-range activator and its long-range inhibitor.

    ∂a/∂t = Da ∇²a + rho0 - mu a + a² / h
    ∂h/∂t = Dh ∇²h + a² - nu h

Gierer & Meinhardt 1972, doi:10.1007/BF00289234. Uniform state
a = (rho0 + nu) / mu, h = a² / nu.
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    a, h = state
    aa = a * a
    return params["rho0"] - params["mu"] * a + aa / h, aa - params["nu"] * h


GIERER_MEINHARDT = ReactionDiffusion(
    name="gierer_meinhardt",
    species=("a", "h"),
    reaction=reaction,
    diffusivity={"a": "Da", "h": "Dh"},
    parameters={
        "Da": Parameter(0.5, lower=0.0, unit="length²/time", doc="diffusivity of a"),
        "Dh": Parameter(10.0, lower=0.0, unit="length²/time", doc="diffusivity of h"),
        "rho0": Parameter(0.1, lower=0.0, doc="basal production of the activator"),
        "mu": Parameter(1.0, lower=0.0, unit="1/time", doc="decay of the activator"),
        "nu": Parameter(1.2, lower=0.0, unit="1/time", doc="decay of the inhibitor"),
    },
    presets={"spots": {}, "sparse": {"rho0": 0.01}},
)
