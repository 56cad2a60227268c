"""Many steps and their exact discrete adjoint, compiled by XLA (CPU, GPU, TPU).

The adjoint follows the steps that were taken, backwards. With λ the gradient of a loss
with respect to the state after a step, one backward step is

    λ <- (∂step/∂state)ᵀ λ,      g <- g + (∂step/∂params)ᵀ λ.

States are recomputed from checkpoints about sqrt(steps) apart (Griewank 1992,
doi:10.1080/10556789208805505 keeps fewer still), so a window of n steps needs memory
for 2 to 3 sqrt(n) states. Parameter gradients are gathered as fields, one number per
cell, and summed over the grid once at the end: a sum in every step would be slower than
the step.
"""

import math

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

from rdtf import schemes
from rdtf.engines import tangents
from rdtf.engines.arguments import per_cell
from rdtf.grids import Grid
from rdtf.models import ReactionDiffusion
from rdtf.operators import finite_differences
from rdtf.status import Status
from rdtf.types import State

_OVERSHOOT = 0.05  # of a valid range


def barrier(tensors):
    return gen_xla_ops.xla_optimization_barrier(tensors)


def compiled(function):
    return tf.function(function, jit_compile=True, autograph=False)


def _graph(function):
    return tf.function(function, autograph=False)


def _widened(limits, laplacian):
    """A valid range with room for what a Laplacian of higher order does at a jump.

    Only second_order obeys a maximum principle: the others swing over by up to a few
    hundredths of the jump, and back within a few steps.
    """
    if laplacian == "second_order":
        return limits
    room = _OVERSHOOT * (limits[1] - limits[0])
    return limits[0] - room, limits[1] + room


def segments(num_steps: int) -> tuple[int, int]:
    """(room for checkpoints, steps between them) for a window of `num_steps`.

    Their product is the next power of two, so that windows of similar length, such as
    runs until steady, share one program.
    """
    doublings = max(0, num_steps - 1).bit_length()
    return 2 ** (doublings // 2), 2 ** (doublings - doublings // 2)


class Engine:
    """Compiled programs for one model, grid, scheme, time step and Laplacian.

    States are tuples of `[B, *grid.shape]` tensors; parameters a dict of tensors
    `[1 or B, 1, ...]`, or `[1 or B, *grid.shape]` if they are named in `varying`, that
    broadcast against them; step counts are Python ints. Of a multistep scheme a state
    is all that a step carries, the species first.
    """

    def __init__(
        self,
        model: ReactionDiffusion,
        grid: Grid,
        scheme: schemes.Scheme,
        laplacian: str,
        varying: tuple[str, ...],
        time_step: float,
    ):
        self._grid = grid
        self._species = model.species
        self._valid_range = {
            name: _widened(limits, laplacian)
            for name, limits in model.valid_range.items()
        }
        operator, taped = (
            finite_differences.diffusion_operator(grid, barrier, reread, laplacian)
            for reread in (True, False)
        )
        self._step = scheme.make_step(model, operator, time_step, varying)
        self._taped_step = scheme.make_step(model, taped, time_step, varying)
        self._forward = compiled(self._run)
        self._checkpointed = compiled(self._take_steps_with_checkpoints)
        self._backward = compiled(self._take_steps_back)
        self._tangents = compiled(self._take_steps_with_tangents)
        self._until_steady = compiled(self._take_steps_until_steady)
        # What a step prepares is computed apart, once per call, and not by XLA, which
        # would take longer to compile it than the steps.
        self._prepare, self._prepare_back = _unchanged, lambda params, sums: sums
        self._directions = _graph(self._find_directions)
        if hasattr(self._step, "prepare"):
            self._prepare = _graph(self._prepared)
            self._prepare_back = _graph(self._pull_prepared_back)

    def forward(self, state: State, params: dict, first: int, num_steps: int) -> State:
        """The state after `num_steps` steps; any number of steps, one program."""
        params = self._prepare(params)
        return self._forward(state, params, tf.constant(first), tf.constant(num_steps))

    def checkpointed(self, state: State, params: dict, first: int, num_steps: int):
        """(state after `num_steps` steps, checkpoints for `backward`)."""
        return self._checkpointed(
            state,
            self._prepare(params),
            tf.constant(first),
            tf.constant(num_steps),
            *segments(num_steps),
        )

    def backward(self, checkpoints, params: dict, first: int, num_steps: int, upstream):
        """Gradients with respect to the first state and to the parameters."""
        adjoint, sums = self._backward(
            checkpoints,
            self._prepare(params),
            tf.constant(first),
            tf.constant(num_steps),
            upstream,
            segments(num_steps)[1],
        )
        return adjoint, self._prepare_back(params, sums)

    def tangents(
        self, state: State, tangents: dict, params: dict, first: int, num_steps: int
    ) -> tuple[State, dict]:
        """(state, tangents) after `num_steps` steps; any number of them, one program.

        Tangents are a dict, parameter -> ∂state/∂parameter, one field per species.
        """
        along = self._directions(params, tuple(tangents))
        window = tf.constant(first), tf.constant(num_steps)
        return self._tangents(state, tangents, self._prepare(params), along, *window)

    def until_steady(self, state, params, active, tolerance, first, num_steps):
        """Steps the active samples until each is steady or sick.

        Returns (state, steps taken `[B]`, status `[B]`, last largest change `[B]`).
        """
        return self._until_steady(
            state,
            self._prepare(params),
            active,
            tf.constant(tolerance, tf.float64),
            tf.constant(first),
            tf.constant(num_steps),
        )

    def _on_grid(self, rows):
        """Rows as fields; what a step carries besides, `[B, 1]`, as `[B, 1, ...]`."""
        one = [1] * self._grid.ndim
        return tuple(
            tf.reshape(r, [r.shape[0], *(one if r.shape[1] == 1 else self._grid.shape)])
            for r in rows
        )

    def _prepared(self, params):
        return schemes.prepare(self._step, _param_rows(params))

    def _pull_prepared_back(self, params, sums):
        """From gradients by what is prepared to those by the parameters."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(params)
            prepared = self._prepared(params)
        return tape.gradient(prepared, params, sums, tf.UnconnectedGradients.ZERO)

    def _find_directions(self, params, names):
        return tangents.directions(self._prepared, params, names)

    def _run(self, state, params, first, num_steps):
        state, params = _rows(state), _param_rows(params)
        return self._on_grid(self._take_steps(state, params, first, num_steps))

    def _take_steps(self, state, params, first, num_steps):
        def body(i, *state):
            return self._step(state, params, first + i)

        return _repeat(num_steps, body, state)

    def _take_steps_with_checkpoints(
        self, state, params, first, num_steps, room, length
    ):
        state, params = _rows(state), _param_rows(params)

        def body(segment, state, saved):
            saved = _write(saved, segment, state)
            done = segment * length
            steps = tf.minimum(length, num_steps - done)
            return (
                segment + 1,
                self._take_steps(state, params, first + done, steps),
                saved,
            )

        saved = tuple(tf.zeros([room, *s.shape], s.dtype) for s in state)
        _, state, saved = tf.while_loop(
            lambda segment, *_: segment * length < num_steps,
            body,
            (tf.constant(0), state, saved),
        )
        return self._on_grid(state), saved

    def _take_steps_back(self, checkpoints, params, first, num_steps, upstream, length):
        shapes = {name: p.shape for name, p in params.items()}
        upstream, params = _rows(upstream), _param_rows(params)
        shape = upstream[0].shape
        buffer = tuple(tf.zeros([length, *u.shape], u.dtype) for u in upstream)
        zeros = {n: tf.zeros(per_cell(p, shape), p.dtype) for n, p in params.items()}

        def segment_body(segment, adjoint, sums, buffer):
            done = segment * length
            steps = tf.minimum(length, num_steps - done)
            start = _read(checkpoints, segment)
            states = self._replay(start, params, first + done, steps, buffer)

            def pull_back(i, adjoint, sums):
                i = steps - 1 - i
                adjoint, terms = self._pull_back(
                    _read(states, i), params, first + done + i, adjoint
                )
                return adjoint, {name: sums[name] + terms[name] for name in sums}

            adjoint, sums = _repeat(steps, pull_back, (adjoint, sums))
            return segment - 1, adjoint, sums, states

        # The buffer is carried, though every segment overwrites what it reads: an array
        # from outside the loop would be copied whole in every segment.
        _, adjoint, sums, _ = tf.while_loop(
            lambda segment, *_: segment >= 0,
            segment_body,
            ((num_steps - 1) // length, upstream, zeros, buffer),
        )
        sums = {name: _sum_like(sums[name], params[name]) for name in sums}
        sums = {name: tf.reshape(sums[name], shapes[name]) for name in sums}
        return self._on_grid(adjoint), sums

    def _replay(self, state, params, first, steps, buffer):
        """Writes the state before each of `steps` steps into `buffer`."""

        def body(i, state, buffer):
            buffer = _write(buffer, i, state)
            return self._step(state, params, first + i), buffer

        last, buffer = _repeat(steps - 1, body, (state, buffer))
        return _write(buffer, steps - 1, last)

    def _pull_back(self, state, params, index, adjoint):
        shape = state[0].shape
        fields = {n: tf.broadcast_to(p, per_cell(p, shape)) for n, p in params.items()}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch((state, fields))
            after = self._taped_step(state, fields, index)
        return tape.gradient(
            after, (state, fields), adjoint, tf.UnconnectedGradients.ZERO
        )

    def _take_steps_with_tangents(
        self, state, carried, params, directions, first, num_steps
    ):
        state, carried = _rows((state, carried))
        params = _param_rows(params)
        step = tangents.tangent_step(self._taped_step, directions)

        # One round to a loop body, unlike _repeat: a third of the time to compile.
        _, state, carried = tf.while_loop(
            lambda i, *_: i < num_steps,
            lambda i, state, carried: (i + 1, *step(state, carried, params, first + i)),
            (tf.constant(0), state, carried),
        )
        by_parameter = {name: self._on_grid(rows) for name, rows in carried.items()}
        return self._on_grid(state), by_parameter

    def _take_steps_until_steady(
        self, state, params, active, tolerance, first, num_steps
    ):
        state, params = _rows(state), _param_rows(params)
        batch = active.shape[0]

        def body(i, state, active, steps, change):
            candidate = self._step(state, params, first + i)
            new_change = self._largest_change(state, candidate)
            healthy = tf.math.is_finite(new_change)
            moves = active & healthy
            mask = moves[:, tf.newaxis]
            state = tuple(
                tf.where(mask, c, s) for c, s in zip(candidate, state, strict=True)
            )
            change = tf.where(active, new_change, change)
            steps += tf.cast(moves, tf.int32)
            return i + 1, state, moves & (new_change >= tolerance), steps, change

        _, state, still, steps, change = tf.while_loop(
            lambda i, state, active, *_: (i < num_steps) & tf.reduce_any(active),
            body,
            (
                tf.constant(0),
                state,
                active,
                tf.zeros([batch], tf.int32),
                tf.zeros([batch], tf.float64),
            ),
        )
        failed = self._step(state, params, first)
        finite = tf.ones([batch], tf.bool)
        for field in failed:
            finite &= tf.reduce_all(tf.math.is_finite(field), 1)
        sick = tf.where(finite, int(Status.LEFT_VALID_RANGE), int(Status.NOT_FINITE))
        status = tf.where(
            still,
            int(Status.NOT_CONVERGED),
            tf.where(tf.math.is_finite(change), int(Status.CONVERGED), sick),
        )
        return self._on_grid(state), steps, status, change

    def _largest_change(self, before, after):
        """max |after - before| per sample; infinite where `after` is not valid."""
        change = tf.zeros_like(before[0])
        for name, old, new in zip(self._species, before, after, strict=False):
            size = tf.abs(new - old)
            lower, upper = self._valid_range.get(name, (-math.inf, math.inf))
            valid = (new >= lower) & (new <= upper) & (size < math.inf)
            change = tf.maximum(change, tf.where(valid, size, math.inf))
        layers = [change.shape[0], self._grid.shape[0], -1]
        change = tf.reshape(barrier([change])[0], layers)
        change = barrier([tf.reduce_max(change, 1)])[0]  # vectorised: layers first
        return tf.reduce_max(change, 1)


def _repeat(count, body, carry):
    """carry = body(i, *carry) for i = 0, 1, ... count - 1.

    Two rounds to a loop body: the second writes where the first has read, which spares
    XLA a copy of the carry.
    """

    def once(i, *carry):
        return i + 1, *body(i, *carry)

    def twice(*carry):
        return once(*once(*carry))

    carry = (tf.constant(0), *carry)
    carry = tf.while_loop(lambda i, *_: i + 1 < count, twice, carry)
    return tf.while_loop(lambda i, *_: i < count, once, carry)[1:]


def _unchanged(params):
    return params


def _rows(tree):
    """Fields as `[B, cells]`: see finite_differences."""
    return tf.nest.map_structure(finite_differences.flatten, tree)


def _param_rows(params):
    """Parameters as `[1 or B, 1 or cells]`; what is prepared ("0.1.half") as it is."""
    return {
        name: value if "." in name else finite_differences.flatten(value)
        for name, value in params.items()
    }


def _write(buffers, index, state):
    """Writes one state into stacked buffers `[n, B, ...]` at `index`."""
    start = [index] + [tf.constant(0)] * state[0].shape.rank
    return tuple(
        gen_xla_ops.xla_dynamic_update_slice(b, s[tf.newaxis], tf.stack(start))
        for b, s in zip(buffers, state, strict=True)
    )


def _read(buffers, index):
    """Reads the state at `index`; `buffer[index]` compiles slower (negative indices)."""
    found = []
    for buffer in buffers:
        start = tf.stack([index] + [tf.constant(0)] * (buffer.shape.rank - 1))
        size = tf.constant([1, *buffer.shape[1:]])
        found.append(gen_xla_ops.xla_dynamic_slice(buffer, start, size)[0])
    return tuple(found)


def _sum_like(field, param):
    """Sums over the grid, and over the batch if the parameter has one for all."""
    total = field
    if param.shape[1:] == [1]:
        total = tf.reduce_sum(total, 1, keepdims=True)
    if param.shape[0] == 1:
        total = tf.reduce_sum(total, 0, keepdims=True)
    return total
