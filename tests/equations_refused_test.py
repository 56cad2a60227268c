"""Text of equations: what is refused, and random text; nothing is ever executed."""

import ast
import pathlib

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rdtf.models import from_equations
from rdtf.status import InputError

REFUSED = {
    "": "'u: D*lap(u)",
    "# nothing": "'u: D*lap(u)",
    "u": "'u'",
    "u = 3": "'u: D*lap(u)",
    "u v: 3": "'u v: 3'",
    "2u: 3": "'2u: 3'",
    "u: D*lap(u": "'D*lap(u'",
    "u: ": "''",
    "u: u v": "'u v'",
    "u: u*lap(v); v: u": "multiplied by parameters only, got 'u * lap(v)'",
    "u: lap(u)*lap(u)": "parameters only",
    "u: lap(u)**2": "'lap(u) ** 2'",
    "u: D**lap(u)": "'D ** lap(u)'",
    "u: exp(lap(u))": "'exp(lap(u))'",
    "u: D/lap(u)": "'D / lap(u)'",
    "u: lap(u)/u": "'lap(u) / u'",
    "u: lap(lap(lap(u)))": "at most lap(lap(...))",
    "u: lap(D) + u": "species inside lap(...), got 'lap(D)'",
    "u: lap(3)": "species inside",
    "u: lap": "lap(...)",
    "u: exp*u": "exp(...)",
    "exp: u": "exp(...)",
    "u: sinh(u)": "functions among exp",
    "u: exp(u, u)": "one argument",
    "u: exp()": "one argument",
    "u: exp(x=u)": "one argument",
    "u: exp(*u)": "'*u'",
    "u: 9**9**9**9": "exponents up to 100",
    "u: u**101": "'u ** 101'",
    "u: 10**99*10**99*10**99*10**99": "finite",
    "u: 1e400*u": "finite",
    "u: " + "9" * 400: "finite",
    "u: u/0": "'u / 0'",
    "u: u/(2 - 2)": "zero",
    "u: 1/0": "zero",
    "u: 0**-1": "zero",
    "u: log(0)*u": "finite real numbers, got 'log(0)'",
    "u: sqrt(-1)": "finite real",
    "u: (-8)**(1/3)": "finite real",
    "u: 2j*u": "'2j'",
    "u: 'u'": "real numbers",
    "u: True": "keyword 'True'",
    "u: lambda*u": "keyword 'lambda'",
    "lambda = 3": "'lambda'",
    "u: u; v: u; u: v": "one line for u",
    "u: k*u; k = 1; k = 2": "one line for k",
    "u: u; u = 3; u = 4": "one line for u",
    "u: v; v: u; u = 3": "got none for v: add v = NUMBER",
    "u: k*u; K = 1": "got K",
    "u: k*u; k = F": "k = NUMBER",
    "u: k*u; k = lap(1)": "species inside",
    "u: _x*u": "'_x'",
    "_u: 1": "'_u'",
    "u: u; k := 3": "'= 3'",
    "u == 3": "'= 3'",
    "u: u.__class__": "'u.__class__'",
    "u: u.real": "'u.real'",
    "u: __import__('os').system('touch ruined')": "functions among",
    "u: exec('x')": "functions among",
    "u: (lambda: 0)()": "keyword 'lambda'",
    "u: [x for x in u]": "keyword 'for'",
    "u: [u]": "'[u]'",
    "u: u[0]": "'u[0]'",
    "u: {u: u}": "'{u: u}'",
    "u: f'{u}'": "f'{u}'",
    "u: (w := u)": "'(w := u)'",
    "u: (yield)": "keyword 'yield'",
    "u: u < 1": "'u < 1'",
    "u: u, u": "'(u, u)'",
    "u: u @ u": "'u @ u'",
    "u: u // 2": "'u // 2'",
    "u: ~u": "'~u'",
    "u: not u": "keyword 'not'",
    "u: ...": "real numbers",
    "u: u\0": "expression",
    "u: \ud800": "expression",
    "u: " + "(" * 300 + "u" + ")" * 300: "expression",
    "u: " + "-" * 5000 + "u": "expression",
    "u: " + "-" * 300 + "u": "100 operations",
    "u: " + "+".join("u" * 2000): "Expected",
    "u: " + "exp(" * 101 + "u" + ")" * 101: "100 operations",
    "u: " + "u + " * 5000 + "u": "10000 characters",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_refused_in_one_line(text, input_error):
    with input_error(REFUSED[text], "Expected"):
        from_equations(text)
    assert not pathlib.Path("ruined").exists()


NAMES = ("u", "v", "a", "b")
_FUNCTIONS = {name: getattr(np, name) for name in ("exp", "log", "sqrt", "sin", "cos")}
_FUNCTIONS |= {"tanh": np.tanh, "abs": np.abs}
_LEAVES = st.sampled_from(NAMES) | st.sampled_from(["0", "1", "2", "0.5", "3e-1", "7"])


def _larger(inner):
    pair = st.tuples(inner, inner)
    return (
        st.builds(lambda o, x: f"({x[0]} {o} {x[1]})", st.sampled_from("+-*/"), pair)
        | st.builds(lambda x: f"(-{x})", inner)
        | st.builds(lambda f, x: f"{f}({x})", st.sampled_from([*_FUNCTIONS]), inner)
        | st.builds(
            lambda x, o, n: f"({x}){o}{n}",
            inner,
            st.sampled_from(["**", "^"]),
            st.sampled_from(["2", "3", "-1", "0.5", "10", "a"]),
        )
    )


def _every_value(text, values):
    """Of an expression and of all that is in it, by Python and NumPy."""
    scope = {"__builtins__": {}, **_FUNCTIONS, **values}
    with np.errstate(all="ignore"):
        for node in ast.walk(ast.parse(text, mode="eval").body):
            if isinstance(node, ast.expr):
                name = isinstance(node, ast.Name) and node.id in _FUNCTIONS
                if not name:
                    code = compile(ast.Expression(node), "", "eval")
                    yield np.float64(eval(code, scope))


@settings(max_examples=300, deadline=None)
@given(st.recursive(_LEAVES, _larger, max_leaves=10), st.integers(0, 2**32 - 1))
def test_evaluates_as_python_does(text, seed):
    values = np.random.default_rng(seed).uniform(0.5, 1.5, len(NAMES))
    values = dict(zip(NAMES, values, strict=True))
    try:
        expected = list(_every_value(text.replace("^", "**"), values))
    except (ArithmeticError, TypeError, ValueError):  # no number, or a complex one
        assume(False)
    assume(np.isfinite(expected).all() and np.abs(expected).max() < 1e4)
    model = from_equations(f"u: {text}; v: 0*a*b*u")
    params = {n: values[n] for n in model.parameters}
    (got, _) = model.reaction((values["u"], values["v"]), params)
    np.testing.assert_allclose(got, expected[0], rtol=1e-6, atol=1e-6)
    again = from_equations(model.source)
    assert again.reaction((values["u"], values["v"]), params)[0] == got


_PIECES = [
    *(
        "u",
        "v",
        "k",
        "lap",
        "exp",
        "1",
        "0",
        "9e9",
        "x",
        "__import__",
        "'os'",
        "lambda",
    ),
    *"+-*/^=:;#()[]{}.,<>!@%&|~`$?\\\"' \n\t\r\0",
    *(
        "**",
        "lap(",
        "u:",
        "u: ",
        "k = ",
        ":=",
        "==",
        "for x in",
        "f'{u}'",
        " if ",
        "\u2028",
    ),
]
_JUNK = st.lists(st.sampled_from(_PIECES), max_size=25).map("".join) | st.text(
    max_size=40
)


@settings(max_examples=500, deadline=None)
@given(_JUNK | _JUNK.map("u: ".__add__) | _JUNK.map("u: u; k = ".__add__))
@example("u: u\u2028v: u")
def test_junk_is_a_model_or_one_line(text):
    try:
        model = from_equations(text)
    except InputError as error:
        message = str(error)
        assert message.startswith("Expected ") and len(message.splitlines()) == 1
        assert len(message) < 400
    else:
        assert set(model.source) <= set(from_equations(model.source).source)
