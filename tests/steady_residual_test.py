"""The steady residual: its exact derivatives, its zero, and fits that start far away."""

import made_patterns
import numpy as np
import pytest
from elimination_test import COMBINED, LINEAR

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.inverse.observation.camera import Camera
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.solvers import levenberg_marquardt as lm
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady import stage, stills
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.steady.residual import SteadyResidual
from rdtf.models import MODELS
from rdtf.names import RESIDUAL_FORMS

SHAPES = [(6, 4), (8,), (4, 4, 6)]
PAIRS = [*LINEAR, *COMBINED]
CASES = [
    (*pair, form, BOUNDARIES[(i + j) % 2], SHAPES[(i + j) % 3], bool((i + j) % 2))
    for i, pair in enumerate(PAIRS)
    for j, form in enumerate(RESIDUAL_FORMS)
]
OBSERVATION = Observation(psf_sigma=0.8, cells_per_pixel=2)


def _residual(model, observe, form, grid, gain=False, camera=False):
    """(residual of random fields, parameters to look at it)."""
    model = MODELS[model]
    rng = np.random.default_rng(3)
    fields = rng.uniform(0.3, 1.0, (2, *grid.shape))
    params = {n: v * rng.uniform(0.8, 1.2) for n, v in model.defaults.items()}
    domain = WholeDomain(grid)
    steady = SteadyMap(model, observe, domain, (fields, params), combine=True)
    see = Camera(OBSERVATION, domain).see if camera else None
    if gain:
        params |= {"gain": 0.7, "offset": 0.1}
        fields = (fields - 0.1) / 0.7 + 0.05 * rng.normal(size=fields.shape)
    return SteadyResidual(steady, fields, form, see, gain), params


def _central(function, params, name, h=1e-3):
    def at(move):
        return function(params | {name: params[name] + move * h * abs(params[name])})

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h * abs(params[name]))


def _check_gradient(residual, params):
    here = residual(params)
    assert residual.names == list(params)
    assert here.cost > 1e-5
    scale = np.array([abs(v) for v in params.values()])
    central = [_central(lambda p: residual(p).cost, params, n) for n in params]
    expected = np.array(central) * scale
    got = here.gradient * scale
    np.testing.assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())
    values = np.linalg.eigvalsh(here.curvature * np.outer(scale, scale))
    assert values.min() > -1e-9 * values.max()


@pytest.mark.parametrize(
    ("model", "observe", "form", "boundary", "shape", "gain"),
    CASES,
    ids=["-".join(map(str, c)) for c in CASES],
)
def test_gradient(model, observe, form, boundary, shape, gain):
    """Away from any steady state, by each parameter."""
    grid = Grid(shape, 1.2, boundary)
    _check_gradient(*_residual(model, observe, form, grid, gain))


@pytest.mark.parametrize("gain", [False, True])
@pytest.mark.parametrize("observe", ["u", "v"])
def test_gradient_through_a_camera(observe, gain):
    grid = Grid((6, 4), 1.2, "no_flux")
    _check_gradient(*_residual("gray_scott", observe, "integral", grid, gain, True))


def test_a_camera_leaves_less_to_explain():
    grid = Grid((6, 4), 1.2, "periodic")
    costs = [
        residual(params).cost
        for residual, params in (
            _residual("gray_scott", "v", "integral", grid, camera=seen)
            for seen in (False, True)
        )
    ]
    assert costs[1] < 0.5 * costs[0]


def test_an_unknown_form(input_error):
    with input_error("norm, integral", "'raw'"):
        _residual("gray_scott", "v", "raw", Grid((6, 5)))


@pytest.mark.parametrize("form", RESIDUAL_FORMS)
@pytest.mark.parametrize(("model", "observe"), PAIRS)
def test_no_form_vanishes_with_the_parameters(model, observe, form):
    """The trivial zero D = R = 0 of the plain residual is none of these."""
    residual, params = _residual(model, observe, form, Grid((8, 8)))
    small, tiny = ({n: f * v for n, v in params.items()} for f in (1e-5, 1e-7))
    assert residual(tiny).cost > max(2e-3, 0.5 * residual(small).cost)


def test_what_cannot_be_solved_costs_infinity():
    residual, params = _residual("gray_scott", "v", "norm", Grid((6, 5)))
    bad = residual(params | {"F": -5.0})
    assert bad.cost == np.inf
    np.testing.assert_array_equal(bad.gradient, 0.0)
    assert residual(params).cost < np.inf  # and is forgotten


def _stills(simulations, model, observe, held=(), boundary="periodic"):
    sim, made = made_patterns.get(simulations, model, boundary)
    pictures = np.asarray(made.fields[observe])
    observation = Observation()
    return stills.Stills(sim.model, sim.grid, observe, pictures, observation, held)


@pytest.mark.parametrize("form", RESIDUAL_FORMS)
def test_zero_at_the_truth(form, simulations):
    """At a steady state there is next to no residual, and J^T J is the curvature."""
    model = MODELS["gray_scott"]
    still = _stills(simulations, "gray_scott", "v")
    truth = model.defaults
    steady = still.steady("second_order", truth)
    residual = SteadyResidual(steady, still.pictures, form)
    here, away = residual(truth), residual(made_patterns.SEED_START)
    assert here.cost < 1e-6 * away.cost
    values = np.array(list(truth.values()))
    for i, name in enumerate(truth):
        row = _central(lambda p: residual(p).gradient, truth, name, 1e-4) * values
        got = here.curvature[i] * values
        np.testing.assert_allclose(row, got, rtol=1e-2, atol=2e-3 * np.abs(got).max())


RECOVERED = [
    ("gray_scott", "v", ()),
    ("gray_scott", "u", ("F",)),
    ("schnakenberg", "u", ()),
    ("schnakenberg", "v", ()),
    ("brusselator", "v", ()),  # from these starts the form "norm" alone diverges
    ("gierer_meinhardt", "h", ("mu",)),
    ("fitzhugh_nagumo", "u", ("epsilon",)),
]


@pytest.mark.parametrize(("model", "observe", "held"), RECOVERED)
def test_recovery(model, observe, held, simulations):
    """From starts up to three times too large or small."""
    still = _stills(simulations, model, observe, held)
    truth = still.model.defaults
    for start in stage.other_starts(still, truth, 0, 2):
        fit = stills.fit_residual(still, "second_order", start)
        assert fit.relative_residual < 2e-3
        for name, value in truth.items():
            got = fit.params[name]
            assert got == pytest.approx(value, rel=0.01, abs=1e-4), name
        for name in held:
            assert fit.params[name] == pytest.approx(start[name], rel=1e-12)


def test_the_integral_form_recovers_alone(simulations):
    still = _stills(simulations, "gray_scott", "v")
    start = made_patterns.SEED_START
    fit = stills.fit_residual(still, "second_order", start, "integral")
    assert fit.form == "integral"
    assert fit.params == pytest.approx(still.model.defaults, rel=0.01)


def test_the_right_laplacian_leaves_less_over(simulations):
    still = _stills(simulations, "gray_scott", "v")
    start = made_patterns.SEED_START
    fits = [
        stills.fit_residual(still, kind, start)
        for kind in stills.candidates(still.grid)
    ]
    best, ratio = stills.choose_laplacian(fits)
    assert best.laplacian == "second_order" and ratio > 5.0


def test_held_parameters_and_gain_stay_apart(simulations):
    """With the gain unknown, Gray-Scott's scaling is open until one parameter is held."""
    still = _stills(simulations, "gray_scott", "v")
    levels = (still.pictures - 0.05) / 0.4
    observation = Observation(unknown_gain=True)
    held = ("F",)
    grey = stills.Stills(still.model, still.grid, "v", levels, observation, held)
    truth = still.model.defaults | {"gain": 0.4, "offset": 0.05}
    start = {n: 1.1 * v for n, v in truth.items()} | {"F": truth["F"]}
    fit = stills.fit_residual(grey, "second_order", start, "norm")
    assert fit.params == pytest.approx(truth, rel=0.02, abs=2e-3)
    assert len(fit.undetermined) == 0
    residual = SteadyResidual(
        grey.steady("second_order", truth), levels, "norm", unknown_gain=True
    )
    free = lm.Coordinates(grey.parameters, truth)
    slopes = free.slopes(truth)
    curvature = residual(truth).curvature * np.outer(slopes, slopes)
    values = np.linalg.eigvalsh(curvature)
    assert values[0] < 1e-5 * values[-1] and values[1] > 20 * abs(values[0])
