"""Preconditioned conjugate gradients for stacks of symmetric positive definite systems.

Hestenes & Stiefel 1952, doi:10.6028/jres.049.044. The right-hand sides of a stack are
solved side by side, each with step lengths of its own, so that one application of the
matrix, a transform or a solver of its own, serves them all.
"""

from collections.abc import Callable

import numpy as np


def dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Inner products over all axes but the first, `[k, 1, ...]`."""
    return np.sum(x * y, axis=tuple(range(1, x.ndim)), keepdims=True)


def solve(
    apply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    precondition: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    residual: np.ndarray,
    converged: Callable[[np.ndarray, np.ndarray], bool],
    max_iterations: int,
    dot: Callable[[np.ndarray, np.ndarray], np.ndarray] = dot,
) -> tuple[np.ndarray, np.ndarray]:
    """Solves A x = b for every right-hand side of a stack `[k, ...]`.

    Args:
      apply: (p, q) -> A p, with q = M p at hand, where M is the inverse of the
        preconditioner: it costs no product of its own.
      precondition: r -> M⁻¹ r.
      x: the first guess, `[k, ...]`; it is overwritten.
      residual: b - A x there.
      converged: (r, r·M⁻¹r) -> whether to stop, asked before every iteration.
      max_iterations: most of them; there is no error if they do not suffice.
      dot: inner products, `[k, 1, ...]`.

    Returns:
      (x, its residual by the recurrence).
    """
    r = q = residual
    p = precondition(r)
    size = dot(r, p)
    for _ in range(max_iterations):
        if converged(r, size):
            break
        image = apply(p, q)
        step = _ratio(size, dot(p, image))
        x += step * p
        r = r - step * image
        z = precondition(r)
        before, size = size, dot(r, z)
        ratio = _ratio(size, before)
        p, q = z + ratio * p, r + ratio * q
    return x, r


def _ratio(a, b):
    """a / b, 0 where b is 0: that right-hand side is solved."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0.0)
