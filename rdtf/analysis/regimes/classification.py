"""Which regime a pattern ends in: uniform, steady, periodic, travelling, chaotic, ...

`classify` runs a batch, keeps small features (`rdtf.analysis.regimes.features`), and
decides each sample by these rules, in this order. Thresholds are in natural units:
sizes relative to the scale of a species (its largest rms in the run), changes relative
to the contrast c = rms(s - mean) / scale of the pattern, times relative to the time T
of the run. They follow from what the words mean, and were not fitted to any table.

1. INVALID: a state was not finite or left the model's valid range.
2. Further change: the rate r = rms(∂s/∂t) / scale is fitted by e^(-μt) over the second
   half of the run. If that goes on, the pattern will move by
   `remaining` = r (1 - e^(-μT)) / μ in as much time again.
3. Uniform: c is below 0.001, and will be if it goes on as in the second half. If
   `remaining` is below 0.01: HOMOGENEOUS_TRIVIAL at the background (to 0.03), or
   HOMOGENEOUS_COLLAPSED there if the distance from it had once doubled;
   HOMOGENEOUS_EXCITED at any other state.
4. STEADY_PATTERN: `remaining` is below 0.01 c. A coarsening pattern, whose rate falls
   as 1/t, does not pass: it is TRANSIENT.
5. TRAVELLING: steady in a moving frame. At each of 8 moments of the last quarter of the
   run a uniform drift -v·∇s explains ∂s/∂t to 10 % of its rms, and the shape is that of
   the first of them to 3 % of the rms distance of two unrelated patterns; and the way
   it went is longer than its correlation length c / |∇s|. Slow growth or rearrangement
   that drifts meanwhile is TRANSIENT.
6. OSCILLATORY: after a period the pattern is back to 3 % of the rms distance of two
   unrelated moments (a torus of two clocks comes that close after some 30 cycles); two
   periods were observed, and the power of the motion differs by less than 20 % between
   the halves of the last quarter of the run.
7. A rate that falls exponentially in the second half (by e or more, R² above 0.9) is
   TRANSIENT, to something steady: see settle_time. So is what can be neither chaotic
   nor quasi-periodic by the rest of the rules below, whatever its exponent.
8. The rest gets its largest Lyapunov exponent λ, from further steps with tangents.
   CHAOTIC: λ is above 3 standard errors and above 5 / measured time (a perturbation
   grows e⁵-fold, which no mere shear does), above the latter in each half too, and
   contrast and rate differ by less than a factor 1.5 between the last two quarters.
9. QUASI_PERIODIC: 95 % of the temporal power in 8 lines, a sustained motion, and a λ
   below its floor.
10. TRANSIENT: undecided.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import initial_conditions
from rdtf.analysis.regimes import features, lyapunov, rules
from rdtf.analysis.regimes.options import Options
from rdtf.analysis.regimes.verdicts import Verdict
from rdtf.grids import Grid
from rdtf.simulation import Simulation
from rdtf.status import InputError
from rdtf.types import Params, State


def classify(
    simulation: Simulation,
    params: Params,
    state: State,
    num_steps: int,
    options: Options | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> list[Verdict]:
    """The regime of every sample; see the module for the rules.

    Args:
      simulation: what runs.
      params: name -> scalar or `[B]`: a sweep is one call.
      state: `[B, *grid]` per species, or a batch of 1.
      num_steps: of the first run; samples that are dead or steady leave it early.
      options: distance of frames, steps of the exponent, background.
      callback: called as callback(steps so far, samples still running).

    Raises:
      InputError: if there are fewer than 64 steps, or too few for the exponent.
    """
    options = (options or Options()).filled(num_steps)
    horizon, interval = (n * simulation.time_step for n in (num_steps, options.every))
    record = features.observe(
        simulation,
        params,
        state,
        num_steps=num_steps,
        every=options.every,
        finished=lambda so_far: rules.finished(so_far, horizon),
        callback=callback,
    )
    found = []
    for i in range(len(record.count)):
        origin = _origin(simulation.model, params, record, i, options.trivial)
        found.append(rules.decide(record, i, origin, interval))
    asked = [i for i, v in enumerate(found) if isinstance(v, rules.Open)]
    if asked:
        exponent = lyapunov.largest_exponent(
            simulation,
            features.select(params, asked),
            tuple(tf.constant(field[asked]) for field in record.state),
            options.exponent_steps,
            options.every,
            callback=callback and (lambda n: callback(num_steps + n, len(asked))),
        )
        for i, *numbers in zip(asked, *exponent.per_sample(), strict=True):
            value, error, halves = numbers
            found[i] = rules.decide_by_exponent(
                found[i], value, error, halves, exponent.duration
            )
    return found


@dataclasses.dataclass(frozen=True)
class Check:
    """Verdicts on one problem: as given, at half the time step, on half the spacing."""

    given: Verdict
    half_step: Verdict
    half_spacing: Verdict

    @property
    def agrees(self) -> bool:
        """Whether the label and the sign of λ are the same in all three."""
        return all(
            other.regime == self.given.regime and _sign(other) == _sign(self.given)
            for other in (self.half_step, self.half_spacing)
        )


def check_artefact(
    simulation: Simulation,
    params: Params,
    state: State,
    num_steps: int,
    options: Options | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> list[Check]:
    """Whether verdicts survive half the time step, and half the spacing.

    The same problem: domain, time and start, whose cells are divided, stay. With half
    the spacing the time step is a quarter, so that the stability ratio of diffusion
    stays; in 2-D that costs 16 times the steps of cells.

    Args:
      simulation, params, state, num_steps, options: as for `classify`.
      callback: likewise; it counts the steps of each of the three runs.

    Returns:
      Per sample.
    """
    options, grid = (options or Options()).filled(num_steps), simulation.grid
    fine = Grid(
        tuple(2 * n for n in grid.shape),
        tuple(h / 2.0 for h in grid.spacing),
        grid.boundary,
    )
    divided = state
    for axis in range(1, grid.ndim + 1):
        divided = tuple(tf.repeat(field, 2, axis=axis) for field in divided)
    verdicts = []
    for place, factor, start in (
        (grid, 1, state),
        (grid, 2, state),
        (fine, 4, divided),
    ):
        finer = Simulation(
            simulation.model,
            place,
            simulation.time_step / factor,
            simulation.scheme.name,
            engine=simulation.engine,
            laplacian=simulation.laplacian,
        )
        longer = dataclasses.replace(
            options,
            every=factor * options.every,
            exponent_steps=factor * options.exponent_steps,
        )
        steps = factor * num_steps
        verdicts.append(
            classify(finer, params, start, steps, options=longer, callback=callback)
        )
    return [Check(*three) for three in zip(*verdicts, strict=True)]


def _sign(verdict):
    """The sign of λ; of one that is not measured, NaN counts as 0."""
    return np.sign(np.nan_to_num(verdict.evidence["lyapunov"]))


def _origin(model, params, record, sample, trivial):
    """The background of a sample, `[S]`."""
    if trivial is not None:
        return np.asarray(trivial, float)
    own = {n: float(np.reshape(p, -1)[sample % np.size(p)]) for n, p in params.items()}
    try:
        return np.array(initial_conditions.background(model, own))
    except InputError:  # the reaction is not rational, or has no uniform state
        return record.mean[sample, 0]
