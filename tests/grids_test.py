"""Grid: what it accepts, what it refuses, and the bound it gives to the schemes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdtf import Grid
from rdtf.grids import BOUNDARIES

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
    assert grid.laplacian_bound == pytest.approx(4 * len(shape) / spacing**2)
    assert grid == Grid(shape, grid.spacing, boundary)
    assert hash(grid) == hash(Grid(shape, grid.spacing, boundary))


def test_laplacian_bound_of_unequal_spacing():
    assert Grid((4, 4), (0.5, 2.0)).laplacian_bound == 16.0 + 1.0


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


@pytest.mark.parametrize("boundary", ["dirichlet", "", "Periodic", None])
def test_refuses_boundaries(boundary, input_error):
    with input_error("periodic, no_flux", repr(boundary)):
        Grid((4, 4), boundary=boundary)
