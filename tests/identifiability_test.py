"""What data determine: spreads and open directions, tied to the equations' scalings."""

import json
import math

import numpy as np
import pytest

from rdtf import Grid, models
from rdtf.inverse.solvers import elliptic
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.steady.residual import SteadyResidual
from rdtf.inverse.structure import scalings
from rdtf.inverse.structure.identifiability import report
from rdtf.status import InputError

CAMERA = {"gain": 0.7, "offset": 0.1}


def _fields(shape, seed=0):
    """Smooth random waves around 1 on a periodic square."""
    rng = np.random.default_rng(seed)
    white = np.fft.rfft2(rng.standard_normal((2, *shape)))
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])))
    waves = np.fft.irfft2(white * np.exp(-80.0 * k.T**2), shape)
    return 1.0 + 0.3 * waves / waves.std()


def _linearised(name, seen, gain):
    """(curvature, names, params) of a random picture, which need not be steady."""
    model = models.get(name)
    params = {n: p.default for n, p in model.parameters.items()}
    o = _fields((24, 24))
    levels = o
    if gain:
        params |= CAMERA
        levels = (o - CAMERA["offset"]) / CAMERA["gain"]
    domain = elliptic.WholeDomain(Grid((24, 24), boundary="periodic"))
    steady = SteadyMap(model, seen, domain, (o, params))
    residual = SteadyResidual(steady, levels, "norm", unknown_gain=gain)
    curvature = residual(params).curvature
    logs = [n != "offset" and (n == "gain" or params[n] > 0.0) for n in residual.names]
    slopes = [params[n] if log else 1.0 for n, log in zip(residual.names, logs)]
    return curvature * np.outer(slopes, slopes), residual.names, params, logs


@pytest.mark.parametrize("gain", [False, True])
@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("gray_scott", "v"),
        ("schnakenberg", "u"),
        ("brusselator", "u"),
        ("gierer_meinhardt", "a"),
        ("fitzhugh_nagumo", "u"),
    ],
)
def test_the_jacobian_has_the_null_space_of_the_equations(name, seen, gain):
    curvature, names, params, logs = _linearised(name, seen, gain)
    found = scalings.scalings(models.get(name), seen, gain)
    said = report(curvature, names, 0.01, logs, scalings=found, params=params)
    assert len(said.open) == len(found)
    assert [direction.only for direction in said.open] == [s.only for s in found]
    for direction in said.open:
        vector = np.array([direction.components[n] for n in names])
        assert vector @ curvature @ vector < 1e-10 * np.linalg.norm(curvature)
    fixed = scalings.determined(models.get(name), seen, gain).parameters
    finite = [n for n, sd in said.sd.items() if math.isfinite(sd) and n not in CAMERA]
    assert finite == fixed


def test_known_parameters_leave_nothing_open():
    curvature, names, _, logs = _linearised("gray_scott", "v", gain=True)
    said = report(curvature, names, 0.01, logs, held=["Dv"])
    assert said.open == []
    assert list(said.sd) == ["Du", "F", "k", "gain", "offset"]
    assert math.isfinite(said.condition)


def _of_directions(values, vectors):
    return vectors @ np.diag(np.square(values)) @ vectors.T


def test_determined_data():
    rng = np.random.default_rng(2)
    jacobian = rng.standard_normal((50, 3)) * [1.0, 2.0, 5.0]
    said = report(jacobian.T @ jacobian, list("abc"), 0.1)
    covariance = 0.01 * np.linalg.inv(jacobian.T @ jacobian)
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(list(said.sd.values()), sd)
    np.testing.assert_allclose(said.correlation, covariance / np.outer(sd, sd))
    sizes = np.linalg.svd(jacobian)[1]
    np.testing.assert_allclose(said.singular_values, sizes)
    np.testing.assert_allclose(said.relative, sizes / sizes[0])
    assert said.condition == pytest.approx(sizes[0] / sizes[-1])
    assert (said.open, said.alike) == ([], [])


def test_open_direction_without_a_reason():
    half = math.sqrt(0.5)
    vectors = np.array([[1, 0, 0], [0, half, half], [0, half, -half]])
    curvature = _of_directions([2.0, 1.0, 1e-6], vectors)
    said = report(curvature, list("abc"), 0.1, [True, True, False])
    (direction,) = said.open
    assert direction.only is None
    assert np.abs(list(direction.components.values())) == pytest.approx([0, half, half])
    assert said.sd == pytest.approx({"a": 0.05, "b": math.inf, "c": math.inf})
    assert said.correlation[1, 2] == pytest.approx(-1.0)
    assert said.correlation[0, 1] == 0.0
    assert said.condition == math.inf
    assert "not determined: b " in said.text()
    assert "(in logarithms, c as it is); not implied" in said.text()
    assert "a 5 %, b not determined" in said.text()
    plain = json.loads(json.dumps(said.to_json(), allow_nan=False))
    assert plain["sd"] == {"a": pytest.approx(0.05), "b": None, "c": None}
    assert plain["condition"] is None


def test_a_scaling_explains_and_the_rest_remains():
    model = models.get("fitzhugh_nagumo")
    names = list(model.parameters)  # Du Dv epsilon gamma kappa
    (scaling,) = scalings.scalings(model, "u")
    curvature = np.diag([1.0, 0.0, 0.0, 1.0, 1.0])  # more open than the equations say
    said = report(curvature, names, 1.0, scalings=[scaling], params=model.defaults)
    exact, other = said.open
    assert exact.only == ["Dv/epsilon"]
    assert "Dv +0.71, epsilon +0.71 (in logarithms); exactly: only Dv/epsilon" in (
        said.text()
    )
    components = np.array([list(d.components.values()) for d in said.open])
    np.testing.assert_allclose(components @ components.T, np.eye(2), atol=1e-12)
    assert other.only is None
    tilted = np.diag([1.0, 0.0, 1.0, 1.0, 1.0])  # Dv alone: no scaling of the equations
    said = report(tilted, names, 1.0, scalings=[scaling], params=model.defaults)
    assert [d.only for d in said.open] == [None]


def test_alike_parameters_are_named():
    vectors = np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2.0)
    said = report(_of_directions([10.0, 1.0], vectors), ["F", "k"], 1.0)
    assert said.alike == [("F", "k", pytest.approx(-99.0 / 101.0))]
    assert "hard to tell apart: F, k (correlation -0.980)" in said.text()


def test_no_data_determine_nothing():
    said = report(np.zeros((2, 2)), ["a", "b"], 1.0)
    assert set(said.sd.values()) == {math.inf}
    assert len(said.open) == 2
    assert list(said.relative) == [0.0, 0.0]


def test_infinite_curvature_is_refused():
    with pytest.raises(InputError, match="finite"):
        report(np.full((1, 1), np.nan), ["a"], 1.0)
