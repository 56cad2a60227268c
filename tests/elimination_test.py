"""Which hidden species can be eliminated, and that the algebra is right."""

import numpy as np
import pytest
import sympy
from user_models import BY_NAME, model_of

from rdtf.inverse.structure import equations
from rdtf.inverse.structure.combinations import CombinedEquations
from rdtf.inverse.structure.elimination import (
    Combined,
    Linear,
    Root,
    eliminate,
    root_of,
)
from rdtf.models import MODELS

LINEAR = [
    ("gray_scott", "v"),
    ("schnakenberg", "u"),
    ("brusselator", "u"),
    ("gierer_meinhardt", "a"),
    ("fitzhugh_nagumo", "u"),
    ("lengyel_epstein", "u"),
]
COMBINED = {
    ("gray_scott", "u"): "-1",
    ("schnakenberg", "v"): "-1",
    ("brusselator", "v"): "-1",
    ("gierer_meinhardt", "h"): "1/h",
    ("lengyel_epstein", "v"): "4/b",
}
ROOT = [("fitzhugh_nagumo", "v")]
WITH_ROOTS = [case for case in [*COMBINED, *ROOT] if case[0] != "lengyel_epstein"]


def chain(messenger):
    """u is checked by v, which follows `messenger` of u and w."""
    return model_of(
        "chain",
        "uvw",
        lambda s, p: (
            s[0] - s[0] ** 3 - s[1] + p["a"],
            s[2] - p["b"] * s[1],
            messenger(*s, p),
        ),
        "a b c",
    )


def test_every_case_is_listed():
    """Both species of every model that is listed at all."""
    listed = {*LINEAR, *COMBINED, *ROOT}
    assert listed == {(n, s) for n, _ in listed for s in MODELS[n].species}


@pytest.mark.parametrize(("model", "observe"), LINEAR)
def test_linear(model, observe):
    model = MODELS[model]
    observed = model.species.index(observe)
    assert eliminate(model, observe) == Linear(observed, (1 - observed,))


@pytest.mark.parametrize(("model", "observe"), COMBINED)
def test_combined(model, observe):
    """The combination is what it says, and linear in what is hidden."""
    factor = COMBINED[model, observe]
    model = MODELS[model]
    split = eliminate(model, observe)
    assert isinstance(split, Combined)
    o, l = split.observed, split.order[0]
    assert (model.species[o], l) == (observe, 1 - o)
    both = CombinedEquations(model, o, split.factors)
    species, names, raw = model.equations()
    expected = sympy.sympify(factor, {str(s): s for s in (*species, *names.values())})
    assert sympy.simplify(split.factors[l] - expected) == 0
    difference = raw[l] - expected * raw[o] - both.expressions[l]
    assert sympy.simplify(difference) == 0
    assert both.is_linear(l, l) and not equations.of(model).is_linear(l, l)
    assert both.expressions[o] == raw[o]
    fields = [np.array([0.7, 1.3]), np.array([0.4, 0.9])]
    params = {n: 0.3 + 0.1 * i for i, n in enumerate(model.parameters)}
    d = params[model.diffusivity[observe]]
    values = {str(s): f for s, f in zip(species, fields, strict=True)} | params
    share = -d * eval(factor, {}, values)
    np.testing.assert_allclose(both.share(l, fields, params), share, rtol=1e-14)


@pytest.mark.parametrize("by", ["d", 0, "epsilon"])
def test_share_is_differentiated(by):
    model = BY_NAME["lengyel_epstein"]
    o = sympy.Symbol("u", real=True)
    b = sympy.Symbol("b", real=True)
    both = CombinedEquations(model, 0, {1: o**2 / b})
    at = {"Du": 2.0, "Dv": 1.0, "a": 1.0, "b": 0.5}
    expected = {"d": -(3.0**2) / 0.5, 0: -2 * 2 * 3.0 / 0.5, "epsilon": 0.0}[by]
    by = {"d": "Du", "epsilon": "a"}.get(by, by)
    assert both.share(1, [3.0, None], at, by) == pytest.approx(expected)


@pytest.mark.parametrize(("model", "observe"), WITH_ROOTS)
def test_roots_solve_the_equation(model, observe):
    model = MODELS[model]
    root = root_of(model, observe)
    species, names, reactions = model.equations()
    o, l = species[root.observed], species[root.hidden]
    assert len(root.roots) == (1 if model.name == "fitzhugh_nagumo" else 2)
    d = names[model.diffusivity[observe]]
    for expression in root.roots:
        left = reactions[root.observed].subs(l, expression) + d * root.laplacian
        assert sympy.simplify(left) == 0
        assert not expression.has(l) and expression.has(o)


def test_a_root_is_the_last_resort():
    split = eliminate(MODELS["fitzhugh_nagumo"], "v")
    assert isinstance(split, Root) and (split.observed, split.hidden) == (1, 0)


def test_a_combination_has_to_decay():
    """Nothing of v is left in the sum of equations that conserve u + v."""

    def rates(s, p):
        return p["a"] - s[0] * s[1] ** 2, s[0] * s[1] ** 2 - s[0]

    assert isinstance(eliminate(model_of("kept", "uv", rates, "a"), "u"), Root)


def test_three_species_in_turn():
    """The messenger before what it drives, whatever their order in the model."""
    model = chain(lambda u, v, w, p: u - p["c"] * w)
    assert eliminate(model, "u") == Linear(0, (2, 1))
    assert eliminate(BY_NAME["purwins"], "u") == Linear(0, (1, 2))


def test_a_combination_within_a_chain():
    """w² is shared with u; then v follows w."""
    model = model_of(
        "mixed",
        "uvw",
        lambda s, p: (
            p["a"] - s[0] * s[2] ** 2 - s[1],
            s[2] - s[1],
            s[0] * s[2] ** 2 + s[1] - p["b"] * s[2],
        ),
        "a b",
    )
    split = eliminate(model, "u")
    assert isinstance(split, Combined)
    assert split.order == (2, 1) and split.factors == {2: -1}


def test_what_acts_on_nothing_seen_may_be_anything():
    def rates(s, p):
        return s[1] - s[0], p["a"] * s[0] - s[1], s[2] ** 5 - s[0]

    assert eliminate(model_of("idle", "uvw", rates, "a"), "u") == Linear(0, (1,))


@pytest.mark.parametrize(
    "messenger",
    [
        lambda u, v, w, p: u - p["c"] * w**3,
        lambda u, v, w, p: u - p["c"] * w + v,
        lambda u, v, w, p: u,
    ],
    ids=["not linear", "mutual", "no decay"],
)
def test_nothing_works(messenger, input_error):
    advice = ("in turn", "if u of chain is observed", "another species", "--route=bptt")
    with input_error(*advice):
        eliminate(chain(messenger), "u")


def test_no_closed_root(input_error):
    def rates(s, p):
        return p["a"] - s[0] * s[1] ** 3 - s[1], s[0] - s[1] ** 5

    model = model_of("quintic", "uv", rates, "a")
    assert root_of(model, "u") is None
    with input_error("that of v is not linear in v", "no closed root"):
        eliminate(model, "u")


def test_nothing_couples(input_error):
    model = model_of("alone", "uv", lambda s, p: (1.0 - s[0], s[0] - s[1]), "")
    with input_error("that of alone has none", "nothing couples"):
        eliminate(model, "u")


def test_an_unknown_species(input_error):
    with input_error("u, v", "'x'"):
        eliminate(MODELS["gray_scott"], "x")
