"""How a gradient grows with the number of steps; see `rdtf.gradients.certification`."""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from rdtf.gradients.measures import Slope, project
from rdtf.simulation import Simulation
from rdtf.types import State


@dataclasses.dataclass(frozen=True, kw_only=True)
class Growth:
    """Norms, by relative moves of the parameters, after more and more steps.

    Attributes:
      horizons: the numbers of steps.
      gradient_norms: of the gradient of the loss.
      tangent_norms: of the tangents, whatever the loss.
      state, tangents: after the last step.
    """

    horizons: tuple[int, ...]
    gradient_norms: tuple[float, ...]
    tangent_norms: tuple[float, ...]
    state: State
    tangents: dict[str, State]


def growth(
    simulation: Simulation, slope: Slope, num_steps: int, first_step: int
) -> Growth:
    """Goes 1/8, 1/4, 1/2 and all of the steps, in one run with tangents.

    Args:
      simulation: of the slope.
      slope: where to start, with which parameters and loss.
      num_steps, first_step: as for `Simulation.advance`.
    """
    horizons = tuple(sorted({max(1, num_steps // n) for n in (8, 4, 2, 1)}))
    state, tangents, norms = slope.state, None, []
    for begin, end in itertools.pairwise((0, *horizons)):
        state, tangents = simulation.tangents(
            state, slope.params, end - begin, tangents, first_step + begin
        )
        norms.append((_gradient_norm(slope, state, tangents), _norm(slope, tangents)))
    gradient_norms, tangent_norms = zip(*norms, strict=True)
    return Growth(
        horizons=horizons,
        gradient_norms=gradient_norms,
        tangent_norms=tangent_norms,
        state=state,
        tangents=tangents,
    )


def _gradient_norm(slope, state, tangents):
    with tf.GradientTape() as tape:
        tape.watch(state)
        loss = slope.loss_of(state)
    upstream = tape.gradient(
        loss, state, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    products = project(upstream, tangents, slope.params)
    squares = (np.sum((products[n] * x) ** 2) for n, x in slope.scales.items())
    return float(np.sqrt(sum(squares)))


def _norm(slope, tangents):
    total = 0.0
    for name, scale in slope.scales.items():
        each = np.reshape(scale, [-1] + [1] * (tangents[name][0].shape.rank - 1))
        total += sum(float(np.sum((each * field) ** 2)) for field in tangents[name])
    return float(np.sqrt(total))
