"""Many steps of one sample after another, and back: what Python calls.

Compiled once, for all models: a kernel is an argument, see
`rdtf.engines.native.source`. Work is a sequence of `passes`, where the arguments that
all share are described.
"""

import numpy as np
from numba import njit

from rdtf.engines.native.intrinsics import (
    flush_subnormals,
    from_bits,
    load_acquire,
    pointer,
    restore_subnormals,
)
from rdtf.engines.native.passes import advance, area_of, call, read, take, write
from rdtf.engines.native.work_sharing import (
    OPTIONS,
    PAD,
    begin,
    finish,
    layers_of,
    went_on,
)

INFINITY = int(np.float64(np.inf).view(np.int64))


@njit(cache=True, nogil=True)
def forward(
    kernel, outside, table, constants, window, saved, work, plan, sharing, shape
):
    """Takes samples on by some steps.

    Args:
      outside: (addresses of the fields at the start, and of those at the end).
      table: parameters `[B, P]`.
      window: (first sample, last sample, steps, steps between states that are saved or
        0).
      saved: `[B, states * area]`, for the latter.
      work: four areas.
    """
    inputs, outputs = outside
    first, last, num_steps, spacing = window
    area = area_of(shape)
    c = pointer(constants, 0)
    normal = flush_subnormals()
    tick = 0
    for sample in range(first, last):
        system = pointer(table, sample * table.shape[1]), c
        x, x0 = work, 2 * area
        if spacing > 0:
            x, x0 = saved[sample], 0
        tick = read(inputs, sample, x, x0, work[:0], sharing, tick, shape)
        done = 0
        while done < num_steps:
            count = num_steps - done
            z, z0 = work, 3 * area
            if 0 < spacing < count:
                count = spacing
                z, z0 = saved[sample], x0 + area
            tick = advance(
                kernel, system, x, x0, z, z0, count, work, plan, sharing, tick, shape
            )
            x, x0 = z, z0
            done += count
        tick = write(outputs, sample, x, x0, sharing, tick, shape)
    restore_subnormals(normal)


@njit(**OPTIONS)
def piece_back(
    kernel, adjoint_kernel, system, x, count, memory, turn, sharing, tick, shape
):
    """Takes the adjoint back over `count` steps, to the state x: (tick, turn).

    The states after x are computed again first. The adjoint moves between the last two
    areas of `work`; `turn` says where it is.
    """
    states, _, work, sums = memory
    layers, area = shape[1], area_of(shape)
    plan = 1, 1, work
    before = x
    for step in range(count - 1):
        after = pointer(states, step * area)
        tick = take(kernel, system, before, after, 1, plan, sharing, tick, shape)
        before = after
    total = pointer(sums, 0)
    for step in range(count - 1, -1, -1):
        before = pointer(states, (step - 1) * area) if step > 0 else x
        source = pointer(work, (2 + turn) * area)
        target = pointer(work, (3 - turn) * area)
        part = begin(sharing, tick)
        while part >= 0:
            first, last = layers_of(part, layers, sharing)
            call(
                adjoint_kernel, system, source, layers, target, layers, first, last,
                shape, before, total,
            )  # fmt: skip
            part = finish(sharing, tick, part)
        tick += 1
        turn = 1 - turn
    return tick, turn


@njit(**OPTIONS)
def add_up(sums, gradients, sample, sharing, tick):
    """A pass that adds the terms of all rows, in their order whatever the sharing."""
    count = gradients.shape[1]
    part = begin(sharing, tick)
    while part >= 0:
        if part == 0:
            for parameter in range(count):
                total = 0.0
                for row in range(len(sums) // count):
                    total += sums[row * count + parameter]
                gradients[sample, parameter] = total
        part = finish(sharing, tick, part)
    return tick + 1


@njit(cache=True, nogil=True)
def backward(
    kernel, adjoint_kernel, outside, table, constants, window, saved, memory, gradients,
    plan, sharing, shape,
):  # fmt: skip
    """Takes the adjoint of samples back over some steps.

    Args:
      kernel, adjoint_kernel: of a step, and of its adjoint.
      outside: (addresses of the adjoint at the end, and of the one at the start).
      table, constants, saved: as for `forward`.
      window: (first sample, last sample, steps, steps between saved states, steps of
        which all states are kept at a time).
      memory: (these states, states that divide the steps between two saved ones into
        such pieces, four areas of work, a number for each row and parameter).
      gradients: by the parameters, `[B, P]`.
    """
    inputs, outputs = outside
    first, last, num_steps, spacing, length = window
    _, middle, work, sums = memory
    area = area_of(shape)
    c = pointer(constants, 0)
    normal = flush_subnormals()
    tick = 0
    for sample in range(first, last):
        system = pointer(table, sample * table.shape[1]), c
        tick = read(inputs, sample, work, 2 * area, sums, sharing, tick, shape)
        turn = 0
        for segment in range((num_steps - 1) // spacing, -1, -1):
            count = min(spacing, num_steps - segment * spacing)
            pieces = (count - 1) // length + 1
            start = pointer(saved[sample], segment * area)
            x, x0 = saved[sample], segment * area
            for piece in range(1, pieces):
                z0 = (piece - 1) * area
                tick = advance(
                    kernel, system, x, x0, middle, z0, length, work, plan, sharing,
                    tick, shape,
                )  # fmt: skip
                x, x0 = middle, z0
            for piece in range(pieces - 1, -1, -1):
                state = pointer(middle, (piece - 1) * area) if piece > 0 else start
                part = min(length, count - piece * length)
                tick, turn = piece_back(
                    kernel, adjoint_kernel, system, state, part, memory, turn, sharing,
                    tick, shape,
                )  # fmt: skip
        tick = write(outputs, sample, work, (2 + turn) * area, sharing, tick, shape)
        tick = add_up(sums, gradients, sample, sharing, tick)
    restore_subnormals(normal)


@njit(cache=True, nogil=True)
def steady(
    kernel, outside, table, constants, samples, limits, changes, results, work, sharing,
    shape,
):  # fmt: skip
    """Steps each sample until its largest change is small enough, or not valid.

    A step that is not valid is discarded.

    Args:
      kernel: one that returns the largest change.
      outside, table, constants: as for `forward`.
      samples: which; one, if the sharing is more than one thread.
      limits: (tolerance of the change, steps at most).
      changes: for every part, in two sets that take turns.
      results: `[B, 3]`: the steps taken, the last change, and 1 if the last step tried
        was finite, else 0.
      work: two areas.
    """
    inputs, outputs = outside
    area = area_of(shape)
    normal = flush_subnormals()
    tick = 0
    for sample in samples:
        system = pointer(table, sample * table.shape[1]), pointer(constants, 0)
        tick = read(inputs, sample, work, 0, work[:0], sharing, tick, shape)
        taken, turn, change, tick = settle(
            kernel, system, limits, changes, work, sharing, tick, shape
        )
        tick = write(outputs, sample, work, turn * area, sharing, tick, shape)
        tried = work[(1 - turn) * area : (2 - turn) * area]
        results[sample, 0] = taken
        results[sample, 1] = change
        results[sample, 2] = 1.0 if change < np.inf else is_finite(tried, shape)
    restore_subnormals(normal)


@njit(**OPTIONS)
def settle(kernel, system, limits, changes, work, sharing, tick, shape):
    """Takes the steps of `steady`; (steps taken, area of the state, change, tick)."""
    tolerance, num_steps = limits
    layers, area, group = shape[1], area_of(shape), sharing[2]
    taken, turn, change, going = 0, 0, 0.0, True
    while going and taken < num_steps:
        x, z = pointer(work, turn * area), pointer(work, (1 - turn) * area)
        side = tick % 2 * PAD * group
        part = begin(sharing, tick)
        while part >= 0:
            first, last = layers_of(part, layers, sharing)
            changes[side + PAD * part] = call(
                kernel, system, x, layers, z, layers, first, last, shape, x, x
            )
            part = finish(sharing, tick, part)
        worst = 0
        for part in range(group):
            worst = max(worst, load_acquire(changes, side + PAD * part))
        change = from_bits(worst) if worst < INFINITY else np.inf
        # Who comes late may have read the changes of a later step, and knows by this.
        going = went_on(sharing, tick) or tolerance <= change < np.inf
        if going or change < np.inf:
            taken += 1
            turn = 1 - turn
        tick += 1
    return taken, turn, change, tick


@njit(**OPTIONS)
def is_finite(x, shape):
    """1 if every cell of a state is finite, else 0."""
    fields, layers, rows, cells, width, _ = shape
    for row in range(fields * layers * rows):
        for j in range(cells):
            if not np.isfinite(x[row * width + PAD + j]):
                return 0.0
    return 1.0
