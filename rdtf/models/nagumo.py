"""Nagumo: two stable states and a front in which the favoured one takes over.

    ∂u/∂t = D ∇²u + u (1 - u) (u - a)

Nagumo, Arimoto & Yoshizawa 1962, doi:10.1109/JRPROC.1962.288235. Uniform states 0 and
1, stable, and a, unstable. The front 1 / (1 + exp((x - c t) / sqrt(2 D))) moves at
c = sqrt(D / 2) (1 - 2 a); a disc of 1 grows in 2-D if its radius exceeds D / c or so.
a = 0.139 is the value of FitzHugh's nerve (FitzHugh 1969, in: Biological Engineering).
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    (u,) = state
    return (u * (1.0 - u) * (u - params["a"]),)


NAGUMO = ReactionDiffusion(
    name="nagumo",
    species=("u",),
    reaction=reaction,
    diffusivity={"u": "D"},
    parameters={
        "D": Parameter(0.5, lower=0.0, unit="length²/time", doc="diffusivity of u"),
        "a": Parameter(0.139, lower=0.0, upper=1.0, doc="threshold"),
    },
    presets={"front": {}, "standing": {"a": 0.5}},
    start=Start(kind="central_square", background=(0.0,), patch=(1.0,), noise=0.0),
)
