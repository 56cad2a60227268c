"""Intervals: what a refit does, what the covariance says, and when neither is used."""

import dataclasses

import numpy as np
import pytest
from small_still import TRUTH, fitted, picture, prepare

from rdtf.inverse.noisy import errors_in_variables, field_fits
from rdtf.inverse.observation.camera_settings import Observation
from rdtf.inverse.uncertainty import intervals, refits

LAPLACIAN = "second_order"
NAMES = list(TRUTH)


def _source(noise=0.05):
    prepared, estimate = fitted(noise)
    misfit = intervals.misfit_of(prepared, estimate)
    field, reason = intervals._relax(prepared, misfit, estimate)
    assert not reason
    return misfit, refits.Source(misfit, field, estimate.params)


@pytest.fixture(scope="module")
def result():
    prepared, estimate = fitted()
    return intervals.bootstrap(prepared, estimate, threads=1)


def test_two_steps_are_as_good_as_a_whole_fit():
    misfit, source = _source()
    moves = source.refit(seed=5, index=0)
    rng = np.random.Generator(np.random.Philox(key=[5, 2**36]))
    noise = misfit.sigma * rng.normal(size=misfit.pictures.shape)
    start = misfit.coordinates.encode(source._params)
    for sign, move in zip((1.0, -1.0), moves, strict=True):
        one = misfit.of_pictures(source._clean + sign * noise)
        whole = errors_in_variables.minimise(one, source._levels, source._params)
        full = misfit.coordinates.encode(whole.params) - start
        assert np.abs(full).max() > 5e-4
        np.testing.assert_allclose(move, full, atol=0.05 * np.max(source.sampling))


def test_the_sampling_covariance_is_the_scatter_of_refits():
    _, source = _source()
    moves = np.array([source.refit(0, index) for index in range(30)])
    odd = 0.5 * (moves[:, 0] - moves[:, 1])
    ratio = odd.std(axis=0) / source.sampling
    assert (ratio > 0.7).all() and (ratio < 1.4).all()


def test_steady_pictures_scatter_less_than_the_curvature_says(result):
    prepared, estimate = fitted()
    wide = intervals.quick(prepared.coordinates(estimate.params), estimate)
    assert wide.method == "quick" and result.method == "bootstrap"
    for name in NAMES:
        assert result.sampling[name] < wide.sd[name]
        assert wide.sampling[name] == pytest.approx(result.sampling[name], rel=0.3)
    assert wide.sd["k"] > 1.1 * result.sd["k"]


def test_the_interval_is_centred_where_the_bias_is_gone(result):
    _, estimate = fitted()
    for name in NAMES:
        centre, (low, high) = result.params[name], result.interval[name]
        assert centre == pytest.approx(
            estimate.params[name] * np.exp(-result.bias[name])
        )
        assert low * high == pytest.approx(centre**2)
        assert np.log(high / centre) == pytest.approx(1.96 * result.sd[name], rel=1e-4)
        inner = np.log(result.likely[name][1] / centre)
        assert inner == pytest.approx(0.9945 * result.sd[name], rel=1e-4)
        parts = np.hypot(result.sampling[name], result.drift[name])
        assert parts <= result.sd[name] < 1.5 * parts


def test_the_number_of_threads_changes_nothing(result):
    prepared, estimate = fitted()
    done = []
    again = intervals.bootstrap(prepared, estimate, threads=3, callback=done.append)
    assert again.to_json() == result.to_json() and done == [1, 2, 3, 4]
    other = intervals.bootstrap(prepared, estimate, seed=1)
    assert other.bias != result.bias


def test_what_is_held_has_no_interval():
    prepared = prepare(picture(), held=("Dv",))
    estimate = field_fits.fit_field(prepared, {LAPLACIAN: TRUTH})
    found = intervals.bootstrap(prepared, estimate, pairs=2)
    assert list(found.interval) == ["Du", "F", "k"]
    assert found.params["Dv"] == pytest.approx(TRUTH["Dv"], rel=1e-12)
    whole = fitted()
    free = intervals.quick(whole[0].coordinates(whole[1].params), whole[1])
    assert found.sampling["Du"] < free.sampling["Du"]


def test_masked_pictures_share_their_parameters():
    mask = np.random.default_rng(2).random((2, 16, 16)) < 0.9
    pictures = np.where(mask, picture(count=2), np.nan)
    prepared = prepare(pictures, Observation(mask=mask))
    estimate = field_fits.fit_field(prepared, {LAPLACIAN: TRUTH})
    found = intervals.bootstrap(prepared, estimate, pairs=2)
    one, first = fitted()
    single = intervals.bootstrap(one, first, pairs=2)
    assert found.method == "bootstrap" and found.failed == 0
    for name in NAMES:
        assert 0.4 < found.sampling[name] / single.sampling[name] < 1.0


def test_an_unknown_gain_leaves_parameters_open():
    prepared = prepare(2.0 * picture(0.02), Observation(unknown_gain=True))
    start = {**TRUTH, "gain": 0.5, "offset": 0.0}
    estimate = field_fits.fit_field(prepared, {LAPLACIAN: start})
    found = intervals.bootstrap(prepared, estimate, pairs=2)
    assert found.interval["Dv"] == (0.0, np.inf)
    assert found.interval["gain"] == (0.0, np.inf)
    assert found.sampling["Du"] < 0.1


def test_clean_pictures_are_not_bootstrapped():
    prepared = prepare(picture(0.0))
    estimate = field_fits.fit_field(prepared, {LAPLACIAN: TRUTH})
    found = intervals.bootstrap(prepared, estimate)
    assert found.method == "quick" and "noise" in found.reason
    low, high = found.interval["F"]
    assert low < TRUTH["F"] < high


def test_a_pattern_that_fades_is_not_bootstrapped():
    prepared, estimate = fitted()
    dead = dataclasses.replace(estimate, params={**estimate.params, "k": 0.09})
    found = intervals.bootstrap(prepared, dead)
    assert found.method == "quick" and "last" in found.reason
    assert found.params == pytest.approx(dead.params)


def test_failed_refits_are_counted(monkeypatch):
    prepared, estimate = fitted()
    original = refits.Source.refit

    def refit(self, seed, index, bad=1):
        moves = original(self, seed, index)
        return moves * np.nan if index < bad else moves

    monkeypatch.setattr(refits.Source, "refit", refit)
    found = intervals.bootstrap(prepared, estimate)
    assert (found.method, found.count, found.failed) == ("bootstrap", 8, 2)
    monkeypatch.setattr(refits.Source, "refit", lambda *a: refit(*a, bad=2))
    found = intervals.bootstrap(prepared, estimate)
    assert found.method == "quick" and "4 of 8" in found.reason


@pytest.mark.slow
def test_coverage():
    inside = []
    for seed in range(100, 140):
        prepared = prepare(picture(0.05, seed))
        estimate = field_fits.fit_field(prepared, {LAPLACIAN: TRUTH})
        found = intervals.bootstrap(prepared, estimate, pairs=3)
        inside.append(
            [low < TRUTH[n] < high for n, (low, high) in found.interval.items()]
        )
    assert 0.85 < np.mean(inside) and np.mean(inside, axis=0).min() > 0.8
