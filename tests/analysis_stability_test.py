"""Uniform states and their stability against closed forms."""

import math
import subprocess
import sys

import numpy as np
import pytest

from rdtf import analysis, models
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.status import InputError

GRAY_SCOTT = models.GRAY_SCOTT


def _params(model, **changes):
    return {**model.defaults, **changes}


@pytest.mark.parametrize(
    "feed, kill, state, trace",
    [
        (0.042, 0.059, (0.415626, 0.243007), -5.25e-5),
        (0.030, 0.053, (0.357288, 0.232305), -9.66e-4),
        (0.026, 0.051, (0.351806, 0.218871), 3.10e-3),
    ],
)
def test_gray_scott_blue_state(feed, kill, state, trace):
    """trace = k - v², so the Hopf bifurcation is at v² = k."""
    params = _params(GRAY_SCOTT, F=feed, k=kill)
    blue = analysis.select_state(GRAY_SCOTT, params)
    np.testing.assert_allclose(blue.vector, state, atol=5e-7)
    assert blue.trace == pytest.approx(trace, rel=5e-3)
    assert blue.trace == pytest.approx(kill - blue.values["v"] ** 2, rel=1e-9)
    side = "stable" if trace < 0 else "unstable"
    assert blue.kind == f"{side} focus"


@pytest.mark.parametrize("feed, kill", [(0.03, 0.053), (0.035, 0.065), (0.1, 0.05)])
def test_gray_scott_trivial_state_is_always_stable(feed, kill):
    found = analysis.uniform_states(GRAY_SCOTT, _params(GRAY_SCOTT, F=feed, k=kill))
    trivial = next(s for s in found if s.values["v"] == 0.0)
    assert trivial.kind == "stable node" and trivial.is_stable
    np.testing.assert_allclose(trivial.eigenvalues, [-feed, -feed - kill], rtol=1e-12)
    kinds = [s.kind for s in found]
    assert kinds.count("saddle") == (len(found) == 3)


def test_gray_scott_on_the_saddle_node_is_marginal():
    state = analysis.select_state(GRAY_SCOTT, _params(GRAY_SCOTT, F=0.04, k=0.06))
    np.testing.assert_allclose(state.vector, (0.5, 0.2), atol=1e-7)
    assert state.kind == "marginal"
    assert state.determinant == pytest.approx(0.0, abs=1e-9)


def test_brusselator_at_its_hopf_bifurcation_is_a_centre():
    model = models.BRUSSELATOR
    (state,) = analysis.uniform_states(model, _params(model, A=2.0, B=5.0))
    assert state.kind == "centre"
    np.testing.assert_allclose(np.sort(state.eigenvalues.imag), [-2, 2], rtol=1e-12)


def test_a_saddle_with_a_focus_is_a_saddle():
    """One unstable direction and a decaying rotation: three species."""

    def reaction(state, params):
        u, v, w = state
        return params["a"] * u, -v - w, v - w

    model = ReactionDiffusion(
        name="three",
        species=("u", "v", "w"),
        reaction=reaction,
        diffusivity={},
        parameters={"a": Parameter(1.0)},
    )
    (state,) = analysis.uniform_states(model, {"a": 1.0})
    assert state.kind == "saddle"
    (state,) = analysis.uniform_states(model, {"a": -2.0})
    assert state.kind == "stable focus"


def test_one_species():
    model = models.get("fisher_kpp")
    zero, one = analysis.uniform_states(model, _params(model, r=0.7))
    assert zero.kind == "unstable node" and one.kind == "stable node"
    assert one.eigenvalues[0] == pytest.approx(-0.7, rel=1e-12)
    assert analysis.select_state(model, _params(model)).values == {"u": 1.0}


def test_a_state_can_be_named():
    params = _params(GRAY_SCOTT, F=0.03, k=0.053)
    assert analysis.select_state(GRAY_SCOTT, params, 2).values["u"] == 1.0
    named = analysis.select_state(GRAY_SCOTT, params, {"v": 0.0, "u": 1.0})
    assert named.kind == "stable node"
    for state, words in (
        ({"u": 1.0}, "missing: v"),
        ({"u": 0.7, "v": 0.1}, "Expected a uniform state"),
        ({"u": 1.0, "w": 0.0}, "species"),
        ((1.0, 0.0, 0.0), "one value for each"),
        (7, "below 3"),
    ):
        with pytest.raises(InputError, match=words):
            analysis.select_state(GRAY_SCOTT, params, state)


def test_a_conserved_model_needs_a_named_state():
    model = models.get("cahn_hilliard")
    with pytest.raises(InputError):
        analysis.select_state(model, model.defaults)
    state = analysis.select_state(model, model.defaults, {"u": 0.3})
    assert state.kind == "marginal"


def test_no_uniform_state():
    model = ReactionDiffusion(
        name="none",
        species=("u",),
        reaction=lambda s, p: (s[0] * s[0] + p["a"],),
        diffusivity={},
        parameters={"a": Parameter(1.0)},
    )
    with pytest.raises(InputError, match="no uniform state"):
        analysis.select_state(model, {"a": 1.0})


def test_fitzhugh_nagumo_of_pdebench():
    model = models.FITZHUGH_NAGUMO
    (state,) = analysis.uniform_states(model, model.preset("pdebench"))
    np.testing.assert_allclose(state.vector, -math.cbrt(0.005), rtol=1e-12)


def test_no_tensorflow():
    code = (
        "import sys; from rdtf import analysis, models; "
        "from rdtf.analysis.stability import summary; "
        "from rdtf.analysis.traversal import report; "
        "m = models.SCHNAKENBERG; analysis.dispersion(m, m.defaults); "
        "analysis.boundaries, analysis.diagram, analysis.remarks; "
        "print('tensorflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
