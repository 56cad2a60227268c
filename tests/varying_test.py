"""Parameters that are fields: diffusivities D(x), and sources."""

import numpy as np
import pytest
import semi_discrete

import rdtf
from rdtf import Grid, models, schemes


def _flux_form(lines, diffusivity, field, grid, axis):
    """∇·(D ∇s) along an axis by fluxes between cells, D the mean of the two."""
    d, s = (
        np.moveaxis(np.reshape(x, grid.shape), axis, 0) for x in (diffusivity, field)
    )
    total = np.zeros_like(s)
    for i in range(len(s) if lines == "periodic" else len(s) - 1):
        j = (i + 1) % len(s)
        flux = 0.5 * (d[i] + d[j]) * (s[j] - s[i]) / grid.spacing[axis] ** 2
        total[i] += flux
        total[j] -= flux
    return np.moveaxis(total, 0, axis).ravel()


VARYING = Grid((6, 5), (0.7, 1.0), "no_flux; periodic")


def _rough(grid):
    return np.random.default_rng(0).uniform(0.2, 0.8, (2, *grid.shape))


def _diffusivities(grid):
    rng = np.random.default_rng(3)
    return {n: rng.uniform(0.02, 0.3, grid.shape) for n in ("Dy", "Dx", "D")}


@pytest.mark.parametrize("name", ["heun", "rk4", "tsit5"])
def test_order_with_diffusivities_that_vary(name):
    """One of each axis, and one of both; the reference sums fluxes."""
    fields, lines = _diffusivities(VARYING), VARYING.boundary.split("; ")

    def rate(time, flat):
        u, v = state = flat.reshape(2, -1)
        ru, rv = semi_discrete.ANISOTROPIC.reaction(state, {})
        for axis, key in enumerate(("Dy", "Dx")):
            ru = ru + _flux_form(lines[axis], fields[key], u, VARYING, axis)
            rv = rv + _flux_form(lines[axis], fields["D"], v, VARYING, axis)
        return np.concatenate([ru, rv])

    start, order, errors = _rough(VARYING), schemes.get(name).order, []
    exact = semi_discrete.exactly(rate, start, 2.0)
    least = 40 if order < 3 else 12
    for num_steps in (least, 2 * least):
        got = semi_discrete.advance(
            name,
            semi_discrete.ANISOTROPIC,
            VARYING,
            start,
            fields,
            2.0,
            num_steps,
            varying=fields,
        )
        errors.append(np.abs(got[0] - exact).max())
    assert order - 0.15 < np.log2(errors[0] / errors[1]) < order + 1.3, errors


@pytest.mark.parametrize("laplacian", ["second_order", "fourth_order", "spectral"])
def test_diffusivities_that_vary_keep_the_mass(laplacian):
    rng = np.random.default_rng(4)
    field = rng.uniform(0.02, 0.2, VARYING.shape)
    start = rng.uniform(0.2, 0.8, (2, 1, *VARYING.shape))
    got = semi_discrete.advance(
        "heun",
        semi_discrete.DIFFUSION,
        VARYING,
        start,
        {"D": field},
        2.0,
        40,
        laplacian,
        ("D",),
    )
    before, after = (x.sum(axis=(1, 2, 3)) for x in (start, got))
    np.testing.assert_allclose(after, before, rtol=1e-14)
    assert np.abs(got - start).max() > 0.1


@pytest.mark.parametrize("name", ["sbdf2", "etdrk4"])
def test_order_with_sources_that_vary(name):
    """The implicit ones take fields of any parameter that is not of the diffusion."""
    model, grid = semi_discrete.SOURCES, Grid((5, 4), 0.7, "dirichlet=.5; no_flux")
    params, rng = {"D": 0.2, "E": 0.1}, np.random.default_rng(5)
    params |= {n: rng.uniform(0.0, 2.0, grid.shape) for n in "fg"}
    flat = {n: np.ravel(p) if np.ndim(p) else p for n, p in params.items()}
    rate = semi_discrete.right_hand_side(model, grid, flat)
    start, errors = _rough(grid), []
    exact = semi_discrete.exactly(rate, start, 2.0)
    for num_steps in (40, 80):
        got = semi_discrete.advance(
            name, model, grid, start, params, 2.0, num_steps, varying=("f", "g")
        )
        errors.append(np.abs(got[0] - exact).max())
    order = schemes.get(name).order
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2), errors


@pytest.mark.parametrize(
    "model, name",
    [
        (models.GRAY_SCOTT, "Du"),
        (models.GINZBURG_LANDAU, "alpha"),
        (models.CAHN_HILLIARD, "gamma"),
        (models.SWIFT_HOHENBERG, "q"),
    ],
    ids=lambda x: getattr(x, "name", x),
)
def test_modes_do_not_allow_fields_in_the_linear_part(model, name, input_error):
    """Nor those of ∇²Q and ∇⁴P: they would be taken as uniform without a word."""
    for scheme in ("cnab2", "sbdf2", "strang", "etdrk4"):
        with input_error("uniform", scheme, f"fields of {name}", "explicit"):
            rdtf.Simulation(model, Grid(8), 0.1, scheme, varying=(name,))
    choice, reason = schemes.choose(model, model.defaults, Grid(8), varying=(name,))
    assert choice == "tsit5" and name in reason
    assert rdtf.Simulation(model, Grid(8), 0.1, "rk4", varying=(name,)).varying


def test_fields_of_flight_are_not_in_the_linear_part():
    """d12 is of Q, but of its nonlinear rest, which implicit schemes take as it is."""
    model, grid = models.SHIGESADA_KAWASAKI_TERAMOTO, Grid(8, 1.0, "no_flux")
    rng = np.random.default_rng(1)
    params = {**model.defaults, "d12": rng.uniform(0.1, 0.5, 8)}
    start = _rough(grid)
    rate = semi_discrete.right_hand_side(model, grid, params)
    exact = semi_discrete.exactly(rate, start, 0.5)
    got = semi_discrete.advance(
        "sbdf2", model, grid, start, params, 0.5, 400, varying=("d12",)
    )
    np.testing.assert_allclose(got[0], exact, rtol=0, atol=1e-4)
