"""Passes over one sample: copies in and out, and steps, one or several in a sweep.

A field is stored as layers (first grid axis), rows and cells, in rows of `width`: eight
spare cells, then the row, so that ghost cells fit on both sides and the first cell is
aligned. One state is `area` numbers: all fields, one after the other; it is given as
an array and the place where it begins. `shape` is (fields, layers, rows in a layer,
cells in a row, width, 1 if periodic). Fields outside are arrays `[B, layers * rows,
cells]`, one each, given by their addresses. `system` is (parameters of the sample,
constants), as pointers; constants are the time step and the weights of the Laplacian.
`plan` is (steps in a sweep, layers in a block, memory for the states in between): see
`sweep`. A sharing shares each pass: see `work_sharing`; `tick` counts them.
"""

import numpy as np
from numba import njit

from rdtf.engines.native.intrinsics import at_address, pointer
from rdtf.engines.native.work_sharing import OPTIONS, PAD, begin, finish, layers_of


@njit(**OPTIONS)
def area_of(shape):
    """How many numbers a state is."""
    fields, layers, rows, _, width, _ = shape
    return fields * layers * rows * width


@njit(**OPTIONS)
def read(addresses, sample, x, x0, sums, sharing, tick, shape):
    """A pass that copies fields outside into a state, and sets `sums` to zero."""
    fields, layers, rows, cells, width, periodic = shape
    count = len(sums) // (layers * rows)
    part = begin(sharing, tick)
    while part >= 0:
        first, last = layers_of(part, layers, sharing)
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
        part = finish(sharing, tick, part)
    return tick + 1


@njit(**OPTIONS)
def write(addresses, sample, x, x0, sharing, tick, shape):
    """A pass that copies a state to fields outside."""
    fields, layers, rows, cells, width, _ = shape
    part = begin(sharing, tick)
    while part >= 0:
        first, last = layers_of(part, layers, sharing)
        for field in range(fields):
            target = at_address(addresses[field])
            for row in range(first * rows, last * rows):
                at = x0 + (field * layers * rows + row) * width + PAD
                start = (sample * layers * rows + row) * cells
                for j in range(cells):
                    target[start + j] = x[at + j]
        part = finish(sharing, tick, part)
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
                kernel, system, source, layers_x, target, layers_z, begun, end, shape,
                x, x,
            )  # fmt: skip
            done[step] = end


@njit(**OPTIONS)
def take(kernel, system, x, z, steps, plan, sharing, tick, shape):
    """A pass of one or several steps from x to z."""
    layers = shape[1]
    part = begin(sharing, tick)
    while part >= 0:
        first, last = layers_of(part, layers, sharing)
        if steps == 1:
            call(kernel, system, x, layers, z, layers, first, last, shape, x, x)
        else:
            sweep(kernel, system, x, z, steps, first, last, plan, shape)
        part = finish(sharing, tick, part)
    return tick + 1


@njit(**OPTIONS)
def advance(kernel, system, x, x0, z, z0, count, work, plan, sharing, tick, shape):
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
            kernel, system, source, pointer(target, t0), steps, plan, sharing, tick,
            shape,
        )  # fmt: skip
        x, x0 = target, t0
        turn = 1 - turn
    return tick
