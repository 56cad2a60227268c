"""Do the found parameters make such patterns? A simulation from fresh noise.

Not part of the fit: it compares statistics and spectra of new patterns with those of
the targets, beside the differences among the targets themselves.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rdtf import initial_conditions
from rdtf.fitting.problem import Problem
from rdtf.losses.spectra import log_power_spectrum
from rdtf.losses.statistics import NAMES, statistics
from rdtf.simulation import SteadyRun

# Two unrelated samples of one pattern: independent, nearly exponential bins.
UNRELATED = 2 * np.pi**2 / 6


@dataclasses.dataclass(frozen=True)
class Check:
    """What a forward simulation says.

    Attributes:
      passed: the spectrum loss is within 1.5 of its floor, and no sample fell ill.
      spectrum_loss: mean between simulated and target samples.
      floor: mean among the targets; for a single target, of unrelated samples (3.29).
      statistics: name -> (simulated, target) batch means.
      statuses: how many samples ended how.
      run: the simulated patterns.
    """

    passed: bool
    spectrum_loss: float
    floor: float
    statistics: dict[str, tuple[float, float]]
    statuses: dict[str, int]
    run: SteadyRun

    def to_json(self) -> dict:
        """Without the patterns."""
        value = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del value["run"]
        return value


def simulate(
    problem: Problem,
    params: Mapping[str, float],
    num_samples: int,
    callback: Callable[[int, int], None] | None = None,
) -> SteadyRun:
    """Fresh patterns of `params`, from initial states that no fit has used."""
    state = initial_conditions.create(
        problem.initial_condition,
        problem.simulation.model,
        problem.simulation.grid,
        num_samples,
        problem.seed + 2**31,
        params,
    )
    return problem.simulation.run_until_steady(
        state, params, problem.tolerance, problem.max_steps, callback
    )


def check(
    problem: Problem,
    params: Mapping[str, float],
    callback: Callable[[int, int], None] | None = None,
) -> Check:
    """Simulates as many samples as there are targets (2 to 4) and compares."""
    count = min(max(len(problem.fields), 2), 4)
    run = simulate(problem, params, count, callback)
    found = run.state[problem.index]
    target = tf.constant(problem.fields)
    ours, theirs = log_power_spectrum(found).numpy(), log_power_spectrum(target).numpy()
    loss = np.mean([(a - b) ** 2 for a in ours for b in theirs])
    pairs = [
        np.mean((theirs[i] - theirs[j]) ** 2)
        for i in range(len(theirs))
        for j in range(i)
    ]
    floor = float(np.mean(pairs)) if pairs else UNRELATED
    means = [statistics(f).numpy().mean(axis=0).tolist() for f in (found, target)]
    statuses = [status.label for status in run.status]
    healthy = not {"left_valid_range", "not_finite"} & set(statuses)
    return Check(
        bool(loss < 1.5 * floor) and healthy,
        float(loss),
        floor,
        dict(zip(NAMES, zip(*means, strict=True), strict=True)),
        {label: statuses.count(label) for label in dict.fromkeys(statuses)},
        run,
    )
