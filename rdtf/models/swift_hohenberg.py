"""Swift-Hohenberg: stripes and hexagons of one wave number, as in convection.

    ∂u/∂t = r u - (q² + ∇²)² u + g u² - u³

Swift & Hohenberg 1977, doi:10.1103/PhysRevA.15.319, with q = 1 and g = 0. A wave of
number k grows from u = 0 at r - (q² - k²)²: for r > 0, that of 2 π / q long grows
fastest. g favours hexagons, g = 0 stripes.
"""

from rdtf.models.base import Parameter, ReactionDiffusion, Start


def reaction(state, params):
    (u,) = state
    linear = params["r"] - params["q"] ** 4
    return (linear * u + params["g"] * u * u - u * u * u,)


def laplacian_terms(state, params):
    return (-2.0 * params["q"] * params["q"] * state[0],)


def bilaplacian_terms(state, params):
    del params
    return (-state[0],)


SWIFT_HOHENBERG = ReactionDiffusion(
    name="swift_hohenberg",
    species=("u",),
    reaction=reaction,
    diffusivity={},
    parameters={
        "r": Parameter(0.3, unit="1/time", doc="distance from the onset"),
        "g": Parameter(0.0, doc="strength of the quadratic term"),
        "q": Parameter(1.0, lower=0.0, unit="1/length", doc="critical wave number"),
    },
    presets={"stripes": {}, "hexagons": {"r": 0.1, "g": 1.0}},
    start=Start(background=(0.0,)),
    laplacian_terms=laplacian_terms,
    bilaplacian_terms=bilaplacian_terms,
)
