"""Levenberg-Marquardt: the minima of SciPy, bounds, and how it ends."""

import itertools

import numpy as np
import pytest
import scipy.optimize

from rdtf.inverse.solvers import levenberg_marquardt as lm
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.status import FitStatus

DATA = np.linspace(0.0, 2.0, 21)


def _model(**bounds):
    """A model of two parameters x, y; both free unless `bounds` says (lower, upper)."""
    parameters = {}
    for name in "xy":
        lower, upper = bounds.get(name, (-np.inf, np.inf))
        parameters[name] = Parameter(0.0, lower=lower, upper=upper)
    return ReactionDiffusion(
        name="toy",
        species=("s",),
        reaction=lambda s, p: s,
        diffusivity={},
        parameters=parameters,
    )


def _rosenbrock(p):
    return np.array([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]])


def _rosenbrock_slopes(p):
    return np.array([[-20.0 * p[0], 10.0], [-1.0, 0.0]])


def _decay(p):
    """x exp(-y t) - data, of nonzero residual."""
    return p[0] * np.exp(-p[1] * DATA) - 1.0 / (1.0 + DATA)


def _decay_slopes(p):
    shape = np.exp(-p[1] * DATA)
    return np.stack([shape, -p[0] * DATA * shape], axis=1)


def _linearise(residual, slopes):
    def at(params):
        vector = np.array([params["x"], params["y"]])
        r, jacobian = residual(vector), slopes(vector)
        return Linearisation(0.5 * r @ r, jacobian.T @ r, jacobian.T @ jacobian)

    return at


def _minimise(residual, slopes, model, start, **options):
    start = dict(zip("xy", start, strict=True))
    coordinates = lm.Coordinates(model.parameters, start)
    return lm.minimise(_linearise(residual, slopes), coordinates, start, **options)


@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.0, -2.0), (0.0, 0.0)])
def test_rosenbrock(start):
    found = _minimise(_rosenbrock, _rosenbrock_slopes, _model(), start)
    assert found.status is FitStatus.CONVERGED
    assert found.params == pytest.approx({"x": 1.0, "y": 1.0}, rel=1e-6)
    assert found.cost < 1e-14


@pytest.mark.parametrize("bounds", [{}, {"x": (0.0, np.inf), "y": (0.0, np.inf)}])
@pytest.mark.parametrize("start", [(0.1, 0.1), (5.0, 3.0)])
def test_the_minimum_of_scipy(bounds, start):
    """A residual that stays, in logarithms and as it is."""
    found = _minimise(_decay, _decay_slopes, _model(**bounds), start)
    expected = scipy.optimize.least_squares(
        _decay, start, _decay_slopes, xtol=1e-14, ftol=1e-14, gtol=1e-14
    )
    assert found.status is FitStatus.CONVERGED
    assert list(found.params.values()) == pytest.approx(expected.x, rel=1e-5)
    assert found.cost == pytest.approx(expected.cost, rel=1e-9)
    assert found.cost > 1e-3


def test_steps_are_limited_and_downhill():
    """At most 0.7 in ln p, so no start is left by a leap."""
    steps = []
    model = _model(x=(0.0, np.inf), y=(0.0, np.inf))
    found = _minimise(_decay, _decay_slopes, model, (0.01, 0.01), callback=steps.append)
    assert [step.iteration for step in steps] == list(range(found.iterations + 1))
    assert steps[0].params == {"x": 0.01, "y": 0.01} and steps[0].tried == []
    logs = np.log([list(step.params.values()) for step in steps])
    moves = np.abs(np.diff(logs, axis=0)).max(axis=1)
    assert moves[0] == pytest.approx(0.7) and moves.max() < 0.7 + 1e-9
    costs = [step.cost for step in steps]
    assert all(b <= a for a, b in itertools.pairwise(costs))
    assert steps[-1].params == found.params and steps[-1].cost == found.cost
    for step in steps:
        vector = np.array(list(step.params.values()))
        expected = _decay_slopes(vector).T @ _decay(vector)
        np.testing.assert_allclose(step.gradient, expected, rtol=1e-12)
        np.testing.assert_allclose(step.raw_gradient, expected * vector, rtol=1e-12)


def test_damping_grows_by_6_and_falls_by_5():
    steps = []
    _minimise(
        _rosenbrock, _rosenbrock_slopes, _model(), (-1.2, 1.0), callback=steps.append
    )
    assert steps[1].tried[0] == 1e-2
    tried = [step.tried for step in steps[1:]]
    assert any(len(t) > 1 for t in tried)
    for now, following in itertools.pairwise(tried):
        assert following[0] == pytest.approx(now[-1] / 5.0)
        assert np.diff(np.log(now)) == pytest.approx(np.log(6.0))


def test_a_minimum_beyond_a_bound_stalls_at_it():
    found = _minimise(_decay, _decay_slopes, _model(y=(2.0, 9.0)), (1.0, 3.0))
    assert found.status is FitStatus.STALLED
    assert found.params["y"] == pytest.approx(2.0, rel=1e-12)
    lower, upper = [-np.inf, 2.0], [np.inf, 9.0]
    expected = scipy.optimize.least_squares(
        _decay, [1.0, 3.0], _decay_slopes, (lower, upper)
    )
    assert found.params["x"] == pytest.approx(expected.x[0], rel=1e-4)


def test_a_start_in_a_corner_that_pushes_outwards_stays():
    model = _model(x=(5.0, 6.0), y=(-9.0, 0.0))
    start = (5.0, 0.0)  # both would rather be nearer to (1, 0.5)
    found = _minimise(lambda p: p - [1.0, 0.5], lambda p: np.eye(2), model, start)
    assert found.status is FitStatus.STALLED
    assert found.params == pytest.approx({"x": 5.0, "y": 0.0}, abs=1e-12)


def test_a_failed_start_is_a_status():
    steps = []
    found = _minimise(
        lambda p: p * np.nan,
        _rosenbrock_slopes,
        _model(),
        (0.5, 0.5),
        callback=steps.append,
    )
    assert found.status is FitStatus.FAILED_START
    assert found.params == {"x": 0.5, "y": 0.5}
    assert found.iterations == 0 and steps == []


def test_trials_that_fail_are_not_taken():
    """NaN on one side of the start: it goes the other way round, or stays."""

    def residual(p):
        return _rosenbrock(p) if p[0] < 0.9 else p * np.nan

    found = _minimise(residual, _rosenbrock_slopes, _model(), (-1.2, 1.0))
    assert np.isfinite(found.cost) and found.params["x"] < 0.9
    assert found.cost < 0.5 * np.sum(_rosenbrock(np.array([-1.2, 1.0])) ** 2)


def test_no_iterations_left():
    found = _minimise(
        _rosenbrock, _rosenbrock_slopes, _model(), (-1.2, 1.0), max_iterations=3
    )
    assert found.status is FitStatus.MAX_ITERATIONS and found.iterations == 3


def test_a_start_at_the_minimum_converges():
    found = _minimise(_rosenbrock, _rosenbrock_slopes, _model(), (1.0, 1.0))
    assert found.status is FitStatus.CONVERGED
    assert found.params == {"x": 1.0, "y": 1.0} and found.cost == 0.0


def test_a_parameter_without_effect_stays():
    def slopes(p):
        return np.stack([np.exp(-DATA), 0.0 * DATA], axis=1)

    found = _minimise(
        lambda p: p[0] * np.exp(-DATA) - DATA, slopes, _model(), (3.0, 0.7)
    )
    assert found.status is FitStatus.CONVERGED
    assert found.params["y"] == 0.7


def test_coordinates():
    model = _model(x=(0.0, 50.0), y=(-1.0, np.inf))
    coordinates = lm.Coordinates(model.parameters, {"x": 2.0, "y": -0.5}, reach=10.0)
    params = {"x": 0.3, "y": 4.0}
    vector = coordinates.encode(params)
    assert vector == pytest.approx([np.log(0.3), 4.0])
    assert coordinates.decode(vector) == pytest.approx(params)
    assert coordinates.slopes(params) == pytest.approx([0.3, 1.0])
    assert coordinates.lower == pytest.approx([np.log(0.2), -1.0])
    assert coordinates.upper == pytest.approx([np.log(20.0), np.inf])
    wider = lm.Coordinates(model.parameters, {"x": 2.0, "y": -0.5})
    assert wider.upper[0] == pytest.approx(np.log(50.0))
    zero = lm.Coordinates(model.parameters, {"x": 0.0, "y": 1.0})  # no logarithm of 0
    assert zero.encode({"x": 0.0, "y": 1.0}) == pytest.approx([0.0, 1.0])
