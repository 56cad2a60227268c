"""rdtf.models.derivatives: every derivative against differences and limits."""

import ast
import dataclasses
import pathlib

import numpy as np
import pytest
import sympy
import tensorflow as tf

import rdtf
from rdtf.models import MODELS, derivatives, powers

ANISOTROPIC = dataclasses.replace(
    rdtf.models.GRAY_SCOTT,
    name="anisotropic",
    diffusivity={"u": ("Du", "k"), "v": "Dv"},
)
POWERS = rdtf.models.from_equations(
    "u: D*lap(u**n) + r*u*(1 - (u/K)**n) + sqrt(u*w) + abs(u - 2)**m*w;"
    "w: lap(lap(w))*a + u**n/(1 + u**n) - w**1.5*u**m + n**w*a",
    parameters={"D": 0.3, "n": 2.3, "r": 1.1, "K": 1.7, "m": 0.6, "a": -0.4},
    name="powers",
)
ALL = [*MODELS.values(), ANISOTROPIC, POWERS]


def _term(model, name, axis):
    """The term as a function of NumPy arrays, from the model's own functions."""

    def evaluate(state, params):
        if name == "R":
            return model.reaction(state, params)
        terms = model.laplacian_terms if name == "Q" else model.bilaplacian_terms
        values = list(terms(state, params)) if terms else [0.0 * s for s in state]
        for i, species in enumerate(model.species):
            if name == "Q" and species in model.diffusivity:
                value = model.diffusivity[species]
                value = value if isinstance(value, str) else value[axis]
                values[i] = values[i] + params[value] * state[i]
        return values

    return evaluate


def _difference(function, x):
    """The central difference of a list of arrays at an array, cell by cell."""
    step = 1e-5 * (1.0 + np.abs(x))
    pairs = zip(function(x + step), function(x - step), strict=True)
    return [(after - before) / (2.0 * step) for after, before in pairs]


def _close(found, expected, shape=()):
    found = np.broadcast_to(np.array(found, np.float64), np.shape(expected) or shape)
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=2e-7)


@pytest.mark.parametrize("term", derivatives.TERMS)
@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
def test_against_central_differences(model, term):
    """State and parameters are fields; SymPy is compared in one cell, with scalars."""
    rng, axis = np.random.default_rng(5), 0
    state = list(rng.uniform(0.3, 1.6, (len(model.species), 4)))
    params = {n: p + rng.uniform(0.1, 0.5, 4) for n, p in model.defaults.items()}
    evaluate, found = _term(model, term, axis), derivatives.of(model, axis)
    arrays = found.functions("numpy", term)
    tensors = found.functions("tensorflow", term)
    as_tensors = (
        [tf.constant(s) for s in state],
        {n: tf.constant(p) for n, p in params.items()},
    )
    numbers = {s: value[1] for s, value in zip(found.state, state, strict=True)}
    numbers |= {symbol: params[name][1] for name, symbol in found.params.items()}

    def check(column, expected):
        by_array, by_tensor, expressions = column
        for i, values in enumerate(expected):
            _close(by_array[i], values)
            _close(by_tensor[i], values)
            _close(float(expressions[i].subs(numbers)), values[1])

    values = [v + np.zeros(4) for v in evaluate(state, params)]
    check(
        (
            arrays.values(state, params),
            tensors.values(*as_tensors),
            found.terms[term],
        ),
        values,
    )
    slopes = arrays.by_state(state, params), tensors.by_state(*as_tensors)
    for j in range(len(state)):

        def of_species(x, j=j):
            return evaluate([*state[:j], x, *state[j + 1 :]], params)

        columns = [[row[j] for row in s] for s in (*slopes, found.by_state[term])]
        check(columns, _difference(of_species, state[j]))
    moved = arrays.by_params(state, params), tensors.by_params(*as_tensors)
    for name in model.parameters:

        def of_param(x, name=name):
            return [v + 0.0 * x for v in evaluate(state, {**params, name: x})]

        columns = [by[name] for by in (*moved, found.by_params[term])]
        check(columns, _difference(of_param, params[name]))


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_whole_powers_are_sympy_s_own(model):
    """The built-in models have no others, and kernels and records hang on the form."""
    found = derivatives.of(model)
    for name, terms in found.terms.items():
        slopes = [[sympy.diff(t, s) for s in found.state] for t in terms]
        assert found.by_state[name] == slopes
        for p, symbol in found.params.items():
            assert found.by_params[name][p] == [sympy.diff(t, symbol) for t in terms]


def test_derived_once():
    model = rdtf.models.SCHNAKENBERG
    found = derivatives.of(model)
    assert derivatives.of(model) is found
    assert derivatives.of(dataclasses.replace(model)) is not found
    assert found.functions("numpy", "R") is found.functions("numpy", "R")


INFINITE = float("inf")
# (equation of u, u, n) -> ∂/∂u and ∂/∂n, limits from u > 0.
AT_ZERO = [
    ("u**n", 0.0, 2.5, 0.0, 0.0),
    ("u**n", 0.0, 2.0, 0.0, 0.0),
    ("u**n", 0.0, 1.0, 1.0, 0.0),
    ("u**n", 0.0, 0.5, INFINITE, 0.0),
    ("u**n", 0.0, 0.0, 0.0, 0.0),
    ("u**n", 0.7, 0.0, 0.0, np.log(0.7)),
    ("u**n", 0.7, 1.0, 1.0, 0.7 * np.log(0.7)),
    ("abs(u)**n", 0.0, 2.5, 0.0, 0.0),
    ("abs(u)**n", 0.0, 1.5, 0.0, 0.0),
    ("u**n/(1 + u**n)", 0.0, 3.0, 0.0, 0.0),
    ("u**n/(1 + u**n)", 0.0, 1.0, 1.0, 0.0),
    ("u*(1 - u**n)", 0.0, 0.5, 1.0, 0.0),
    ("u*(1 - (u/3)**n)", 0.0, 0.5, 1.0, 0.0),
    ("u*u**n", 0.0, 0.5, 0.0, 0.0),
    ("u*u**n", 0.0, 0.0, 1.0, 0.0),
    ("u**n*exp(u)", 0.0, 1.0, 1.0, 0.0),
    ("(u**n)**2", 0.0, 0.5, 1.0, 0.0),
    ("u**2.5 + 0*n", 0.0, 1.0, 0.0, 0.0),
    ("u*sqrt(u*n)", 0.0, 1.5, 0.0, 0.0),
    ("sqrt(n*u)", 0.0, 0.0, 0.0, 0.0),
    ("(1 + u)**n", 0.0, 0.5, 0.5, 0.0),
    ("n**u", 1.0, 0.0, 0.0, 1.0),
]


@pytest.mark.parametrize(("equation", "u", "n", "by_u", "by_n"), AT_ZERO)
def test_limits_at_zero(equation, u, n, by_u, by_n):
    model = rdtf.models.from_equations(f"u: {equation} + 0*n", {"n": n})
    found = derivatives.of(model)
    (state,), param = found.state, found.params["n"]
    for expected, expression in (
        (by_u, found.by_state["R"][0][0]),
        (by_n, found.by_params["R"]["n"][0]),
    ):
        for order in ({state: u, param: n}, {param: n, state: u}):
            step_by_step = expression
            for symbol, number in order.items():
                step_by_step = step_by_step.subs(symbol, number)
            assert float(step_by_step) == pytest.approx(expected, rel=1e-14)
            assert float(expression.subs(order)) == pytest.approx(expected, rel=1e-14)
    field = np.full(3, u)
    for package, cast in (("numpy", np.asarray), ("tensorflow", tf.constant)):
        functions = found.functions(package)
        for value in (np.float64(n), np.full(3, n)):
            arguments = [cast(field)], {"n": cast(value)}
            _close(functions.by_state(*arguments)[0][0], np.full(3, by_u))
            _close(functions.by_params(*arguments)["n"][0], np.full(3, by_n))


@pytest.mark.parametrize("n", [0.0, 0.5, 1.0, 2.0, 2.5])
def test_tape_through_a_model_of_powers(n):
    """What the XLA engine differentiates: values, first and second derivatives."""
    model = rdtf.models.from_equations("u: u**n", {"n": n})
    u, power = tf.constant([0.0, 0.7]), tf.constant(n)
    u, power = tf.cast(u, tf.float64), tf.cast(power, tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(u)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch((u, power))
            (rate,) = model.reaction((u,), {"n": power})
        by_u = tape.gradient(rate, u)
    x = u.numpy()
    np.testing.assert_array_equal(rate, x**n)
    first = [n * 0.0 ** (n - 1.0) if n >= 1.0 else INFINITE if n else 0.0, 0.0]
    first[1] = n * x[1] ** (n - 1.0)
    np.testing.assert_allclose(by_u, first, rtol=1e-14)
    by_n = x[1] ** n * np.log(x[1])
    np.testing.assert_allclose(tape.gradient(rate, power), by_n, rtol=1e-14)
    second = n * (n - 1.0) * x[1] ** (n - 2.0)
    np.testing.assert_allclose(outer.gradient(by_u, u)[1], second, atol=1e-14)


@pytest.mark.parametrize(("k", "m"), [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 1)])
def test_derivatives_of_powers_of_any_order(k, m):
    """Each against a difference of the one before it, in all forms."""
    x, n = np.array([0.3, 1.0, 1.9, 0.4]), np.array([2.5, 1.0, 0.0, -0.7])
    lower = (k - 1, m) if k else (k, m - 1)

    def before(t):
        arguments = (t, n) if k else (x, t)
        return [powers.power_derivative(2.0, *arguments, *lower)]

    expected = _difference(before, x if k else n)[0]
    _close(powers.power_derivative(2.0, x, n, k, m), expected)
    _close(powers.power_derivative(2.0, tf.constant(x), n, k, m), expected)
    for i in range(4):
        number = powers.power_derivative(2.0, sympy.Float(x[i]), n[i], k, m)
        _close(float(number), expected[i])
    base, exponent = sympy.symbols("x n", real=True)
    expression = derivatives.differentiate(base**exponent, base, k)
    expression = 2 * derivatives.differentiate(expression, exponent, m)
    _close(derivatives.compiled([base, exponent], expression)(x, n), expected)
    plain = 2 * sympy.diff(base**exponent, *[base] * k, *[exponent] * m)
    difference = derivatives.algebraic_derivative(base**exponent, base, k)
    difference = derivatives.algebraic_derivative(difference, exponent, m) * 2 - plain
    assert sympy.simplify(difference) == 0


def test_below_zero():
    """A whole power has its slope there; ln x counts as 0; others have no value."""
    x, rounding = np.array([-0.5, -1e-17]), np.array([-1e-17])
    for cast in (np.asarray, tf.constant):
        slope = powers.power_derivative(1.0, cast(x), 2.0, 1, 0)
        np.testing.assert_array_equal(slope, 2.0 * x)
        by_n = powers.power_derivative(1.0, cast(rounding), 2.0, 0, 1)
        np.testing.assert_array_equal(by_n, [0.0])
        for order in ((1, 0), (0, 1)):
            none = powers.power_derivative(1.0, cast(x), 2.5, *order)
            assert np.isnan(none).all()
    nothing = powers.power_derivative(0.0, np.array([np.nan]), 0.0, 1, 0)
    assert np.isnan(nothing).all()  # what is broken stays visible


@pytest.mark.parametrize("n", [2.5, 1.0, 0.0])
@pytest.mark.parametrize("engine", ["native", "xla"])
def test_gradient_of_steps_from_zero(engine, n):
    """u starts at 0 in half of the cells: gradients by u and by n, to differences."""
    model = rdtf.models.from_equations(
        "u: D*lap(u) - w*u**n + 0.3*u; w: D*lap(w) + u**n*(1 - w)", {"D": 0.1, "n": n}
    )
    sim = rdtf.Simulation(model, rdtf.Grid((4, 6)), 0.1, engine=engine)
    rng = np.random.default_rng(0)
    u, w = rng.uniform(0.2, 1.0, (2, 1, 4, 6))
    u[:, :, :3] = 0.0
    weights = rng.standard_normal((2, 1, 4, 6))

    def loss(u, w, n, steps):
        params = {"D": tf.constant(0.1, tf.float64), "n": n}
        final = sim.advance((u, w), params, steps)
        return sum(tf.reduce_sum(a * f) for a, f in zip(weights, final, strict=True))

    for steps in (1, 3):
        at = [tf.constant(u), tf.constant(w), tf.constant(n, tf.float64)]
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = loss(*at, steps)
        by_u, by_w, by_n = (g.numpy() for g in tape.gradient(value, at))
        assert all(np.isfinite(g).all() for g in (by_u, by_w, by_n))
        direction, h = rng.uniform(0.5, 1.0, u.shape), 1e-6
        if steps == 1 and n == 0.0:
            # 0⁰ is 1, but x⁰ has no slope: a difference must not straddle n = 0.
            assert by_n == pytest.approx(_by_exponent(u, w, weights), rel=1e-12)
        inner = u > 0.0
        for x, slope, mask in ((u, by_u, inner), (w, by_w, True)):
            move = h * direction * mask
            pair = [
                loss(*[x + s * move if y is x else y for y in (u, w)], at[2], steps)
                for s in (1.0, -1.0)
            ]
            expected = (pair[0] - pair[1]) / (2.0 * h)
            assert np.sum(slope * direction * mask) == pytest.approx(
                float(expected), rel=1e-6, abs=1e-7
            )
        move = h * direction * ~inner  # from 0 upwards only
        ends = [loss(u + s * move, w, at[2], steps) for s in (0.0, 1.0, 2.0)]
        expected = (-3.0 * ends[0] + 4.0 * ends[1] - ends[2]) / (2.0 * h)
        assert np.sum(by_u * direction * ~inner) == pytest.approx(
            float(expected), rel=1e-5, abs=1e-5
        )
        if n > 0.0:
            pair = [loss(u, w, at[2] + s * h, steps) for s in (1.0, -1.0)]
            expected = (pair[0] - pair[1]) / (2.0 * h)
            assert by_n == pytest.approx(float(expected), rel=1e-5, abs=1e-7)


def _by_exponent(u, w, weights):
    """∂/∂n of one step at n = 0: u⁰ ln u is ln u where u > 0."""
    log = np.log(np.where(u > 0.0, u, 1.0))
    return 0.1 * np.sum(log * (-weights[0] * w + weights[1] * (1.0 - w)))


def test_nobody_else_differentiates():
    """No .diff, Matrix.jacobian or lambdify of SymPy in any other module."""
    root = pathlib.Path(rdtf.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                owner = ast.unparse(node.value)
                by_sympy = node.attr in ("diff", "Derivative", "lambdify")
                by_sympy |= node.attr == "jacobian" and "Matrix" in owner
                if by_sympy and owner not in ("np", "numpy"):
                    found.append(path.relative_to(root).as_posix())
    assert set(found) == {"models/derivatives.py"}
