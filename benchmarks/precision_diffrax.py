"""The problems of the work-precision diagram in Diffrax."""

import functools

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.precision_problems import Problem

jax.config.update("jax_enable_x64", True)
VERSION = f"diffrax {diffrax.__version__}, jax {jax.__version__}"
_TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)  # at 1e-2 it hangs
_SOLVERS = {
    "Tsit5": diffrax.Tsit5,
    "Dopri8": diffrax.Dopri8,
    "Bosh3": diffrax.Bosh3,
    "KenCarp4": diffrax.KenCarp4,
    "Kvaerno5": diffrax.Kvaerno5,
}


def settings(problem: Problem) -> list[str]:
    """`solver tolerance`; the implicit ones, with dense Jacobians, where it is stiff."""
    names = ["Tsit5", "Dopri8", "Bosh3"]
    if problem.name == "brusselator":
        names = ["Tsit5", "Bosh3", "Kvaerno5"] if problem.cells <= 32 else ["Tsit5"]
    return [f"{n} {t:g}" for n in names for t in _TOLERANCES]


def solver(problem: Problem, setting: str):
    """A function of no arguments that returns the final state `[2, cells, cells]`."""
    name, tolerance = setting.split()
    run = jax.jit(functools.partial(_solve, problem, name))
    start = jnp.asarray(problem.initial)
    return lambda: np.asarray(run(start, float(tolerance)))


def _rate(problem, source, time, state, args):
    reaction = problem.reaction(*state, source)
    rates = []
    for d, s, r in zip(problem.diffusivity, state, reaction, strict=True):
        padded = jnp.pad(s, 1, mode="wrap")
        around = (
            padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2]
        )
        rates.append(d * (around - 4.0 * s) / problem.spacing**2 + r)
    return jnp.stack(rates)


def _solve(problem, name, state, tolerance):
    time = 0.0
    for end, source in problem.segments:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(functools.partial(_rate, problem, source)),
            _SOLVERS[name](),
            t0=time,
            t1=end,
            dt0=None,
            y0=state,
            stepsize_controller=diffrax.PIDController(
                rtol=tolerance, atol=1e-2 * tolerance
            ),
            saveat=diffrax.SaveAt(t1=True),
            max_steps=None,
        )
        state, time = solution.ys[0], end
    return state
