"""Movies: the driven filter against plain NumPy and differences, and what fits find."""

import dataclasses
import functools

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

import rdtf
from rdtf.inverse import Observation, Problem
from rdtf.inverse.movies import fits as movies
from rdtf.inverse.movies import frames as movies_frames
from rdtf.inverse.movies.driven_filter import COUNTED, DrivenFilter
from rdtf.inverse.observation import typical_ranges
from rdtf.models import GRAY_SCOTT

TRUE = {"Du": 0.16, "Dv": 0.08, "F": 0.020, "k": 0.056}
START = {"Du": 0.127, "Dv": 0.127, "F": 0.05, "k": 0.05}
N, FRAMES = 28, 30
SIMULATION = rdtf.Simulation(GRAY_SCOTT, rdtf.Grid((N, N)), time_step=1.0)
REGULAR = 10 * np.arange(FRAMES)
IRREGULAR = np.cumsum([0] + [7, 12, 9, 13, 8, 11] * 4 + [10] * 5)


@functools.cache
def _history():
    """Both species at every step of a moving pattern, `[step, N, N]`."""
    state = rdtf.initial_conditions.discs(GRAY_SCOTT, SIMULATION.grid, seed=3)
    state = SIMULATION.advance(state, TRUE, 1000)
    every = SIMULATION.rollout(state, TRUE, 300)
    return tuple(field[0].numpy() for field in every)


def _movie(steps=REGULAR):
    return _history()[1][steps]


def _errors(params):
    """Relative errors in %."""
    return {n: 100 * abs(params[n] / TRUE[n] - 1.0) for n in TRUE}


def test_the_pattern_of_these_tests_moves():
    movie = _movie()
    assert movie.std() > 0.05
    assert np.std(movie[10:] - movie[:-10]) > 0.5 * movie.std()


def _laplacian(x):
    neighbours = sum(np.roll(x, s, axis) for s in (-1, 1) for axis in (0, 1))
    return neighbours - 4.0 * x


def test_the_cost_is_that_of_a_plain_loop():
    p = {name: 1.1 * value for name, value in TRUE.items()}
    y = _movie(IRREGULAR)
    spline = make_interp_spline(IRREGULAR, y, k=5)
    identity = np.eye(N * N)
    laplacian = np.array([_laplacian(e.reshape(N, N)).ravel() for e in identity])
    c = np.diag((y[0] ** 2 + p["F"]).ravel()) - p["Du"] * laplacian
    u = np.linalg.solve(c, np.full(N * N, p["F"])).reshape(N, N)
    w, misses = y[0], []
    for step in range(IRREGULAR[-1] + 1):
        if step in IRREGULAR[:-1] and step > (1 - COUNTED) * IRREGULAR[-1]:
            misses.append(w - y[list(IRREGULAR).index(step)])
        v = spline(step)
        u, w = (
            u + p["Du"] * _laplacian(u) + p["F"] * (1 - u) - u * v * v,
            w + p["Dv"] * _laplacian(w) + u * v * v - (p["F"] + p["k"]) * w,
        )
    expected = 0.5 * np.mean(np.square(misses)) / y.var()
    found = DrivenFilter(SIMULATION, "v", y, IRREGULAR)(p)
    np.testing.assert_allclose(found.cost, expected, rtol=1e-8)


GAIN = 0.37


def _raw():
    """Grey levels: field = GAIN · y - 0.02."""
    return (_movie() + 0.02) / GAIN


def test_derivatives_agree_with_differences():
    misfit = DrivenFilter(SIMULATION, "v", _raw(), REGULAR, gain=True)
    at = {n: 1.05 * x for n, x in TRUE.items()} | {"gain": 0.39, "offset": -0.01}
    misfit = misfit.forgetting(at, 1e-3)
    here = misfit(at)
    for i, name in enumerate(misfit.names):
        h = 1e-5 * abs(at[name])
        above, below = (misfit({**at, name: at[name] + s * h}) for s in (1, -1))
        slope = (above.cost - below.cost) / (2 * h)
        np.testing.assert_allclose(here.gradient[i], slope, rtol=1e-6)


def test_the_curvature_is_that_of_the_gradient_where_the_misfit_is_zero():
    misfit = DrivenFilter(SIMULATION, "v", _raw(), REGULAR, gain=True)
    at = {**TRUE, "gain": GAIN, "offset": -0.02}
    here = misfit.forgetting(at, 1e-3)(at)
    misfit = misfit.forgetting(at, 1e-3)
    scale = np.array([abs(at[n]) for n in misfit.names])
    rows = []
    for name, size in zip(misfit.names, scale, strict=True):
        h = 1e-4 * size
        above, below = (misfit({**at, name: at[name] + s * h}) for s in (1, -1))
        rows.append((above.gradient - below.gradient) / (2 * h))
    expected = np.array(rows) * np.outer(scale, scale)
    found = here.curvature * np.outer(scale, scale)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def _problem(frames, times=REGULAR, **options):
    options = {"start": START, **options}
    return Problem(
        simulation=SIMULATION,
        observe="v",
        fields=frames if frames.ndim == 4 else frames[None],
        times=np.asarray(times, float),
        **options,
    )


@pytest.mark.parametrize("steps", [REGULAR, IRREGULAR], ids=["regular", "irregular"])
def test_finds_the_parameters_of_a_clean_movie(steps):
    found = movies.fit(_problem(_movie(steps), steps))
    assert max(_errors(found.params).values()) < 0.1
    assert found.relative_residual < 1e-3
    assert list(found.params) == list(TRUE) and found.undetermined == ()


def test_noise_is_taken_off_and_told():
    movie = _movie()
    sigma = 0.03 * movie.std()
    noisy = movie + np.random.default_rng(0).normal(0.0, sigma, movie.shape)
    found = movies.fit(_problem(noisy))
    assert abs(found.sigma / sigma - 1.0) < 0.1
    assert max(_errors(found.params).values()) < 4.0
    for name, true in TRUE.items():
        assert abs(found.params[name] - true) < 5.0 * found.sd[name] < true


def test_finds_gain_and_offset():
    unknown = Observation(unknown_gain=True)
    found = movies.fit(_problem(_raw(), observation=unknown), (0.0, 0.5))
    assert max(_errors({n: found.params[n] for n in TRUE}).values()) < 0.2
    assert abs(found.params["gain"] / GAIN - 1.0) < 1e-3
    assert abs(found.params["offset"] + 0.02) < 1e-4


def test_what_is_held_stays():
    start = {**START, "k": TRUE["k"]}
    found = movies.fit(_problem(_movie(), start=start, held=("k",)))
    assert found.params["k"] == pytest.approx(TRUE["k"], rel=1e-12)
    assert max(_errors(found.params).values()) < 0.1


def test_the_range_of_patterns():
    low, high = np.median(typical_ranges.ranges(rdtf.models.GRAY_SCOTT, "v"), axis=0)
    assert -1e-3 < low < 0.2 and 0.25 < high < 0.5
    dull = dataclasses.replace(rdtf.models.GRAY_SCOTT, presets={"dull": {"F": 0.2}})
    with pytest.raises(rdtf.InputError, match="presets of gray_scott"):
        typical_ranges.ranges(dull, "v")


def test_frames_too_far_apart_are_refused():
    fast = np.sin(np.arange(20)[:, None, None] * 2.0 + np.zeros((N, N)))
    with pytest.raises(rdtf.InputError, match="at most .* apart .* got 50"):
        movies_frames.prepare(fast, 50.0 * np.arange(20), SIMULATION.grid)


@pytest.mark.parametrize(
    "frames, times, message",
    [
        (_movie()[:6], REGULAR[:6], "at least 10 frames, got 6"),
        (_movie(), REGULAR[:-1], "one time for each"),
        (_movie(), REGULAR[::-1], "increasing times"),
        (_movie()[:, :-1], REGULAR, "Expected frames"),
        (0.0 * _movie(), REGULAR, "not all the same"),
    ],
)
def test_frames_that_cannot_be_used(frames, times, message):
    with pytest.raises(rdtf.InputError, match=message):
        movies_frames.prepare(frames, times, SIMULATION.grid)


def test_what_cannot_be_followed_is_refused():
    with pytest.raises(rdtf.InputError, match="hidden species"):
        DrivenFilter(SIMULATION, "u", _movie(), REGULAR)
    rk4 = rdtf.Simulation(GRAY_SCOTT, SIMULATION.grid, 1.0, scheme="rk4")
    with pytest.raises(rdtf.InputError, match="forward_euler"):
        DrivenFilter(rk4, "v", _movie(), REGULAR)
    with pytest.raises(rdtf.InputError, match="known parameters .* got nonsense"):
        _problem(_movie(), held=("nonsense",))


def test_a_filter_that_explodes_costs_infinitely_much():
    misfit = DrivenFilter(SIMULATION, "v", _movie(), REGULAR)
    assert misfit({**TRUE, "Du": 0.6}).cost == np.inf


def test_a_movie_that_remembers_its_start_says_so():
    short = np.arange(0, 2 * FRAMES, 2)
    found = movies.fit(_problem(_movie(short), short, start=TRUE), max_starts=1)
    assert any("decay times" in line for line in found.remarks)
