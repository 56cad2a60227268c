"""Gray-Scott: autocatalysis U + 2V -> 3V in a fed reactor.

    ∂u/∂t = Du ∇²u - u v² + F (1 - u)
    ∂v/∂t = Dv ∇²v + u v² - (F + k) v

Gray & Scott 1984, doi:10.1016/0009-2509(84)87017-7; patterns: Pearson 1993,
doi:10.1126/science.261.5118.189. The state (1, 0) is always linearly stable; a second
uniform state exists where F >= 4 (F + k)².
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    u, v = state
    uvv = u * v * v
    return params["F"] * (1.0 - u) - uvv, uvv - (params["F"] + params["k"]) * v


def _presets():
    unit_grid = {
        "spots": (0.035, 0.065),
        "dots": (0.040, 0.070),
        "stripes": (0.035, 0.060),
        "holes": (0.039, 0.058),
        "bubbles": (0.090, 0.059),
        "worms": (0.046, 0.063),
        "maze": (0.029, 0.057),
        "fingerprints": (0.040, 0.064),
        "u_skate": (0.062, 0.061),
        "waves": (0.018, 0.049),
        "spirals": (0.007, 0.028),
        "life": (0.006, 0.045),
    }
    slow = {
        "chaos": (0.026, 0.051),
        "solitons": (0.030, 0.060),
        "pulsating_solitons": (0.025, 0.060),
    }
    # One example of each class of Pearson and of Munafo's extension (mrob.com/pub/comp/
    # xmorphia), with Pearson's Du = 2e-5, Dv = 1e-5 at a spacing of 2.5 / 256 in units
    # of the spacing.
    pearson = {
        "alpha": (0.010, 0.047),
        "beta": (0.026, 0.051),
        "gamma": (0.022, 0.051),
        "delta": (0.042, 0.059),
        "epsilon": (0.018, 0.055),
        "zeta": (0.022, 0.061),
        "eta": (0.034, 0.063),
        "theta": (0.030, 0.057),
        "iota": (0.046, 0.0594),
        "kappa": (0.052, 0.063),
        "lambda": (0.026, 0.061),
        "mu": (0.046, 0.065),
        "xi": (0.010, 0.041),
        "pi": (0.062, 0.061),
        "rho": (0.090, 0.059),
        "sigma": (0.090, 0.057),
    }
    groups = (
        ("", unit_grid, 0.16, 0.08),
        ("", slow, 0.10, 0.05),
        ("pearson_", pearson, 0.2097152, 0.1048576),
    )
    return {
        prefix + name: {"Du": du, "Dv": dv, "F": feed, "k": kill}
        for prefix, group, du, dv in groups
        for name, (feed, kill) in group.items()
    }


GRAY_SCOTT = ReactionDiffusion(
    name="gray_scott",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(0.16, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(0.08, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "F": Parameter(0.035, lower=0.0, unit="1/time", doc="feed rate"),
        "k": Parameter(0.065, lower=0.0, unit="1/time", doc="kill rate of v"),
    },
    valid_range={"v": (0.0, 1.0)},
    presets=_presets(),
    start=Start(
        kind="central_square",
        background=(1.0, 0.0),
        patch=(0.5, 0.25),
        noise=0.02,
        clip=((0.0, 1.5), (0.0, 1.0)),
    ),
)
