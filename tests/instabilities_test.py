"""Where the uniform states of the models become unstable: as their docstrings say."""

import numpy as np
import pytest
import sympy

from rdtf import homogeneous, models
from rdtf.models import MODELS


def _growth(model, params, state, wave_numbers):
    """Largest growth rate of each wave about a uniform state."""
    symbols, names, reaction = model.equations()
    values = dict(zip(symbols, state, strict=True))
    values |= {names[n]: p for n, p in {**model.defaults, **params}.items()}
    slopes = [
        np.array(sympy.Matrix(part).jacobian(symbols).subs(values), np.float64)
        for part in (reaction, *model.transport())
    ]
    return np.array(
        [
            np.linalg.eigvals(
                slopes[0] - k**2 * slopes[1] + k**4 * slopes[2]
            ).real.max()
            for k in wave_numbers
        ]
    )


WAVES = np.linspace(0.0, 3.0, 601)


@pytest.mark.parametrize(
    ("name", "stable", "unstable", "state"),
    [
        ("thomas", {"Dv": 26.9}, {"Dv": 27.1}, (37.738211, 25.158807)),
        (
            "shigesada_kawasaki_teramoto",
            {"d1": 1.4, "d2": 1.4},
            {"d1": 1.2, "d2": 1.2},
            (13 / 8, 1 / 8),
        ),
    ],
)
def test_turing_instability_begins_where_it_says(name, stable, unstable, state):
    model = MODELS[name]
    base = model.preset("onset") if name == "thomas" else {}
    np.testing.assert_allclose(
        model.reaction(state, {**model.defaults, **base}), 0.0, atol=1e-5
    )
    before, after = (
        _growth(model, {**base, **p}, state, WAVES) for p in (stable, unstable)
    )
    assert before.max() < 0.0
    assert after[0] < 0.0 < after.max()


@pytest.mark.parametrize(
    ("current", "stable"), [(0.32, 1), (0.34, 0), (1.41, 0), (1.43, 1)]
)
def test_excitable_fitzhugh_nagumo_oscillates_where_it_says(current, stable):
    model = models.FITZHUGH_NAGUMO_EXCITABLE
    (root,) = homogeneous.states(model, {**model.defaults, "I": current})
    assert (_growth(model, {"I": current}, root, [0.0]) < 0.0) == bool(stable)


@pytest.mark.parametrize(("f", "stable"), [(1.4, False), (2.3, False), (3.0, True)])
def test_oregonator_oscillates_where_it_says(f, stable):
    model, params = models.OREGONATOR, {"f": f, "q": 1e-4, "epsilon": 1e-3}
    root = homogeneous.states(model, {**model.defaults, **params})[-1]
    assert (_growth(model, params, root, [0.0])[0] < 0.0) == stable


@pytest.mark.parametrize("beta", [-0.4, -0.6])
def test_ginzburg_landau_is_unstable_where_it_says(beta):
    """About A = exp(-i beta t), in the frame that turns with it."""
    alpha, d = 2.0, 1.5
    model = models.GINZBURG_LANDAU
    state, params, reaction = model.equations()
    u, v = state
    turning = [reaction[0] - params["beta"] * v, reaction[1] + params["beta"] * u]
    values = {
        u: 1.0,
        v: 0.0,
        params["alpha"]: alpha,
        params["beta"]: beta,
        params["D"]: d,
    }
    slopes, transport = (
        np.array(sympy.Matrix(part).jacobian(state).subs(values), np.float64)
        for part in (turning, model.transport()[0])
    )
    for k2 in (0.05, 0.2, 1.0):
        x = d * k2
        quadratic = [
            1.0,
            2.0 * (1.0 + x),
            (1.0 + alpha**2) * x**2 + 2.0 * (1.0 + alpha * beta) * x,
        ]
        np.testing.assert_allclose(
            np.sort_complex(np.linalg.eigvals(slopes - k2 * transport)),
            np.sort_complex(np.roots(quadratic)),
            atol=1e-12,
        )
    growth = np.linalg.eigvals(slopes - 0.01 * transport).real.max()
    assert (growth > 0.0) == (1.0 + alpha * beta < 0.0)


def test_fastest_waves_of_the_fourth_order():
    """Swift-Hohenberg: r at k = q. Cahn-Hilliard: D / (4 gamma) at k² = 1 / (2 gamma)."""
    growth = _growth(models.SWIFT_HOHENBERG, {"r": 0.2, "q": 1.5}, (0.0,), WAVES)
    assert growth.max() == pytest.approx(0.2, abs=1e-12)
    assert WAVES[growth.argmax()] == pytest.approx(1.5)
    growth = _growth(models.CAHN_HILLIARD, {"D": 2.0, "gamma": 0.5}, (0.0,), WAVES)
    assert growth.max() == pytest.approx(1.0, abs=1e-12)
    assert WAVES[growth.argmax()] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "feed, kill, expected",
    [(0.042, 0.059, -5.25e-5), (0.030, 0.053, -9.66e-4), (0.026, 0.051, 3.10e-3)],
)
def test_gray_scott_trace_at_the_blue_state(feed, kill, expected):
    """The trace of the Jacobian changes sign on the Hopf line, near these three."""
    model = models.GRAY_SCOTT
    symbols, names, reaction = model.equations()
    blue = homogeneous.states(model, {**model.defaults, "F": feed, "k": kill})[0]
    values = dict(zip(symbols, blue, strict=True)) | {
        names["F"]: feed,
        names["k"]: kill,
    }
    trace = sympy.Matrix(reaction).jacobian(symbols).trace().subs(values)
    assert float(trace) == pytest.approx(expected, rel=6e-3)


@pytest.mark.parametrize("b, unstable", [(19.6, True), (19.9, False)])
def test_lengyel_epstein_is_turing_unstable_where_it_says(b, unstable):
    """The condition of its docstring against the dispersion relation."""
    model, d, u = models.LENGYEL_EPSTEIN, 50.0, 2.4
    condition = d * (3 * u * u - 5) - b * u > 2 * np.sqrt(5 * b * u * (1 + u * u) * d)
    symbols, names, reaction = model.equations()
    values = {symbols[0]: u, symbols[1]: 1 + u * u, names["a"]: 12.0, names["b"]: b}
    slopes = sympy.Matrix(reaction).jacobian(symbols).subs(values)
    slopes = np.array(slopes, np.float64)
    growth = [
        np.linalg.eigvals(slopes - k * k * np.diag([1.0, d])).real.max()
        for k in np.linspace(0.0, 2.0, 401)
    ]
    assert growth[0] < 0.0
    assert condition == unstable == (max(growth) > 0.0)
