"""The problems of the work-precision diagram in rdtf."""

import functools

import numpy as np
import tensorflow as tf

import rdtf
from benchmarks.precision_problems import Problem

_FIXED = {"forward_euler": (10, 20, 50, 100, 300), "rk4": (5, 6, 8, 12, 20)}
_TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)


def settings(problem: Problem) -> list[str]:
    """What is tried: `scheme tolerance`, or `scheme steps` per 10 units of time."""
    adaptive = ("etdrk4",) if problem.name == "brusselator" else ("etdrk4", "tsit5")
    found = [f"{name} {t:g}" for name in adaptive for t in _TOLERANCES]
    if problem.name == "gray_scott":
        found += [f"{name} {count}" for name in _FIXED for count in _FIXED[name]]
    return found


def solver(problem: Problem, setting: str):
    """A function of no arguments that returns the final state `[2, cells, cells]`."""
    name, number = setting.split()
    run = _fixed if name in _FIXED else _adaptive
    return functools.partial(
        run, problem, _system(problem, name, number), float(number)
    )


def _system(problem, name, number):
    step = 10.0 / float(number) if name in _FIXED else 1e-3
    grid = rdtf.Grid((problem.cells,) * 2, problem.spacing)
    varying = ("A",) if problem.name == "brusselator" else ()
    model = rdtf.models.get(problem.name)
    return rdtf.Simulation(model, grid, step, name, varying=varying)


def _params(problem, source):
    params = dict(zip(("Du", "Dv"), problem.diffusivity, strict=True)) | problem.params
    if problem.name == "brusselator":
        field = np.broadcast_to(params["A"] + source, (problem.cells,) * 2)
        params["A"] = tf.constant(np.ascontiguousarray(field))
    return params


def _fixed(problem, simulation, number):
    state, time = tuple(tf.constant(s[np.newaxis]) for s in problem.initial), 0.0
    for end, source in problem.segments:
        count = round((end - time) / simulation.time_step)
        state, time = simulation.advance(state, _params(problem, source), count), end
    return np.concatenate([field.numpy() for field in state])


def _adaptive(problem, simulation, tolerance):
    state, time = tuple(tf.constant(s[np.newaxis]) for s in problem.initial), 0.0
    for end, source in problem.segments:
        run = simulation.integrate(
            state,
            _params(problem, source),
            end - time,
            tolerance,
            1e-2 * tolerance,
            max_steps=2**15,
        )
        if run.status != [rdtf.Status.CONVERGED]:
            raise RuntimeError(run.status[0].advice)
        state, time = run.state, end
    return np.concatenate([field.numpy() for field in state])


def reference(problem: Problem) -> np.ndarray:
    """The solution by etdrk4, to a tolerance whose fifth changes less than 2e-9."""
    results = [solver(problem, f"etdrk4 {t}")() for t in (1e-10, 2e-11)]
    change = np.linalg.norm(results[1] - results[0]) / np.linalg.norm(results[1])
    if not change < 2e-9:
        raise RuntimeError(f"the reference of {problem.name} changes by {change:.1e}")
    return results[1]
