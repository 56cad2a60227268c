"""Residuals of fits of noisy pictures: noise, drift, and Laplacians that compete."""

import dataclasses

import numpy as np
import pytest
from small_still import CELLS, TRUTH, pattern, picture, prepare

from rdtf.inverse.noisy import errors_in_variables as eiv
from rdtf.inverse.noisy import field_fits, noise_and_drift
from rdtf.inverse.noisy.errors_in_variables import Misfit
from rdtf.inverse.steady import stills
from rdtf.inverse.steady.fixed_point import UNSETTLED
from rdtf.status import FitStatus

LAPLACIAN = "second_order"


def _fit(pictures, sigma, epsilon):
    """(misfit, estimate) of pictures at given σ and ε, of all but Du at the truth."""
    prepared = prepare(pictures, held=("Dv", "F", "k"))
    coordinates = prepared.coordinates(TRUTH)
    steady = prepared.steady(LAPLACIAN, TRUTH)
    misfit = Misfit(steady, prepared.camera, pictures, sigma, epsilon, coordinates)
    return misfit, eiv.minimise(misfit, pictures, TRUTH)


def _explained(pictures, sigma, epsilon, seed=0):
    misfit, estimate = _fit(pictures, sigma, epsilon)
    here = misfit.evaluate(estimate.levels, estimate.params)
    return noise_and_drift.explain(misfit, here, estimate.params, seed), estimate


def _moving(share):
    """A pattern that is off steady by about `share` of its contrast, and its drift."""
    wave = np.sin(2 * np.pi * np.arange(CELLS) / CELLS)
    field = pattern() + share * pattern().std() * wave[:, None]
    point = prepare(field).steady(LAPLACIAN, TRUTH)(field, TRUTH)
    return field, float(np.sqrt(np.mean(np.square(point.o - point.w))))


@pytest.mark.parametrize("factor", [1.0, 2.0, 4.0])
def test_an_overestimated_noise_is_found(factor):
    spread = pattern().std()
    found, _ = _explained(picture(0.02), factor * 0.02 * spread, 0.004 * spread)
    assert found.sigma == pytest.approx(0.02 * spread, rel=0.15)


def test_an_underestimated_noise_is_left():
    """It may as well be a model that does not fit."""
    spread = pattern().std()
    found, _ = _explained(picture(0.02), 0.01 * spread, 0.004 * spread)
    assert found.sigma == pytest.approx(0.01 * spread, rel=1e-12)


def test_the_cost_of_noise_alone():
    """The mean over many noises of the cost that a fit of a steady picture ends with."""
    spread = pattern().std()
    sigma, epsilon = 0.02 * spread, 0.005 * spread
    costs = [_fit(picture(0.02, seed), sigma, epsilon)[1].loss for seed in range(12)]
    found, _ = _explained(picture(0.02, 0), sigma, epsilon)
    assert found.cost == pytest.approx(np.mean(costs), rel=0.06)


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_drift_is_told_from_noise(share):
    field, drift = _moving(share)
    spread = field.std()
    rng = np.random.default_rng(5)
    pictures = field + 0.01 * spread * rng.normal(size=field.shape)
    found, _ = _explained(pictures, 0.01 * spread, max(0.01 * spread, 3.0 * drift))
    assert found.drift == pytest.approx(drift, rel=0.35)
    rest, _ = _explained(picture(0.01), 0.01 * spread, max(0.01 * spread, 3.0 * drift))
    assert rest.drift < 0.3 * drift


def test_a_moving_pattern_is_refused():
    field, _ = _moving(0.2)
    rng = np.random.default_rng(6)
    pictures = field + 0.01 * field.std() * rng.normal(size=field.shape)
    estimate = field_fits.fit_field(
        prepare(pictures, held=("Du", "F", "k")), {LAPLACIAN: TRUTH}
    )
    assert eiv.is_moving(estimate)
    still = field_fits.fit_field(prepare(picture(0.01)), {LAPLACIAN: TRUTH})
    assert not eiv.is_moving(still)


def test_a_clean_pattern_that_moves_is_told():
    field, _ = _moving(0.2)
    for picture_, moves in ((field, True), (pattern(), False)):
        prepared = prepare(picture_, held=("Du", "F", "k"))
        fit = stills.fit_residual(prepared, LAPLACIAN, TRUTH)
        assert (prepared.drift(fit)[0] > UNSETTLED) is moves


def test_levels_go_down_and_stop():
    """From σ / 5 on, at most by the same factor each, and never below σ / 25."""
    prepared, seen = prepare(picture(0.05)), []
    prepared.sigma = 0.05 * pattern().std()
    field_fits.fit_field(prepared, {LAPLACIAN: TRUTH}, lambda e, *_: seen.append(e))
    levels = sorted(set(seen), reverse=True)
    assert seen == sorted(seen, reverse=True)
    assert levels[0] == pytest.approx(prepared.sigma / field_fits.FALL)
    assert len(levels) > 1
    assert levels[-1] > field_fits.NEAR * prepared.sigma / field_fits.DEEPEST


def test_a_bad_start_is_helped():
    """Where no fit of the first level explains the pictures, all begin at ε = σ."""
    prepared, seen = prepare(picture(0.02)), []
    start = {name: value * 2.0 for name, value in TRUTH.items()}
    found = field_fits.fit_field(
        prepared, {LAPLACIAN: start}, lambda e, *_: seen.append(e)
    )
    assert max(seen) == pytest.approx(prepared.sigma)
    assert found.status is FitStatus.CONVERGED and eiv.explains(found)
    assert found.params == pytest.approx(dict(TRUTH), rel=0.1)


def test_a_hopeless_fit_ends_early():
    spread = pattern().std()
    prepared = prepare(picture(0.02))
    coordinates = prepared.coordinates(TRUTH)
    misfit = Misfit(
        prepared.steady("spectral", TRUTH),
        prepared.camera,
        prepared.pictures,
        0.02 * spread,
        0.004 * spread,
        coordinates,
    )
    whole = eiv.minimise(misfit, prepared.smooth, TRUTH)
    ended = eiv.minimise(misfit, prepared.smooth, TRUTH, hopeless=0.5 * whole.loss)
    assert ended.iterations < whole.iterations
    assert ended.loss > 0.5 * whole.loss
    same = eiv.minimise(misfit, prepared.smooth, TRUTH, hopeless=1.1 * whole.loss)
    assert same.loss == whole.loss


def test_competing_laplacians_widen_by_their_likelihood():
    """Two estimates of the same cost, e^0.2 apart in Du: half the weight each."""
    prepared = prepare(picture(0.02))
    best = field_fits.fit_field(prepared, {LAPLACIAN: TRUTH})
    assert not np.any(best.laplacian_spread)
    away = {**best.params, "Du": best.params["Du"] * np.exp(0.2)}
    for behind in (0.0, 2.0, 30.0):
        other = dataclasses.replace(best, params=away, loss=best.loss + behind)
        both = {LAPLACIAN: best, "spectral": other}
        found = field_fits.laplacian_spread(prepared, both, LAPLACIAN)
        weight = np.exp(-behind) / (1.0 + np.exp(-behind))
        expected = np.sqrt(weight) * 0.2
        index = list(TRUTH).index("Du")
        assert found[index] == pytest.approx(expected, rel=1e-6)
        assert np.delete(found, index) == pytest.approx(0.0, abs=1e-12)
