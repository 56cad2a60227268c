"""Many steps of one sample, and back: the loops around the generated kernels.

Compiled once, for all models: a kernel is an argument, see `rdtf.engines.native.source`.

A field is stored as layers (first grid axis), rows and cells, in rows of `width`: eight
spare cells, then the row, so that ghost cells fit on both sides and the first cell is
aligned. One state is `area` numbers: all fields, one after the other; it is given as
an array and the place where it begins. `shape` is (fields, layers, rows in a layer,
cells in a row, width, 1 if periodic). Fields outside are arrays `[B, layers * rows,
cells]`, one each, given by their addresses. `system` is (parameters of the
sample, constants), as pointers; constants are the time step and the weights of the
Laplacian. `plan` is (steps in a sweep, layers in a block, memory for
the states in between): see `sweep`.

Work is a sequence of passes, shared by a crew: see `teams`. `tick` counts them.
"""

import numpy as np
from numba import njit

from rdtf.engines.native.intrinsics import (
    at_address,
    flush_subnormals,
    from_bits,
    load_acquire,
    pointer,
    restore_subnormals,
)
from rdtf.engines.native.teams import OPTIONS, PAD, begin, finish, layers_of, went_on

INFINITY = int(np.float64(np.inf).view(np.int64))


@njit(**OPTIONS)
def area_of(shape):
    """How many numbers a state is."""
    fields, layers, rows, _, width, _ = shape
    return fields * layers * rows * width


@njit(**OPTIONS)
def read(addresses, sample, x, x0, sums, crew, tick, shape):
    """A pass that copies fields outside into a state, and sets `sums` to zero."""
    fields, layers, rows, cells, width, periodic = shape
    count = len(sums) // (layers * rows)
    part = begin(crew, tick)
    while part >= 0:
        first, last = layers_of(part, layers, crew)
        sums[first * rows * count : last * rows * count] = 0.0
        for field in range(fields):
            source = at_address(addresses[field])
            for row in range(first * rows, last * rows):
                at = x0 + (field * layers * rows + row) * width + PAD
                start = (sample * layers * rows + row) * cells
                for j in range(cells):
                    x[at + j] = source[start + j]
                x[at - 1] = x[at + cells - 1 if periodic else at]
                x[at + cells] = x[at if periodic else at + cells - 1]
        part = finish(crew, tick, part)
    return tick + 1


@njit(**OPTIONS)
def write(addresses, sample, x, x0, crew, tick, shape):
    """A pass that copies a state to fields outside."""
    fields, layers, rows, cells, width, _ = shape
    part = begin(crew, tick)
    while part >= 0:
        first, last = layers_of(part, layers, crew)
        for field in range(fields):
            target = at_address(addresses[field])
            for row in range(first * rows, last * rows):
                at = x0 + (field * layers * rows + row) * width + PAD
                start = (sample * layers * rows + row) * cells
                for j in range(cells):
                    target[start + j] = x[at + j]
        part = finish(crew, tick, part)
    return tick + 1


@njit(**OPTIONS)
def call(kernel, system, x, layers_x, z, layers_z, first, last, shape, y, sums):
    """Computes layers of z from x; see `source` for the arguments of a kernel."""
    p, c = system
    _, layers, rows, cells, width, _ = shape
    return kernel(
        x, layers_x, z, layers_z, first, last, layers, rows, cells, width, p, c, y, sums
    )


@njit(**OPTIONS)
def sweep(kernel, system, x, z, steps, first, last, plan, shape):
    """Takes several steps from x to z in one go over layers [first, last).

    Each step follows the one before by a layer, so that a layer is still in the cache
    when the next step reads it. What lies between x and z is kept for block + 2 layers
    only. Layers beyond first and last that the last step depends on are computed too,
    here and by whoever owns them.
    """
    fields, layers, rows, _, width, periodic = shape
    _, block, ring = plan
    slots = block + 2
    area = fields * slots * rows * width
    done = np.empty(steps, np.int64)
    for step in range(steps):
        low = first - (steps - 1 - step)
        done[step] = low if periodic else max(low, 0)
    while done[steps - 1] < last:
        for step in range(steps):
            high = last + (steps - 1 - step)
            end = min(high if periodic else min(high, layers), done[step] + block)
            complete = high + 1 if periodic else min(high + 1, layers)
            if step > 0 and done[step - 1] < complete:
                end = min(end, done[step - 1] - 1)
            if end <= done[step]:
                continue
            source, layers_x = x, layers
            if step > 0:
                source, layers_x = pointer(ring, (step - 1) * area), slots
            target, layers_z = pointer(ring, step * area), slots
            if step == steps - 1:
                target, layers_z = z, layers
            begun = done[step]
            call(
                kernel,
                system,
                source,
                layers_x,
                target,
                layers_z,
                begun,
                end,
                shape,
                x,
                x,
            )
            done[step] = end


@njit(**OPTIONS)
def take(kernel, system, x, z, steps, plan, crew, tick, shape):
    """A pass of one or several steps from x to z."""
    layers = shape[1]
    part = begin(crew, tick)
    while part >= 0:
        first, last = layers_of(part, layers, crew)
        if steps == 1:
            call(kernel, system, x, layers, z, layers, first, last, shape, x, x)
        else:
            sweep(kernel, system, x, z, steps, first, last, plan, shape)
        part = finish(crew, tick, part)
    return tick + 1


@njit(**OPTIONS)
def advance(kernel, system, x, x0, z, z0, count, work, plan, crew, tick, shape):
    """Takes `count` steps from x to z by way of the first two areas of `work`."""
    area = area_of(shape)
    turn = 0
    while count > 0:
        steps = min(plan[0], count)
        count -= steps
        target, t0 = work, turn * area
        if count == 0:
            target, t0 = z, z0
        source = pointer(x, x0)
        tick = take(
            kernel, system, source, pointer(target, t0), steps, plan, crew, tick, shape
        )
        x, x0 = target, t0
        turn = 1 - turn
    return tick


@njit(cache=True, nogil=True)
def forward(kernel, outside, table, constants, window, saved, work, plan, crew, shape):
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
        tick = read(inputs, sample, x, x0, work[:0], crew, tick, shape)
        done = 0
        while done < num_steps:
            count = num_steps - done
            z, z0 = work, 3 * area
            if 0 < spacing < count:
                count = spacing
                z, z0 = saved[sample], x0 + area
            tick = advance(
                kernel, system, x, x0, z, z0, count, work, plan, crew, tick, shape
            )
            x, x0 = z, z0
            done += count
        tick = write(outputs, sample, x, x0, crew, tick, shape)
    restore_subnormals(normal)


@njit(**OPTIONS)
def piece_back(
    kernel, adjoint_kernel, system, x, count, memory, turn, crew, tick, shape
):
    """Takes the adjoint back over `count` steps, to the state x; (tick, turn).

    The states after x are computed again first. The adjoint moves between the last two
    areas of `work`; `turn` says where it is.
    """
    states, _, work, sums = memory
    layers, area = shape[1], area_of(shape)
    plan = 1, 1, work
    before = x
    for step in range(count - 1):
        after = pointer(states, step * area)
        tick = take(kernel, system, before, after, 1, plan, crew, tick, shape)
        before = after
    total = pointer(sums, 0)
    for step in range(count - 1, -1, -1):
        before = pointer(states, (step - 1) * area) if step > 0 else x
        source = pointer(work, (2 + turn) * area)
        target = pointer(work, (3 - turn) * area)
        part = begin(crew, tick)
        while part >= 0:
            first, last = layers_of(part, layers, crew)
            call(
                adjoint_kernel, system, source, layers, target, layers, first, last, shape,
                before, total,
            )  # fmt: skip
            part = finish(crew, tick, part)
        tick += 1
        turn = 1 - turn
    return tick, turn


@njit(**OPTIONS)
def add_up(sums, gradients, sample, crew, tick):
    """A pass that adds the terms of all rows, in their order whatever the crew."""
    count = gradients.shape[1]
    part = begin(crew, tick)
    while part >= 0:
        if part == 0:
            for parameter in range(count):
                total = 0.0
                for row in range(len(sums) // count):
                    total += sums[row * count + parameter]
                gradients[sample, parameter] = total
        part = finish(crew, tick, part)
    return tick + 1


@njit(cache=True, nogil=True)
def backward(
    kernel, adjoint_kernel, outside, table, constants, window, saved, memory, gradients, plan, crew,
    shape,
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
        tick = read(inputs, sample, work, 2 * area, sums, crew, tick, shape)
        turn = 0
        for segment in range((num_steps - 1) // spacing, -1, -1):
            count = min(spacing, num_steps - segment * spacing)
            pieces = (count - 1) // length + 1
            start = pointer(saved[sample], segment * area)
            x, x0 = saved[sample], segment * area
            for piece in range(1, pieces):
                z0 = (piece - 1) * area
                tick = advance(
                    kernel,
                    system,
                    x,
                    x0,
                    middle,
                    z0,
                    length,
                    work,
                    plan,
                    crew,
                    tick,
                    shape,
                )
                x, x0 = middle, z0
            for piece in range(pieces - 1, -1, -1):
                state = pointer(middle, (piece - 1) * area) if piece > 0 else start
                part = min(length, count - piece * length)
                tick, turn = piece_back(
                    kernel,
                    adjoint_kernel,
                    system,
                    state,
                    part,
                    memory,
                    turn,
                    crew,
                    tick,
                    shape,
                )
        tick = write(outputs, sample, work, (2 + turn) * area, crew, tick, shape)
        tick = add_up(sums, gradients, sample, crew, tick)
    restore_subnormals(normal)


@njit(cache=True, nogil=True)
def steady(
    kernel, outside, table, constants, samples, limits, changes, results, work, crew,
    shape,
):  # fmt: skip
    """Steps each sample until its largest change is small enough, or not valid.

    A step that is not valid is discarded.

    Args:
      kernel: one that returns the largest change.
      outside, table, constants: as for `forward`.
      samples: which; one, if the crew is more than one thread.
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
        tick = read(inputs, sample, work, 0, work[:0], crew, tick, shape)
        taken, turn, change, tick = settle(
            kernel, system, limits, changes, work, crew, tick, shape
        )
        tick = write(outputs, sample, work, turn * area, crew, tick, shape)
        tried = work[(1 - turn) * area : (2 - turn) * area]
        results[sample, 0] = taken
        results[sample, 1] = change
        results[sample, 2] = 1.0 if change < np.inf else is_finite(tried, shape)
    restore_subnormals(normal)


@njit(**OPTIONS)
def settle(kernel, system, limits, changes, work, crew, tick, shape):
    """Takes the steps of `steady`; (steps taken, area of the state, change, tick)."""
    tolerance, num_steps = limits
    layers, area, team = shape[1], area_of(shape), crew[2]
    taken, turn, change, going = 0, 0, 0.0, True
    while going and taken < num_steps:
        x, z = pointer(work, turn * area), pointer(work, (1 - turn) * area)
        side = tick % 2 * PAD * team
        part = begin(crew, tick)
        while part >= 0:
            first, last = layers_of(part, layers, crew)
            changes[side + PAD * part] = call(
                kernel, system, x, layers, z, layers, first, last, shape, x, x
            )
            part = finish(crew, tick, part)
        worst = 0
        for part in range(team):
            worst = max(worst, load_acquire(changes, side + PAD * part))
        change = from_bits(worst) if worst < INFINITY else np.inf
        # Who comes late may have read the changes of a later step, and knows by this.
        going = went_on(crew, tick) or tolerance <= change < np.inf
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
