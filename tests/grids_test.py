"""Grid: what it accepts, what it refuses, and the bound it gives to the schemes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdtf import Grid
from rdtf.grids import BOUNDARIES
from rdtf.operators import laplacians

SHAPES = st.lists(st.integers(3, 9), min_size=1, max_size=3).map(tuple)


def test_defaults():
    grid = Grid((4, 6))
    assert grid.boundary == "periodic"
    assert grid.spacing == (1.0, 1.0)
    assert (grid.ndim, grid.num_cells) == (2, 24)


def test_one_number_is_one_dimension():
    assert Grid(5).shape == (5,)
    assert Grid(np.int64(5)) == Grid((5,))


@settings(max_examples=30, deadline=None)
@given(SHAPES, st.floats(1e-3, 1e3), st.sampled_from(BOUNDARIES))
def test_any_sensible_grid(shape, spacing, boundary):
    grid = Grid(list(shape), spacing, boundary)
    assert grid.shape == shape
    assert grid.spacing == (spacing,) * len(shape)
    assert grid.ndim == len(shape)
    assert grid.num_cells == np.prod(shape)
    assert laplacians.bound(grid) == pytest.approx(4 * len(shape) / spacing**2)
    assert grid == Grid(shape, grid.spacing, boundary)
    assert hash(grid) == hash(Grid(shape, grid.spacing, boundary))


def test_bound_of_the_laplacian_with_unequal_spacing():
    assert laplacians.bound(Grid((4, 4), (0.5, 2.0))) == 16.0 + 1.0


def test_a_grid_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Grid((4, 4)).shape = (5, 5)


@pytest.mark.parametrize(
    "shape", [(), (2,), (8, 2), (4, 4, 4, 4), (8.0, 8), "88", None, (8, None), -5]
)
def test_refuses_shapes(shape, input_error):
    with input_error("grid shape", repr(shape)):
        Grid(shape)


@pytest.mark.parametrize(
    "spacing", [0.0, -1.0, float("nan"), float("inf"), (1.0,), (1.0,) * 3, (1.0, -1.0)]
)
def test_refuses_spacings(spacing, input_error):
    with input_error("positive spacing", "2 axes"):
        Grid((4, 4), spacing)


@pytest.mark.parametrize(
    "boundary",
    ["", "Periodic", None, "dirichlet=,", "dirichlet=x", "dirichlet=nan", "neumann"]
    + ["robin=1,2", "robin=0,0,1", "no_flux=1", "periodic,no_flux", "a/b/c"]
    + ["__import__('os')", 3.0],
)
def test_refuses_boundaries(boundary, input_error):
    with input_error("periodic, no_flux", repr(boundary)):
        Grid((4, 4), boundary=boundary)


@pytest.mark.parametrize(
    "boundary, words",
    [
        ("periodic/no_flux", "LOW/HIGH of an axis that is not periodic"),
        ("no_flux;no_flux;no_flux", "or 2 separated by ;"),
        ("robin=-4,1,0", "2 B + A h other than 0 at spacing h = 0.5"),
    ],
)
def test_refuses_combinations(boundary, words, input_error):
    with input_error(words, repr(boundary)):
        Grid((4, 4), 0.5, boundary)


def test_sides():
    """Per axis; and what is the same all round has one name."""
    low, high = Grid((4, 4), 0.5, " dirichlet=2/robin=1,3,.5 ; periodic").sides[0]
    assert (low.a, low.b, low.values) == (1.0, 0.0, (2.0,))
    assert (high.a, high.b, high.values) == (1.0, 3.0, (0.5,))
    assert Grid((4, 4), 0.5, "dirichlet=2/no_flux ; periodic").sides[1] is None
    assert Grid((4, 4), boundary="no_flux/no_flux;no_flux").boundary == "no_flux"
    assert Grid((4, 4), boundary="periodic; periodic") == Grid((4, 4))
    assert Grid((4, 4), boundary="no_flux; periodic").is_mirrored == (True, False)
    assert Grid((4, 4), boundary="no_flux; periodic").reflects
    assert not Grid((4, 4), boundary="dirichlet; periodic").reflects


def test_ghosts_meet_the_condition_on_the_face():
    """a s + b ∂s/∂n = value for the mean and the difference of edge and ghost."""
    h, edge = 0.5, 0.7
    for text in ("dirichlet=2,3", "neumann=.3", "robin=2,.7,-.4", "no_flux"):
        side, _ = Grid(4, h, text).sides[0]
        for species in range(2):
            ghost = side.reflection(h) * edge + side.offset(h, species)
            value = side.values[species if len(side.values) > 1 else 0]
            left = side.a * (ghost + edge) / 2 + side.b * (ghost - edge) / h
            assert left == pytest.approx(value, rel=1e-14)


def test_values_per_species(input_error):
    grid = Grid((4, 4), boundary="dirichlet=1,0")
    grid.check_species(2)
    with input_error("one boundary value, or 3", "got 2"):
        grid.check_species(3)
