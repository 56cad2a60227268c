"""The steady map w(o, p): its derivatives, its transpose, its fixed points."""

import dataclasses

import made_patterns
import numpy as np
import pytest
from elimination_test import COMBINED, LINEAR, chain

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.steady import decay
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.inverse.structure import equations
from rdtf.models import MODELS

SHAPES = [(6, 5), (9,), (3, 4, 5)]
KINDS = ["second_order", "spectral"]
CHAIN = chain(lambda u, v, w, p: u - p["c"] * w)
PAIRS = [*[(MODELS[m], s) for m, s in [*LINEAR, *COMBINED]], (CHAIN, "u")]
CASES = [
    (*pair, SHAPES[i % 3], BOUNDARIES[i % 2], KINDS[(i + i // 2) % 2])
    for i, pair in enumerate(PAIRS)
]
IDS = [f"{m.name}-{s}" for m, s in PAIRS]
PARAMS = {"chain": {"Du": 1.0, "Dv": 3.0, "Dw": 2.0, "a": 0.1, "b": 1.3, "c": 0.8}}


def _central(function, h=1e-3):
    """The derivative at 0, to fourth order."""
    return (8 * (function(h) - function(-h)) - (function(2 * h) - function(-2 * h))) / (
        12 * h
    )


class Case:
    """A map, a random field far from steady, and parameters away from the defaults."""

    def __init__(self, model, observe, shape, boundary, laplacian):
        rng = np.random.default_rng(3)
        self.model = model
        self.o = rng.uniform(0.3, 1.0, (2, *shape))
        self.x, self.y = rng.normal(size=(2, 2, *shape))
        base = PARAMS.get(model.name) or model.defaults
        self.params = {n: v * rng.uniform(0.8, 1.2) for n, v in base.items()}
        domain = WholeDomain(Grid(shape, 1.2, boundary), laplacian)
        typical = (self.o, self.params)
        self.steady = SteadyMap(model, observe, domain, typical, combine=True)
        self.point = self.steady(self.o, self.params)


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    return Case(*request.param)


def _close(got, expected, rtol=1e-5):
    np.testing.assert_allclose(got, expected, atol=rtol * np.abs(expected).max())


def test_by_param(case):
    for name, value in case.params.items():

        def moved(h, name=name, value=value):
            return case.steady(case.o, case.params | {name: value * (1.0 + h)}).w

        expected = _central(moved) / value
        got = case.point.by_param(name)
        np.testing.assert_allclose(
            got, expected, atol=2e-6 * np.abs(case.point.w).max()
        )
        assert np.abs(got).max() > 1e-6 or np.abs(expected).max() < 1e-8


def test_hidden_by_param(case):
    order, params = case.steady.order, case.params
    for name, value in params.items():

        def moved(h, name=name, value=value):
            fields = case.steady(case.o, params | {name: value * (1.0 + h)}).fields
            return np.stack([fields[i] for i in order])

        got = case.point.hidden_by_param(name)
        got = np.stack([got.get(i, 0.0 * case.o) for i in order]) * value
        expected = _central(moved)
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(moved(0.0)).max())


def test_along(case):
    def moved(h):
        return case.steady(case.o + 0.1 * h * case.x, case.params).w

    _close(case.point.along(case.x), _central(moved) / 0.1)


def test_along_transposed(case):
    case.point.tolerance = 1e-11
    forwards = np.vdot(case.y, case.point.along(case.x))
    backwards = np.vdot(case.point.along_transposed(case.y), case.x)
    size = np.linalg.norm(case.y) * np.linalg.norm(case.point.along(case.x))
    assert forwards == pytest.approx(backwards, abs=1e-9 * size)
    assert abs(forwards) > 1e-4 * size


def test_one_sample(case):
    one = case.point.sample(1, 1e-9)
    assert one.o.shape == (1, *case.o.shape[1:])
    _close(one.w, case.point.w[1:], 1e-12)
    _close(one.along(case.x[1:]), case.point.along(case.x)[1:])
    _close(one.along_transposed(case.y[1:]), case.point.along_transposed(case.y)[1:])


def test_the_equations_hold(case):
    """Each hidden species satisfies its own equation, and w the filter's."""
    system, point, params = equations.of(case.model), case.point, case.params
    domain, o = case.steady.domain, case.steady.observed

    def left(i):
        d = system.diffusivity(i, params)
        return d * domain.apply_laplacian(point.fields[i]) + system.reaction(
            i, point.fields, params
        )

    for i in case.steady.order:
        share = 0.0
        if i in case.steady.shared:
            d = system.diffusivity(o, params)
            share = case.steady.equations.share(i, point.fields, params) / d * left(o)
        rest = left(i) + share
        assert np.abs(rest).max() < 1e-7 * max(1.0, np.abs(left(i)).max())
    d = system.diffusivity(o, params)
    smoothed = point.m * point.w - d * domain.apply_laplacian(point.w)
    _close(smoothed, point.reaction + point.m * point.o, 1e-10)


@pytest.mark.parametrize("model", [m for m, _ in made_patterns.MADE])
def test_fixed_point_at_a_steady_state(model, simulations):
    """Whichever species is seen, the true hidden one follows."""
    sim, made = made_patterns.get(simulations, model)
    for observe in sim.model.species:
        if (model, observe) == ("fitzhugh_nagumo", "v"):
            continue
        o = np.asarray(made.fields[observe])
        typical = (o, sim.model.defaults)
        steady = SteadyMap(
            sim.model, observe, WholeDomain(sim.grid), typical, combine=True
        )
        point = steady(o, sim.model.defaults)
        left = np.linalg.norm(point.w - o) / np.linalg.norm(o - o.mean())
        assert left < 2e-3
        hidden = np.asarray(made.fields[sim.model.species[steady.order[0]]])
        error = point.fields[steady.order[0]] - hidden
        assert np.abs(error).max() < 5e-3 * np.ptp(hidden)
        away = made_patterns.elsewhere(model)
        assert np.linalg.norm(steady(o, away).w - o) > 10 * np.linalg.norm(point.w - o)


def test_a_natural_decay():
    """m = F + k where v is seen, and not what would be negative or not a number."""
    model = MODELS["gray_scott"]
    params = {"Du": 1.0, "Dv": 1.0, "F": 0.25, "k": 0.5}
    rate, slopes = decay.natural(equations.of(model), 1, params)
    assert rate(params) == 0.75
    assert {n: s(params) for n, s in slopes.items()} == {"F": 1.0, "k": 1.0}
    assert decay.natural(equations.of(model), 0, params) is None
    growing = MODELS["fitzhugh_nagumo"]
    assert decay.natural(equations.of(growing), 0, growing.defaults) is None


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 2.0)])
def test_the_decay_of_a_pattern_is_its_wave_number(spacing):
    x = [2 * np.pi * np.arange(n) / n for n in (120, 180)]
    wave = 3.0 + 0.1 * np.cos(2 * x[0][:, None] + 3 * x[1])[None]
    rate, slopes = decay.of_pattern("D", wave, spacing)
    k2 = sum(
        (2 * np.pi * m / n / h) ** 2
        for m, n, h in zip((2, 3), (120, 180), spacing, strict=True)
    )
    assert rate({"D": 2.0}) == pytest.approx(2.0 * k2, rel=0.02)
    assert slopes["D"]({"D": 2.0}) == pytest.approx(k2, rel=0.02)


def test_combinations_have_to_be_asked_for(input_error):
    """They do not hold of moving patterns."""
    model = MODELS["gray_scott"]
    typical = (np.ones((1, 6, 5)), model.defaults)
    with input_error("linear in turn", "another species", "--route=bptt"):
        SteadyMap(model, "u", WholeDomain(Grid((6, 5))), typical)


def test_an_immobile_species():
    """Without diffusion of what is seen, w is a cell-by-cell map."""
    model = MODELS["gray_scott"]
    fields = np.random.default_rng(0).uniform(0.3, 0.6, (1, 6, 5))
    still = dataclasses.replace(model, diffusivity={"v": "Dv"})
    params = model.defaults
    steady = SteadyMap(
        still, "u", WholeDomain(Grid((6, 5))), (fields, params), combine=True
    )
    point = steady(fields, params)
    _close(point.w, fields + point.reaction / point.m, 1e-12)
    assert point.m > 0.0 and not steady.decay_slopes
