"""Making target patterns by simulation, with everything needed to make them again."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from rdtf import initial_conditions
from rdtf.recording import describe
from rdtf.simulation import Simulation
from rdtf.status import Status
from rdtf.storage import Targets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """From which states targets are made, and when they are done.

    Attributes:
      initial_condition: a name of `rdtf.initial_conditions.KINDS`, or the model's.
      seed: of the initial states; sample i of a seed is the same in any batch.
      tolerance: of `run_until_steady`; None takes all `max_steps` steps.
      max_steps: of the run.
    """

    initial_condition: str | None = None
    seed: int = 0
    tolerance: float | None = 1e-4
    max_steps: int = 40_000


def make(
    simulation: Simulation,
    params: Mapping[str, float],
    num_samples: int,
    settings: Settings | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> Targets:
    """Runs fresh initial states until steady, or for exactly `max_steps` steps.

    Args:
      simulation: what to run.
      params: scalars.
      num_samples: initial states.
      settings: see `Settings`.
      callback: see `run_until_steady`.

    Returns:
      Stills of every species. A sample that did not settle or became invalid has a
      status that says so; its field is its last valid state.

    Raises:
      InputError: if parameters are out of their bounds, or the time step is unstable.
    """
    settings = settings or Settings()
    simulation.model.check_bounds(params)
    simulation.check_stability(params)
    kind = settings.initial_condition or simulation.model.start.kind
    state = initial_conditions.create(
        kind,
        simulation.model,
        simulation.grid,
        batch=num_samples,
        seed=settings.seed,
        params=params,
    )
    tolerance = 0.0 if settings.tolerance is None else settings.tolerance
    run = simulation.run_until_steady(
        state, params, tolerance, settings.max_steps, callback
    )
    metadata = describe(simulation, params) | dataclasses.asdict(settings)
    metadata |= {"initial_condition": kind}
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
