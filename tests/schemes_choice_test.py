"""Which scheme is taken and why, how fast diffusion is, and what is refused."""

import logging

import numpy as np
import pytest
import semi_discrete

import rdtf
from rdtf import Grid, InputError, Simulation, models, schemes
from rdtf.operators import laplacians
from rdtf.schemes import stiffness


@pytest.mark.parametrize(
    "model, changes, grid, varying, scheme, words",
    [
        (models.SCHNAKENBERG, {}, Grid((64, 64), 0.5), (), "etdrk4", "times as fast"),
        (models.SCHNAKENBERG, {}, Grid((64, 64), 0.5), (), "etdrk4", ": stiff"),
        (models.GRAY_SCOTT, {}, Grid((64, 64), 1.0), (), "tsit5", "not stiff"),
        (models.GRAY_SCOTT, {}, Grid((64, 64), 1.0), ("Du", "F"), "tsit5", "Du varies"),
        (
            models.SCHNAKENBERG,
            {},
            Grid(64, 0.1),
            ("Du", "Dv"),
            "tsit5",
            "Du, Dv varies",
        ),
        (models.SCHNAKENBERG, {}, Grid(64, 0.1), ("a",), "etdrk4", "stiff"),
        (models.CAHN_HILLIARD, {}, Grid(64), (), "etdrk4", "fourth order"),
        (models.SWIFT_HOHENBERG, {}, Grid(64, 0.7), (), "etdrk4", "fourth order"),
        (models.SWIFT_HOHENBERG, {}, Grid(64, 3.0), (), "etdrk4", "fourth order"),
        (models.SWIFT_HOHENBERG, {}, Grid(64, 0.7), ("q",), "tsit5", "q varies"),
        (models.SWIFT_HOHENBERG, {}, Grid(64, 0.7), ("r",), "etdrk4", "fourth order"),
        (models.FISHER_KPP, {}, Grid(600, 0.1), (), "etdrk4", "stiff"),
        (models.FISHER_KPP, {}, Grid(600, 0.1, "no_flux"), (), "tsit5", "512 cells"),
        (models.FISHER_KPP, {}, Grid(500, 0.1, "no_flux"), (), "etdrk4", "stiff"),
        (models.FISHER_KPP, {}, Grid(500, 0.1, "dirichlet=1"), (), "etdrk4", "stiff"),
        (models.FISHER_KPP, {"r": 1e4}, Grid(600, 0.1), (), "tsit5", "not stiff"),
        (models.FISHER_KPP, {"r": 0.0}, Grid(60, 0.1), (), "etdrk4", "over 1000 times"),
        (models.FISHER_KPP, {"D": 0.0}, Grid(60, 0.1), (), "tsit5", "not stiff"),
    ],
)
def test_choice(model, changes, grid, varying, scheme, words):
    params = {**model.defaults, **changes}
    found, reason = schemes.choose(model, params, grid, varying=varying)
    assert found == scheme and words in reason and "\n" not in reason
    # And it can be built.
    rdtf.Simulation(model, grid, 1e-3, found, varying=varying)


@pytest.mark.parametrize("laplacian", ["second_order", "spectral"])
def test_the_ratio_in_the_reason_is_that_of_the_rates(laplacian):
    """Fisher-KPP: D max|∇²| over r; etdrk4 from a ratio of 30 on."""
    model, grid = models.FISHER_KPP, Grid(64, 0.5)
    radius = {"second_order": 16.0, "spectral": (2 * np.pi) ** 2}[laplacian]
    for ratio, scheme in ((29.0, "tsit5"), (31.0, "etdrk4")):
        params = {"D": 1.0, "r": radius / ratio}
        found, reason = schemes.choose(model, params, grid, laplacian)
        assert found == scheme and f"is {ratio:.0f} times as fast" in reason


@pytest.mark.parametrize(
    "model, grid, scheme",
    [
        (models.SCHNAKENBERG, Grid((64, 64), 0.5), "etdrk4"),
        (models.GRAY_SCOTT, Grid((64, 64)), "tsit5"),
    ],
)
def test_auto_says_what_it_takes_and_why(model, grid, scheme, caplog):
    with caplog.at_level(logging.INFO, logger="rdtf"):
        sim = rdtf.Simulation(model, grid, 0.1, "auto")
    assert sim.scheme.name == scheme
    (record,) = [r for r in caplog.records if r.name == "rdtf.simulation"]
    reason = schemes.choose(model, model.defaults, grid)[1]
    assert record.getMessage() == f"Scheme {scheme}: {reason}."
    with caplog.at_level(logging.INFO, logger="rdtf"):
        caplog.clear()
        rdtf.Simulation(model, grid, 0.1, "heun")
    assert not caplog.records


GRIDS = [
    Grid(12, 0.7),
    Grid((6, 5), (0.7, 1.0), "no_flux; periodic"),
    Grid((4, 4), 0.7, "dirichlet=1/robin=1,2,3; periodic"),
]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize(
    "model", [m for m in models.MODELS.values() if m.is_plain], ids=lambda m: m.name
)
def test_largest_diffusivity_of_plain_models_is_the_largest(model, grid):
    params = model.defaults
    found = schemes.largest_diffusivity(model, params, grid)
    assert found == pytest.approx(
        max(params[n] for n in model.diffusivities), rel=1e-14
    )


def test_largest_diffusivity_of_samples_and_of_fields():
    """Per sample of a sweep, and the largest value of a field."""
    model, grid = models.GRAY_SCOTT, GRIDS[1]
    params = {**model.defaults, "Du": np.array([0.1, 0.5]), "Dv": 0.3}
    found = schemes.largest_diffusivity(model, params, grid)
    np.testing.assert_allclose(found, [0.3, 0.5], rtol=1e-14)
    field = np.linspace(0.1, 0.8, 30).reshape(6, 5)
    found = schemes.largest_diffusivity(model, {**params, "Du": field}, grid)
    assert found == pytest.approx(0.8, rel=1e-14)


def test_largest_diffusivity_of_anisotropic_ones():
    """Each axis counts with its own part: Dy 4 / hy² + Dx 4 / hx² over the sum."""
    grid = Grid((6, 4), (0.5, 2.0))
    params = {"Dy": 0.1, "Dx": 3.0, "D": 0.2}
    found = schemes.largest_diffusivity(semi_discrete.ANISOTROPIC, params, grid)
    expected = (0.1 * 16.0 + 3.0 * 1.0) / 17.0
    assert found == pytest.approx(expected, rel=1e-14)


# name -> (model, parameters, the uniform states whose diffusion may be fastest)
COUPLED = {
    "ginzburg_landau": (models.GINZBURG_LANDAU, {}, [(0.0, 0.0)]),
    "cahn_hilliard": (models.CAHN_HILLIARD, {}, [(0.0,), (-1.5,), (1.5,)]),
    "swift_hohenberg": (models.SWIFT_HOHENBERG, {}, [(0.0,)]),
}


def _spectrum(model, grid, params, state):
    """Eigenvalues of the diffusion about a uniform state, of a dense matrix."""
    matrix = semi_discrete.laplacian(grid)[0]
    _, second, fourth = stiffness._slopes(model, state, params.values())
    dense = np.kron(second, matrix) + np.kron(fourth, matrix @ matrix)
    return np.linalg.eigvals(dense)


@pytest.mark.parametrize("name", COUPLED)
@pytest.mark.parametrize("grid", [Grid(12, 0.7), Grid((4, 6), (0.7, 1.0))], ids=str)
def test_largest_diffusivity_of_coupled_models(name, grid):
    model, changes, states = COUPLED[name]
    params = {**model.defaults, **changes}
    largest = max(np.abs(_spectrum(model, grid, params, s)).max() for s in states)
    found = schemes.largest_diffusivity(model, params, grid)
    assert found * laplacians.bound(grid) == pytest.approx(largest, rel=1e-12)


@pytest.mark.parametrize(
    "name, state, changes",
    [
        ("cahn_hilliard", 1.5, {}),
        ("swift_hohenberg", 0.0, {"r": 1.0}),  # r - q⁴ = 0: no reaction
        ("ginzburg_landau", 0.0, {"alpha": 0.0, "D": 1e6}),  # as good as none
    ],
)
def test_euler_is_stable_up_to_the_bound(name, state, changes):
    """The checkerboard on the state of the bound: inside it decays, beyond it grows."""
    model, _, _ = COUPLED[name]
    grid, params = Grid(12, 0.7), {**model.defaults, **changes}
    euler = schemes.get("forward_euler")
    largest = schemes.largest_diffusivity(model, params, grid)
    bound = euler.largest_time_step(grid, float(largest))
    checkerboard = (-1.0) ** np.arange(12)
    for factor, grows in ((0.99, False), (1.01, True)):
        end = semi_discrete.advance(
            "forward_euler",
            model,
            grid,
            state + 1e-8 * np.tile(checkerboard, (len(model.species), 1)),
            params,
            50 * factor * bound,
            50,
        )
        size = np.abs(end - state).max()
        assert (size > 1e-8) == grows
        assert size == pytest.approx(1e-8 * abs(1.0 - 2.0 * factor) ** 50, rel=1e-4)


@pytest.mark.parametrize("name", ["forward_euler", "heun", "rk4", "tsit5"])
def test_explicit_schemes_are_stable_up_to_the_bound_of_complex_diffusion(name):
    """By |R(h λ)| of every mode of (1 + i alpha) D ∇²."""
    model, scheme = models.GINZBURG_LANDAU, schemes.get(name)
    for alpha in (0.5, 2.0, 10.0):
        params, grid = {**model.defaults, "alpha": alpha}, Grid((8, 6), 1.1)
        largest = schemes.largest_diffusivity(model, params, grid, scheme=scheme)
        bound = scheme.largest_time_step(grid, float(largest))
        waves = -np.linspace(0.0, laplacians.bound(grid), 500) * (1.0 + 1j * alpha)
        for factor, grows in ((0.999, False), (1.001, True)):
            z = factor * bound * params["D"] * waves
            (after,) = scheme.advance(
                lambda s, z=z: (s, (z * s[0],)), (1.0 + 0 * z,), 1.0
            )
            assert (np.abs(after).max() > 1.0 + 1e-9) == grows


def test_refusals(input_error):
    for name in ("cnab2", "sbdf2", "strang", "etdrk4"):
        with input_error("uniform diffusivities", name, "Dv", "explicit scheme"):
            rdtf.Simulation(models.GRAY_SCOTT, Grid(8), 0.1, name, varying=("Dv",))
    held = Grid((8, 8), 1.0, "dirichlet=1; periodic")
    for model in (models.GINZBURG_LANDAU, models.CAHN_HILLIARD):
        for name in ("rk4", "etdrk4"):
            with input_error("periodic or no_flux", model.name, "dirichlet=1"):
                rdtf.Simulation(model, held, 0.1, name)
    with input_error("periodic or no_flux", "vary in space (Du)"):
        rdtf.Simulation(models.GRAY_SCOTT, held, 0.1, "rk4", varying=("Du",))
    with input_error("periodic or no_flux", "anisotropic"):
        rdtf.Simulation(semi_discrete.ANISOTROPIC, held, 0.1, "rk4")
    with input_error("3 diffusivities of u", "Dy, Dx"):
        rdtf.Simulation(semi_discrete.ANISOTROPIC, Grid((4, 4, 4)), 0.1, "rk4")
    with input_error("than compact for anisotropic"):
        rdtf.Simulation(
            semi_discrete.ANISOTROPIC, Grid((4, 4)), 0.1, "rk4", laplacian="compact"
        )
    with input_error("one boundary value, or 2", "got 3"):
        rdtf.Simulation(models.GRAY_SCOTT, Grid(8, 1.0, "dirichlet=1,2,3"), 0.1)
    with input_error("one boundary value, or 1", "got 2"):
        rdtf.Simulation(models.FISHER_KPP, Grid(8, 1.0, "no_flux/neumann=1,2"), 0.1)
    with input_error("varying parameters among", "'E'"):
        rdtf.Simulation(models.FISHER_KPP, Grid(8), 0.1, varying=("E",))


def test_default_time_step_is_the_least_of_all_sets():
    """FitzHugh-Nagumo of PDEBench: diffusion allows 40, the reaction 0.5 / 0.296."""
    model, grid = models.FITZHUGH_NAGUMO, Grid((16, 16))
    sets = [model.preset("pdebench"), model.preset("labyrinth")]
    steps = [schemes.default_time_step(model, params, grid) for params in sets]
    assert steps == pytest.approx([1.0, 0.02])
    both = {n: np.array([s[n] for s in sets]) for n in model.parameters}
    assert schemes.default_time_step(model, both, grid) == steps[1]
    mixed = model.preset("pdebench") | {"Dv": np.array([0.005, 5.0])}
    alone = model.preset("pdebench") | {"Dv": 5.0}
    expected = schemes.default_time_step(model, alone, grid)
    assert schemes.default_time_step(model, mixed, grid) == expected == 0.02


@pytest.mark.parametrize("name", models.MODELS)
def test_default_time_step_is_stable(name):
    model, grid = models.get(name), Grid((16, 16))
    step = schemes.default_time_step(model, model.defaults, grid)
    simulation = Simulation(model, grid, step)
    assert 0.0 < float(simulation.stability_ratio(model.defaults)) <= 0.8 * (1 + 1e-12)
    rate = schemes.reaction_rate(model, model.defaults)
    assert step * rate <= 0.5
    with pytest.raises(InputError, match="rk5"):
        schemes.default_time_step(model, model.defaults, grid, "rk5")
