"""The problems of the work-precision diagram in SciPy: `solve_ivp`."""

import functools

import numpy as np
import scipy
from scipy import sparse
from scipy.integrate import solve_ivp

from benchmarks.precision_problems import Problem

VERSION = f"scipy {scipy.__version__}"
_TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


def settings(problem: Problem) -> list[str]:
    """`method tolerance`: implicit where it is stiff, with the sparse Jacobian."""
    methods = ("BDF", "Radau") if problem.name == "brusselator" else ("RK45", "DOP853")
    return [f"{m} {t:g}" for m in methods for t in _TOLERANCES]


def solver(problem: Problem, setting: str):
    """A function of no arguments that returns the final state `[2, cells, cells]`."""
    method, tolerance = setting.split()
    return functools.partial(_solve, problem, method, float(tolerance))


def _solve(problem, method, tolerance):
    shape, state, time = problem.initial.shape, problem.initial.ravel(), 0.0
    extra = {"jac": _jacobian(problem)} if method in ("BDF", "Radau") else {}
    for end, source in problem.segments:
        solution = solve_ivp(
            lambda t, y, f=source: problem.rate(y.reshape(shape), f).ravel(),
            (time, end),
            state,
            method,
            rtol=tolerance,
            atol=1e-2 * tolerance,
            t_eval=[end],
            **extra,
        )
        state, time = solution.y[:, -1], end
    return state.reshape(shape)


def _jacobian(problem):
    """Function (t, y) -> the sparse Jacobian; the reaction's part by hand."""
    n = problem.cells
    line = sparse.diags([1, 1, -2, 1, 1], [-(n - 1), -1, 0, 1, n - 1], (n, n))
    one = sparse.eye(n)
    laplacian = (sparse.kron(line, one) + sparse.kron(one, line)) / problem.spacing**2
    diffusion = sparse.block_diag([d * laplacian for d in problem.diffusivity]).tocsc()

    def jacobian(time, y):
        u, v = y.reshape(2, -1)
        b = problem.params["B"]
        blocks = [[2 * u * v - b - 1, u * u], [b - 2 * u * v, -u * u]]
        rows = [[sparse.diags(x) for x in row] for row in blocks]
        return (diffusion + sparse.bmat(rows)).tocsc()

    return jacobian


def check(problem: Problem, reference: np.ndarray) -> float:
    """The relative distance of the reference from SciPy's Radau or DOP853 at 1e-10."""
    method = "Radau" if problem.name == "brusselator" else "DOP853"
    found = _solve(problem, method, 1e-10)
    return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))
