"""Hidden species as roots: exact derivatives, branches, fits, and who is refused."""

import made_patterns
import numpy as np
import pytest
from elimination_test import WITH_ROOTS

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady import roots, stage, stills
from rdtf.inverse.steady.roots import RootResidual, fit_root
from rdtf.inverse.structure.elimination import root_of
from rdtf.models import MODELS

CASES = [
    (*pair, gain, BOUNDARIES[(i + gain) % 2])
    for i, pair in enumerate(WITH_ROOTS)
    for gain in (False, True)
]
KINDS = {"periodic": "fourth_order", "no_flux": "spectral"}


def _case(model, observe, gain=False, boundary="periodic", branch=-1):
    """(residual of random fields, parameters at which its roots are real)."""
    model = MODELS[model]
    grid = Grid((6, 5), 1.2, boundary)
    rng = np.random.default_rng(3)
    fields = rng.uniform(0.5, 0.9, (2, *grid.shape))
    params = {n: v * rng.uniform(0.8, 1.2) for n, v in model.defaults.items()}
    params[model.diffusivity[observe]] *= 1e-2
    if gain:
        params |= {"gain": 0.9, "offset": 0.05}
    root = root_of(model, observe)
    branch = range(len(root.roots))[branch]
    domain = WholeDomain(grid, KINDS[boundary])
    return RootResidual(model, root, branch, domain, fields, gain), params


@pytest.mark.parametrize(
    ("model", "observe", "gain", "boundary"),
    CASES,
    ids=["-".join(map(str, c)) for c in CASES],
)
@pytest.mark.parametrize("branch", [0, -1])
def test_gradient(model, observe, gain, boundary, branch):
    residual, params = _case(model, observe, gain, boundary, branch)
    here = residual(params)
    assert np.isfinite(here.cost) and here.cost > 1e-3
    assert residual.names == list(params)

    def central(name, h=1e-4):
        def at(move):
            return residual(params | {name: params[name] * (1.0 + move * h)}).cost

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)

    expected = np.array([central(name) for name in params])
    got = here.gradient * list(params.values())
    np.testing.assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("model", "observe"), WITH_ROOTS)
def test_branches_solve_the_equation(model, observe):
    found = []
    for branch in (0, -1):
        residual, params = _case(model, observe, branch=branch)
        hidden = residual.hidden(params)
        model_ = MODELS[model]
        rng = np.random.default_rng(3)
        o = rng.uniform(0.5, 0.9, hidden.shape)
        index = model_.species.index(observe)
        state = (o, hidden) if index == 0 else (hidden, o)
        domain = WholeDomain(Grid((6, 5), 1.2), "fourth_order")
        left = params[model_.diffusivity[observe]] * domain.apply_laplacian(o)
        left = left + model_.reaction(state, params)[index]
        np.testing.assert_allclose(left, 0.0, atol=1e-12)
        found.append(hidden)
    same = np.allclose(*found)
    assert same == (model == "fitzhugh_nagumo")


def test_a_root_that_is_not_real_costs_infinity():
    residual, params = _case("schnakenberg", "v")
    bad = residual(params | {"Dv": 1e3})
    assert bad.cost == np.inf
    np.testing.assert_array_equal(bad.gradient, 0.0)
    np.testing.assert_array_equal(bad.curvature, 0.0)


@pytest.mark.parametrize(("model", "observe"), WITH_ROOTS)
def test_no_common_factor_helps(model, observe):
    residual, params = _case(model, observe)
    small, tiny = ({n: f * v for n, v in params.items()} for f in (1e-3, 1e-6))
    assert residual(tiny).cost > 1e-3
    assert residual(tiny).cost >= 0.5 * residual(small).cost


def _stills(simulations, model, observe, held=(), noise=0.0, observation=None):
    sim, made = made_patterns.get(simulations, model)
    pictures = np.asarray(made.fields[observe])
    rng = np.random.default_rng(0)
    pictures = pictures + noise * pictures.std() * rng.normal(size=pictures.shape)
    observation = observation or Observation()
    return stills.Stills(sim.model, sim.grid, observe, pictures, observation, held)


RECOVERED = [
    ("schnakenberg", "v", ()),
    ("fitzhugh_nagumo", "v", ("epsilon",)),
    ("gray_scott", "u", ("F",)),
]


@pytest.mark.parametrize(("model", "observe", "held"), RECOVERED)
def test_recovery(model, observe, held, simulations):
    """From starts up to three times too large or small, also where no root is real."""
    still = _stills(simulations, model, observe, held)
    truth, root = still.model.defaults, root_of(still.model, observe)
    name = still.model.diffusivity[observe]
    starts = stage.other_starts(still, truth, 1, 3)
    if model != "fitzhugh_nagumo":  # the only one whose root is always real
        starts.append({**truth, name: 30 * truth[name]})
    reals = []
    for start in starts:
        residual, minimum = fit_root(still, "second_order", start, root)
        reals.append(np.isfinite(residual(start).cost))
        assert residual.branch == len(root.roots) - 1
        assert minimum.params == pytest.approx(truth, rel=0.02, abs=1e-4)
    assert all(reals) == (model == "fitzhugh_nagumo")


def test_the_stage_of_stills_uses_roots(simulations):
    still = _stills(simulations, "fitzhugh_nagumo", "v", ("epsilon",))
    start = made_patterns.elsewhere("fitzhugh_nagumo") | {"epsilon": 1.0}
    steps = []
    fit = stills.fit_residual(still, "second_order", start, callback=steps.append)
    assert fit.form == "root" and fit.laplacian == "second_order"
    assert fit.params == pytest.approx(still.model.defaults, rel=0.01, abs=1e-4)
    assert fit.relative_residual < 0.01 and len(steps) > 2
    wrong = stills.fit_residual(still, "spectral", start)
    assert wrong.relative_residual > 3 * fit.relative_residual


def test_a_held_diffusivity_is_not_moved(simulations):
    """No start is real with Dv fifty times too large: the fit cannot start."""
    still = _stills(simulations, "schnakenberg", "v", ("Dv",))
    start = still.model.defaults | {"Dv": 500.0}
    root = root_of(still.model, "v")
    _, minimum = fit_root(still, "second_order", start, root)
    assert minimum.params == start and minimum.status.value == "failed_start"


@pytest.mark.parametrize(
    ("noise", "observation", "words"),
    [
        (0.02, None, ("noise of 1.9 %",)),
        (0.0, Observation(psf_sigma=0.5), ("blur",)),
    ],
)
def test_only_clean_pictures(noise, observation, words, simulations, input_error):
    still = _stills(simulations, "fitzhugh_nagumo", "v", (), noise, observation)
    advice = ("v of fitzhugh_nagumo", "another species", "--route=bptt")
    with input_error(*words, *advice):
        stills.fit_residual(still, "second_order", still.model.defaults)


def test_halvings_end():
    residual, params = _case("schnakenberg", "v")
    bad = params | {"b": -1.0}
    assert roots._real_start([residual], bad, "Dv") == bad
