"""What a trained f is worth: fresh replicates, at the time step and at a tenth."""

import dataclasses

from rdtf.cells import utility
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.training import seed_of
from rdtf.cells.utility import Utility

LEAST = 1000  # replicates of a reported utility


def evaluate(
    dynamics: Dynamics,
    table,
    num_steps: int,
    noise: float,
    replicates: int = 4096,
    seed: int = 0,
) -> Utility:
    """The exact utility over replicates that no training has used.

    The utility of few replicates, as in training, is too high by about (patterns - 1) /
    (2 R N ln 2), and the best of many such scores by more.

    Args:
      dynamics: of the cells.
      table: f at equidistant points of [0, 1], `[node]`.
      num_steps: of each replicate.
      noise: σ.
      replicates: how many.
      seed: of initial states and noise.
    """
    own = seed_of(seed, -1 % 2**32)  # training's iterations count from 0
    state = dynamics.initial_state(replicates, own)
    final = dynamics.simulate(state, table, num_steps, noise, own)
    return utility.measure(utility.fates(final), dynamics.tissue)


def at_finer_step(
    dynamics: Dynamics,
    table,
    num_steps: int,
    noise: float,
    replicates: int = 1024,
    seed: int = 0,
    factor: int = 10,
) -> Utility:
    """As `evaluate`, with the time step divided by `factor` over the same time.

    A large |f| can win by the Euler step alone; then this is lower.

    Args:
      dynamics, table, num_steps, noise, replicates, seed: as for `evaluate`.
      factor: that divides the time step.
    """
    finer = dataclasses.replace(dynamics, time_step=dynamics.time_step / factor)
    num_steps *= factor
    return evaluate(finer, table, num_steps, noise, replicates=replicates, seed=seed)
