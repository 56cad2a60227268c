"""Dispersion relations against closed forms."""

import math

import numpy as np
import pytest

from rdtf import Grid, analysis, models
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.operators import laplacians
from rdtf.status import InputError


def _oscillating_waves(state, params):
    """Stable without diffusion; waves of k near 2.5 oscillate as they grow."""
    u, v, w = state
    return 2 * u - v + 3 * w - u**3, 3 * u + 2 * w, -3 * u - 3 * w


OSCILLATING_WAVES = ReactionDiffusion(
    name="oscillating_waves",
    species=("u", "v", "w"),
    reaction=_oscillating_waves,
    diffusivity={"u": "Du", "v": "Du", "w": "Dw"},
    parameters={"Du": Parameter(0.05, lower=0.0), "Dw": Parameter(1.0, lower=0.0)},
)


def _dispersion(name, state=None, wavenumbers=None, **changes):
    model = models.get(name)
    params = {**model.defaults, **changes}
    return analysis.dispersion(model, params, state, wavenumbers)


def test_schnakenberg():
    """a = .1, b = .9, d = 10: the band is exactly (√.2, √.5)."""
    found = _dispersion("schnakenberg")
    assert found.fastest.rate.real == pytest.approx(0.057191, abs=5e-7)
    assert found.fastest.wavenumber == pytest.approx(0.56440, abs=5e-6)
    assert found.fastest.wavelength == pytest.approx(11.1325, abs=5e-5)
    assert not found.fastest.oscillates and found.is_unstable
    np.testing.assert_allclose(found.bands, [(math.sqrt(0.2), math.sqrt(0.5))])


def test_fitzhugh_nagumo_of_pdebench():
    """At the fastest κ, D₁ (b - σ - D₂ κ) + D₂ (a - σ - D₁ κ) = 0, solved in 30 digits."""
    found = _dispersion("fitzhugh_nagumo", Du=1e-3, Dv=5e-3)
    assert found.fastest.rate.real == pytest.approx(0.272315346067123, rel=1e-12)
    assert found.fastest.wavenumber == pytest.approx(13.8834623306484, rel=1e-10)
    np.testing.assert_allclose(found.bands, [(5.0544268, 26.2055765)], rtol=1e-8)


def test_growth_rates_are_eigenvalues_in_order():
    waves = np.array([0.0, 0.3, 0.9])
    found = _dispersion("schnakenberg", wavenumbers=waves)
    for k, rates in zip(waves, found.rates, strict=True):
        matrix = np.array([[0.8, 1.0], [-1.8, -1.0]]) - k**2 * np.diag([1.0, 10.0])
        expected = sorted(np.linalg.eigvals(matrix), key=lambda x: (-x.real, -x.imag))
        np.testing.assert_allclose(rates, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("r, q", [(0.3, 1.0), (-0.1, 1.0), (0.2, 0.7)])
def test_swift_hohenberg(r, q):
    """σ = r - (q² - k²)²."""
    waves = np.linspace(0, 2, 11)
    found = _dispersion("swift_hohenberg", {"u": 0.0}, waves, r=r, q=q)
    np.testing.assert_allclose(
        found.rates[:, 0], r - (q**2 - waves**2) ** 2, rtol=1e-12, atol=1e-12
    )
    assert found.peak.wavenumber == pytest.approx(q, rel=1e-10)
    assert found.fastest.rate.real == pytest.approx(r, rel=1e-12)
    if r > 0:
        edges = np.sqrt(q**2 + np.array([-1, 1]) * math.sqrt(r))
        np.testing.assert_allclose(found.bands, [edges], rtol=1e-10)
    else:
        assert found.bands == ()


@pytest.mark.parametrize("mean", [0.0, 0.3])
def test_cahn_hilliard(mean):
    """σ = D k² (1 - 3 u² - γ k²): the fastest k² is half of the cut-off's."""
    found = _dispersion("cahn_hilliard", {"u": mean}, D=2.0, gamma=0.5)
    ((low, cut),) = found.bands
    assert low == 0.0
    assert cut**2 == pytest.approx((1 - 3 * mean**2) / 0.5, rel=1e-10)
    assert found.fastest.wavenumber**2 == pytest.approx(cut**2 / 2, rel=1e-10)


@pytest.mark.parametrize("alpha, beta", [(2.0, -1.2), (0.0, 1.5), (1.0, -0.5)])
def test_plane_wave_of_ginzburg_landau(alpha, beta):
    """About A = 1 in the frame that turns with it, λ² + 2 (1 + k²) λ + (1 + α²) k⁴ +
    2 (1 + α β) k² = 0; Benjamin and Feir: unstable if 1 + α β < 0."""

    def reaction(state, params):
        u, v = state
        grown, turned = 1 - u * u - v * v, params["beta"] * (1 - u * u - v * v)
        return grown * u - turned * v, grown * v + turned * u

    def terms(state, params):
        u, v = state
        return -params["alpha"] * v, params["alpha"] * u

    model = ReactionDiffusion(
        name="turning",
        species=("u", "v"),
        reaction=reaction,
        diffusivity={"u": "D", "v": "D"},
        parameters={
            "D": Parameter(1.0),
            "alpha": Parameter(0.0),
            "beta": Parameter(0.0),
        },
        laplacian_terms=terms,
    )
    params = {"D": 1.0, "alpha": alpha, "beta": beta}
    waves = np.linspace(0.05, 1.5, 8)
    found = analysis.dispersion(model, params, {"u": 1.0, "v": 0.0}, waves)
    for k, rates in zip(waves, found.rates, strict=True):
        last = (1 + alpha**2) * k**4 + 2 * (1 + alpha * beta) * k**2
        expected = np.roots([1.0, 2 * (1 + k**2), last])
        np.testing.assert_allclose(
            np.sort_complex(rates), np.sort_complex(expected), rtol=1e-9
        )
    assert bool(found.bands) == (1 + alpha * beta < 0)
    if found.bands:
        cut = math.sqrt(-2 * (1 + alpha * beta) / (1 + alpha**2))
        np.testing.assert_allclose(found.bands, [(0.0, cut)], rtol=1e-9)


def test_oscillating_wave_of_three_species():
    """A band of k > 0 in which the fastest mode oscillates, on a stable state."""
    model, params = OSCILLATING_WAVES, OSCILLATING_WAVES.defaults
    found = analysis.dispersion(model, params)
    assert found.state.is_stable and found.is_unstable
    assert found.fastest.oscillates and found.fastest.wavenumber > 0
    ((low, high),) = found.bands
    for edge in (low, high):
        rate = analysis.dispersion(model, params, None, [edge]).rates[0, 0]
        assert abs(rate.real) < 1e-9 and abs(rate.imag) > 0.1


def test_an_ill_posed_model_says_so():
    model = ReactionDiffusion(
        name="backwards",
        species=("u",),
        reaction=lambda s, p: (-s[0],),
        diffusivity={"u": "D"},
        parameters={"D": Parameter(-1.0)},
    )
    found = analysis.dispersion(model, {"D": -1.0})
    assert found.bands == ((1.0, math.inf),)


def test_anisotropic_diffusion_depends_on_the_axis():
    model = ReactionDiffusion(
        name="layered",
        species=("u",),
        reaction=lambda s, p: (s[0] - s[0] ** 3,),
        diffusivity={"u": ("Dy", "Dx")},
        parameters={"Dy": Parameter(4.0), "Dx": Parameter(1.0)},
    )
    for axis, cut in ((0, 0.5), (1, 1.0)):
        found = analysis.dispersion(model, model.defaults, {"u": 0.0}, axis=axis)
        np.testing.assert_allclose(found.bands, [(0.0, cut)], rtol=1e-10)
    with pytest.raises(InputError, match="isotropic"):
        analysis.dispersion_on_grid(model, model.defaults, Grid((8, 8)))


@pytest.mark.parametrize("laplacian", laplacians.LAPLACIANS)
def test_on_a_grid_the_symbol_takes_the_place_of_k(laplacian):
    model, grid = models.SCHNAKENBERG, Grid((24, 32), 0.8)
    found = analysis.dispersion_on_grid(model, model.defaults, grid, laplacian)
    eigenvalues = laplacians.symbol(grid, laplacian)
    waves = np.sqrt(-eigenvalues.ravel())
    exact = analysis.dispersion(model, model.defaults, None, waves)
    np.testing.assert_allclose(
        found.rates.reshape(-1, 2), exact.rates, rtol=1e-7, atol=1e-9
    )
    assert found.wavenumbers.shape == eigenvalues.shape
    assert found.fastest.rate.real == pytest.approx(found.rates[..., 0].real.max())
    if laplacian == "spectral":
        np.testing.assert_allclose(found.wavenumbers.ravel(), waves, atol=1e-12)


def test_on_a_no_flux_grid_waves_are_cosines():
    model, grid = models.SCHNAKENBERG, Grid((40,), 0.5, "no_flux")
    found = analysis.dispersion_on_grid(model, model.defaults, grid, "spectral")
    np.testing.assert_allclose(found.wavenumbers, np.pi * np.arange(40) / 20.0)
