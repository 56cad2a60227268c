"""One suite for every built-in model; a new model is tested as soon as it is listed."""

import importlib
import pathlib

import numpy as np
import pytest
import sympy
import tensorflow as tf

import rdtf
from rdtf import homogeneous, initial_conditions, math, models, schemes
from rdtf.models import MODELS, Parameter, ReactionDiffusion, Start

PRESETS = [(model, name) for model in MODELS.values() for name in model.presets]
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
every_preset = pytest.mark.parametrize(
    "model, preset", PRESETS, ids=[f"{m.name}-{p}" for m, p in PRESETS]
)
SHAPE = (24, 24)


# By hand from the papers, at u = 2, v = 3 (a = 2, h = 3) and simple parameters. More than
# the suite asks of a model: one that is not listed here is tested by all the rest.
BY_HAND = {
    "gray_scott": ({"F": 0.5, "k": 0.25}, (-18.5, 15.75)),
    "fitzhugh_nagumo": ({"epsilon": 0.5, "gamma": 4.0, "kappa": 0.25}, (-8.75, -5.0)),
    "brusselator": ({"A": 5.0, "B": 7.0}, (1.0, 2.0)),
    "schnakenberg": ({"a": 0.5, "b": 0.25}, (10.5, -11.75)),
    "gierer_meinhardt": ({"rho0": 0.5, "mu": 2.0, "nu": 0.5}, (-3.5 + 4 / 3, 2.5)),
    "lengyel_epstein": ({"a": 10.0, "b": 0.5}, (3.2, 0.4)),
    "fitzhugh_nagumo_excitable": (
        {"I": 0.5, "epsilon": 0.5, "a": 1.0, "g": 2.0},
        (-0.5 - 8 / 3, -1.5),
    ),
    "thomas": (
        {"a": 10.0, "b": 7.0, "alpha": 2.0, "rho": 4.0, "K": 0.25},
        (2.0, 2.0),
    ),
    "barkley": ({"a": 2.0, "b": 3.0, "epsilon": 0.5}, (4.0, -1.0)),
    "oregonator": ({"epsilon": 0.5, "f": 2.0, "q": 1.0}, (-8.0, -1.0)),
    "lambda_omega": ({"beta": 0.5}, (-4.5, -49.0)),
    "ginzburg_landau": ({"beta": 0.5}, (-4.5, -49.0)),
    "allen_cahn": ({"r": 0.5}, (-3.0,)),
    "fisher_kpp": ({"r": 0.5}, (-1.0,)),
    "nagumo": ({"a": 0.5}, (-3.0,)),
    "swift_hohenberg": ({"r": 0.5, "g": 0.25, "q": 2.0}, (-38.0,)),
    "cahn_hilliard": ({}, (0.0,)),
    "shigesada_kawasaki_teramoto": (
        {"r1": 5.0, "a1": 1.0, "b1": 0.5, "r2": 5.0, "b2": 0.5, "a2": 1.0},
        (3.0, 3.0),
    ),
}
# The same for what is inside ∇² and ∇⁴, without D_s s.
TRANSPORT_BY_HAND = {
    "ginzburg_landau": ({"D": 2.0, "alpha": 0.5}, (-3.0, 2.0), None),
    "swift_hohenberg": ({"q": 2.0}, (-16.0,), (-2.0,)),
    "cahn_hilliard": ({"D": 0.5, "gamma": 2.0}, (3.0,), (-2.0,)),
    "shigesada_kawasaki_teramoto": (
        {"d11": 1.0, "d12": 2.0, "d21": 3.0, "d22": 4.0},
        (16.0, 54.0),
        None,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_reaction_by_hand(name):
    model, (params, expected) = MODELS[name], BY_HAND[name]
    state = (2.0, 3.0)[: len(model.species)]
    got = model.reaction(state, {**model.defaults, **params})
    assert got == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", TRANSPORT_BY_HAND)
def test_transport_by_hand(name):
    model, (params, *expected) = MODELS[name], TRANSPORT_BY_HAND[name]
    state, params = (2.0, 3.0)[: len(model.species)], {**model.defaults, **params}
    terms = (model.laplacian_terms, model.bilaplacian_terms)
    for function, values in zip(terms, expected, strict=True):
        if values is None:
            assert function is None
        else:
            assert function(state, params) == pytest.approx(values, rel=1e-14)


def _parts(model):
    """R, and of Q and P what the model has."""
    every = (model.reaction, model.laplacian_terms, model.bilaplacian_terms)
    return [part for part in every if part is not None]


def _numbers(model, seed=0):
    """Positive random fields, and parameters a little off their defaults."""
    rng = np.random.default_rng(seed)
    state = tuple(rng.uniform(0.2, 1.2, 50) for _ in model.species)
    params = {
        n: p * rng.uniform(0.8, 1.2) or rng.uniform(0.1, 0.2)
        for n, p in model.defaults.items()
    }
    return state, params


@every_model
def test_is_the_same_in_every_package(model):
    state, params = _numbers(model)
    symbols, names, _ = model.equations()
    tensors = tuple(tf.constant(s) for s in state)
    scalars = {n: tf.constant(p, tf.float64) for n, p in params.items()}
    for part in _parts(model):
        expected = part(state, params)
        assert len(expected) == len(model.species)
        symbolic = sympy.lambdify([*symbols, *names.values()], part(symbols, names))
        for e, t, s in zip(
            expected,
            part(tensors, scalars),
            symbolic(*state, *params.values()),
            strict=True,
        ):
            assert t.dtype == tf.float64
            assert (
                t.shape == e.shape == (50,)
            )  # that of the field, even where it is zero
            np.testing.assert_allclose(t, e, rtol=1e-13, atol=1e-13)
            np.testing.assert_allclose(s, e, rtol=1e-13, atol=1e-13)


@every_model
def test_declarations(model):
    assert model is models.get(model.name)
    model.check_bounds(model.defaults)
    for name, parameter in model.parameters.items():
        assert parameter.doc, name
        assert parameter.lower < parameter.upper
    for name in model.diffusivities:
        assert model.parameters[name].lower == 0.0
        assert model.parameters[name].unit == "length²/time"
    _, names, reaction = model.equations()
    moving = [term for terms in model.transport() for term in terms]
    terms = [*reaction, *moving]
    assert {str(name) for name in names.values()} == set(model.parameters)
    assert set(names.values()) <= set().union(*(term.free_symbols for term in terms))
    assert any(moving), "nothing diffuses"


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_one_short_file_that_says_where_it_is_from(name):
    module = importlib.import_module(f"rdtf.models.{name}")
    assert {"∂", "∇", "doi:10."} == {
        word for word in ("∂", "∇", "doi:10.") if word in module.__doc__
    }
    lines = pathlib.Path(module.__file__).read_text(encoding="utf-8").splitlines()
    assert len(lines) < (94 if name == "gray_scott" else 60)  # its table of presets


@every_model
def test_latex_has_one_line_per_species(model):
    lines = model.latex().splitlines()
    assert len(lines) == len(model.species)
    second, fourth = model.transport()
    for line, species, q, p in zip(lines, model.species, second, fourth, strict=True):
        assert line.startswith(rf"\partial_t {species} = ")
        assert (r"\nabla^2" in line) == (q != 0)
        assert (r"\nabla^4" in line) == (p != 0)


@every_preset
def test_presets_are_complete_and_within_bounds(model, preset):
    params = model.preset(preset)
    model.check_bounds(params)
    assert params == {**model.defaults, **model.presets[preset]}


def _simulation(simulations, model):
    """The model on 24 x 24 cells, at its default time step."""
    return simulations(model.name, SHAPE)


def _uniform_states(model, input_error):
    """`[state, species]`; where all states are steady, the background and others."""
    if all(rate == 0 for rate in model.equations()[2]):
        with input_error("continuum", model.name):
            homogeneous.states(model, model.defaults)
        background = initial_conditions.background(model)
        return np.array([background, np.add(background, 0.3)])
    return homogeneous.states(model, model.defaults)


@every_model
def test_homogeneous_states_are_fixed_points(model, simulations, input_error):
    sim, params = _simulation(simulations, model), model.defaults
    roots = _uniform_states(model, input_error)
    for root in roots:
        rates = model.reaction(tuple(root), params)
        beside = model.reaction(tuple(root * (1.0 + 1e-14)), params)
        assert np.abs(rates).max() <= 1e-14 + np.abs(beside).max()  # zero as floats go
    inside = [r for r in roots if _valid(model, r[:, None])][-2:]
    both = np.array((inside * 2)[:2])  # always two samples: one program
    uniform = tuple(tf.constant(np.full((2, *SHAPE), s[:, None, None])) for s in both.T)
    for before, after in zip(uniform, sim.advance(uniform, params, 20), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-11, atol=1e-12)


def _valid(model, fields):
    """Whether all cells of all fields are finite and within the valid range."""
    infinite = (-np.inf, np.inf)
    for name, field in zip(model.species, fields, strict=True):
        low, high = model.valid_range.get(name, infinite)
        if not (np.isfinite(field).all() and low <= field.min() <= field.max() <= high):
            return False
    return True


@every_model
def test_customary_start_gives_a_pattern(model, simulations):
    """From its own noise or patch, at its suggested time step, in a short run."""
    sim, params = _simulation(simulations, model), model.defaults
    start = initial_conditions.create(None, model, sim.grid, batch=2)
    assert all(s.dtype == tf.float64 and s.shape == (2, *SHAPE) for s in start)
    sim.check_stability(params)
    enough, state = max(0.01, 2.5 * model.start.noise), start
    for steps in 20 * 1.4 ** np.arange(24):  # about 200,000 at most
        state = sim.advance(state, params, int(steps))
        fields = np.stack(state)
        assert fields.dtype == np.float64
        assert _valid(model, fields)
        pattern = np.std(fields, axis=(2, 3)).max(axis=0)  # of the clearest species
        change = np.abs(fields - np.stack(start)).max(axis=(2, 3))
        if min(pattern.min(), change.min()) > enough:
            break
    else:
        pytest.fail("no pattern")
    assert np.isfinite(sim.time_derivative(state, params)).all()


NEW = ReactionDiffusion(
    name="new",
    species=("n", "w", "s"),
    reaction=lambda state, params: (
        state[0] * math.tanh(state[1]) - params["m"] * state[0],
        params["p"] - state[1] - state[0] * math.tanh(state[1]),
        0.0 * state[2],
    ),
    diffusivity={"n": "Dn", "w": "Dw"},
    parameters={
        "Dn": Parameter(1.0, lower=0.0, unit="length²/time", doc="diffusivity of n"),
        "Dw": Parameter(2.0, lower=0.0, unit="length²/time", doc="diffusivity of w"),
        "m": Parameter(0.2, lower=0.0, doc="loss"),
        "p": Parameter(1.0, lower=0.0, doc="supply"),
        "c": Parameter(0.5, doc="cross-diffusion"),
    },
    presets={"spread": {"m": 0.1}},
    start=Start(
        kind="central_square",
        background=(0.0, 1.0, 0.0),
        patch=(1.0, 0.5, 1.0),
        noise=0.0,
    ),
    laplacian_terms=lambda state, params: (
        0.0 * state[0],
        0.0 * state[1],
        params["c"] * state[0] + state[2],
    ),
)


def test_a_new_model_needs_nothing_but_to_be_listed(monkeypatch, simulations):
    """Three species, of which one has no diffusivity, and functions that are no powers."""
    monkeypatch.setitem(MODELS, "new", NEW)
    test_is_the_same_in_every_package(NEW)
    test_declarations(NEW)
    test_latex_has_one_line_per_species(NEW)
    test_presets_are_complete_and_within_bounds(NEW, "spread")
    test_customary_start_gives_a_pattern(NEW, simulations)


def test_gray_scott_presets_stay_stable_at_time_step_one():
    """Every preset was given for a unit grid and a unit step."""
    grid, euler = rdtf.Grid((128, 128)), schemes.get("forward_euler")
    for name in models.GRAY_SCOTT.presets:
        params = models.GRAY_SCOTT.preset(name)
        assert euler.largest_time_step(grid, max(params["Du"], params["Dv"])) >= 1.0


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
