"""FitzHugh-Nagumo, excitable: a nerve with a slow recovery, as FitzHugh wrote it.

    ∂u/∂t = Du ∇²u + u - u³/3 - v + I
    ∂v/∂t = Dv ∇²v + epsilon (u + a - g v)

FitzHugh 1961, doi:10.1016/S0006-3495(61)86902-6, with a = 0.7, g = 0.8, epsilon = 0.08,
so that epsilon is 1 / c² of his c near 3; Nagumo, Arimoto & Yoshizawa 1962,
doi:10.1109/JRPROC.1962.288235. At rest, I = 0, (u, v) = (-1.1994, -0.6243) is stable,
and a patch above the threshold sends out a ring; it oscillates for I from 0.33 to 1.42.
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    u, v = state
    activator = u - u * u * u / 3.0 - v + params["I"]
    return activator, params["epsilon"] * (u + params["a"] - params["g"] * v)


FITZHUGH_NAGUMO_EXCITABLE = ReactionDiffusion(
    name="fitzhugh_nagumo_excitable",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(0.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "epsilon": Parameter(0.08, lower=0.0, unit="1/time", doc="rate of recovery"),
        "a": Parameter(0.7, doc="offset of the recovery"),
        "g": Parameter(0.8, lower=0.0, doc="decay of the recovery"),
        "I": Parameter(0.0, doc="current that is put in"),
    },
    presets={"excitable": {}, "oscillation": {"I": 0.5}},
    start=Start(kind="central_square", patch=(1.5, -0.62), refractory=(-1.8, 0.5)),
)
