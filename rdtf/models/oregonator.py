"""Oregonator: waves of the Belousov-Zhabotinsky reaction, in two variables.

    ∂u/∂t = Du ∇²u + (u - u² - f v (u - q) / (u + q)) / epsilon
    ∂v/∂t = Dv ∇²v + u - v

Tyson & Fife 1980, doi:10.1063/1.440418, of bromous acid u and catalyst v, after Field &
Noyes 1974, doi:10.1063/1.1681288; spiral waves: Jahnke, Skaggs & Winfree 1989,
doi:10.1021/j100339a047. Uniform states (0, 0), unstable, and u = v > 0 with
(1 - u) (u + q) = f (u - q), which for small epsilon and q is excitable if
f > 1 + sqrt(2) and oscillates if f is smaller. It is stiff where u is near q: the
defaults are milder than the usual epsilon = 0.01, q = 0.002 of the preset `stiff`. Du,
which sets the unit of length, lets Euler's step for diffusion on a unit grid suit the
reaction; at the Du of `spiral`, a spiral fits into 256 cells.
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    u, v = state
    inhibition = params["f"] * v * (u - params["q"]) / (u + params["q"])
    return (u - u * u - inhibition) / params["epsilon"], u - v


OREGONATOR = ReactionDiffusion(
    name="oregonator",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(300.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(180.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "epsilon": Parameter(0.02, lower=0.0, unit="time", doc="time of excitation"),
        "f": Parameter(2.5, lower=0.0, doc="bromide set free per catalyst"),
        "q": Parameter(0.01, lower=0.0, doc="threshold of excitation"),
    },
    presets={
        "excitable": {},
        "spiral": {"Du": 60.0, "Dv": 36.0},
        "oscillation": {"f": 1.4},
        "stiff": {"f": 3.0, "Du": 5000.0, "Dv": 3000.0, "epsilon": 0.01, "q": 0.002},
    },
    start=Start(
        kind="central_square", patch=(0.9, 0.06), noise=0.0, refractory=(0.02, 0.2)
    ),
)
