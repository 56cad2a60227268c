"""Shigesada-Kawasaki-Teramoto: two competitors that segregate, as each flees the other.

    ∂u/∂t = ∇²((d1 + d11 u + d12 v) u) + (r1 - a1 u - b1 v) u
    ∂v/∂t = ∇²((d2 + d22 v + d21 u) v) + (r2 - b2 u - a2 v) v

Shigesada, Kawasaki & Teramoto 1979, doi:10.1016/0022-5193(79)90258-3. The rates are
those of Breden, Kuehn & Soresina 2021, doi:10.3934/jcd.2021010, whose d1 = d2 and d12 =
3 are times 40 here, which only changes the unit of length. The state of coexistence
(13/8, 1/8) is then unstable if d1 = d2 < 1.3 or so: cross-diffusion alone makes
patterns. Where d21 = 0, v stays below r2 / a2; how far it may go sets the time step.
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    (u, v), p = state, params
    grow_u = (p["r1"] - p["a1"] * u - p["b1"] * v) * u
    return grow_u, (p["r2"] - p["b2"] * u - p["a2"] * v) * v


def laplacian_terms(state, params):
    (u, v), p = state, params
    return (p["d11"] * u + p["d12"] * v) * u, (p["d22"] * v + p["d21"] * u) * v


def _flight(default, doc):
    return Parameter(default, lower=0.0, unit="length²/time", doc=doc)


def _rate(default, doc):
    return Parameter(default, lower=0.0, unit="1/time", doc=doc)


SHIGESADA_KAWASAKI_TERAMOTO = ReactionDiffusion(
    name="shigesada_kawasaki_teramoto",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "d1", "v": "d2"},
    parameters={
        "d1": _flight(0.4, "diffusivity of u"),
        "d2": _flight(0.4, "diffusivity of v"),
        "d11": _flight(0.0, "flight of u from u"),
        "d12": _flight(120.0, "flight of u from v"),
        "d21": _flight(0.0, "flight of v from u"),
        "d22": _flight(0.0, "flight of v from v"),
        "r1": _rate(5.0, "growth of u"),
        "r2": _rate(2.0, "growth of v"),
        "a1": _rate(3.0, "competition of u with u"),
        "a2": _rate(3.0, "competition of v with v"),
        "b1": _rate(1.0, "competition of u with v"),
        "b2": _rate(1.0, "competition of v with u"),
    },
    valid_range={"u": (0.0, 10.0), "v": (0.0, 1.0)},
    presets={"segregation": {}, "weak": {"d1": 1.2, "d2": 1.2}},
    laplacian_terms=laplacian_terms,
)
