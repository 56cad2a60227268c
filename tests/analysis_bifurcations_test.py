"""Boundaries, their distances and curves, against closed forms."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from rdtf import Grid, analysis, models
from rdtf import math as rdtf_math
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.status import InputError

GRAY_SCOTT, BRUSSELATOR = models.GRAY_SCOTT, models.BRUSSELATOR
A, DU, DV = 4.5, 7.0, 56.0


def _params(model, **changes):
    return {**model.defaults, **changes}


def _nearest_by_search(curve, point, bounds):
    """The least distance of ln(x, y) from a point to a curve x -> y."""

    def distance(x):
        return math.hypot(math.log(x / point[0]), math.log(curve(x) / point[1]))

    return minimize_scalar(distance, bounds=bounds, options={"xatol": 1e-13}).fun


def test_gray_scott_saddle_node():
    """k = √F / 2 - F; F of a given k solves 4 (F + k)² = F."""
    feed, kill = 0.03, 0.053
    params = _params(GRAY_SCOTT, F=feed, k=kill)
    fold = analysis.boundaries(GRAY_SCOTT, params, ("F", "k"))["saddle_node"]
    assert fold.alone["k"] == pytest.approx(math.sqrt(feed) / 2 - feed, abs=1e-14)
    root = np.sort(np.roots([4, 8 * kill - 1, 4 * kill**2]).real)[0]
    assert fold.alone["F"] == pytest.approx(root, rel=1e-12)
    nearest = fold.nearest.params
    curve = math.sqrt(nearest["F"]) / 2 - nearest["F"]
    assert nearest["k"] == pytest.approx(curve, abs=1e-12)
    expected = _nearest_by_search(
        lambda f: math.sqrt(f) / 2 - f, (feed, kill), (0.02, 0.04)
    )
    assert fold.distance == pytest.approx(expected, rel=1e-7)
    assert not fold.exceeded and fold.of_the_state
    assert fold.alone_distance["k"] == pytest.approx(math.log(fold.alone["k"] / kill))


def test_gray_scott_without_its_second_state():
    """Beyond the saddle-node; the Hopf bifurcation is of a state that is not there."""
    params = _params(GRAY_SCOTT)
    found = analysis.boundaries(GRAY_SCOTT, params, ("F", "k"))
    fold, hopf = found["saddle_node"], found["hopf"]
    assert fold.exceeded and fold.distance < 0
    assert fold.alone == {"F": None, "k": pytest.approx(math.sqrt(0.035) / 2 - 0.035)}
    assert not hopf.of_the_state
    values = hopf.nearest.params
    assert hopf.nearest.state[1] ** 2 == pytest.approx(values["k"], rel=1e-9)
    assert "No other uniform state than (1, 0)" in " ".join(
        analysis.remarks(GRAY_SCOTT, params, ("F", "k"), found=found)
    )


@pytest.mark.parametrize("kill, sign", [(0.053, 1), (0.054, -1)])
def test_gray_scott_hopf(kill, sign):
    """v² = k with det > 0; the state oscillates at larger k."""
    params = _params(GRAY_SCOTT, F=0.03, k=kill)
    hopf = analysis.boundaries(GRAY_SCOTT, params, ("F", "k"))["hopf"]
    assert hopf.exceeded == (sign < 0) and np.sign(hopf.distance) == sign
    v = hopf.nearest.state[1]
    assert v * v == pytest.approx(hopf.nearest.params["k"], rel=1e-10)
    feed, k = hopf.nearest.params["F"], hopf.nearest.params["k"]
    assert v == pytest.approx(feed * (1 + _root(feed, k)) / 2 / (feed + k), rel=1e-10)
    determinant = hopf.nearest.frequency**2
    assert determinant == pytest.approx((feed + k) * (v * v - feed), rel=1e-9)


def _root(feed, kill):
    return math.sqrt(1 - 4 * (feed + kill) ** 2 / feed)


def test_on_the_saddle_node_it_is_named():
    """F = .04, k = .06: the default of several programs is a boundary case."""
    params = _params(GRAY_SCOTT, F=0.04, k=0.06)
    fold = analysis.boundaries(GRAY_SCOTT, params, ("F", "k"))["saddle_node"]
    assert fold.is_on and not fold.exceeded and abs(fold.distance) < 1e-10
    assert fold.alone["F"] == pytest.approx(0.04, abs=1e-10)
    assert fold.alone["k"] == pytest.approx(0.06, abs=1e-10)
    first, *_ = analysis.remarks(GRAY_SCOTT, params, ("F", "k"))
    assert "exactly on the saddle-node 4 (F + k)² = F" in first


def test_close_to_a_boundary_is_said():
    params = _params(GRAY_SCOTT, F=0.042, k=0.059)
    first, *_ = analysis.remarks(GRAY_SCOTT, params, ("F", "k"))
    assert "before the Hopf bifurcation" in first and "0.01%" in first


def test_schnakenberg_turing():
    """a = .1, b = .9: d_c = 8.5676275, k_c = .5845005."""
    model = models.SCHNAKENBERG
    found = analysis.boundaries(model, model.defaults, ("Dv",))["turing"]
    assert found.alone["Dv"] == pytest.approx(8.5676275, abs=5e-8)
    assert math.sqrt(found.nearest.kappa) == pytest.approx(0.5845005, abs=5e-8)
    wavelength = 2 * math.pi / math.sqrt(found.nearest.kappa)
    assert wavelength == pytest.approx(10.74967, abs=5e-6)
    assert found.exceeded
    assert found.distance == pytest.approx(math.log(8.5676275 / 10), abs=1e-7)


@pytest.mark.parametrize("conversion", [6.0, 6.9])
def test_brusselator(conversion):
    """B_T = (1 + A √(Du/Dv))² with k_c² = A / √(Du Dv); B_H = 1 + A²."""
    params = _params(BRUSSELATOR, A=A, B=conversion, Du=DU, Dv=DV)
    found = analysis.boundaries(BRUSSELATOR, params, ("A", "B"))
    turing, hopf = found["turing"], found["hopf"]
    onset = (1 + A * math.sqrt(DU / DV)) ** 2
    assert onset == pytest.approx(6.713231, abs=5e-7)
    assert turing.alone["B"] == pytest.approx(onset, rel=1e-11)
    assert turing.exceeded == (conversion > onset)
    assert hopf.alone["B"] == pytest.approx(1 + A**2, rel=1e-11)
    assert not hopf.exceeded
    expected = _nearest_by_search(
        lambda a: (1 + a * math.sqrt(DU / DV)) ** 2, (A, conversion), (3.0, 6.0)
    )
    assert abs(turing.distance) == pytest.approx(expected, rel=1e-7)
    at = analysis.boundaries(BRUSSELATOR, {**params, "B": 6.8}, ("B",))["turing"]
    assert math.sqrt(at.nearest.kappa) == pytest.approx(0.4767435, abs=5e-8)
    kappa = turing.nearest.params["A"] / math.sqrt(DU * DV)
    assert turing.nearest.kappa == pytest.approx(kappa, rel=1e-7)


def test_swift_hohenberg_and_a_pitchfork():
    """r = 0 for waves; at r = q⁴ the uniform state branches."""
    model = models.get("swift_hohenberg")
    found = analysis.boundaries(model, _params(model, r=0.3), ("r",), {"u": 0.0})
    assert found["turing"].alone["r"] == pytest.approx(0.0, abs=1e-9)
    assert found["turing"].distance == pytest.approx(-1.0)  # r may change sign: linear
    assert found["branch_point"].alone["r"] == pytest.approx(1.0, rel=1e-9)
    assert not found["branch_point"].exceeded


def test_wave_instability_of_three_species():
    """At the onset a pair of eigenvalues lies on the axis at k > 0, and none beyond."""

    def reaction(state, params):
        u, v, w = state
        return 2 * u - v + 3 * w - u**3, 3 * u + 2 * w, -3 * u - 3 * w

    model = ReactionDiffusion(
        name="oscillating_waves",
        species=("u", "v", "w"),
        reaction=reaction,
        diffusivity={"u": "Du", "v": "Du", "w": "Dw"},
        parameters={"Du": Parameter(0.05, lower=0.0), "Dw": Parameter(1.0, lower=0.0)},
    )
    found = analysis.boundaries(model, model.defaults, ("Du", "Dw"))
    wave = found["wave"]
    assert wave.exceeded and wave.nearest.frequency > 0
    k = math.sqrt(wave.nearest.kappa)
    at = analysis.dispersion(model, wave.nearest.params, None, [k])
    assert abs(at.rates[0, 0].real) < 1e-9
    assert abs(at.peak.rate.real) < 1e-9 and at.peak.oscillates
    assert at.rates[0, 0].imag == pytest.approx(wave.nearest.frequency, rel=1e-9)
    # Only Du / Dw counts, so the nearest point moves both by the same factor.
    assert wave.nearest.params["Du"] / 0.05 == pytest.approx(
        1 / wave.nearest.params["Dw"], rel=1e-6
    )
    ranges = {"Du": (0.01, 0.3), "Dw": (0.5, 2.0)}
    (line,) = analysis.curve(model, model.defaults, "wave", ("Du", "Dw"), ranges)
    ratio = wave.nearest.params["Du"] / wave.nearest.params["Dw"]
    np.testing.assert_allclose(line[:, 0] / line[:, 1], ratio, rtol=1e-7)


def test_a_reaction_that_is_not_rational():
    """u' = -u + r tanh u: a pitchfork at r = 1; the state has to be named."""
    model = ReactionDiffusion(
        name="tanh",
        species=("u",),
        reaction=lambda s, p: (p["r"] * rdtf_math.tanh(s[0]) - s[0],),
        diffusivity={"u": "D"},
        parameters={"D": Parameter(1.0, lower=0.0), "r": Parameter(0.5, lower=0.0)},
    )
    found = analysis.boundaries(model, model.defaults, ("r",), {"u": 0.0})
    assert found["branch_point"].alone["r"] == pytest.approx(1.0, rel=1e-9)
    with pytest.raises(InputError, match="rational"):
        analysis.boundaries(model, model.defaults, ("r",))


def test_curves_satisfy_their_closed_forms():
    ranges = {"k": (0.03, 0.07), "F": (0.001, 0.1)}
    params = _params(GRAY_SCOTT, F=0.04, k=0.06)
    found = analysis.diagram(GRAY_SCOTT, params, ("k", "F"), ranges, points=40)
    (fold,) = found.curves["saddle_node"]
    k, feed = fold.T
    np.testing.assert_allclose(k, np.sqrt(feed) / 2 - feed, atol=1e-10)
    assert k.min() < 0.031 and k.max() > 0.06249 and len(fold) > 40
    (hopf,) = found.curves["hopf"]
    for k, feed in hopf[::7]:
        v = (1 + math.sqrt(max(1 - 4 * (feed + k) ** 2 / feed, 0))) / 2
        v *= feed / (feed + k)
        assert v * v == pytest.approx(k, rel=1e-6)
    names = found.names()
    corner = (0, len(found.axes["k"]) - 1)
    assert names["stable"][corner]  # (1, 0) alone
    assert names["2 states, all stable"][-1, 0]
    total = sum(where.astype(int) for where in names.values())
    assert (total == 1).all()


def test_brusselator_curves():
    params = _params(BRUSSELATOR, A=A, B=6.9, Du=DU, Dv=DV)
    ranges = {"A": (1.0, 6.0), "B": (2.0, 12.0)}
    over = ("A", "B")
    (turing,) = analysis.curve(BRUSSELATOR, params, "turing", over, ranges)
    a, b = turing.T
    np.testing.assert_allclose(b, (1 + a * math.sqrt(DU / DV)) ** 2, rtol=1e-9)
    (hopf,) = analysis.curve(BRUSSELATOR, params, "hopf", over, ranges)
    a, b = hopf.T
    np.testing.assert_allclose(b, 1 + a**2, rtol=1e-9)
    assert analysis.curve(BRUSSELATOR, params, "wave", over, ranges) == []


def test_the_grid_is_remarked_on():
    model = models.SCHNAKENBERG
    small = analysis.remarks(model, model.defaults, ("a", "b"), grid=Grid((20, 20)))
    assert "wavelengths: it selects the pattern" in small[1]
    assert "cells per wavelength; second_order needs 18.1" in small[2]
    fine = analysis.remarks(
        model,
        model.defaults,
        ("a", "b"),
        grid=Grid((64, 64), 2.0),
        laplacian="spectral",
    )
    assert len(fine) == 1 and "wavelength 11.13" in fine[0]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m, p: analysis.boundaries(m, p, ("F", "x")), "'x'"),
        (lambda m, p: analysis.boundaries(m, p, ("F", "F")), "different"),
        (lambda m, p: analysis.diagram(m, p, ("F",)), "two parameters"),
        (
            lambda m, p: analysis.curve(m, p, "fold", ("F", "k"), {}),
            "bifurcation among",
        ),
        (
            lambda m, p: analysis.diagram(m, p, ("F", "k"), {"F": (2, 1), "k": (0, 1)}),
            "upwards",
        ),
    ],
)
def test_errors(call, words):
    with pytest.raises(InputError, match=words):
        call(GRAY_SCOTT, GRAY_SCOTT.defaults)
