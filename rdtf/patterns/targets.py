"""Making target patterns by simulation, with everything needed to make them again."""

from collections.abc import Callable, Mapping

import numpy as np

from rdtf import initial_conditions
from rdtf.recording import describe
from rdtf.simulation import Simulation
from rdtf.status import Status
from rdtf.storage import Targets


def make(
    simulation: Simulation,
    params: Mapping[str, float],
    num_samples: int,
    seed: int = 0,
    initial_condition: str | None = None,
    tolerance: float | None = 1e-4,
    max_steps: int = 40_000,
    callback: Callable[[int, int], None] | None = None,
) -> Targets:
    """Runs fresh initial states until steady, or for exactly `max_steps` steps.

    Args:
      simulation: what to run.
      params: scalars.
      num_samples, seed: sample i of a seed is the same in any batch.
      initial_condition: a name of `rdtf.initial_conditions.KINDS`, or the model's.
      tolerance: of `run_until_steady`; None takes all `max_steps` steps.
      callback: see `run_until_steady`.

    Returns:
      Stills of every species. A sample that did not settle or fell ill has a status
      that says so; its field is its last valid state.
    """
    simulation.model.check_bounds(params)
    simulation.check_stability(params)
    state = initial_conditions.create(
        initial_condition, simulation.model, simulation.grid, num_samples, seed, params
    )
    run = simulation.run_until_steady(
        state, params, 0.0 if tolerance is None else tolerance, max_steps, callback
    )
    metadata = describe(simulation, params) | {
        "initial_condition": initial_condition or simulation.model.start.kind,
        "seed": seed,
        "tolerance": tolerance,
        "max_steps": max_steps,
    }
    return Targets(
        fields={
            name: field.numpy()
            for name, field in zip(simulation.model.species, run.state, strict=True)
        },
        status=np.array(run.status, np.int32),
        num_steps=run.num_steps,
        metadata=metadata,
    )


def summary(targets: Targets) -> str:
    """One line on how the samples ended."""
    counts = [(s, int((targets.status == s).sum())) for s in Status]
    parts = [f"{count} {status.label}" for status, count in counts if count]
    steps = targets.num_steps
    return f"{', '.join(parts)}; {steps.min()} to {steps.max()} steps"
