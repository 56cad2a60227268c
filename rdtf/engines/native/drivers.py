"""Many steps of one sample, and back: the loops around the generated kernels.

Compiled once, for all models: a kernel is an argument, see `rdtf.engines.native.source`.

A field is stored as layers (first grid axis), rows and cells, in rows of `width`: eight
spare cells, then the row, so that ghost cells fit on both sides and the first cell is
aligned. One state is `area` numbers: all fields, one after the other. `shape` is (fields,
layers, rows in a layer, cells in a row, width, 1 if periodic); `p` points to a sample's
parameters, `c` to the time step and the weights of the Laplacian. Fields outside are
arrays `[B, layers * rows, cells]`, one each, given by their addresses.

A team of threads shares a sample: each owns a range of layers, and `progress` counts
the passes it has finished. Before a pass, a thread waits until all have finished the
one before: then what it reads is complete, and what it overwrites is read no more. How
cells are divided changes no bit of the result, as every cell is computed by the same
instructions.
"""

import os

import numpy as np
from numba import njit, types
from numba.core.typing import signature

from rdtf.engines.native.intrinsics import (
    at_address,
    from_bits,
    load_acquire,
    pointer,
    store_release,
)

OPTIONS = {"nogil": True, "error_model": "numpy"}
PAD = 8  # doubles in a cache line
SPINS = 2000  # then give the core to somebody else
INFINITY = int(np.float64(np.inf).view(np.int64))

if os.name == "posix":
    give_way = types.ExternalFunction("sched_yield", signature(types.int32))
else:

    @njit
    def give_way():
        return 0


@njit(**OPTIONS)
def wait(progress, team, tick):
    """Returns when every thread of the team has finished `tick` passes."""
    for other in range(team):
        spins = 0
        while load_acquire(progress, PAD * other) < tick:
            spins += 1
            if spins > SPINS:
                give_way()


@njit(**OPTIONS)
def finish(progress, me, tick):
    """Tells the team that this thread has finished `tick` passes."""
    store_release(progress, PAD * me, tick)


@njit(**OPTIONS)
def read(addresses, sample, x, x0, first, last, shape):
    """Copies layers of the fields outside into a state."""
    fields, layers, rows, cells, width, periodic = shape
    for field in range(fields):
        source = at_address(addresses[field])
        for row in range(first * rows, last * rows):
            at = x0 + (field * layers * rows + row) * width + PAD
            start = (sample * layers * rows + row) * cells
            for j in range(cells):
                x[at + j] = source[start + j]
            x[at - 1] = x[at + cells - 1 if periodic else at]
            x[at + cells] = x[at if periodic else at + cells - 1]


@njit(**OPTIONS)
def write(addresses, sample, x, x0, first, last, shape):
    """Copies layers of a state to the fields outside."""
    fields, layers, rows, cells, width, _ = shape
    for field in range(fields):
        target = at_address(addresses[field])
        for row in range(first * rows, last * rows):
            at = x0 + (field * layers * rows + row) * width + PAD
            start = (sample * layers * rows + row) * cells
            for j in range(cells):
                target[start + j] = x[at + j]


@njit(**OPTIONS)
def call(kernel, x, layers_x, z, layers_z, first, last, shape, p, c, y, sums):
    """Computes layers of z from x; see `source` for the arguments of a kernel."""
    _, layers, rows, cells, width, _ = shape
    return kernel(
        x, layers_x, z, layers_z, first, last, layers, rows, cells, width, p, c, y, sums
    )


@njit(**OPTIONS)
def sweep(kernel, x, x0, y, y0, levels, block, ring, first, last, shape, p, c):
    """Takes `levels` steps from x to y in one pass over the layers.

    Each level follows the one before by a layer, so that a layer is still in the cache
    when the next level reads it; what lies between x and y is kept for block + 2 layers
    only. Layers that another thread needs as well are computed twice.
    """
    fields, layers, rows, _, width, periodic = shape
    if levels == 1:
        source, target = pointer(x, x0), pointer(y, y0)
        call(
            kernel, source, layers, target, layers, first, last, shape, p, c, source, c
        )
        return
    slots = block + 2
    area = fields * slots * rows * width
    done = np.empty(levels, np.int64)
    for level in range(levels):
        low = first - (levels - 1 - level)
        done[level] = low if periodic else max(low, 0)
    while done[levels - 1] < last:
        for level in range(levels):
            high = last + (levels - 1 - level)
            end = high if periodic else min(high, layers)
            end = min(end, done[level] + block)
            complete = high + 1 if periodic else min(high + 1, layers)
            if level > 0 and done[level - 1] < complete:
                end = min(end, done[level - 1] - 1)
            if end <= done[level]:
                continue
            source, s_layers = pointer(x, x0), layers
            if level > 0:
                source, s_layers = pointer(ring, (level - 1) * area), slots
            target, t_layers = pointer(ring, level * area), slots
            if level == levels - 1:
                target, t_layers = pointer(y, y0), layers
            call(
                kernel,
                source,
                s_layers,
                target,
                t_layers,
                done[level],
                end,
                shape,
                p,
                c,
                source,
                c,
            )
            done[level] = end


@njit(**OPTIONS)
def advance(kernel, x, x0, y, y0, count, work, plan, crew, tick, shape, p, c):
    """Takes `count` steps from x to y by way of two areas of `work`; the new tick."""
    fields, layers, rows, _, width, _ = shape
    levels, block, ring = plan
    first, last, me, team, progress = crew
    area = fields * layers * rows * width
    turn = 0
    while count > 0:
        steps = min(levels, count)
        count -= steps
        target, t0 = work, turn * area
        if count == 0:
            target, t0 = y, y0
        wait(progress, team, tick)
        sweep(kernel, x, x0, target, t0, steps, block, ring, first, last, shape, p, c)
        tick += 1
        finish(progress, me, tick)
        x, x0 = target, t0
        turn = 1 - turn
    return tick


@njit(cache=True, nogil=True)
def forward(
    kernel,
    inputs,
    outputs,
    params,
    samples,
    num_steps,
    saved,
    spacing,
    work,
    plan,
    crew,
    shape,
    constants,
):
    """Takes samples [first, last) `num_steps` steps on.

    With a `spacing`, the states at its multiples go to `saved`, `[B, room * area]`.
    """
    fields, layers, rows, _, width, _ = shape
    first, last, me, team, progress = crew
    area = fields * layers * rows * width
    tick, c = 0, pointer(constants, 0)
    for sample in range(samples[0], samples[1]):
        p = pointer(params, sample * params.shape[1])
        x, x0 = work, 2 * area
        if spacing > 0:
            x, x0 = saved[sample], 0
        read(inputs, sample, x, x0, first, last, shape)
        tick += 1
        finish(progress, me, tick)
        done = 0
        while done < num_steps:
            count = num_steps - done
            y, y0 = work, 3 * area
            if 0 < spacing < count:
                count = spacing
                y, y0 = saved[sample], x0 + area
            tick = advance(
                kernel, x, x0, y, y0, count, work, plan, crew, tick, shape, p, c
            )
            x, x0 = y, y0
            done += count
        write(outputs, sample, x, x0, first, last, shape)
        wait(progress, team, tick)


@njit(**OPTIONS)
def piece_back(
    kernel,
    adjoint_kernel,
    x,
    x0,
    count,
    states,
    work,
    turn,
    crew,
    tick,
    shape,
    p,
    c,
    sums,
):
    """Takes the adjoint `count` steps back to the state x; (tick, turn)."""
    fields, layers, rows, _, width, _ = shape
    first, last, me, team, progress = crew
    area = fields * layers * rows * width
    before = pointer(x, x0)
    for step in range(count - 1):
        wait(progress, team, tick)
        after = pointer(states, step * area)
        call(kernel, before, layers, after, layers, first, last, shape, p, c, before, c)
        tick += 1
        finish(progress, me, tick)
        before = after
    for step in range(count - 1, -1, -1):
        before = pointer(states, (step - 1) * area)
        if step == 0:
            before = pointer(x, x0)
        wait(progress, team, tick)
        call(
            adjoint_kernel,
            pointer(work, (2 + turn) * area),
            layers,
            pointer(work, (3 - turn) * area),
            layers,
            first,
            last,
            shape,
            p,
            c,
            before,
            pointer(sums, 0),
        )
        tick += 1
        finish(progress, me, tick)
        turn = 1 - turn
    return tick, turn


@njit(cache=True, nogil=True)
def backward(
    kernel,
    adjoint_kernel,
    saved,
    upstream,
    adjoint,
    params,
    gradients,
    samples,
    num_steps,
    spacing,
    length,
    sums,
    states,
    middle,
    work,
    plan,
    crew,
    shape,
    constants,
):
    """Takes the adjoint of samples [first, last) back over `num_steps` steps.

    Between states of `saved` (every `spacing` steps) those every `length` steps are
    computed again into `middle`, and between these every state into `states`. `sums`
    holds the terms of the parameters' gradients for each row of cells; they are added
    up in the same order whatever the team.
    """
    fields, layers, rows, _, width, _ = shape
    first, last, me, team, progress = crew
    area = fields * layers * rows * width
    tick, c = 0, pointer(constants, 0)
    for sample in range(samples[0], samples[1]):
        p = pointer(params, sample * params.shape[1])
        read(upstream, sample, work, 2 * area, first, last, shape)
        count = gradients.shape[1]
        sums[first * rows * count : last * rows * count] = 0.0
        tick += 1
        finish(progress, me, tick)
        turn = 0
        for segment in range((num_steps - 1) // spacing, -1, -1):
            count = min(spacing, num_steps - segment * spacing)
            pieces = (count - 1) // length + 1
            x, x0 = saved[sample], segment * area
            for piece in range(1, pieces):
                y0 = (piece - 1) * area
                tick = advance(
                    kernel,
                    x,
                    x0,
                    middle,
                    y0,
                    length,
                    work,
                    plan,
                    crew,
                    tick,
                    shape,
                    p,
                    c,
                )
                x, x0 = middle, y0
            for piece in range(pieces - 1, -1, -1):
                x, x0 = middle, (piece - 1) * area
                if piece == 0:
                    x, x0 = saved[sample], segment * area
                part = min(length, count - piece * length)
                tick, turn = piece_back(
                    kernel,
                    adjoint_kernel,
                    x,
                    x0,
                    part,
                    states,
                    work,
                    turn,
                    crew,
                    tick,
                    shape,
                    p,
                    c,
                    sums,
                )
        wait(progress, team, tick)
        write(adjoint, sample, work, (2 + turn) * area, first, last, shape)
        if me == 0:
            for parameter in range(gradients.shape[1]):
                total = 0.0
                for row in range(layers * rows):
                    total += sums[row * gradients.shape[1] + parameter]
                gradients[sample, parameter] = total
        tick += 1
        finish(progress, me, tick)
        wait(progress, team, tick)


@njit(cache=True, nogil=True)
def steady(
    kernel,
    inputs,
    outputs,
    params,
    sample,
    tolerance,
    num_steps,
    changes,
    result,
    work,
    tick,
    crew,
    shape,
    constants,
):
    """Steps one sample until its largest change is below `tolerance`, or not valid.

    A step that is not valid is discarded. `result` receives the steps taken, the last
    change, and whether the last candidate was finite. Returns the new tick.
    """
    fields, layers, rows, _, width, _ = shape
    first, last, me, team, progress = crew
    area = fields * layers * rows * width
    p = pointer(params, sample * params.shape[1])
    read(inputs, sample, work, 0, first, last, shape)
    c = pointer(constants, 0)
    tick += 1
    finish(progress, me, tick)
    taken, turn, change, going = 0, 0, 0.0, True
    while going and taken < num_steps:
        wait(progress, team, tick)
        before, after = pointer(work, turn * area), pointer(work, (1 - turn) * area)
        worst = call(
            kernel, before, layers, after, layers, first, last, shape, p, c, before, c
        )
        side = tick % 2  # a thread may still read the other side
        changes[side, PAD * me] = worst
        tick += 1
        finish(progress, me, tick)
        wait(progress, team, tick)
        for other in range(team):
            worst = max(worst, changes[side, PAD * other])
        change = np.inf
        if worst < INFINITY:
            change = from_bits(worst)
            taken += 1
            turn = 1 - turn
        going = tolerance <= change < np.inf
    write(outputs, sample, work, turn * area, first, last, shape)
    if me == 0:
        result[0], result[1], result[2] = taken, change, 1.0
        if change == np.inf:
            candidate = work[(1 - turn) * area : (2 - turn) * area]
            result[2] = finite(candidate, shape)
    tick += 1
    finish(progress, me, tick)
    wait(progress, team, tick)
    return tick


@njit(**OPTIONS)
def finite(x, shape):
    """1 if every cell of a state is finite, else 0."""
    fields, layers, rows, cells, width, _ = shape
    for row in range(fields * layers * rows):
        for j in range(cells):
            if not np.isfinite(x[row * width + PAD + j]):
                return 0.0
    return 1.0
