"""The posterior of a small picture: its gradient, its chains, and what it refuses."""

import numpy as np
import pytest
from small_still import MODEL, TRUTH, fitted, picture, prepare

import rdtf
from rdtf.inverse.noisy import errors_in_variables
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.steady import stills
from rdtf.inverse.uncertainty import diagnostics, intervals, posterior

LAPLACIAN = "second_order"


@pytest.fixture(scope="module")
def target():
    prepared, estimate = fitted()
    misfit = intervals.misfit_of(prepared, estimate)
    best = errors_in_variables.minimise(misfit, estimate.levels, estimate.params)
    return posterior._Target(misfit, best, lambda evaluations: None)


def test_the_gradient_is_exact(target):
    rng = np.random.default_rng(0)
    z, direction = rng.normal(size=(2, 2, target.size))
    step = 1e-4
    slopes = target(z)[1]
    ahead, behind = target(z + step * direction)[0], target(z - step * direction)[0]
    np.testing.assert_allclose(
        np.sum(slopes * direction, axis=1), (ahead - behind) / (2 * step), rtol=1e-4
    )


def test_it_is_nearly_a_standard_normal(target):
    z = np.random.default_rng(1).normal(size=(6, target.size))
    value, slope = target(z)
    normal = -0.5 * np.sum(z**2, axis=1)
    assert np.corrcoef(value, normal)[0, 1] > -1.0 and np.isfinite(value).all()
    assert np.abs(value / normal - 1.0).max() < 0.3
    assert np.linalg.norm(slope + z) < 0.7 * np.linalg.norm(z)


def test_beyond_the_bounds_there_is_nothing(target):
    z = np.zeros((1, target.size))
    z[0, -4:] = 1e5
    value, slope = target(z)
    assert value[0] == -np.inf and not slope.any()


def test_the_volume_slope_is_that_of_the_determinant(target):
    best, misfit = target._best, target._misfit
    here = misfit.evaluate(best.levels, best.params)
    move = misfit.step(here, best.params)[0][2]  # by log Dv
    params = {**best.params, "Dv": best.params["Dv"] * np.exp(0.002)}
    there = misfit.evaluate(best.levels - 0.002 * move, params)
    cells = best.levels.size
    volumes = [
        0.5 * np.linalg.slogdet(target._curvature(*at)[:cells, :cells])[1]
        for at in ((here, best.params), (there, params))
    ]
    assert abs(target._volume[1]) > 5.0
    assert (volumes[1] - volumes[0]) / 0.002 == pytest.approx(
        target._volume[1], rel=0.1
    )


@pytest.fixture(scope="module")
def chains():
    prepared, estimate = fitted()
    return posterior.sample(prepared, estimate, draws=40, warmup=20, chains=2, seed=3)


def test_chains_agree_and_mix(chains):
    assert list(chains.draws) == list(TRUTH)
    assert all(x.shape == (2, 40) for x in chains.draws.values())
    assert chains.failed == 0 and chains.count > 60 * 4
    assert all(0.9 < r < 1.15 for r in chains.r_hat.values())
    assert all(n > 30 for n in chains.effective.values())


def test_spread_is_near_that_of_the_curvature(chains):
    prepared, estimate = fitted()
    wide = intervals.quick(prepared.coordinates(estimate.params), estimate)
    for name, sd in chains.sd.items():
        assert 0.5 < sd / wide.sd[name] < 1.3
        assert np.log(chains.draws[name]).std() == pytest.approx(sd, rel=0.02)
        low, high = chains.interval[name]
        assert low < chains.draws[name].mean() < high


def test_the_seed_decides(chains):
    prepared, estimate = fitted()

    def few(seed):
        return posterior.sample(
            prepared, estimate, draws=4, warmup=2, chains=2, seed=seed
        ).draws["F"]

    samples = few(0)
    np.testing.assert_array_equal(samples, few(0))
    assert (samples[0] != samples[1]).any()
    assert not np.isin(samples, chains.draws["F"]).any()


def test_large_pictures_are_refused(input_error):
    _, estimate = fitted()
    grid = rdtf.Grid((33, 32))
    pictures = np.random.default_rng(0).random((1, 33, 32))
    large = stills.Stills(MODEL, grid, "v", pictures, Observation())
    with input_error("at most 1024 cells", "1056", "crop"):
        posterior.sample(large, estimate)
    with input_error("one picture", "2"):
        posterior.sample(prepare(picture(count=2)), estimate)


def test_too_few_draws_are_refused(input_error):
    prepared, estimate = fitted()
    with input_error("two chains of four draws", "1 of 9"):
        posterior.sample(prepared, estimate, draws=9, chains=1)


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_diagnostics(memory):
    """Autoregressive chains, whose effective number is known."""
    rng = np.random.default_rng(0)
    x = np.zeros((2000, 4, 1))
    noise = rng.normal(size=x.shape)
    for i in range(1, len(x)):
        x[i] = memory * x[i - 1] + noise[i]
    r_hat, effective = diagnostics.potential_scale(x), diagnostics.effective(x)
    expected = x.size * (1.0 - memory) / (1.0 + memory)
    assert effective[0] == pytest.approx(expected, rel=0.15)
    assert 0.99 < r_hat[0] < 1.02
    x[:, 0] += 3.0 * x.std()
    r_hat, effective = diagnostics.potential_scale(x), diagnostics.effective(x)
    assert r_hat[0] > 1.5 and effective[0] < 0.1 * x.size


@pytest.mark.slow
def test_little_noise_gives_the_normal_of_the_curvature():
    prepared, estimate = fitted(0.01)
    found = posterior.sample(prepared, estimate, draws=250, warmup=80)
    wide = intervals.quick(prepared.coordinates(estimate.params), estimate)
    for name, sd in found.sd.items():
        assert sd == pytest.approx(wide.sd[name], rel=0.2)
        shift = np.log(found.draws[name] / estimate.params[name]).mean()
        assert abs(shift) < 0.4 * wide.sd[name]
