"""Lambda-omega: oscillators whose frequency depends on their amplitude; spiral waves.

    ∂u/∂t = Du ∇²u + (1 - s²) u + beta s² v
    ∂v/∂t = Dv ∇²v - beta s² u + (1 - s²) v,      s² = u² + v²

Kopell & Howard 1973, doi:10.1002/sapm1973524291; as the test of PDE-FIND, with
Du = Dv = 0.1 and beta = 1: Rudy, Brunton, Proctor & Kutz 2017,
doi:10.1126/sciadv.1602614. Its only uniform state (0, 0) is unstable; alone, a cell
goes round the circle s = 1 at the frequency beta.
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    u, v = state
    square = u * u + v * v
    growth, turning = 1.0 - square, params["beta"] * square
    return growth * u + turning * v, growth * v - turning * u


LAMBDA_OMEGA = ReactionDiffusion(
    name="lambda_omega",
    species=("u", "v"),
    reaction=reaction,
    diffusivity={"u": "Du", "v": "Dv"},
    parameters={
        "Du": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "Dv": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of v"),
        "beta": Parameter(1.0, unit="1/time", doc="frequency at s = 1"),
    },
    presets={"spirals": {}, "pde_find": {"Du": 0.1, "Dv": 0.1}},
    start=Start(background=(0.0, 0.0)),
)
