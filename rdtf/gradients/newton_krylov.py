"""Newton-Krylov for steady patterns, which are held in their place (see `bordered`).

Steps are damped by the natural monotonicity test (Deuflhard 2011, Newton Methods for
Nonlinear Problems, doi:10.1007/978-3-642-23899-4, section 3.3): many spots in a large
domain hold each other so weakly that |F| alone would refuse every useful step.
"""

import dataclasses

import numpy as np

from rdtf.gradients.bordered import BorderedSolver, shifts
from rdtf.gradients.linearization import Linearization

_NEWTON_STEPS = 20
_RELEASES = 12
_SMALLEST_DAMPING = 1.0 / 32.0
_FARTHEST = 0.25  # of the range of each species: a polish, not a search


@dataclasses.dataclass
class Polished:
    """The end of `newton`: the best state, whether it met the tolerance, the steps."""

    system: Linearization
    converged: bool
    steps: int


def newton(start: Linearization, tolerance: float, solver: BorderedSolver) -> Polished:
    """Polishes one sample to max |F| <= tolerance.

    The pattern is held in its place first. If the lattice then pulls at it by more than
    the tolerance, it is let go for one step and held again, until the pull vanishes.
    The best state is given back.
    """
    modes = shifts(start)
    free = modes[:0]
    system, steps = _descend(start, modes, tolerance, solver)
    best = system
    for _ in range(_RELEASES):
        if not _largest(system, modes) <= tolerance < _largest(best, free):
            break
        if steps > 2 * _NEWTON_STEPS:
            break
        step, _ = solver.solve(system, free, -system.rate, 1e-3)
        limit = 0.1 * np.ptp(system.fields) / np.abs(step).max()
        moved = system.moved(min(1.0, limit) * step)
        modes = shifts(moved)
        system, more = _descend(moved, modes, tolerance, solver)
        steps += 1 + more
        if _largest(system, free) < _largest(best, free):
            best = system
    return Polished(best, _largest(best, free) <= tolerance, steps)


def _descend(start, modes, tolerance, solver):
    """Newton in the complement of the modes: (best state, steps)."""
    fields = start.fields
    reach = _FARTHEST * np.ptp(fields, axis=tuple(range(1, fields.ndim)))
    reach = np.maximum(reach, 1e-2 * np.abs(fields).max())
    reach = reach.reshape(-1, *[1] * (fields.ndim - 1))
    system, best, steps = start, start, 0
    while _largest(system, modes) > tolerance and steps < _NEWTON_STEPS:
        forcing = np.clip(0.1 * tolerance / _largest(system, modes), 1e-5, 1e-2)
        step, error = solver.solve(system, modes, -system.rate, forcing)
        if not error < 0.1 or np.any(np.abs(step) > reach):
            break
        system = _damped(system, modes, step, solver)
        if system is None or np.any(np.abs(system.fields - fields) > reach):
            break
        steps += 1
        if _largest(system, modes) < _largest(best, modes):
            best = system
    return best, steps


def _held(system, modes):
    """F without what the modes carry."""
    rate = system.rate.ravel()
    return rate - (modes @ rate) @ modes


def _largest(system, modes):
    return float(np.nan_to_num(np.abs(_held(system, modes)).max(), nan=np.inf))


def _damped(system, modes, step, solver):
    """A step is taken if it halves |F|, or if the next one would be shorter.

    Else it is halved; None if nothing helps.
    """
    size, damping = np.linalg.norm(step), 1.0
    before = np.linalg.norm(_held(system, modes))
    while damping >= _SMALLEST_DAMPING:
        trial = system.moved(damping * step)
        after = np.linalg.norm(_held(trial, modes))
        if after <= 0.5 * before:
            return trial
        if np.isfinite(after):
            following, _ = solver.solve(system, modes, -trial.rate, 1e-2)
            if np.linalg.norm(following) <= (1.0 - 0.5 * damping) * size:
                return trial
        damping *= 0.5
    return None
