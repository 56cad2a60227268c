"""The cases in Diffrax: `diffeqsolve` with Euler and constant steps."""

import functools

import diffrax
import jax

from benchmarks import cases, with_jax

VERSION = f"diffrax {diffrax.__version__}, jax {jax.__version__}"


def variants(case: cases.Case) -> dict:
    """name -> function of no arguments that does the work and returns numbers."""
    if case.model != "gray_scott":
        return {}
    return {
        name: with_jax.work(case, functools.partial(_advance, case, laplacian))
        for name, laplacian in with_jax.LAPLACIANS.items()
    }


def _advance(case, laplacian, params, state):
    """Gradients keep about sqrt(2 steps) states: as many as fit `max_steps`."""
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: with_jax.rate(case, laplacian, y, args)),
        diffrax.Euler(),
        t0=0.0,
        t1=case.num_steps * case.time_step,
        dt0=case.time_step,
        y0=state,
        args=params,
        max_steps=case.num_steps,
        adjoint=diffrax.RecursiveCheckpointAdjoint(),
    )
    return tuple(field[0] for field in solution.ys)
