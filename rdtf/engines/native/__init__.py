"""Many steps and their exact discrete adjoint as native code for the CPU, by Numba.

For forward Euler, any model, boundary and dimension. Kernels are generated from the
model (`source`), compiled once and kept on disk (`build`); `drivers` describes how they
run. Threads share the batch; what is left over, or a batch smaller than the cores, is
shared layer by layer (`crews`). Neither the batch nor the number of threads changes a
bit of a result.
"""

import functools

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record
from tensorflow.python.ops import control_flow_util

from rdtf.engines.native.windows import Windows
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.status import InputError, Status
from rdtf.types import State


class Engine:
    """The programs of `rdtf.engines.xla.Engine`, as native code.

    States are tuples of `[B, *grid.shape]` tensors; parameters a dict of tensors
    `[1 or B, 1, ...]`; step counts are Python ints.
    """

    def __init__(self, model: ReactionDiffusion, grid: Grid, scheme, time_step: float):
        del scheme  # forward Euler: see rdtf.engines.resolve
        self._species = len(model.species)
        self._windows = Windows(model, grid, time_step)
        self._with_tangents = functools.lru_cache(
            functools.partial(Windows, model, grid, time_step)
        )

    def forward(self, state: State, params: dict, first: int, num_steps: int) -> State:
        """The state after `num_steps` steps."""
        del first  # as the steps, here and below

        def run(state, params):
            return self._windows.forward(state, _table(state, params), num_steps)[0]

        return _call(run, (state, params), state)

    def checkpointed(self, state: State, params: dict, first: int, num_steps: int):
        """(state after `num_steps` steps, checkpoints for `backward`)."""
        del first
        spacing, _ = self._windows.spacing(num_steps, state[0].shape[0])

        def run(state, params):
            table = _table(state, params)
            return self._windows.forward(state, table, num_steps, spacing)

        return _call(run, (state, params), (state, _OPAQUE))

    def backward(self, checkpoints, params: dict, first: int, num_steps: int, upstream):
        """Gradients with respect to the first state and to the parameters."""
        del first

        def run(saved, params, upstream):
            table = _table(upstream, params)
            adjoint, sums = self._windows.backward(saved, upstream, table, num_steps)
            return adjoint, _like(sums, params)

        return _call(run, (checkpoints, params, upstream), (upstream, params))

    def tangents(
        self, state: State, tangents: dict, params: dict, first: int, num_steps: int
    ) -> tuple[State, dict]:
        """(state, tangents) after `num_steps` steps.

        Tangents are a dict, parameter -> ∂state/∂parameter, one field per species.
        """
        del first
        windows = self._with_tangents(tuple(tangents))

        def run(state, tangents, params):
            fields = (*state, *(f for t in tangents.values() for f in t))
            fields, _ = windows.forward(fields, _table(state, params), num_steps)
            n = self._species
            parts = [fields[i : i + n] for i in range(0, len(fields), n)]
            return parts[0], dict(zip(tangents, parts[1:], strict=True))

        return _call(run, (state, tangents, params), (state, tangents))

    def until_steady(self, state, params, active, tolerance, first, num_steps):
        """Steps the active samples until each is steady or sick.

        Returns (state, steps taken `[B]`, status `[B]`, last largest change `[B]`).
        """
        del first

        def run(state, params, active):
            state, steps, change, finite = self._windows.steady(
                state, _table(state, params), active, tolerance, num_steps
            )
            status = np.full(len(steps), int(Status.CONVERGED), np.int32)
            status[active & (change >= tolerance)] = int(Status.NOT_CONVERGED)
            status[np.isinf(change)] = int(Status.LEFT_VALID_RANGE)
            status[~finite & active] = int(Status.NOT_FINITE)
            return state, steps, status, change

        batch = [len(active)]
        like = tuple(tf.TensorSpec(batch, t) for t in (tf.int32, tf.int32, tf.float64))
        return _call(run, (state, params, active), (state, *like))


_OPAQUE = tf.TensorSpec(None, tf.float64)  # arrays that only this engine reads


def _table(state, params):
    """Parameters as `[B, P]`."""
    batch = state[0].shape[0]
    columns = [np.broadcast_to(p.ravel(), batch) for p in params.values()]
    return np.ascontiguousarray(np.stack(columns, 1))


def _like(sums, params):
    """`[B, P]` by name; a parameter that the batch shares gets the sum."""
    columns = zip(params.items(), sums.T, strict=True)
    return {
        name: (c.sum() if p.size == 1 else c).reshape(p.shape)
        for (name, p), c in columns
    }


def _call(function, inputs, like):
    """function(*inputs) on arrays, its result as tensors of the structure of `like`.

    Eagerly a plain call; inside a `tf.function` an operation that calls back. Neither
    has a gradient of its own, and says so.
    """
    flat = tf.nest.flatten(inputs)

    def call(*flat):
        take = _eagerly if tf.executing_eagerly() else _in_graph
        return take(function, tf.nest.pack_sequence_as(inputs, flat), like)

    if not record.should_record_backprop([x for x in flat if tf.is_tensor(x)]):
        return call(*flat)

    @tf.custom_gradient
    def opaque(*flat):
        return tuple(tf.nest.flatten(call(*flat))), _no_gradient

    return tf.nest.pack_sequence_as(like, opaque(*flat))


def _no_gradient(*_):
    raise NotImplementedError(
        "advance has no second derivative by its adjoint: use gradient='unrolled'."
    )


def _eagerly(function, inputs, like):
    results = function(*tf.nest.map_structure(np.asarray, inputs))
    flat = [
        x if spec is _OPAQUE else tf.convert_to_tensor(x)
        for x, spec in zip(tf.nest.flatten(results), tf.nest.flatten(like), strict=True)
    ]
    return tf.nest.pack_sequence_as(like, flat)


def _in_graph(function, inputs, like):
    if control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        raise InputError(
            "Expected an engine that XLA can compile inside jit_compile=True, got "
            'native: make the Simulation with engine="xla".'
        )

    def on_arrays(*flat):
        return tf.nest.flatten(function(*tf.nest.pack_sequence_as(inputs, flat)))

    specs = tf.nest.flatten(like)
    flat = tf.nest.flatten(inputs)
    outputs = tf.numpy_function(on_arrays, flat, [s.dtype for s in specs], False)
    for output, spec in zip(outputs, specs, strict=True):
        output.set_shape(spec.shape)
    return tf.nest.pack_sequence_as(like, outputs)
