"""Euler-Maruyama steps of many replicates and their exact adjoint, compiled by Numba.

Eight replicates go through the same instructions side by side (a block), so arrays are
`[cell, lane]`, with one row more than cells: it stays zero, and stands for neighbours
that are not there. Loops over lanes are `load` and `store` only, see
`rdtf.engines.native.intrinsics`.
"""

import numpy as np
from numba import njit

from rdtf.cells.random_numbers import LANES, OPTIONS, draw
from rdtf.engines.native.intrinsics import load, pointer, store


@njit(**OPTIONS)
def _sums(x, neighbours, scale, sums):
    """scale * (the sum over the neighbours of every cell): 2, 4 or 6 of them."""
    degree = neighbours.shape[1]
    for cell in range(neighbours.shape[0]):
        row, weight, near = LANES * cell, scale[cell], neighbours[cell]
        a, b = LANES * near[0], LANES * near[1]
        if degree == 2:
            for i in range(LANES):
                store(sums, row + i, weight * (load(x, a + i) + load(x, b + i)))
            continue
        c, d = LANES * near[2], LANES * near[3]
        if degree == 4:
            for i in range(LANES):
                total = load(x, a + i) + load(x, b + i)
                total = total + (load(x, c + i) + load(x, d + i))
                store(sums, row + i, weight * total)
            continue
        e, f = LANES * near[4], LANES * near[5]
        for i in range(LANES):
            total = load(x, a + i) + load(x, b + i)
            total = total + (load(x, c + i) + load(x, d + i))
            total = total + (load(x, e + i) + load(x, f + i))
            store(sums, row + i, weight * total)


@njit(**OPTIONS)
def _update(x, means, noise, table, last, free, drift, spread, y):
    """y = clip(x + f(mean) dt + σ √dt ξ, 0, 1) of the cells that are free, else 0."""
    for cell in range(free.shape[0]):
        row, mobile = LANES * cell, free[cell]
        for i in range(row, row + LANES):
            place = load(means, i) * (last + 1)
            node = min(int(place), last)
            low = load(table, node)
            force = low + (place - node) * (load(table, node + 1) - low)
            value = load(x, i) + drift * force + spread * load(noise, i)
            store(y, i, mobile * min(max(value, 0.0), 1.0))


@njit(**OPTIONS)
def _slopes(y, means, table, last, upstream, scale, drift, passed, spread):
    """What of an adjoint passes the clip, and what of it each neighbour gets."""
    for cell in range(scale.shape[0]):
        row, weight = LANES * cell, scale[cell] * drift * (last + 1)
        for i in range(row, row + LANES):
            after = load(y, i)
            inside = (after > 0.0) & (after < 1.0)
            through = load(upstream, i) if inside else 0.0
            place = load(means, i) * (last + 1)
            node = min(int(place), last)
            slope = load(table, node + 1) - load(table, node)
            store(passed, i, through)
            store(spread, i, weight * slope * through)


@njit(**OPTIONS)
def _add(passed, sums, count, adjoint):
    for i in range(count):
        store(adjoint, i, load(passed, i) + load(sums, i))


@njit(**OPTIONS)
def _scatter(amounts, means, factor, gradient):
    """Adds amounts to the two nodes around each place, as interpolation weighs them."""
    last = gradient.shape[0] - 2
    for i in range(amounts.shape[0]):
        amount = factor * amounts[i]
        if amount != 0.0:
            place = means[i] * (last + 1)
            node = min(int(place), last)
            upper = amount * (place - node)
            gradient[node] += amount - upper
            gradient[node + 1] += upper


@njit(**OPTIONS)
def _step(x, y, step, system, keys, work):
    """One step from x to y, addresses both; leaves means and noise in `work`."""
    table, neighbours, scale, free, (drift, spread) = system
    _sums(x, neighbours, scale, pointer(work[0], 0))
    draw(keys, step, (free.shape[0] + 1) // 2, pointer(work[1], 0))
    _update(
        x,
        pointer(work[0], 0),
        pointer(work[1], 0),
        pointer(table, 0),
        table.shape[0] - 2,
        free,
        drift,
        spread,
        y,
    )


@njit(**OPTIONS)
def forward(first, last, saved, final, system, keys, window):
    """Takes blocks of replicates on by some steps.

    Args:
      first, last: of the blocks.
      saved: `[block, states, cell + 1, lane]`; the first state is where it begins.
      final: `[block, cell + 1, lane]`, for the state at the end.
      system: (f at equidistant nodes of [0, 1], neighbours `[cell, degree]`, 1 / number
        of neighbours, 1 where a cell is free and 0 where it is held at 0, (dt, σ √dt)).
      keys: the replicates' streams, `[block, lane]`, bits as doubles.
      window: (number of the first step, steps, steps between states that are saved).
    """
    begin, steps, spacing = window
    area = saved.shape[2] * LANES
    work, spare = np.zeros((2, area + LANES)), np.zeros((2, area))
    for block in range(first, last):
        x = pointer(saved[block], 0)
        for step in range(steps):
            y = pointer(spare[step % 2], 0)
            if step + 1 == steps:
                y = pointer(final[block], 0)
            elif (step + 1) % spacing == 0:
                y = pointer(saved[block], (step + 1) // spacing * area)
            _step(x, y, begin + step, system, pointer(keys[block], 0), work)
            x = y


@njit(**OPTIONS)
def _replay(block, part, saved, system, keys, window, states, work):
    """The states of one part of the window between two saved ones; how many steps."""
    begin, steps, spacing = window
    area = saved.shape[2] * LANES
    count = min(spacing, steps - part * spacing)
    x = pointer(saved[block], part * area)
    for j in range(count - 1):
        y = pointer(states, j * area)
        _step(x, y, begin + part * spacing + j, system, keys, work)
        x = y
    return count


@njit(**OPTIONS)
def adjoint(first, last, saved, final, system, keys, window, upstream, gradient):
    """Takes the adjoint of blocks back over the steps of `forward`.

    Args:
      upstream: ∂L/∂(final state), `[block, cell + 1, lane]`; becomes that of the first.
      gradient: ∂L/∂table of each block, `[block, node]`; is added to.
    """
    table, neighbours, scale, free, (drift, _) = system
    _, steps, spacing = window
    cells, area = free.shape[0], saved.shape[2] * LANES
    ones = np.ones(cells)
    states, work = np.zeros((spacing, area)), np.zeros((2, area + LANES))
    passed, spread = np.zeros(area), np.zeros(area)
    means, last_node = work[0], table.shape[0] - 2
    for block in range(first, last):
        key, lam = pointer(keys[block], 0), pointer(upstream[block], 0)
        after = pointer(final[block], 0)
        for part in range((steps - 1) // spacing, -1, -1):
            start = pointer(saved[block], part * area)
            count = _replay(block, part, saved, system, key, window, states, work)
            for j in range(count - 1, -1, -1):
                x = pointer(states, (j - 1) * area) if j else start
                m, p, q = pointer(means, 0), pointer(passed, 0), pointer(spread, 0)
                _sums(x, neighbours, scale, m)
                _slopes(after, m, pointer(table, 0), last_node, lam, scale, drift, p, q)
                _scatter(passed, means, drift, gradient[block])
                _sums(q, neighbours, ones, m)
                _add(p, m, cells * LANES, lam)
                after = x


@njit(**OPTIONS)
def scores(first, last, saved, system, keys, window, weights, gradient):
    """Adds Σ w ∂(ln of the density of the path)/∂table to each block's gradient.

    A step before the clip is normal with mean s + f dt and variance σ² dt, so the
    derivative by f is ξ √dt / σ; the factor √dt / σ is left to the caller.

    Args:
      weights: w, `[block, bin, lane]`; bins divide the steps evenly.
    """
    _, neighbours, scale, free, _ = system
    begin, steps, spacing = window
    cells, area = free.shape[0], saved.shape[2] * LANES
    bins = weights.shape[1]
    states, work = np.zeros((spacing, area)), np.zeros((2, area + LANES))
    amounts = np.zeros(area)
    for block in range(first, last):
        key = pointer(keys[block], 0)
        for part in range((steps - 1) // spacing + 1):
            start = pointer(saved[block], part * area)
            count = _replay(block, part, saved, system, key, window, states, work)
            for j in range(count):
                step = part * spacing + j
                x = pointer(states, (j - 1) * area) if j else start
                _sums(x, neighbours, scale, pointer(work[0], 0))
                draw(key, begin + step, (cells + 1) // 2, pointer(work[1], 0))
                weight = weights[block, step * bins // steps]
                for cell in range(cells):
                    for lane in range(LANES):
                        i = LANES * cell + lane
                        amounts[i] = free[cell] * weight[lane] * work[1, i]
                _scatter(amounts, work[0], 1.0, gradient[block])
