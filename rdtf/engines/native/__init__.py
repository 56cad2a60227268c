"""Many steps and their exact discrete adjoint as native code for the CPU, by Numba.

For forward Euler and the second-order Laplacian; any model, boundary and dimension.
Kernels are generated from the model (`source`), compiled once and kept on disk
(`build`); `drivers` describes how they run. Threads share the batch; its remainder, or
a batch smaller than the number of cores, is shared layer by layer (`thread_pool`).
Neither the batch nor the number of threads changes a bit of a result.
"""

import functools

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record
from tensorflow.python.ops import control_flow_util

from rdtf import lazy
from rdtf.engines.base import Discretization, Segment
from rdtf.engines.native.step_runs import StepRuns
from rdtf.status import InputError, Status
from rdtf.types import Carry, State


class Engine:
    """The programs of `rdtf.engines.base.Engine`, as native code.

    Args:
      discretization: one that `rdtf.engines.resolve` allows.
      time_step: in the model's time unit.

    Steps do not depend on their index here, so the first step of a segment is not used.
    """

    def __init__(self, discretization: Discretization, time_step: float):
        steps = functools.partial(
            StepRuns, discretization.model, discretization.grid, time_step
        )
        self._runs, self._with_tangents = steps(), functools.lru_cache(steps)

    def forward(self, carry: Carry, segment: Segment) -> Carry:
        """See `rdtf.engines.base.Engine`."""
        n, params = len(carry), segment.params

        def run(*flat):
            table = _table(*flat[n:])
            return self._runs.forward(flat[:n], table, segment.num_steps)[0]

        return tuple(_call(run, (*carry, *_columns(carry, params)), carry))

    def checkpointed(self, carry: Carry, segment: Segment):
        """See `rdtf.engines.base.Engine`."""
        n, num_steps = len(carry), segment.num_steps
        spacing, _ = self._runs.spacing(num_steps, carry[0].shape[0])

        def run(*flat):
            table = _table(*flat[n:])
            final, saved = self._runs.forward(flat[:n], table, num_steps, spacing)
            return *final, saved

        inputs = (*carry, *_columns(carry, segment.params))
        *final, saved = _call(run, inputs, (*carry, _OPAQUE))
        return tuple(final), saved

    def backward(self, checkpoints, segment: Segment, upstream: Carry):
        """See `rdtf.engines.base.Engine`."""
        n, params = len(upstream), segment.params

        def run(saved, *flat):
            values = flat[n + 1 :]
            table = _table(flat[n], *values)
            adjoint, sums = self._runs.backward(
                saved, flat[:n], table, segment.num_steps
            )
            shared = (c.sum() if v.size == 1 else c for c, v in zip(sums.T, values))
            return *adjoint, *(np.reshape(c, v.shape) for c, v in zip(shared, values))

        inputs = (checkpoints, *upstream, *_columns(upstream, params))
        results = _call(run, inputs, (*upstream, *params.values()))
        return tuple(results[:n]), dict(zip(params, results[n:], strict=True))

    def tangents(self, carry: Carry, tangents: dict, segment: Segment):
        """See `rdtf.engines.base.Engine`."""
        runs = self._with_tangents(tuple(tangents))
        n = len(carry)
        fields = (*carry, *(field for t in tangents.values() for field in t))

        def run(*flat):
            table = _table(*flat[len(fields) :])
            return runs.forward(flat[: len(fields)], table, segment.num_steps)[0]

        results = _call(run, (*fields, *_columns(carry, segment.params)), fields)
        parts = [tuple(results[i : i + n]) for i in range(0, len(fields), n)]
        return parts[0], dict(zip(tangents, parts[1:], strict=True))

    def until_steady(self, state: State, segment: Segment, active, tolerance: float):
        """See `rdtf.engines.base.Engine`.

        Args:
          state, segment: where to start, and the steps.
          active: bool `[B]`, the samples that take steps.
          tolerance: of the largest change in a step.
        """
        n = len(state)

        def run(active, *flat):
            final, steps, change, finite = self._runs.steady(
                flat[:n], _table(*flat[n:]), active, tolerance, segment.num_steps
            )
            status = np.full(len(steps), int(Status.CONVERGED), np.int32)
            status[active & (change >= tolerance)] = int(Status.NOT_CONVERGED)
            status[np.isinf(change)] = int(Status.LEFT_VALID_RANGE)
            status[~finite & active] = int(Status.NOT_FINITE)
            return *final, steps, status, change

        per_sample = [
            tf.TensorSpec([len(active)], dtype)
            for dtype in (tf.int32, tf.int32, tf.float64)
        ]
        inputs = (active, *state, *_columns(state, segment.params))
        *final, steps, status, change = _call(run, inputs, (*state, *per_sample))
        return tuple(final), steps, status, change


_OPAQUE = tf.TensorSpec(None, tf.float64)  # an array that only this engine reads


def _columns(carry, params):
    """What `_table` takes: the size of the batch, and the parameters."""
    return np.int64(carry[0].shape[0]), *params.values()


def _table(batch, *columns):
    """Parameters as `[B, P]`."""
    table = np.empty((batch, len(columns)))
    for i, column in enumerate(columns):
        table[:, i] = column.ravel()
    return table


def _call(function, inputs, specs):
    """function(*inputs) on arrays; its results as tensors, described by `specs`.

    Eagerly a plain call; inside a `tf.function` an operation that calls back. Neither
    has a gradient of its own, and says so.
    """
    take = _eagerly if tf.executing_eagerly() else _in_graph
    if not record.should_record_backprop([x for x in inputs if tf.is_tensor(x)]):
        return take(function, inputs, specs)

    @tf.custom_gradient
    def opaque(*inputs):
        return tuple(take(function, inputs, specs)), _no_gradient

    return opaque(*inputs)


def _no_gradient(*_):
    raise NotImplementedError(
        "advance has no second derivative by its adjoint: use gradient='unrolled'."
    )


def _eagerly(function, inputs, specs):
    results = function(*map(np.asarray, inputs))
    return [
        x if spec is _OPAQUE else tf.convert_to_tensor(x)
        for x, spec in zip(results, specs, strict=True)
    ]


def _in_graph(function, inputs, specs):
    if control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        raise InputError(
            "Expected an engine that XLA can compile inside jit_compile=True, got "
            'native: make the Simulation with engine="xla".'
        )
    types = [spec.dtype for spec in specs]
    outputs = tf.numpy_function(lambda *a: list(function(*a)), inputs, types, False)
    for output, spec in zip(outputs, specs, strict=True):
        output.set_shape(spec.shape)
    return outputs


__getattr__, __dir__ = lazy.attributes(__name__, {})
