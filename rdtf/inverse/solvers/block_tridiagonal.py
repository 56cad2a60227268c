"""Block tridiagonal linear systems with many right-hand sides.

    lower[k] x[k-1] + diagonal[k] x[k] + upper[k] x[k+1] = b[k],    k = 0 ... K-1

Elimination line by line, without pivoting between lines, in dense matrix products,
which is fast for the hundreds of right-hand sides that the ring of a crop needs.
"""

import numpy as np


class BlockTridiagonal:
    """The LU factors of such a system; blocks are `[K, s, s]`."""

    def __init__(self, lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray):
        self._upper = upper
        self._gain = np.zeros_like(diagonal)  # lower[k] @ inverse pivot [k-1]
        self._inverse = np.empty_like(diagonal)
        self._inverse[0] = np.linalg.inv(diagonal[0])
        for k in range(1, len(diagonal)):
            self._gain[k] = lower[k] @ self._inverse[k - 1]
            self._inverse[k] = np.linalg.inv(diagonal[k] - self._gain[k] @ upper[k - 1])

    def solve(self, b: np.ndarray) -> np.ndarray:
        """x of `[K, s, columns]`."""
        x = np.array(b)
        for k in range(1, len(x)):
            x[k] -= self._gain[k] @ x[k - 1]
        x[-1] = self._inverse[-1] @ x[-1]
        for k in reversed(range(len(x) - 1)):
            x[k] = self._inverse[k] @ (x[k] - self._upper[k] @ x[k + 1])
        return x
