"""FitzHugh-Nagumo: an excitable membrane, in its cubic form with a diffusing inhibitor.

    ∂u/∂t = Du ∇²u + u - u³ - v + kappa
    ∂v/∂t = Dv ∇²v + epsilon (u - gamma v)

FitzHugh 1961, doi:10.1016/S0006-3495(61)86902-6; Nagumo, Arimoto & Yoshizawa 1962,
doi:10.1109/JRPROC.1962.288235. With epsilon = gamma = 1 it is the system of PDEBench
(kappa = -k), whose uniform state is u = v = -k^(1/3).
"""

from rdtf.models.base import Parameter, ReactionDiffusion


def reaction(state, params):
    u, v = state
    activator = u - u * u * u - v + params["kappa"]
    return activator, params["epsilon"] * (u - params["gamma"] * v)


FITZHUGH_NAGUMO = ReactionDiffusion(
    name="fitzhugh_nagumo",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(5.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "epsilon": Parameter(
            1.0, lower=0.0, unit="1/time", doc="rate of the inhibitor"
        ),
        "gamma": Parameter(1.0, lower=0.0, doc="decay of the inhibitor"),
        "kappa": Parameter(-0.005, doc="external stimulus"),
    },
    presets={
        "labyrinth": {},
        "spots": {"kappa": -0.1},
        "pdebench": {"Du": 1e-3, "Dv": 5e-3},
    },
)
