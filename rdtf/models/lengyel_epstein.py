"""Lengyel-Epstein: the chlorite-iodide-malonic acid (CIMA) reaction in a gel.

    ∂u/∂t = Du ∇²u + a - u - 4 u v / (1 + u²)
    ∂v/∂t = Dv ∇²v + b (u - u v / (1 + u²))

Lengyel & Epstein 1991, doi:10.1126/science.251.4994.650, for iodide u and chlorite v,
the reaction that showed the first Turing patterns (Castets et al. 1990,
doi:10.1103/PhysRevLett.64.2953). They write ∂v/∂t = σ [d ∇²v + b' (u - u v / (1 + u²))]
in units of length with Du = 1, where the starch in the gel, which binds iodide, slows u
by σ > 1. Here it is folded in: Dv = σ d Du and b = σ b'.

Uniform state u = a / 5, v = 1 + u². It oscillates at b < 3 u - 5 / u, and is Turing
unstable where, with d = Dv / Du,

    d (3 u² - 5) - b u > 2 sqrt(5 b u (1 + u²) d),

which for the defaults, σ = 50 and d = 1 of the papers, is b < 19.7: hexagons just below
that, where the presets follow b' = 0.36, 0.31 and 0.2.
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    u, v = state
    uptake = u * v / (1.0 + u * u)
    return params["a"] - u - 4.0 * uptake, params["b"] * (u - uptake)


LENGYEL_EPSTEIN = ReactionDiffusion(
    name="lengyel_epstein",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(50.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "a": Parameter(12.0, lower=0.0, doc="supply of u"),
        "b": Parameter(15.5, lower=0.0, doc="rate of v, times sigma"),
    },
    presets={"stripes": {}, "hexagons": {"b": 18.0}, "labyrinth": {"b": 10.0}},
)
