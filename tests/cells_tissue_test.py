"""Tissues: who is whose neighbour."""

import numpy as np
import pytest

from rdtf.cells.tissue import Tissue

ALL = [
    Tissue((7,)),
    Tissue((2,), "periodic"),
    Tissue((5,), "periodic"),
    Tissue((1,)),
    Tissue((3, 5)),
    Tissue((3, 5), "periodic"),
    Tissue((4, 5), "free", "hexagonal"),
    Tissue((4, 5), "periodic", "hexagonal"),
]


@pytest.mark.parametrize("tissue", ALL, ids=str)
def test_neighbours_are_mutual(tissue):
    """As often; the adjoint relies on it."""
    matrix = np.zeros((tissue.cells, tissue.cells + 1), int)
    for cell, near in enumerate(tissue.neighbours):
        np.add.at(matrix[cell], near, 1)
    assert (matrix[:, :-1] == matrix[:, :-1].T).all()
    assert (matrix[:, :-1].sum(1) == tissue.counts).all() and tissue.counts.min() > 0


def test_a_row():
    row = Tissue((4,))
    assert row.neighbours.tolist() == [[4, 1], [0, 2], [1, 3], [2, 4]]
    assert row.bonds.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert Tissue((4,), "periodic").neighbours[0].tolist() == [3, 1]
    assert Tissue((1,)).neighbours.tolist() == [[0, 1]]
    assert Tissue((4,), "fixed").mobile.tolist() == [0, 1, 1, 0]


def test_distances_on_a_hexagonal_lattice_are_one():
    tissue = Tissue((5, 6), "free", "hexagonal")
    row, column = np.divmod(np.arange(30), 6)
    place = np.stack([column + 0.5 * (row % 2), row * np.sqrt(0.75)], axis=1)
    apart = np.linalg.norm(place[:, None] - place, axis=-1)
    wanted = np.argwhere(np.triu(np.isclose(apart, 1.0)))
    np.testing.assert_array_equal(tissue.bonds, wanted)
    assert tissue.counts.max() == 6 and tissue.counts[0] == 2


def test_a_square_lattice():
    assert len(Tissue((4, 5)).bonds) == 4 * 4 + 3 * 5
    assert len(Tissue((4, 5), "periodic").bonds) == 2 * 20
    inside = Tissue((3, 4), "fixed").mobile.reshape(3, 4)
    assert inside.sum() == 2 and inside[1, 1:3].all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((0,),), "from 1"),
        (((2, 2, 2),), "one or two"),
        (((4,), "open"), "a boundary among free, periodic, fixed"),
        (((4, 4), "free", "triangular"), "a lattice among square, hexagonal"),
        (((3, 4), "periodic", "hexagonal"), "an even number of rows"),
    ],
)
def test_bad_input(arguments, words, input_error):
    with input_error(words):
        Tissue(*arguments)
