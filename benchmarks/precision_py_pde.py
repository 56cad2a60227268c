"""The problems of the work-precision diagram in py-pde, compiled by Numba."""

import functools

import numpy as np
import pde

from benchmarks.precision_problems import Problem

VERSION = f"py-pde {pde.__version__}"
_SOLVERS = {"runge-kutta": pde.RungeKuttaSolver}
_TOLERANCES = (1e-3, 1e-5, 1e-7)  # each is compiled anew, which takes a minute


def settings(problem: Problem) -> list[str]:
    """`scheme tolerance`: adaptive Runge-Kutta-Fehlberg."""
    return [f"{s} {t:g}" for s in _SOLVERS for t in _TOLERANCES]


def solver(problem: Problem, setting: str):
    """A function of no arguments that returns the final state `[2, cells, cells]`."""
    scheme, tolerance = setting.split()
    n, h = problem.cells, problem.spacing
    grid = pde.CartesianGrid([[0, n * h]] * 2, n, periodic=True)
    runs = []
    for _, source in problem.segments:
        equation = pde.PDE(
            _equations(problem),
            consts={"f": pde.ScalarField(grid, np.broadcast_to(source, (n, n)))},
        )
        runs.append(
            _SOLVERS[scheme](
                equation,
                adaptive=True,
                tolerance=float(tolerance),
                backend="numba",
            )
        )
    return functools.partial(_solve, problem, grid, runs, {})


def _equations(problem):
    p, (du, dv) = problem.params, problem.diffusivity
    if problem.name == "brusselator":
        return {
            "u": f"{du} * laplace(u) + {p['A']} + f - {p['B'] + 1} * u + u**2 * v",
            "v": f"{dv} * laplace(v) + {p['B']} * u - u**2 * v",
        }
    return {
        "u": f"{du} * laplace(u) + f + {p['F']} * (1 - u) - u * v**2",
        "v": f"{dv} * laplace(v) + u * v**2 - {p['F'] + p['k']} * v",
    }


def _solve(problem, grid, runs, steppers):
    fields = [pde.ScalarField(grid, s) for s in problem.initial]
    state, time = pde.FieldCollection(fields), 0.0
    for index, ((end, _), run) in enumerate(zip(problem.segments, runs, strict=True)):
        if index not in steppers:  # compiled once
            steppers[index] = run.make_stepper(state, dt=1e-4)
        steppers[index](state, time, end)
        time = end
    return np.array(state.data)
