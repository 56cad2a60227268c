"""Models from text: what it may say, what it becomes, and that nothing is executed."""

import math

import numpy as np
import pytest
import sympy
import tensorflow as tf

import rdtf
from rdtf import homogeneous, initial_conditions, models
from rdtf.models import Parameter, Start, from_equations

GRAY_SCOTT = """
# Gray & Scott 1984
u: Du*lap(u) - u*v**2 + F*(1 - u)   # feed
v: Dv*lap(v) + u*v^2 - (F + k)*v
Du = 0.16; Dv = 0.08; F = 0.035
k = 65e-3
"""


def test_gray_scott_is_the_built_in_one():
    text, built_in = from_equations(GRAY_SCOTT), models.GRAY_SCOTT
    assert text.species == ("u", "v") and text.is_plain
    assert text.diffusivity == built_in.diffusivity
    assert text.defaults == built_in.defaults
    assert list(text.parameters) == ["Du", "Dv", "F", "k"]
    assert text.parameters["Du"].lower == 0.0
    assert text.parameters["Du"].unit == "length²/time"
    assert text.parameters["F"].lower == -math.inf
    assert text.start == Start()
    state = tuple(np.random.default_rng(0).uniform(0.2, 1.0, (2, 50)))
    expected = built_in.reaction(state, built_in.defaults)
    tensors = text.reaction(tuple(map(tf.constant, state)), text.defaults)
    for got in (text.reaction(state, text.defaults), tensors):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    both = [sympy.Matrix(model.equations()[2]) for model in (text, built_in)]
    assert sympy.nsimplify(both[0] - both[1], rational=True).expand().is_zero_matrix


@pytest.mark.parametrize("engine", ["native", "xla"])
def test_runs_like_the_built_in_one(engine):
    grid = rdtf.Grid((12, 10))
    start = initial_conditions.create(None, models.GRAY_SCOTT, grid, 2)
    ends = []
    for model in (from_equations(GRAY_SCOTT), models.GRAY_SCOTT):
        sim = rdtf.Simulation(model, grid, 1.0, engine=engine)
        with tf.GradientTape() as tape:
            params = {n: tf.constant(p, tf.float64) for n, p in model.defaults.items()}
            tape.watch(params)
            state = sim.advance(start, params, 50)
            total = tf.reduce_sum(state[1])
        ends.append((state, tape.gradient(total, params)))
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14), *ends
    )


def _symbols(model):
    state, names, reaction = model.equations()
    return {str(s): s for s in (*state, *names.values())}, reaction


FOURTH_ORDER = {
    "u: r*u - u^3 - 2*lap(u) - lap(lap(u))": ("r*u - u**3", "-2*u", "-u"),
    "u: D*lap(u**3 - u - g*lap(u))": ("0", "D*(u**3 - u)", "-D*g*u"),
    "u: -(u + 2*lap(u) + lap(lap(u)))/q": ("-u/q", "-2*u/q", "-u/q"),
    "u: lap(D*u)*2 + E*lap(u)": ("0", "2*D*u + E*u", "0"),
    "u: lap(u*u/(1 + u)) + 1": ("1", "u*u/(1 + u)", "0"),
}


@pytest.mark.parametrize("text", FOURTH_ORDER)
def test_all_else_inside_laplacians(text):
    model = from_equations(text)
    names, (reaction,) = _symbols(model)
    assert not model.is_plain
    got = (reaction, *(terms[0] for terms in model.transport()))
    for one, other in zip(got, FOURTH_ORDER[text], strict=True):
        assert sympy.expand(one - sympy.sympify(other, locals=names)) == 0
    assert (model.bilaplacian_terms is None) == (FOURTH_ORDER[text][2] == "0")


def test_cross_diffusion():
    """One parameter times lap of the species itself is its diffusivity, but only once."""
    model = from_equations(
        "u: D*lap(u) + c*lap(v) + 2*E*lap(u); v: D*lap(v)/4 - lap(u)"
    )
    names, reaction = _symbols(model)
    assert model.diffusivity == {"u": "D"} and model.parameters["D"].lower == 0.0
    assert list(model.parameters) == ["D", "c", "E"] and reaction == [0, 0]
    u, v, c, d, e = (names[n] for n in ("u", "v", "c", "D", "E"))
    second, fourth = model.transport()
    assert [sympy.expand(q) for q in second] == [
        d * u + c * v + 2 * e * u,
        d * v / 4 - u,
    ]
    assert fourth == [0, 0]


def test_fields_keep_their_shape():
    """A right-hand side without species, or without a reaction, is still a field."""
    model = from_equations("u: D*lap(u) + F; v: D*lap(v); w: 1")
    state = (tf.ones([2, 3, 3], tf.float64),) * 3
    params = {n: tf.constant([[[2.0]]], tf.float64) for n in model.parameters}
    for rate, value in zip(model.reaction(state, params), (2.0, 0.0, 1.0), strict=True):
        assert rate.shape == (2, 3, 3) and (rate.numpy() == value).all()
    assert model.diffusivity == {"u": "D", "v": "D"}


def test_common_subexpressions_are_shared():
    calls = []

    class Counted(float):
        def __mul__(self, other):
            calls.append("*")
            return Counted(float(self) * float(other))

        __rmul__ = __mul__

    text = "u: a*u*v^2; v: -a*u*v^2 + v*v; w: (a*u*v^2)^8"
    model = from_equations(text)
    a, u, v = 0.5, 1.5, 2.0
    got = model.reaction(tuple(map(Counted, (u, v, 0.0))), {"a": Counted(a)})
    assert got == (a * u * v * v, v * v - a * u * v * v, (a * u * v * v) ** 8)
    assert len(calls) <= 3 + 1 + 7 + 1  # a u, v v, a u v²; 8th power; (-a) u ... v²


@pytest.mark.parametrize("power", range(-9, 10))
def test_whole_powers(power):
    model = from_equations(f"u: u**{power} + 0*u" if power >= 0 else f"u: u**({power})")
    assert model.reaction((1.5,), {})[0] == pytest.approx(1.5**power, rel=1e-14)
    assert not model.parameters


def test_names_of_libraries_are_ordinary_names():
    text = "S: -b*S*I + E + pi*N; I: b*S*I - g*I; E: Q*O - C; b=1; g=2; pi=3"
    model = from_equations(text)
    values = {n: float(i + 2) for i, n in enumerate(model.parameters)}
    s, i, e = 0.3, 0.7, 1.1
    p = values
    expected = (
        -p["b"] * s * i + e + p["pi"] * p["N"],
        p["b"] * s * i - p["g"] * i,
        p["Q"] * p["O"] - p["C"],
    )
    assert model.reaction((s, i, e), p) == pytest.approx(expected, rel=1e-14)
    names, reaction = _symbols(model)
    assert set(names) == {"S", "I", "E", *model.parameters}
    assert all(symbol.is_Symbol for symbol in names.values())
    got = [r.subs({names[n]: x for n, x in values.items()}) for r in reaction]
    got = [r.subs({names["S"]: s, names["I"]: i, names["E"]: e}) for r in got]
    assert [float(r) for r in got] == pytest.approx(expected, rel=1e-12)


def test_letters_of_any_alphabet():
    model = from_equations("α: β*α - µ; μ = 2")  # a micro sign, and the letter mu
    assert model.species == ("α",) and model.defaults["μ"] == 2.0
    assert set(model.parameters) == {"β", "μ"}


def test_statements_may_be_broken_inside_parentheses():
    model = from_equations("u: r*(u\n   - u^2\n)\r\nr = -1/4")
    assert model.reaction((2.0,), model.defaults) == (0.5,)


def test_a_uniform_state_to_start_from(input_error):
    grid = rdtf.Grid((6, 5))
    model = from_equations("u: D*lap(u) - exp(v); v: tanh(u); D = 1; v = -2; u = 0.5")
    assert model.start.background == (0.5, -2.0) and model.defaults == {"D": 1.0}
    assert from_equations(model.source).start == model.start
    start = initial_conditions.noise(model, grid, amplitude=0.0)
    assert [float(np.ptp(s)) for s in start] == [0.0, 0.0] and start[1][0, 0, 0] == -2.0
    conserved = from_equations("u: D*lap(u^3 - u - g*lap(u)); D = 1; g = 1")
    assert conserved.start.background == (0.0,)  # any would be steady
    unknown = from_equations("u: D*lap(u) - exp(u) + 2; D = 1")
    with input_error("rational", "SPECIES = NUMBER"):
        initial_conditions.noise(unknown, grid)


def test_python_entry():
    model = from_equations(
        {"u": "D*lap(u) + r*u*(1 - u)"},
        {"D": 2, "r": Parameter(0.5, lower=0.0, doc="growth")},
        name="mine",
        presets={"fast": {"r": 2.0}},
        valid_range={"u": (0.0, 1.0)},
        start=Start(kind="central_square", background=(0.0,), patch=(1.0,), noise=0.0),
    )
    assert model.name == "mine" and model.preset("fast") == {"D": 2.0, "r": 2.0}
    assert model.parameters["r"].doc == "growth" and model.parameters["r"].lower == 0.0
    assert model.source == "u: D * lap(u) + r * u * (1 - u); D = 2.0; r = 0.5; u = 0.0"
    assert homogeneous.states(model, model.defaults).tolist() == [[0.0], [1.0]]
    assert r"\nabla^2 u" in model.latex()


@pytest.mark.parametrize("text", [GRAY_SCOTT, *FOURTH_ORDER, "u: -(-u)^3*exp(-2*u); "])
def test_source_gives_the_model_again(text):
    model = from_equations(text)
    again = from_equations(model.source)
    assert "\n" not in model.source and again.source == model.source
    assert again.diffusivity == model.diffusivity
    assert again.parameters.keys() == model.parameters.keys()
    values = {n: 0.7 for n in model.parameters}
    state = (0.4, 0.6)[: len(model.species)]
    assert again.reaction(state, values) == model.reaction(state, values)


def test_a_parameter_without_a_default_needs_a_value(input_error):
    model = from_equations("u: D*lap(u) - k*u; D = 1")
    assert math.isnan(model.defaults["k"])
    with input_error("Expected a value for k", "--params", "k = NUMBER"):
        model.check_bounds(model.defaults)
    model.check_bounds({"D": 1.0, "k": 2.0})
    with input_error("k between", "nan"):
        from_equations("u: -k*u", {"k": 1.0}).check_bounds({"k": math.nan})


def test_the_longest_that_is_read():
    deep = from_equations("u: " + "tanh(" * 95 + "u" + ")" * 95)
    assert from_equations(deep.source).source == deep.source
    sum_ = from_equations("u: " + " + ".join(f"k{i}*u" for i in range(95)))
    assert sum_.reaction((2.0,), dict.fromkeys(sum_.parameters, 1.0)) == (190.0,)
