"""Calls that notebooks and other projects rely on bind as they always did."""

import inspect

import pytest

import rdtf
from rdtf import analysis, initial_conditions, models, schemes

EQUATIONS = "u: D*lap(u) + r*u*(1 - u); D = 1"


@pytest.mark.parametrize(
    ("function", "positional", "named"),
    [
        (rdtf.Simulation, ("model", "grid", "time_step", "scheme"), {"laplacian": ""}),
        (rdtf.Grid, ("shape", "spacing", "boundary"), {}),
        (rdtf.Simulation.advance, ("self", "state", "params", "num_steps"), {}),
        (initial_conditions.create, ("kind", "model", "grid"), {"batch": 1, "seed": 0}),
        (models.from_equations, ("equations",), {"parameters": {}}),
        (schemes.choose, ("model", "params", "grid"), {}),
        (analysis.uniform_states, ("model", "params"), {}),
    ],
)
def test_calls_bind(function, positional, named):
    signature = inspect.signature(function)
    bound = signature.bind(*positional, **named).arguments
    assert list(bound)[: len(positional)] == list(positional)
    assert set(named) <= set(bound)
    every = {name: name for name in positional}  # by name too
    signature.bind(**every, **named)


def test_calls_give_what_they_did():
    model = models.from_equations(EQUATIONS, parameters={"r": 0.5})
    assert model.defaults == {"D": 1.0, "r": 0.5}
    name, reason = schemes.choose(model, model.defaults, rdtf.Grid((16,)))
    assert name in schemes.SCHEMES and isinstance(reason, str)
    states = analysis.uniform_states(model, model.defaults)
    assert sorted(float(s.values["u"]) for s in states) == pytest.approx([0.0, 1.0])
