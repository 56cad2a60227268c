"""Conjugate gradients against dense solves, for stacks, with and without help."""

import numpy as np
import pytest

from rdtf.inverse.solvers import conjugate_gradients

N = 12


def _system(seed=0):
    """(A of eigenvalues 1 to 100, three right-hand sides `[3, N]`, one of them 0)."""
    rng = np.random.default_rng(seed)
    waves = np.linalg.qr(rng.normal(size=(N, N)))[0]
    b = rng.normal(size=(3, N))
    b[1] = 0.0
    return waves * np.geomspace(1.0, 100.0, N) @ waves.T, b


def _solve(matrix, b, preconditioner=None, iterations=60, **options):
    inverse = np.eye(N) if preconditioner is None else np.linalg.inv(preconditioner)
    calls = []

    def apply(p, q):
        calls.append(q)
        if preconditioner is not None:
            np.testing.assert_allclose(q, p @ preconditioner, atol=1e-8)
        return p @ matrix

    found = conjugate_gradients.solve(
        apply,
        lambda r: r @ inverse,
        np.zeros_like(b),
        b,
        converged=lambda r, size: (size < 1e-24).all(),
        max_iterations=iterations,
        **options,
    )
    return *found, len(calls)


@pytest.mark.parametrize("diagonal", [False, True])
def test_every_right_hand_side_is_solved(diagonal):
    matrix, b = _system()
    preconditioner = np.diag(np.diag(matrix)) if diagonal else None
    x, residual, _ = _solve(matrix, b, preconditioner)
    np.testing.assert_allclose(x, np.linalg.solve(matrix, b.T).T, atol=1e-9)
    np.testing.assert_allclose(b - x @ matrix, residual, atol=1e-9)
    assert not x[1].any()


def test_a_good_preconditioner_makes_it_quick():
    matrix, b = _system()
    assert _solve(matrix, b)[-1] >= N - 1
    assert _solve(matrix, b, matrix + 1e-3 * np.eye(N))[-1] <= 4


def test_it_stops_when_asked_and_after_so_many():
    matrix, b = _system()
    assert _solve(matrix, b, iterations=3)[-1] == 3
    x, residual, calls = _solve(matrix, 0.0 * b)
    assert calls == 0 and not x.any() and not residual.any()


def test_a_stack_of_fields_with_an_inner_product_of_its_own():
    matrix, b = _system()
    b = b.reshape(3, 3, 4)

    def dot(x, y):
        return np.einsum("kij,kij->k", x, y)[:, None, None]

    x, _ = conjugate_gradients.solve(
        lambda p, _: (p.reshape(3, N) @ matrix).reshape(p.shape),
        lambda r: r,
        np.zeros_like(b),
        b,
        converged=lambda r, size: (size < 1e-24).all(),
        max_iterations=60,
        dot=dot,
    )
    expected = np.linalg.solve(matrix, b.reshape(3, N).T).T
    np.testing.assert_allclose(x.reshape(3, N), expected, atol=1e-9)
