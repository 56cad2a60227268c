"""Initial states: seeded per sample, in place, and around the right background."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rdtf import (
    Grid,
    InputError,
    ReactionDiffusion,
    Simulation,
    homogeneous,
    initial_conditions,
    models,
)
from rdtf.models import MODELS

GRAY_SCOTT = models.GRAY_SCOTT
GRID = Grid((24, 20))
KINDS = [k for k in initial_conditions.KINDS if k != "broken_waves"]


def _arrays(state):
    return [field.numpy() for field in state]


@pytest.mark.parametrize("kind", KINDS)
def test_sample_does_not_depend_on_its_batch(kind):
    alone = initial_conditions.create(kind, GRAY_SCOTT, GRID, batch=1, seed=5)
    many = initial_conditions.create(kind, GRAY_SCOTT, GRID, batch=6, seed=5)
    fewer = initial_conditions.create(kind, GRAY_SCOTT, GRID, batch=4, seed=5)
    for a, m, f in zip(alone, many, fewer, strict=True):
        assert m.dtype == tf.float64
        assert m.shape == (6, 24, 20)
        np.testing.assert_array_equal(a, m[:1])
        np.testing.assert_array_equal(f, m[:4])


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_and_samples_differ(kind):
    first, second = (
        initial_conditions.create(kind, GRAY_SCOTT, GRID, batch=3, seed=seed)[0].numpy()
        for seed in (0, 1)
    )
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 6


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_noise_is_white_around_the_background(model):
    fields = initial_conditions.noise(model, Grid((64, 64)), 4, 0, amplitude=0.01)
    background = initial_conditions.background(model)
    deviations = [f - b for f, b in zip(_arrays(fields), background, strict=True)]
    if model is GRAY_SCOTT:  # clipped at v = 0
        assert deviations.pop().min() == 0.0
    for deviation in deviations:
        assert abs(deviation.mean()) < 5 * 0.01 / 128
        assert deviation.std() == pytest.approx(0.01, rel=0.05)
        neighbours = np.mean(deviation[:, 1:] * deviation[:, :-1])
        assert abs(neighbours) < 5 * 0.01**2 / 128


def test_central_square_covers_cells_54_to_73_of_128():
    grid = Grid((128, 128))
    quiet = initial_conditions.central_square(GRAY_SCOTT, grid, amplitude=0.0)
    for field, inside, outside in zip(quiet, (0.5, 0.25), (1.0, 0.0), strict=True):
        expected = np.full((1, 128, 128), outside)
        expected[:, 54:74, 54:74] = inside
        np.testing.assert_array_equal(field, expected)
    noisy = initial_conditions.central_square(GRAY_SCOTT, grid)
    np.testing.assert_array_equal(noisy[0][:, 54:74, 54:74], 0.5)
    assert np.std(noisy[0][:, :54]) == pytest.approx(0.02, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(3, 12), min_size=1, max_size=3).map(tuple), st.floats(0.01, 1)
)
def test_central_square_is_centred_on_any_grid(shape, width):
    field = initial_conditions.central_square(
        GRAY_SCOTT, Grid(shape), amplitude=0.0, width=width
    )[1][0].numpy()
    for axis, n in enumerate(shape):
        others = tuple(a for a in range(len(shape)) if a != axis)
        (cells,) = np.nonzero(field.max(axis=others))
        assert len(cells) == max(1, round(n * width))
        assert cells[-1] - cells[0] == len(cells) - 1
        assert 0 <= (n - 1 - cells[-1]) - cells[0] <= 1


@pytest.mark.parametrize("shape", [(40,), (24, 20), (18, 16, 17)])
def test_one_disc_is_round_inside_and_of_the_allowed_radius(shape):
    grid, batch = Grid(shape), 24
    discs = initial_conditions.discs(GRAY_SCOTT, grid, batch, count=1, radii=(3, 7))
    radii = set()
    for u, v in zip(*_arrays(discs), strict=True):
        inside = v == 0.25
        np.testing.assert_array_equal(v[~inside], 0.0)
        np.testing.assert_array_equal(u, np.where(inside, 0.5, 1.0))
        cells = np.argwhere(inside)
        low, high = cells.min(axis=0), cells.max(axis=0)
        radius = (high[0] - low[0]) // 2 + 1
        centre = (low + high) // 2
        assert (low >= 1).all()
        assert (high <= np.array(shape) - 2).all()
        distance = sum((i - c) ** 2 for i, c in zip(np.indices(shape), centre))
        np.testing.assert_array_equal(inside, distance < radius**2)
        radii.add(int(radius))
    assert radii == set(range(3, 8))  # both ends can be drawn


def test_many_discs_are_drawn_per_sample():
    fields = initial_conditions.discs(GRAY_SCOTT, Grid((32, 32)), batch=4, count=5)
    areas = (fields[1].numpy() > 0).sum(axis=(1, 2))
    assert len(set(areas)) > 1
    assert areas.min() > 13  # more than the smallest disc alone


def test_kinds_of_data_sets():
    """Discs without noise, noise of 0.05 whatever the model's own, a disc in its noise."""
    grid, batch = Grid((32, 32)), [3, 2**30]
    found = {
        kind: _arrays(initial_conditions.create(kind, GRAY_SCOTT, grid, batch, 4))
        for kind in ("multiple_seeds", "random", "center_seed")
    }
    assert set(np.unique(found["multiple_seeds"])) == {0.0, 0.25, 0.5, 1.0}
    assert GRAY_SCOTT.start.noise != 0.05
    assert np.std(found["random"][0]) == pytest.approx(0.05, rel=0.05)
    u = found["center_seed"][0]
    disc = np.hypot(*np.indices((32, 32)) - 16) < 3
    np.testing.assert_array_equal(u[:, disc], 0.5)
    assert (u[:, ~disc] != 0.5).all()


def test_clip():
    u, v = _arrays(initial_conditions.noise(GRAY_SCOTT, GRID, 4, amplitude=2.0))
    assert (u.min(), u.max()) == (0.0, 1.5)
    assert (v.min(), v.max()) == (0.0, 1.0)


def test_background_of_given_parameters():
    model = models.SCHNAKENBERG
    params = {**model.defaults, "a": 0.2, "b": 1.3}
    (expected,) = homogeneous.states(model, params)
    assert initial_conditions.background(model, params) == pytest.approx(expected)
    fields = initial_conditions.noise(model, GRID, params=params, amplitude=0.0)
    for field, value in zip(fields, expected, strict=True):
        np.testing.assert_array_equal(field, np.full(field.shape, value))
    assert initial_conditions.background(GRAY_SCOTT) == (1.0, 0.0)


def test_background_prefers_positive_states():
    model = models.FITZHUGH_NAGUMO
    params = {**model.defaults, "kappa": 0.0, "gamma": 4.0}
    assert initial_conditions.background(model, params)[0] == pytest.approx(0.75**0.5)


def test_three_dimensions():
    for kind in KINDS:
        grid = Grid((16, 15, 17))
        state = initial_conditions.create(kind, GRAY_SCOTT, grid, 2)
        assert all(s.shape == (2, 16, 15, 17) for s in state)


def test_bad_input(input_error):
    with input_error("noise, central_square, central_disc, discs", "'stripes'"):
        initial_conditions.create("stripes", GRAY_SCOTT, GRID)
    with input_error("more than 14 cells"):
        initial_conditions.discs(GRAY_SCOTT, Grid((14, 20)))
    with input_error("patch values", "schnakenberg", "'noise'"):
        initial_conditions.central_square(models.SCHNAKENBERG, GRID)
    stateless = ReactionDiffusion(
        name="runaway",
        species=("u",),
        reaction=lambda state, params: (1.0 + state[0] * state[0],),
        diffusivity={},
        parameters={},
    )
    with input_error("uniform state", "runaway"):
        initial_conditions.noise(stateless, GRID)


def test_broken_waves_by_quarters():
    state = initial_conditions.create("broken_waves", models.BARKLEY, Grid((4, 6)))
    u, v = (field[0] for field in _arrays(state))
    np.testing.assert_array_equal(u[2:], [[1.0] * 3 + [0.0] * 3] * 2)
    np.testing.assert_array_equal(u[:2], 0.0)
    np.testing.assert_array_equal(v[2:], 0.0)
    np.testing.assert_array_equal(v[:2], 0.375)


def test_broken_wave_goes_on_where_a_ring_leaves():
    sim = Simulation(models.BARKLEY, Grid((32, 32), 1.0, "no_flux"), 0.02)
    params = models.BARKLEY.defaults | {"Du": 2.0}
    left = {}
    for kind in ("broken_waves", "central_square"):
        state = initial_conditions.create(kind, sim.model, sim.grid, params=params)
        left[kind] = sim.advance(state, params, 2000)[0].numpy().max()
    assert left["broken_waves"] > 0.9 and left["central_square"] < 1e-3


@pytest.mark.parametrize(
    ("model", "shape"), [(GRAY_SCOTT, (8, 8)), (models.BARKLEY, (8,))]
)
def test_broken_waves_need_a_plane_and_an_excitable_model(model, shape):
    with pytest.raises(InputError, match="excitable model and 2 or 3 axes"):
        initial_conditions.create("broken_waves", model, Grid(shape))
