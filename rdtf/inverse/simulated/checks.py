"""Do the found parameters make such patterns? A simulation from fresh noise.

Not part of the fit: it compares statistics and spectra of new patterns with those of
the targets, beside the differences among the targets themselves.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rdtf import initial_conditions
from rdtf.inverse.observation.camera import Camera
from rdtf.inverse.problem import Problem
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.losses.spectra import log_power_spectrum
from rdtf.losses.summaries import NAMES, statistics
from rdtf.simulation import SteadyRun

# Two unrelated samples of one pattern: independent, nearly exponential bins.
UNRELATED = 2 * np.pi**2 / 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """What a forward simulation says.

    Attributes:
      passed: the spectrum loss is within 1.5 of its floor, and no sample is invalid.
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
    """Patterns of `params` from scratch, from initial states that no fit has used.

    Args:
      problem: model, grid and how patterns are simulated.
      params: of the model, and perhaps gain and offset.
      num_samples: how many.
      callback: as of `Simulation.run_until_steady`.
    """
    return problem.simulation.run_until_steady(
        fresh_state(problem, params, num_samples),
        model_params(problem, params),
        problem.fresh.tolerance,
        problem.fresh.max_steps,
        callback,
    )


def fresh_state(problem: Problem, params: Mapping[str, float], num_samples: int):
    """The initial state of `simulate`."""
    return initial_conditions.create(
        problem.fresh.initial_condition,
        problem.model,
        problem.simulation.grid,
        batch=num_samples,
        seed=problem.seed + 2**31,
        params=model_params(problem, params),
    )


def targets(problem: Problem) -> np.ndarray:
    """The pictures as stills without holes: hidden pixels get the mean of the others.

    Of a movie, the last frames.
    """
    fields = problem.fields
    if problem.observation.mask is not None:
        mask = np.broadcast_to(problem.observation.mask, fields.shape)
        fields = np.where(mask, fields, fields[mask].mean())
    return fields if problem.times is None else fields[:, -1]


def as_seen(problem: Problem, params: Mapping[str, float], field) -> tf.Tensor:
    """Simulated fields `[n, *grid]` as the camera would show them, nothing hidden."""
    observation = dataclasses.replace(problem.observation, mask=None)
    camera = Camera(observation, WholeDomain(problem.simulation.grid))
    levels = camera.see(np.asarray(field)) - params.get("offset", 0.0)
    return tf.constant(levels / params.get("gain", 1.0))


def model_params(problem: Problem, params: Mapping[str, float]) -> dict[str, float]:
    """Without those of the camera."""
    return {name: params[name] for name in problem.model.parameters}


def check(
    problem: Problem,
    params: Mapping[str, float],
    callback: Callable[[int, int], None] | None = None,
    sigma: float = 0.0,
) -> Check:
    """Simulates as many samples as there are targets (2 to 4) and compares.

    Args:
      problem: the pictures, and how patterns are simulated.
      params: that were found.
      callback: as of `Simulation.run_until_steady`.
      sigma: standard deviation of white noise that new patterns get, as the targets.
    """
    stills = targets(problem)
    count = min(max(len(stills), 2), 4)
    run = simulate(problem, params, count, callback)
    found = as_seen(problem, params, run.state[problem.index])
    seed = [problem.seed, 2**31]
    found += sigma * tf.random.stateless_normal(found.shape, seed, dtype=tf.float64)
    target = tf.constant(stills)
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
    valid = not any(status.is_invalid for status in run.status)
    return Check(
        passed=bool(loss < 1.5 * floor) and valid,
        spectrum_loss=float(loss),
        floor=floor,
        statistics=dict(zip(NAMES, zip(*means, strict=True), strict=True)),
        statuses={label: statuses.count(label) for label in dict.fromkeys(statuses)},
        run=run,
    )
