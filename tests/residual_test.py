"""The steady residual: what it eliminates, its exact derivatives, its zero."""

import made_patterns
import numpy as np
import pytest
import tensorflow as tf

from rdtf import Grid, math, models
from rdtf.grids import BOUNDARIES
from rdtf.losses.elimination import eliminate
from rdtf.losses.residual import FORMS, SteadyResidual
from rdtf.models import MODELS, Parameter, ReactionDiffusion

LINEAR = list(made_patterns.MADE)
NOT_LINEAR = [
    (name, species)
    for name, model in MODELS.items()
    for species in model.species
    if (name, species) not in [*LINEAR, ("fitzhugh_nagumo", "v")]
]
SHAPES = [(6, 5), (9,), (3, 4, 5)]
CASES = [
    (*pair, form, boundary, SHAPES[(i + j + k) % 3])
    for i, pair in enumerate(LINEAR)
    for j, form in enumerate(FORMS)
    for k, boundary in enumerate(BOUNDARIES)
]


@pytest.fixture
def eager():
    """Derivatives are checked uncompiled: each compilation would take seconds."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def _fields(shape, samples=2):
    return np.random.default_rng(3).uniform(0.3, 1.0, (samples, *shape))


def _direction(params):
    """A random share of each parameter, so that no term can hide behind another."""
    shares = np.random.default_rng(7).uniform(0.5, 1.0, len(params))
    shares *= np.where(np.arange(len(params)) % 2, -1.0, 1.0)
    return {n: v * s for (n, v), s in zip(params.items(), shares, strict=True)}


def _central(function, params, direction, h=1e-3):
    """The derivative of a function of parameters along a direction, to fourth order."""

    def at(move):
        moved = {n: v + move * h * direction[n] for n, v in params.items()}
        return function(moved)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


@pytest.mark.parametrize(("model", "observe"), LINEAR)
def test_what_can_be_eliminated(model, observe):
    """The split says what the equations say, at random fields and parameters."""
    model = MODELS[model]
    params = {n: abs(v) + 0.1 for n, v in model.defaults.items()}
    split = eliminate(model, observe, params)
    rng = np.random.default_rng(0)
    o, l = rng.uniform(0.2, 1.0, (2, 7))
    state = (o, l) if split.observed == 0 else (l, o)
    assert model.species[split.observed] == observe
    assert split.hidden == 1 - split.observed
    reaction = model.reaction(state, params)
    b, c, m, q = (split.terms[name](o, l, params) for name in "bcmq")
    np.testing.assert_allclose(b - c * l, reaction[split.hidden], rtol=1e-12)
    np.testing.assert_allclose(q - m * o, reaction[split.observed], rtol=1e-12)
    np.testing.assert_allclose(
        split.terms["reaction"](o, l, params), reaction[split.observed], rtol=1e-12
    )
    assert np.all(m > 0)
    terms = [split.terms[n] for n in "bc"]
    for term in terms:  # free of the hidden species
        np.testing.assert_array_equal(term(o, l, params), term(o, 9 * l, params))


def test_what_decays_by_itself():
    """m is the linear decay of the observed species where there is one."""
    gray_scott = eliminate(MODELS["gray_scott"], "v", MODELS["gray_scott"].defaults)
    params = {"Du": 1.0, "Dv": 1.0, "F": 0.25, "k": 0.5}
    assert gray_scott.terms["m"](0.3, 0.7, params) == 0.75
    nagumo = MODELS["fitzhugh_nagumo"]  # its u grows by itself: 2 on both sides
    split = eliminate(nagumo, "u", nagumo.defaults)
    assert split.terms["m"](0.3, 0.7, nagumo.defaults) == 2


@pytest.mark.parametrize(("model", "observe"), NOT_LINEAR)
def test_what_cannot_be_eliminated(model, observe, input_error):
    model = MODELS[model]
    other = next(s for s in model.species if s != observe)
    with input_error("--route=bptt", f"if {observe} is seen", f"observe {other}"):
        eliminate(model, observe, model.defaults)


def test_gray_scott_needs_v():
    assert ("gray_scott", "v") in LINEAR and ("gray_scott", "u") in NOT_LINEAR


def test_two_species_are_needed(input_error):
    parameters = {"D": Parameter(1.0)}
    for species in (("a",), ("a", "b", "c")):
        model = ReactionDiffusion(
            "toy", species, lambda s, p: s, {"a": "D"}, parameters
        )
        with input_error("two species", "--route=bptt"):
            eliminate(model, "a", {"D": 1.0})


def test_functions_of_rdtf_math_pass():
    """Reactions may use exp and the like of what is observed."""

    def reaction(state, params):
        a, b = state
        return b - a, math.exp(-a) * params["r"] - b

    parameters = {n: Parameter(1.0, 0.0) for n in ("D", "E", "r")}
    model = ReactionDiffusion(
        "toy", ("a", "b"), reaction, {"a": "D", "b": "E"}, parameters
    )
    split = eliminate(model, "a", model.defaults)
    o = tf.constant([0.5, 1.0], tf.float64)
    got = split.terms["b"](o, None, {"D": 1.0, "E": 1.0, "r": 2.0})
    np.testing.assert_allclose(got, 2.0 * np.exp([-0.5, -1.0]), rtol=1e-14)


@pytest.mark.parametrize(
    ("model", "observe", "form", "boundary", "shape"),
    CASES,
    ids=["-".join(map(str, c)) for c in CASES],
)
def test_gradient(model, observe, form, boundary, shape, eager):
    """Away from any steady state, by each parameter."""
    model = MODELS[model]
    params = model.defaults
    linearise = SteadyResidual(
        model, Grid(shape, 1.2, boundary), observe, _fields(shape), params, form
    )
    here = linearise(params)
    assert here.cost > 1e-4 and here.solver_residual < 1e-9
    direction = _direction(params)
    slope = here.gradient @ np.array(list(direction.values()))
    central = _central(lambda p: linearise(p).cost, params, direction)
    assert slope == pytest.approx(central, rel=1e-6)


@pytest.mark.parametrize(("model", "observe"), LINEAR)
def test_hidden_and_its_slopes(model, observe, eager):
    model = MODELS[model]
    params = model.defaults
    fields = _fields((6, 5))
    linearise = SteadyResidual(model, Grid((6, 5)), observe, fields, params)
    field, slopes = linearise.hidden(params)
    assert field.shape == fields.shape and slopes.shape == (len(params), *fields.shape)
    direction = _direction(params)
    along = np.tensordot(list(direction.values()), slopes, 1)
    central = _central(lambda p: linearise.hidden(p)[0].numpy(), params, direction)
    np.testing.assert_allclose(along, central, atol=1e-6 * np.abs(along).max())


@pytest.mark.parametrize(("model", "observe"), LINEAR)
def test_tape_through_the_hidden_species(model, observe, eager):
    """Scalar tensors, variables and nested expressions of them."""
    model = MODELS[model]
    params = model.defaults
    linearise = SteadyResidual(
        model, Grid((6, 5)), observe, _fields((6, 5)), params, "norm"
    )
    variables = {n: tf.Variable(v, dtype=tf.float64) for n, v in params.items()}
    weights = np.random.default_rng(4).normal(size=(2, 6, 5))
    with tf.GradientTape() as tape:
        doubled = {n: 2.0 * v for n, v in variables.items()}
        value = tf.reduce_sum(tf.sin(linearise.hidden_tensor(doubled)) * weights)
    gradient = tape.gradient(
        value, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )

    def at(values):
        field = linearise.hidden({n: 2.0 * v for n, v in values.items()})[0]
        return np.sum(np.sin(field) * weights)

    direction = _direction(params)
    slope = sum(float(gradient[n]) * d for n, d in direction.items())
    assert slope == pytest.approx(_central(at, params, direction), rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_zero_at_the_truth(form, simulations):
    """At a steady state: no residual, the true hidden field, J^T J as curvature."""
    sim, made = made_patterns.get(simulations)
    truth = sim.model.defaults
    linearise = SteadyResidual(sim.model, sim.grid, "v", made.fields["v"], truth, form)
    here = linearise(truth)
    away = linearise(made_patterns.SEED_START)
    assert here.cost < 1e-7 * away.cost
    hidden, _ = linearise.hidden(truth)
    np.testing.assert_allclose(hidden, made.fields["u"], atol=2e-4)
    values = np.array(list(truth.values()))
    for i, name in enumerate(truth):  # where r = 0, curvature is the Hessian
        one = dict.fromkeys(truth, 0.0) | {name: truth[name]}
        row = _central(lambda p: linearise(p).gradient, truth, one, h=1e-4) * values
        got = here.curvature[i] * values * values[i]
        np.testing.assert_allclose(row, got, rtol=1e-2, atol=1e-3 * np.abs(got).max())


def test_an_unknown_form(input_error):
    model = models.GRAY_SCOTT
    with input_error("norm, integral", "'raw'"):
        SteadyResidual(model, Grid((6, 5)), "v", _fields((6, 5)), model.defaults, "raw")


@pytest.mark.parametrize("form", FORMS)
def test_neither_form_vanishes_with_the_parameters(form, eager):
    """The trivial zero D = R = 0 of the plain residual is none of these."""
    model = models.GRAY_SCOTT
    fields = _fields((6, 5))
    linearise = SteadyResidual(model, Grid((6, 5)), "v", fields, model.defaults, form)
    tiny = {"Du": 0.16, "Dv": 1e-6, "F": 1e-6, "k": 1e-6}
    assert linearise(tiny).cost > 0.1 * linearise(model.defaults).cost
