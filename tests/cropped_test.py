"""Pictures cut from larger patterns: operators, tangents, gradients, parameters."""

import made_patterns
import numpy as np
import pytest
import scipy.optimize

import rdtf
from rdtf.inverse import Observation, Problem
from rdtf.inverse.cropped import fits
from rdtf.inverse.cropped.domain import LAPLACIANS, CropDomain
from rdtf.inverse.cropped.latent_field import LatentFieldResidual
from rdtf.inverse.cropped.residual import CropResidual
from rdtf.inverse.cropped.system import CropSystem
from rdtf.inverse.observation import noise
from rdtf.inverse.solvers import elliptic, levenberg_marquardt
from rdtf.inverse.solvers.block_tridiagonal import BlockTridiagonal
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.steady.residual import SteadyResidual
from rdtf.inverse.structure import equations
from rdtf.status import InputError

GRAY_SCOTT = rdtf.models.GRAY_SCOTT
PARAMS = {"Du": 0.14, "Dv": 0.09, "F": 0.04, "k": 0.06}


def _domain(shape=(9, 11), laplacian="second_order", spacing=1.0):
    return CropDomain(rdtf.Grid(shape, spacing, "no_flux"), laplacian)


def _fields(shape, seed=0):
    """u and v of a smooth pattern with more than one wave."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    wave = np.cos(0.9 * x + 0.3 * y + 1.0) + np.cos(0.8 * y - 0.5 * x)
    v = 0.2 + 0.06 * wave + 0.002 * rng.normal(size=shape)
    return np.stack([0.5 - 0.1 * wave, v])


@pytest.fixture(scope="module")
def pattern(simulations):
    """(a steady periodic v `[2, 32, 32]`, its parameters)."""
    sim, targets = made_patterns.get(simulations)
    return targets.fields["v"], sim.model.defaults


def _largest_error(params, truth):
    return max(abs(params[name] / value - 1.0) for name, value in truth.items())


def _errors_of_refinement(laplacian):
    """Largest errors of (c - D ∇²) f = b with f given on the edge of [0, 1]²."""
    errors, d = [], 0.3
    for n in (9, 17, 33):
        domain = _domain((n, n), laplacian, 1.0 / (n - 1))
        y, x = np.meshgrid(*[np.linspace(0.0, 1.0, n)] * 2, indexing="ij")
        f = np.sin(4.0 * x + 0.4) * np.cosh(2.0 * y - 0.3)
        c = 2.0 + np.sin(3.0 * x * y)
        ring = np.zeros_like(f)
        ring[domain.ring] = f[domain.ring]
        b = domain.mass @ (c * f + 12.0 * d * f - c * ring).ravel()
        b += d * (domain.laplacian @ ring.ravel())
        solver = domain.factor([d], [[c]])
        found = domain.from_lines(solver.solve(domain.to_lines(b[None, :, None])), 1)
        errors.append(np.abs(found.ravel() - f[domain.interior].ravel()).max())
    return np.array(errors)


@pytest.mark.parametrize(("laplacian", "order"), [("second_order", 2), ("compact", 4)])
def test_order_of_convergence_with_given_edges(laplacian, order):
    errors = _errors_of_refinement(laplacian)
    orders = np.log2(errors[:-1] / errors[1:])
    assert errors[-1] < 2e-3 and orders == pytest.approx(order, abs=0.25)


def test_unequal_spacings():
    domain = _domain((7, 9), spacing=(0.5, 0.25))
    y, x = np.indices((7, 9)) * np.array([0.5, 0.25])[:, None, None]
    laplacian = domain.laplacian @ (x**2 - 3.0 * y**2).ravel()
    np.testing.assert_allclose(laplacian, -4.0, atol=1e-10)


def test_block_tridiagonal_against_a_dense_matrix():
    rng = np.random.default_rng(0)
    lower, diagonal, upper = rng.normal(size=(3, 5, 4, 4))
    diagonal += 6.0 * np.eye(4)
    dense = np.zeros((20, 20))
    for k in range(5):
        rows = slice(4 * k, 4 * k + 4)
        dense[rows, rows] = diagonal[k]
        if k:
            dense[rows, 4 * k - 4 : 4 * k] = lower[k]
        if k < 4:
            dense[rows, 4 * k + 4 : 4 * k + 8] = upper[k]
    b = rng.normal(size=(5, 4, 3))
    found = BlockTridiagonal(lower, diagonal, upper).solve(b)
    np.testing.assert_allclose(dense @ found.reshape(20, 3), b.reshape(20, 3))


@pytest.mark.parametrize("laplacian", LAPLACIANS)
def test_smoothing_is_symmetric_and_solves_the_uniform_problem(laplacian):
    domain, m, d = _domain(laplacian=laplacian), 0.3, 0.2
    x, y = np.random.default_rng(1).normal(size=(2, 7 * 9, 2))
    smooth = domain.smooth(m, d, x)
    assert np.vdot(y, smooth) == pytest.approx(np.vdot(domain.smooth(m, d, y), x))
    solver = domain.factor([d], [[m]])
    same = domain.from_lines(solver.solve(domain.to_lines(x[None])), 1)[0]
    np.testing.assert_allclose(smooth, same, atol=1e-12)


@pytest.mark.parametrize("laplacian", LAPLACIANS)
def test_the_jacobian_is_that_of_the_defect_and_of_the_solver(laplacian):
    fields = _fields((9, 11))
    domain = _domain(laplacian=laplacian)
    system = CropSystem(equations.of(GRAY_SCOTT), domain, [0, 1])
    jacobian = system.jacobian(fields, PARAMS)
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=fields.shape), rng.normal(size=jacobian.shape[0])

    def defects(step):
        moved = fields + step * x
        return np.concatenate([system.defect(i, moved, PARAMS) for i in (0, 1)])

    slope = (defects(1e-5) - defects(-1e-5)) / 2e-5
    np.testing.assert_allclose(jacobian @ x.ravel(), slope, atol=1e-8)
    assert y @ slope == pytest.approx(x.ravel() @ (jacobian.T @ y), rel=1e-6)
    rows, columns = domain.ring
    x[:, rows, columns] = 0.0
    rho = (jacobian @ x.ravel()).reshape(2, -1, 1)
    inner = system.solve(system.factor(fields, PARAMS), rho)
    np.testing.assert_allclose(-inner.ravel(), x[domain.interior].ravel(), atol=1e-10)


@pytest.mark.parametrize("laplacian", LAPLACIANS)
def test_tangents_of_hidden_fields_by_ring_and_parameters(laplacian):
    fields = _fields((9, 11))
    system = CropSystem(equations.of(GRAY_SCOTT), _domain(laplacian=laplacian), [0])

    def solved(ring, params):
        moved = fields.copy()
        moved[0][system.domain.ring] += ring
        system.newton(system.factor(moved, params), moved, params)
        return moved[0][system.domain.interior].ravel()

    ring = np.random.default_rng(3).normal(size=len(system.domain.ring[0]))
    here = fields.copy()
    system.newton(system.factor(here, PARAMS), here, PARAMS)
    factor = system.factor(here, PARAMS)
    by_ring = system.by_rings(factor, here, PARAMS)[0]
    slope = solved(0.5 * ring, PARAMS) - solved(-0.5 * ring, PARAMS)
    np.testing.assert_allclose(by_ring @ ring, slope, atol=1e-10)
    by_params = system.by_params(factor, here, PARAMS)[0]
    for column, name in zip(by_params.T, PARAMS, strict=True):
        more, less = ({**PARAMS, name: PARAMS[name] + s} for s in (1e-6, -1e-6))
        slope = (solved(0.0, more) - solved(0.0, less)) / 2e-6
        np.testing.assert_allclose(column, slope, atol=1e-5)


def _residual(form, laplacian, pictures, model=GRAY_SCOTT, observe="v", params=PARAMS):
    grid = rdtf.Grid(pictures.shape[1:], boundary="no_flux")
    domain = CropDomain(grid, laplacian)
    mirrored = elliptic.WholeDomain(grid)
    steady = SteadyMap(model, observe, mirrored, (pictures, params))
    fields = np.stack(steady(pictures, params).fields, axis=1)
    if form == "picture":
        system, observed = equations.of(model), model.check_species(observe)
        return LatentFieldResidual(
            equations=system,
            domain=domain,
            observed=observed,
            pictures=pictures,
            fields=fields,
            params=params,
            sigma=0.001,
        )
    return CropResidual(steady, domain, pictures, fields, form, [1e-4])


@pytest.mark.parametrize("laplacian", LAPLACIANS)
@pytest.mark.parametrize("form", ["norm", "integral", "picture"])
def test_gradient_of_the_projected_cost(form, laplacian):
    pictures = np.stack([_fields((10, 12), seed)[1] for seed in (0, 1)])
    residual = _residual(form, laplacian, pictures)
    for _ in range(3):  # the rings come to rest
        here = residual(PARAMS)
    for i, (name, value) in enumerate(PARAMS.items()):
        step = 1e-4 * value
        costs = [residual({**PARAMS, name: value + s}).cost for s in (step, -step)]
        slope = (costs[0] - costs[1]) / (2.0 * step)
        assert here.gradient[i] == pytest.approx(slope, rel=1e-3)


def test_gradient_where_the_reaction_is_not_linear_in_the_hidden_species():
    model = rdtf.models.GIERER_MEINHARDT
    wave = _fields((10, 10))[1:]
    pictures, params = 1.0 + 5.0 * (wave - wave.mean()), model.defaults
    residual = _residual("integral", "second_order", pictures, model, "a", params)
    for _ in range(3):
        here = residual(params)
    names = [n for n in params if params[n] > 0.0]
    for name in names:
        step = 1e-2 * params[name]
        costs = [
            residual({**params, name: params[name] + s}).cost for s in (step, -step)
        ]
        slope = (costs[0] - costs[1]) / (2.0 * step)
        assert here.gradient[list(params).index(name)] == pytest.approx(
            slope, rel=0.02, abs=1e-5
        )


@pytest.mark.parametrize("form", ["norm", "integral"])
def test_no_ring_is_better_than_the_projected_one(form):
    pictures = _fields((8, 8))[None, 1]
    residual = _residual(form, "second_order", pictures)
    best = residual(PARAMS).cost
    misfit, prior = residual._crops[0], residual._prior
    system, fields = misfit.system, residual.fields[0]

    def cost(ring):
        moved = fields.copy()
        moved[0][system.domain.ring] = ring
        system.newton(system.factor(moved, PARAMS), moved, PARAMS)
        r = misfit.residual(moved, PARAMS)
        return 0.5 * float(r @ r + ring @ prior @ ring)

    ring = fields[0][system.domain.ring]
    assert cost(ring) == pytest.approx(best, rel=1e-6)
    assert scipy.optimize.minimize(cost, ring).fun > best * (1.0 - 1e-4)


def _fit_crop(model, spacing, observe, fields, start, held=(), **options):
    grid = rdtf.Grid(fields.shape[1:], spacing, "no_flux")
    problem = Problem(
        simulation=rdtf.Simulation(model, grid, 0.01),
        observe=observe,
        fields=fields,
        start=start,
        held=held,
        observation=Observation(cropped=True),
    )
    return fits.fit(problem, **options)


def test_a_clean_crop_that_wrapping_around_gets_wrong(pattern):
    v, truth = pattern
    cut = v[:1, 3:25, 5:27]
    wrapped = elliptic.WholeDomain(rdtf.Grid(cut.shape[1:]))
    start = made_patterns.SEED_START
    steady = SteadyMap(GRAY_SCOTT, "v", wrapped, (cut, start))
    coordinates = levenberg_marquardt.Coordinates(GRAY_SCOTT.parameters, start)
    periodic = levenberg_marquardt.minimise(
        SteadyResidual(steady, cut, "norm"), coordinates, start
    )
    assert _largest_error(periodic.params, truth) > 0.1
    fit = _fit_crop(GRAY_SCOTT, 1.0, "v", cut, start)
    assert fit.form == "norm" and fit.starts == 1
    assert _largest_error(fit.params, truth) < 3e-3
    assert fit.sigma < 1e-3 * cut.std() and not fit.undetermined
    assert (np.diff(fit.singular_values) <= 0.0).all()


def test_a_noisy_crop(pattern):
    v, truth = pattern
    cut = v[:1, 2:30, 2:30]
    sigma = 0.01 * cut.std()
    noisy = cut + sigma * np.random.default_rng(4).normal(size=cut.shape)
    fit = _fit_crop(GRAY_SCOTT, 1.0, "v", noisy, made_patterns.SEED_START)
    assert fit.form == "picture" and fit.starts == 1
    assert _largest_error(fit.params, truth) < 0.03
    assert fit.sigma == pytest.approx(sigma, rel=0.15)
    assert all(
        abs(fit.params[name] - value) < 5.0 * fit.sd[name]
        for name, value in truth.items()
    )
    cleaner = np.sqrt(np.mean((fit.field - cut) ** 2))
    assert cleaner < 0.6 * sigma


def test_crops_share_parameters_and_held_ones_stay(pattern):
    v, truth = pattern
    cuts = np.concatenate([v[:, :20, :20], v[:, 10:30, 12:32]])
    start = {**made_patterns.SEED_START, "Dv": truth["Dv"]}
    fit = _fit_crop(GRAY_SCOTT, 1.0, "v", cuts, start, held=("Dv",))
    assert fit.params["Dv"] == truth["Dv"] and fit.sd["Dv"] == 0.0
    assert _largest_error(fit.params, truth) < 3e-3
    assert fit.field.shape == (4, 20, 20) and len(fit.singular_values) == 3


def test_another_model(simulations):
    sim, targets = made_patterns.get(simulations, "schnakenberg")
    cut, truth = targets.fields["u"][:, 2:20, 3:21], sim.model.defaults
    start = made_patterns.elsewhere("schnakenberg")
    fit = _fit_crop(sim.model, sim.grid.spacing, "u", cut, start)
    assert _largest_error(fit.params, truth) < 0.01


def _spectral_pattern(n, params, steps=6000):
    """A steady v `[1, n, n]` of exact derivatives: waves, implicit Euler for diffusion."""
    k = 2.0 * np.pi * np.fft.fftfreq(n)
    symbol = -(k[:, None] ** 2 + k[: n // 2 + 1] ** 2)
    filters = [1.0 / (1.0 - params[name] * symbol) for name in ("Du", "Dv")]
    u, v = np.ones((n, n)), np.zeros((n, n))
    for y, x in ((3, 4), (20, 9), (12, 24)):
        u[y : y + 8, x : x + 8], v[y : y + 8, x : x + 8] = 0.5, 0.25
    for _ in range(steps):
        uvv = u * v * v
        u = u + params["F"] * (1.0 - u) - uvv
        v = v + uvv - (params["F"] + params["k"]) * v
        u, v = (
            np.fft.irfft2(f * np.fft.rfft2(s), (n, n))
            for f, s in zip(filters, (u, v), strict=True)
        )
    assert v.std() > 0.05
    return v[None]


def test_the_compact_laplacian_is_for_patterns_of_the_true_equation():
    truth = GRAY_SCOTT.preset("spots")
    cut = _spectral_pattern(36, truth)[:, 2:34, 1:33]
    errors = {}
    for laplacian in LAPLACIANS:
        fit = _fit_crop(
            GRAY_SCOTT, 1.0, "v", cut, made_patterns.SEED_START, laplacian=laplacian
        )
        errors[laplacian] = _largest_error(fit.params, truth)
    assert errors["compact"] < 0.02 and errors["second_order"] > 0.05


def _bumpy(shape):
    y, x = np.indices(shape) / 10.0
    return (0.3 * x - y**2 + np.sin(2.0 * x + y))[None]


def test_noise_of_a_picture_whose_edges_do_not_match():
    clean = _bumpy((40, 32))
    assert noise.estimate_crop(clean) < 1e-7
    rng, found = np.random.default_rng(5), []
    for _ in range(20):
        found.append(noise.estimate_crop(clean + 0.01 * rng.normal(size=clean.shape)))
    assert np.mean(found) == pytest.approx(0.01, rel=0.05)


def test_smoothing_keeps_cubics_and_removes_noise():
    y, x = np.indices((24, 20)) / 10.0
    cubic = (1.0 + x**3 - 2.0 * y**2 * x + x**3 * y**3)[None]
    np.testing.assert_allclose(noise.smooth_crop(cubic, 0.1), cubic, atol=1e-9)
    clean = _bumpy((40, 32))
    noisy = clean + 0.05 * np.random.default_rng(6).normal(size=clean.shape)
    left = noise.smooth_crop(noisy, 0.05) - clean
    assert np.sqrt(np.mean(left**2)) < 0.4 * 0.05


def test_inputs_that_cannot_be_used():
    good, start = _fields((8, 8))[None, 1], PARAMS
    cases = [
        ((1.0, good), {"laplacian": "spectral"}, "Laplacian of crops"),
        ((1.0, good[:, :4]), {}, "at least 5 cells"),
        (((1.0, 2.0), good), {"laplacian": "compact"}, "equal spacings"),
        ((1.0, good * np.nan), {}, "finite pictures"),
    ]
    for (spacing, fields), options, message in cases:
        with pytest.raises(InputError, match=message):
            _fit_crop(GRAY_SCOTT, spacing, "v", fields, start, **options)
