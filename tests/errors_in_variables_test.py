"""Field and parameters at once: the steps are Newton's, and noise is seen through."""

import made_patterns
import numpy as np
import pytest

from rdtf import Grid
from rdtf.inverse.noisy import errors_in_variables as eiv
from rdtf.inverse.noisy import field_fits
from rdtf.inverse.noisy.errors_in_variables import Misfit
from rdtf.inverse.observation.camera import Camera
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.solvers.levenberg_marquardt import Coordinates
from rdtf.inverse.steady import stills
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.models import MODELS, Parameter
from rdtf.status import FitStatus

CAMERAS = {
    "plain": {},
    "blur": {"psf_sigma": 0.8},
    "pixels": {"cells_per_pixel": 2},
    "mask": {"mask": True},
}
CASES = [
    ("gray_scott", "v", "plain", True),
    ("gray_scott", "v", "mask", True),
    ("gray_scott", "u", "pixels", False),
    ("schnakenberg", "v", "blur", False),
    ("gierer_meinhardt", "a", "mask", False),
]


class Case:
    """A misfit at a random field that is not steady, with pictures that differ."""

    def __init__(self, model, observe, camera, gain, shape=(6, 4)):
        rng = np.random.default_rng(1)
        model = MODELS[model]
        known = dict(CAMERAS[camera])
        self.levels = rng.uniform(0.4, 0.8, (1, *shape))
        if "mask" in known:
            known["mask"] = rng.random(self.levels.shape) < 0.7
        domain = WholeDomain(Grid(shape, 1.2, "no_flux"))
        self.camera = Camera(Observation(**known), domain)
        self.params = {n: v * rng.uniform(0.9, 1.1) for n, v in model.defaults.items()}
        parameters = dict(model.parameters)
        if gain:
            self.params |= {"gain": 0.9, "offset": 0.03}
            parameters |= {"gain": Parameter(1.0, lower=0.0), "offset": Parameter(0.0)}
        typical = (self.levels, self.params)
        steady = SteadyMap(model, observe, domain, typical, combine=True)
        pictures = self.camera.see(self.levels)
        pictures = pictures + 0.1 * rng.normal(size=pictures.shape)
        self.coordinates = Coordinates(parameters, self.params, list(self.params)[:1])
        self.misfit = Misfit(steady, self.camera, pictures, 0.1, 0.05, self.coordinates)

    def cost(self, levels, vector=None):
        params = self.params
        if vector is not None:
            params = self.coordinates.decode(vector)
        return self.misfit.evaluate(levels, params)[0]


@pytest.fixture(params=CASES, ids=["-".join(map(str, c)) for c in CASES])
def case(request):
    return Case(*request.param)


def _central(function, h):
    return (8 * (function(h) - function(-h)) - (function(2 * h) - function(-2 * h))) / (
        12 * h
    )


def _dense(case):
    """(gradient, Gauss-Newton matrix) of field and free coordinates, from residuals."""
    free = np.flatnonzero(case.coordinates.free)
    start = case.coordinates.encode(case.params)
    size = case.levels.size

    def residual(x):
        vector = start.copy()
        vector[free] = x[size:]
        levels = x[:size].reshape(case.levels.shape)
        params = case.coordinates.decode(vector)
        _, data, model, _ = case.misfit.evaluate(levels, params)
        parts = data / case.misfit.sigma, model / case.misfit.epsilon
        return np.concatenate([part.ravel() for part in parts])

    x = np.concatenate([case.levels.ravel(), start[free]])
    columns = [
        _central(lambda h, unit=unit: residual(x + h * unit), 1e-4)
        for unit in np.eye(len(x))
    ]
    jacobian = np.stack(columns)
    return jacobian @ residual(x), jacobian @ jacobian.T


def test_the_step_is_gauss_newton(case):
    """Field eliminated by conjugate gradients, against one dense matrix for all."""
    gradient, matrix = _dense(case)
    here = case.misfit.evaluate(case.levels, case.params)
    moves, schur_gradient, schur, scatter = case.misfit.step(here, case.params)
    size = case.levels.size
    hff, hfp, hpp = matrix[:size, :size], matrix[:size, size:], matrix[size:, size:]
    solved = np.linalg.solve(hff, np.column_stack([gradient[:size], hfp]))
    expected = hpp - hfp.T @ solved[:, 1:]
    scale = np.sqrt(np.diag(hpp))
    tolerance = {"rtol": 0.0, "atol": 0.02}
    np.testing.assert_allclose(
        schur / np.outer(scale, scale), expected / np.outer(scale, scale), **tolerance
    )
    target = gradient[size:] - hfp.T @ solved[:, 0]
    np.testing.assert_allclose(schur_gradient, target, atol=0.02 * np.abs(target).max())
    flat = moves.reshape(len(moves), -1)
    for got, wanted in zip(flat, solved.T, strict=True):
        assert np.linalg.norm(got - wanted) < 0.02 * np.linalg.norm(wanted)
    values = np.linalg.eigvalsh(scatter)
    assert values.min() > -1e-9 * values.max()


def test_the_schur_gradient_is_that_of_the_profiled_cost():
    """Where the field is best, the cost depends on the parameters alone."""
    case = Case("gray_scott", "v", "plain", False, (4, 3))
    free = np.flatnonzero(case.coordinates.free)

    def profile(vector, levels):
        params = case.coordinates.decode(vector)
        for _ in range(40):
            here = case.misfit.evaluate(levels, params)
            moves, gradient, _, _ = case.misfit.step(here, params)
            levels = levels - moves[0]
            if np.abs(moves[0]).max() < 1e-6:
                break
        return here[0], levels, gradient

    start = case.coordinates.encode(case.params)
    _, levels, gradient = profile(start, case.levels)
    for got, i in zip(gradient, free, strict=True):
        unit = 1e-3 * np.eye(len(start))[i]
        costs = [profile(start + sign * unit, levels)[0] for sign in (1, -1)]
        slope = (costs[0] - costs[1]) / 2e-3
        assert got == pytest.approx(slope, rel=2e-3, abs=1e-3 * np.abs(gradient).max())


def test_evaluate_adds_up(case):
    """Both terms by hand; what the mask hides does not count."""
    misfit = case.misfit
    cost, data, model, point = misfit.evaluate(case.levels, case.params)
    gain, offset = case.params.get("gain", 1.0), case.params.get("offset", 0.0)
    np.testing.assert_allclose(point.o, gain * case.levels + offset, rtol=1e-14)
    seen = case.camera.see(case.levels) - misfit.mask * misfit.pictures
    np.testing.assert_allclose(data, seen, atol=1e-14)
    np.testing.assert_allclose(gain * model, point.o - point.w, atol=1e-13)
    expected = 50.0 * np.sum(data**2) + 200.0 * np.sum(model**2)
    assert cost == pytest.approx(expected, rel=1e-12)
    dirt = np.where(misfit.mask > 0.0, misfit.pictures, 9.0)
    other = Misfit(
        misfit.steady, case.camera, dirt, 0.1, 0.05, case.coordinates
    ).evaluate(case.levels, case.params)
    assert other[0] == pytest.approx(cost, rel=1e-12)


def test_a_sick_field_costs_infinity():
    case = Case("gray_scott", "v", "plain", False)
    assert case.misfit.evaluate(case.levels * np.nan, case.params)[0] == np.inf
    estimate = eiv.minimise(case.misfit, case.levels * np.nan, case.params)
    assert estimate.status is FitStatus.FAILED_START


def _fit(simulations, model, observe, noise=0.05, held=(), start=None, **known):
    sim, made = made_patterns.get(simulations, model)
    fields = np.asarray(made.fields[observe])[:1]
    observation = Observation(**known)
    see = Camera(observation, WholeDomain(sim.grid)).see
    rng = np.random.default_rng(0)
    pictures = see(fields)
    pictures = pictures + noise * fields.std() * rng.normal(size=pictures.shape)
    still = stills.Stills(sim.model, sim.grid, observe, pictures, observation, held)
    start = start or {n: 1.1 * v for n, v in sim.model.defaults.items()}
    found = stills.fit_residual(still, "second_order", start)
    return (
        still,
        fields,
        found,
        field_fits.fit_field(still, {"second_order": found.params}),
    )


def _worst(estimate, truth, held=()):
    """Largest error in predicted standard deviations."""
    names = [n for n in truth if n not in held]
    index = [list(truth).index(n) for n in names]
    covariance = np.linalg.inv(estimate.curvature[np.ix_(index, index)])
    sd = np.sqrt(np.diag(covariance))
    moved = [np.log(estimate.params[n] / truth[n]) for n in names]
    return np.max(np.abs(moved) / sd)


def test_recovery_at_five_percent(simulations):
    """Within a few of the standard deviations that the curvature predicts."""
    still, fields, found, estimate = _fit(simulations, "gray_scott", "v")
    truth = still.model.defaults
    assert not still.clean
    assert estimate.status is FitStatus.CONVERGED and estimate.iterations < 25
    assert estimate.params == pytest.approx(truth, rel=0.05)
    assert _worst(estimate, truth) < 5.0
    assert 0.7 < estimate.data_misfit < 1.2
    assert np.std(estimate.field - fields) < 0.02 * fields.std()
    before = max(abs(found.params[n] / truth[n] - 1.0) for n in truth)
    after = max(abs(estimate.params[n] / truth[n] - 1.0) for n in truth)
    assert after < before


@pytest.mark.parametrize(
    ("model", "observe", "held"),
    [("gray_scott", "u", ("F",)), ("fitzhugh_nagumo", "u", ("epsilon",))],
)
def test_recovery_of_others(model, observe, held, simulations):
    start = dict(MODELS[model].defaults)
    start = {n: v if n in held else 1.1 * v for n, v in start.items()}
    still, _, _, estimate = _fit(simulations, model, observe, 0.02, held, start)
    assert estimate.params == pytest.approx(still.model.defaults, rel=0.05, abs=0.01)
    row = list(still.model.parameters).index(held[0])
    np.testing.assert_array_equal(estimate.curvature[row], 0.0)


def test_the_mask_hides(simulations):
    """A third of the cells is missing; what stands there does not matter."""
    mask = np.random.default_rng(4).random((1, 32, 32)) < 0.67
    still, fields, _, estimate = _fit(simulations, "gray_scott", "v", 0.02, mask=mask)
    assert estimate.params == pytest.approx(still.model.defaults, rel=0.05)
    error = np.abs(estimate.field - fields)[~mask]
    assert np.sqrt(np.mean(error**2)) < 0.05 * fields.std()
    assert 0.5 < estimate.data_misfit < 1.5


def test_a_known_gain_is_held(simulations):
    """Levels of a gain and an offset that are known fit as the concentrations do."""
    sim, made = made_patterns.get(simulations)
    fields = np.asarray(made.fields["v"])[:1]
    rng = np.random.default_rng(0)
    levels = (fields - 0.05) / 0.4
    levels = levels + 0.02 * levels.std() * rng.normal(size=levels.shape)
    observation = Observation(unknown_gain=True)
    held = ("gain", "offset")
    still = stills.Stills(sim.model, sim.grid, "v", levels, observation, held)
    truth = sim.model.defaults
    start = {n: 1.1 * v for n, v in truth.items()} | {"gain": 0.4, "offset": 0.05}
    estimate = field_fits.fit_field(still, {"second_order": start})
    got = {n: estimate.params[n] for n in truth}
    assert got == pytest.approx(truth, rel=0.05)
    assert estimate.params["gain"] == pytest.approx(0.4, rel=1e-12)
    assert estimate.params["offset"] == 0.05
    plain = stills.Stills(sim.model, sim.grid, "v", 0.4 * levels + 0.05, Observation())
    start = {n: start[n] for n in truth}
    same = field_fits.fit_field(plain, {"second_order": start})
    assert got == pytest.approx(same.params, rel=1e-3)


def test_explains(simulations):
    """Parameters held elsewhere leave more than the noise, or a field in motion."""
    still, _, _, estimate = _fit(simulations, "gray_scott", "v", 0.01)
    assert eiv.explains(estimate)
    held = tuple(still.model.parameters)
    wrong = stills.Stills(
        still.model, still.grid, "v", still.pictures, Observation(), held[:3]
    )
    params = still.model.defaults | {"Du": 0.3}
    assert not eiv.explains(field_fits.fit_field(wrong, {"second_order": params}))
