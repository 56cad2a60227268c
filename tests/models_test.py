"""One suite for every built-in model; a new model is tested as soon as it is listed."""

import numpy as np
import pytest
import sympy
import tensorflow as tf

import rdtf
from rdtf import homogeneous, initial_conditions, models, schemes
from rdtf.models import MODELS, Parameter, ReactionDiffusion, Start

PRESETS = [(model, name) for model in MODELS.values() for name in model.presets]
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
every_preset = pytest.mark.parametrize(
    "model, preset", PRESETS, ids=[f"{m.name}-{p}" for m, p in PRESETS]
)


# By hand from the papers, at u = 2, v = 3 (a = 2, h = 3) and simple parameters.
BY_HAND = {
    "gray_scott": ({"F": 0.5, "k": 0.25}, (-18.5, 15.75)),
    "fitzhugh_nagumo": ({"epsilon": 0.5, "gamma": 4.0, "kappa": 0.25}, (-8.75, -5.0)),
    "brusselator": ({"A": 5.0, "B": 7.0}, (1.0, 2.0)),
    "schnakenberg": ({"a": 0.5, "b": 0.25}, (10.5, -11.75)),
    "gierer_meinhardt": ({"rho0": 0.5, "mu": 2.0, "nu": 0.5}, (-3.5 + 4 / 3, 2.5)),
    "lengyel_epstein": ({"a": 10.0, "b": 0.5}, (3.2, 0.4)),
}


@every_model
def test_reaction_by_hand(model):
    params, expected = BY_HAND[model.name]
    got = model.reaction((2.0, 3.0), {**model.defaults, **params})
    assert got == pytest.approx(expected, rel=1e-14)


def _numbers(model, seed=0):
    """Positive random fields, and parameters a little off their defaults."""
    rng = np.random.default_rng(seed)
    state = tuple(rng.uniform(0.2, 1.2, 50) for _ in model.species)
    params = {n: p * rng.uniform(0.8, 1.2) for n, p in model.defaults.items()}
    return state, params


@every_model
def test_reaction_is_the_same_in_every_package(model):
    state, params = _numbers(model)
    expected = model.reaction(state, params)
    assert len(expected) == len(model.species)
    tensors = model.reaction(
        tuple(tf.constant(s) for s in state),
        {n: tf.constant(p, tf.float64) for n, p in params.items()},
    )
    symbols, names, reaction = model.equations()
    symbolic = sympy.lambdify([*symbols, *names.values()], reaction)
    for e, t, s in zip(
        expected, tensors, symbolic(*state, *params.values()), strict=True
    ):
        assert t.dtype == tf.float64
        np.testing.assert_allclose(t, e, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(s, e, rtol=1e-13, atol=1e-14)


@every_model
def test_declarations(model):
    assert model is models.get(model.name)
    assert set(model.diffusivity) == set(model.species)
    model.check_bounds(model.defaults)
    for name, parameter in model.parameters.items():
        assert parameter.doc, name
        assert parameter.lower < parameter.upper
    for name in model.diffusivity.values():
        assert model.parameters[name].lower == 0.0
        assert model.parameters[name].unit == "length²/time"
    _, names, reaction = model.equations()
    used = set().union(*(r.free_symbols for r in reaction))
    diffusivities = {names[name] for name in model.diffusivity.values()}
    assert set(names.values()) <= used | diffusivities


@every_model
def test_latex_has_one_line_per_species(model):
    lines = model.latex().splitlines()
    assert len(lines) == len(model.species)
    for line, species in zip(lines, model.species, strict=True):
        assert line.startswith(rf"\partial_t {species} = ")
        assert r"\nabla^2" in line


@every_preset
def test_presets_are_complete_and_within_bounds(model, preset):
    params = model.preset(preset)
    model.check_bounds(params)
    assert params == {**model.defaults, **model.presets[preset]}


@every_model
def test_homogeneous_states_are_fixed_points(model, simulations):
    sim, params = simulations(model.name), model.defaults
    for root in homogeneous.states(model, params):
        np.testing.assert_allclose(model.reaction(tuple(root), params), 0.0, atol=1e-14)
        uniform = tuple(tf.fill([1, 8, 8], tf.constant(x, tf.float64)) for x in root)
        for before, after in zip(
            uniform, sim.advance(uniform, params, 20), strict=True
        ):
            np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)


@every_model
def test_customary_start_gives_a_pattern(model, simulations):
    """From its own noise or patch, at its suggested time step, in a short run."""
    sim = simulations(model.name, (24, 24))
    start = initial_conditions.create(None, model, sim.grid, batch=2)
    assert all(s.dtype == tf.float64 and s.shape == (2, 24, 24) for s in start)
    sim.check_stability(model.defaults)
    duration = {"gray_scott": 1000.0}.get(model.name, 120.0)
    state = sim.advance(start, model.defaults, round(duration / sim.time_step))
    for field in state:
        assert field.dtype == tf.float64
        assert np.isfinite(field).all()
        assert np.std(field, axis=(1, 2)).min() > 0.05  # the noise began at 0.02
    assert np.abs(sim.time_derivative(state, model.defaults)[0]).max() < 0.5


def test_gray_scott_presets_stay_stable_at_time_step_one():
    """Every preset was given for a unit grid and a unit step."""
    grid, euler = rdtf.Grid((128, 128)), schemes.get("forward_euler")
    for name in models.GRAY_SCOTT.presets:
        params = models.GRAY_SCOTT.preset(name)
        assert euler.largest_time_step(grid, max(params["Du"], params["Dv"])) >= 1.0


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


def test_unknown_names(input_error):
    model = models.GRAY_SCOTT
    with input_error("gray_scott", "'gray'"):
        models.get("gray")
    with input_error("spots", "'zebra'"):
        model.preset("zebra")
    with input_error("u, v", "'w'"):
        model.check_species("w")
    assert model.check_species("v") == 1


def test_check_names(input_error):
    model = models.GRAY_SCOTT
    model.check_names(model.defaults)
    with input_error("missing: F, k", "unknown: f"):
        model.check_names({"Du": 1.0, "Dv": 1.0, "f": 0.1})
    with input_error("missing: k."):
        model.check_names({"Du": 1.0, "Dv": 1.0, "F": 0.1})


@pytest.mark.parametrize("value", [-1e-9, float("nan")])
def test_check_bounds(value, input_error):
    model = models.GRAY_SCOTT
    with input_error("Expected F between 0 and inf"):
        model.check_bounds({**model.defaults, "F": value})


def _model(**changes):
    fields = {
        "name": "decay",
        "species": ("u",),
        "reaction": lambda state, params: (-params["r"] * state[0],),
        "diffusivity": {"u": "D"},
        "parameters": {"D": Parameter(1.0), "r": Parameter(1.0)},
    }
    return ReactionDiffusion(**{**fields, **changes})


def test_inconsistent_models_are_refused(input_error):
    assert _model().defaults == {"D": 1.0, "r": 1.0}
    assert _model().start == Start()
    with input_error("'E' is no parameter"):
        _model(diffusivity={"u": "E"})
    with input_error("'w' is no species"):
        _model(diffusivity={"w": "D"})
    with input_error("'w' is no species"):
        _model(valid_range={"w": (0.0, 1.0)})


def test_models_cannot_be_changed_by_accident():
    with pytest.raises(TypeError):
        models.GRAY_SCOTT.parameters["F"] = Parameter(0.0)
