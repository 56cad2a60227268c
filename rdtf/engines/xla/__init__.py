"""Many steps and their exact discrete adjoint, compiled by XLA (CPU, GPU, TPU).

`adjoint` says how a gradient goes back over the steps, `steady` how samples run until
they are steady, `rdtf.engines.tangents` how derivatives go along with the steps. Inside
the programs a field is a row of cells (see `rdtf.operators.finite_differences`).
"""

import tensorflow as tf

from rdtf import lazy, schemes
from rdtf.engines import tangents
from rdtf.engines.base import Discretization, Segment
from rdtf.engines.xla.adjoint import Adjoint, spacing
from rdtf.engines.xla.loops import barrier, compiled, graph, on_grid, param_rows, rows
from rdtf.engines.xla.steady import SteadyRuns
from rdtf.operators import finite_differences
from rdtf.types import Carry, State


class Engine:
    """The programs of `rdtf.engines.base.Engine`, for every scheme and Laplacian.

    Args:
      discretization: the step, but for its length.
      time_step: its length, in the model's time unit.
    """

    def __init__(self, discretization: Discretization, time_step: float):
        d = discretization
        self._grid = d.grid
        self._step, self._taped_step = (
            d.scheme.make_step(
                d.model,
                finite_differences.diffusion_operator(
                    d.grid, barrier, reread, d.laplacian
                ),
                time_step,
                d.varying,
            )
            for reread in (True, False)
        )
        self._adjoint = Adjoint(self._step, self._taped_step)
        self._steady = SteadyRuns(d, self._step)
        self._forward = compiled(self._take_steps)
        self._checkpointed = compiled(self._take_steps_with_checkpoints)
        self._backward = compiled(self._take_steps_back)
        self._tangents = compiled(self._take_steps_with_tangents)
        self._until_steady = compiled(self._take_steps_until_steady)
        # What a step prepares is computed apart, once per call, and not by XLA, which
        # would take longer to compile it than the steps.
        self._prepare, self._prepare_back = _unchanged, lambda params, sums: sums
        self._directions = graph(self._find_directions)
        if hasattr(self._step, "prepare"):
            self._prepare = graph(self._prepared)
            self._prepare_back = graph(self._pull_prepared_back)

    def forward(self, carry: Carry, segment: Segment) -> Carry:
        """See `rdtf.engines.base.Engine`."""
        return self._forward(carry, self._prepare(segment.params), _steps(segment))

    def checkpointed(self, carry: Carry, segment: Segment):
        """See `rdtf.engines.base.Engine`."""
        params, places = self._prepare(segment.params), spacing(segment.num_steps)
        return self._checkpointed(carry, params, _steps(segment), places)

    def backward(self, checkpoints, segment: Segment, upstream: Carry):
        """See `rdtf.engines.base.Engine`."""
        params, (_, length) = self._prepare(segment.params), spacing(segment.num_steps)
        adjoint, sums = self._backward(
            checkpoints, params, _steps(segment), upstream, length
        )
        return adjoint, self._prepare_back(segment.params, sums)

    def tangents(self, carry: Carry, tangents: dict, segment: Segment):
        """See `rdtf.engines.base.Engine`."""
        along = self._directions(segment.params, tuple(tangents))
        params = self._prepare(segment.params)
        return self._tangents(carry, tangents, params, along, _steps(segment))

    def until_steady(self, state: State, segment: Segment, active, tolerance: float):
        """See `rdtf.engines.base.Engine`.

        Args:
          state, segment: where to start, and the steps.
          active: bool `[B]`, the samples that take steps.
          tolerance: of the largest change in a step.
        """
        params = self._prepare(segment.params)
        tolerance = tf.constant(tolerance, tf.float64)
        return self._until_steady(state, params, active, tolerance, _steps(segment))

    def _prepared(self, params):
        return schemes.prepare(self._step, param_rows(params))

    def _pull_prepared_back(self, params, sums):
        """From gradients by what is prepared to those by the parameters."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(params)
            prepared = self._prepared(params)
        return tape.gradient(prepared, params, sums, tf.UnconnectedGradients.ZERO)

    def _find_directions(self, params, names):
        return tangents.directions(self._prepared, params, names)

    def _take_steps(self, carry, params, steps):
        carry = self._adjoint.take_steps(rows(carry), param_rows(params), *steps)
        return on_grid(carry, self._grid)

    def _take_steps_with_checkpoints(self, carry, params, steps, places):
        carry, saved = self._adjoint.keep(
            rows(carry), param_rows(params), steps, places
        )
        return on_grid(carry, self._grid), saved

    def _take_steps_back(self, checkpoints, params, steps, upstream, length):
        shapes = {name: p.shape for name, p in params.items()}
        adjoint, sums = self._adjoint.take_back(
            checkpoints, param_rows(params), steps, rows(upstream), length
        )
        sums = {name: tf.reshape(sums[name], shapes[name]) for name in sums}
        return on_grid(adjoint, self._grid), sums

    def _take_steps_with_tangents(self, carry, carried, params, directions, steps):
        carry, carried = rows((carry, carried))
        params, (first, num_steps) = param_rows(params), steps
        step = tangents.tangent_step(self._taped_step, directions)

        # One round to a loop body, unlike `repeat`: a third of the time to compile.
        _, carry, carried = tf.while_loop(
            lambda i, *_: i < num_steps,
            lambda i, carry, carried: (i + 1, *step(carry, carried, params, first + i)),
            (tf.constant(0), carry, carried),
        )
        by_parameter = {n: on_grid(fields, self._grid) for n, fields in carried.items()}
        return on_grid(carry, self._grid), by_parameter

    def _take_steps_until_steady(self, state, params, active, tolerance, steps):
        state, *rest = self._steady.run(
            rows(state), param_rows(params), active, tolerance, steps
        )
        return on_grid(state, self._grid), *rest


def _steps(segment):
    """(first step, how many), as tensors: other numbers are no new program."""
    return tf.constant(segment.first_step), tf.constant(segment.num_steps)


def _unchanged(params):
    return params


__getattr__, __dir__ = lazy.attributes(__name__, {})
