"""What a still determines: known symmetries, and every one found tried on numbers."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.integrate
import sympy
import user_models
from user_models import BY_NAME, PLAIN

from rdtf import math, models
from rdtf.inverse.structure import scalings
from rdtf.status import InputError

# (model, seen, unknown gain): d log p of each scaling; k of Gray-Scott is apart.
GS = {"Du": 2, "Dv": 1, "F": 2}
TIME = {"Da": 1, "Dh": 1, "rho0": 1, "mu": 1, "nu": 1}
KNOWN = {
    ("gray_scott", "v", False): [],
    ("gray_scott", "v", True): [GS],
    ("gray_scott", "u", False): [GS],
    ("gray_scott", "u", True): [GS],
    ("schnakenberg", "u", False): [],
    ("schnakenberg", "u", True): [{"Dv": 2, "a": 1, "b": 1}],
    ("schnakenberg", "v", False): [],
    ("schnakenberg", "v", True): [{"Dv": -2, "a": -1, "b": -1}],
    ("brusselator", "u", False): [],
    ("brusselator", "u", True): [{"Dv": 2, "A": 1}],
    ("brusselator", "v", False): [],
    ("brusselator", "v", True): [{"Dv": -2, "A": -1}],
    ("gierer_meinhardt", "a", False): [TIME],
    ("gierer_meinhardt", "a", True): [TIME, {"Dh": 1, "rho0": 1, "nu": 1}],
    ("gierer_meinhardt", "h", False): [{**TIME, "Dh": 2, "rho0": 2, "nu": 2}],
    ("fitzhugh_nagumo", "u", False): [{"Dv": 1, "epsilon": 1}],
    ("fitzhugh_nagumo", "u", True): [{"Dv": 1, "epsilon": 1}],
    ("fitzhugh_nagumo", "v", True): [{"Dv": 1, "epsilon": 1}],
    ("lengyel_epstein", "u", False): [{"Dv": 1, "b": 1}],
    ("lengyel_epstein", "u", True): [{"Dv": 1, "b": 1}],
    ("lengyel_epstein", "v", True): [{"Dv": 1, "b": 1}],
    ("purwins", "u", False): [{"Dv": 1, "tau": -1}, {"Dw": 1, "theta": -1}],
}


@pytest.mark.parametrize(("name", "seen", "gain"), KNOWN)
def test_known_symmetries(name, seen, gain):
    model = BY_NAME[name]
    params = {n: 0.3 + 0.1 * i for i, n in enumerate(model.parameters)}
    found = scalings.scalings(model, seen, gain)
    assert len(found) == len(KNOWN[name, seen, gain])
    for scaling, expected in zip(found, KNOWN[name, seen, gain], strict=True):
        expected = dict.fromkeys(params, 0.0) | expected
        if name == "gray_scott":
            total = params["F"] + params["k"]
            expected["k"] = (total - 2.0 * params["F"]) / params["k"]
        assert scaling.direction(params) == pytest.approx(expected, abs=1e-12)


CASES = [(m.name, s, 1) for m in BY_NAME.values() for s in m.species]
CASES += [(m.name, s, 0) for m in PLAIN for s in m.species]


@pytest.mark.parametrize(("name", "seen", "gain"), CASES)
def test_every_scaling_multiplies_every_equation(name, seen, gain):
    model = BY_NAME[name]
    rng = np.random.default_rng(3)
    params = {n: rng.uniform(0.5, 1.5) for n in model.parameters}
    fields = [_smooth(rng) for _ in model.species]
    before = _residual(model, fields, params)
    for scaling in scalings.scalings(model, seen, bool(gain)):
        moved, scale, shift = _flow(scaling, params, np.log(1.3))
        assert max(abs(moved[n] / p - 1.0) for n, p in params.items()) > 0.01
        after = _residual(
            model, [a * f + b for a, f, b in zip(scale, fields, shift)], moved
        )
        for i, (new, old) in enumerate(zip(after, before, strict=True)):
            ratio = np.vdot(old, new) / np.vdot(old, old)
            assert ratio > 0.0
            np.testing.assert_allclose(new, ratio * old, atol=1e-9, err_msg=str(i))
        if not gain:
            seen_at = model.species.index(seen)
            assert (scale[seen_at], shift[seen_at]) == (1.0, 0.0)
        for product in scaling.invariants:
            kept = [scalings.at(product, p) for p in (params, moved)]
            assert kept[1] == pytest.approx(kept[0], rel=1e-9)


def _smooth(rng):
    x = 2.0 * np.pi * np.arange(12) / 12.0
    waves = [np.cos(k * x + p) for k, p in zip((1, 2), rng.uniform(0, 6, 2))]
    return 1.2 + 0.3 * np.outer(*waves) + 0.05 * rng.standard_normal((12, 12))


def _residual(model, fields, params):
    rates = model.reaction(fields, params)
    residual = []
    for species, field, rate in zip(model.species, fields, rates, strict=True):
        name = model.diffusivity.get(species)
        neighbours = sum(np.roll(field, k, axis) for k in (1, -1) for axis in (0, 1))
        laplacian = neighbours - 4.0 * field
        residual.append(rate + (params[name] * laplacian if name else 0.0))
    return residual


def _flow(scaling, params, time):
    """Parameters, and scale and shift of each species, after that much of log λ."""
    names, species = list(params), list(scaling.species)
    parts = (scaling.parameters, scaling.species, scaling.shifts)
    rates = sympy.lambdify(
        [sympy.Symbol(n, real=True) for n in names],
        [x for part in parts for x in part.values()],
    )

    def velocity(_, y):
        dp, w, t = np.split(
            np.array(rates(*y[: len(names)]), dtype=float),
            [len(names), len(names) + len(species)],
        )
        scale, shift = np.split(y[len(names) :], 2)
        return np.concatenate([dp, w * scale, w * shift + t])

    start = [*params.values(), *[1.0] * len(species), *[0.0] * len(species)]
    path = scipy.integrate.solve_ivp(velocity, (0, time), start, rtol=1e-12, atol=1e-13)
    end = path.y[:, -1]
    scale, shift = np.split(end[len(names) :], 2)
    return dict(zip(names, end, strict=False)), scale, shift


def _texts(determined):
    return [scalings.as_text(product) for product in determined.invariants]


def test_gray_scott_of_unknown_gain():
    model = models.get("gray_scott")
    (scaling,) = scalings.scalings(model, "v", unknown_gain=True)
    assert scaling.only == ["Du/F", "Dv/(F+k)", "Dv^2/Du"]
    assert scaling.text == (
        "Du, F scale as gain^2 and Dv, F + k as gain: a still of v tells only "
        "Du/F, Dv/(F+k), Dv^2/Du"
    )
    at_zero = {"Du": 0.2, "Dv": 0.1, "F": 0.03, "k": 0.0}
    assert scaling.direction(at_zero)["k"] == pytest.approx(-0.03)  # dk, not d log k
    gained = scaling.direction(at_zero | {"gain": 0.5, "offset": 0.1})
    assert (gained["gain"], gained["offset"]) == pytest.approx((1.0, 0.1))
    assert scalings.fixing(model, "v", True) == ["Du", "Dv", "F", "k"]
    assert scalings.fixing(model, "v") == []
    assert scalings.determined(model, "v", True, ["Dv"]).parameters == ["Du", "F", "k"]


def test_gierer_meinhardt_needs_two():
    model = models.get("gierer_meinhardt")
    assert _texts(scalings.determined(model, "a", True)) == [
        "Da/mu",
        "Dh/rho0",
        "Dh/nu",
    ]
    assert scalings.fixing(model, "a", True) == []
    assert scalings.fixing(model, "a", True, known=["mu"]) == ["Dh", "rho0", "nu"]
    rest = scalings.determined(model, "a", True, known=["mu"])
    assert rest.parameters == ["Da"]
    assert _texts(rest) == ["Da", "Dh/rho0", "Dh/nu"]


@pytest.mark.parametrize(
    ("name", "seen", "gain", "fixed", "products", "missing"),
    [
        ("fitzhugh_nagumo", "u", 1, "Du gamma kappa", "Du gamma kappa Dv/epsilon", 0),
        ("brusselator", "u", 1, "Du B", "Du B A^2/Dv", 0),
        ("schnakenberg", "v", 1, "Du", "Du a/b a^2/Dv", 0),
        ("fitzhugh", "u", 0, "Du g", "Du g Dv/e", 1),  # a and I: a shift of v
        ("fitzhugh", "v", 0, "Du a g I", "Du a g I Dv/e", 0),
        ("sums", "u", 0, "Du", "Du a*q b/(a+1)", 0),
        ("hill", "u", 1, "Dv n", "Dv n Du*K/r a*m/Du", 0),
        ("redundant", "u", 0, "Du Dv", "Du Dv q*r*(a+b)", 0),
    ],
)
def test_determined(name, seen, gain, fixed, products, missing):
    found = scalings.determined(BY_NAME[name], seen, bool(gain))
    assert found.parameters == fixed.split()
    assert _texts(found) == products.split()
    assert found.missing == missing


def test_descriptions():
    def texts(name, seen, gain=False):
        return [s.text for s in scalings.scalings(BY_NAME[name], seen, gain)]

    (text,) = texts("fitzhugh_nagumo", "u")
    assert text == "Dv, epsilon scale together: a still of u tells only Dv/epsilon"
    assert any("I move with a shift of v" in text for text in texts("fitzhugh", "u"))
    assert any("unused makes no" in text for text in texts("redundant", "u"))
    assert "with c the scale of v" in texts("gray_scott", "u")[0]
    assert texts("brusselator", "u", True)[0].startswith("Dv scales as gain^2 and A as")


@pytest.mark.parametrize(
    "rate",
    [
        lambda s, p: (p["a"] - math.abs(s[0]),),
        lambda s, p: (
            p["a"] * math.tanh(s[0])
            - p["b"] * (math.exp(2 * s[0]) - 1) / (math.exp(2 * s[0]) + 1),
        ),
    ],
    ids=["kink", "the same function twice"],
)
def test_what_cannot_be_analysed_is_refused(rate):
    with pytest.raises(InputError, match="cannot be derived"):
        scalings.scalings(user_models.model_of("odd", "u", rate, "a b"), "u")


def test_unknown_names():
    with pytest.raises(InputError, match="species of gray_scott"):
        scalings.scalings(models.get("gray_scott"), "w")
    with pytest.raises(InputError, match="got 'b'"):
        scalings.scalings(models.get("gray_scott"), "v", known=["b"])


def test_import_is_light():
    code = (
        "import sys, rdtf.inverse.structure.scalings; sys.exit('sympy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
