"""Equations on a grid in NumPy, for SciPy, and schemes as one plain graph program."""

import functools

import numpy as np
import tensorflow as tf
from scipy.integrate import solve_ivp

from rdtf import Grid, schemes
from rdtf.models import Parameter, ReactionDiffusion
from rdtf.operators import finite_differences

# ∂u/∂t = D ∇²u + f - u, and v with E and g: linear, with sources that may be fields.
SOURCES = ReactionDiffusion(
    name="sources",
    species=("u", "v"),
    reaction=lambda s, p: (p["f"] - s[0], p["g"] - s[1]),
    diffusivity={"u": "D", "v": "E"},
    parameters={n: Parameter(1.0) for n in ("D", "E", "f", "g")},
)

DIFFUSION = ReactionDiffusion(
    name="diffusion",
    species=("u",),
    reaction=lambda state, params: (0.0 * state[0],),
    diffusivity={"u": "D"},
    parameters={"D": Parameter(1.0, lower=0.0)},
)

ANISOTROPIC = ReactionDiffusion(
    name="anisotropic",
    species=("u", "v"),
    reaction=lambda s, p: (s[0] - s[0] ** 3 - s[1], 0.5 * s[0] - s[1]),
    diffusivity={"u": ("Dy", "Dx"), "v": "D"},
    parameters={n: Parameter(1.0) for n in ("Dy", "Dx", "D")},
)


def axis_laplacian(grid: Grid, axis: int, species: int = 0):
    """(matrix, offset) of (f_{-1} - 2 f_0 + f_1) / h², the ghosts solved for by hand."""
    n, h, sides = grid.shape[axis], grid.spacing[axis], grid.sides[axis]
    matrix, offset = np.zeros((n, n)), np.zeros(n)
    for i in range(n):
        matrix[i, i] -= 2.0
        for j in (i - 1, i + 1):
            if 0 <= j < n or sides is None:
                matrix[i, j % n] += 1.0
                continue
            side = sides[int(j == n)]
            value = side.values[species if len(side.values) > 1 else 0]
            # a (ghost + edge) / 2 + b (ghost - edge) / h = value
            of_ghost, of_edge = side.a / 2 + side.b / h, side.a / 2 - side.b / h
            matrix[i, i] -= of_edge / of_ghost
            offset[i] += value / of_ghost
    return matrix / h**2, offset / h**2


def laplacian(grid: Grid, species: int = 0, axis: int | None = None):
    """(matrix over all cells, offset over all cells) of the second-order Laplacian."""
    total, given = np.zeros((grid.num_cells,) * 2), np.zeros(grid.shape)
    for a in range(grid.ndim) if axis is None else (axis,):
        matrix, offset = axis_laplacian(grid, a, species)
        before, after = (
            int(np.prod(part)) for part in (grid.shape[:a], grid.shape[a + 1 :])
        )
        total += np.kron(np.kron(np.eye(before), matrix), np.eye(after))
        given += offset.reshape([-1 if i == a else 1 for i in range(grid.ndim)])
    return total, given.ravel()


def right_hand_side(model, grid, params):
    """f(time, flat state) in NumPy: D ∇²s + R + ∇²Q + ∇⁴P, dense matrices."""
    count = len(model.species)
    found = [laplacian(grid, i) for i in range(count)]
    by_axis = [laplacian(grid, axis=a)[0] for a in range(grid.ndim)]

    def rate(time, flat):
        state = flat.reshape(count, -1)
        result = np.array([r + 0.0 * state[0] for r in model.reaction(state, params)])
        for i, name in enumerate(model.species):
            matrix, offset = found[i]
            value = model.diffusivity.get(name, ())
            if isinstance(value, str):
                result[i] += params[value] * (matrix @ state[i] + offset)
            else:
                for line, key in zip(by_axis, value, strict=False):
                    result[i] += params[key] * (line @ state[i])
            if model.laplacian_terms is not None:
                result[i] += matrix @ model.laplacian_terms(state, params)[i]
            if model.bilaplacian_terms is not None:
                bent = matrix @ model.bilaplacian_terms(state, params)[i]
                result[i] += matrix @ bent
        return result.ravel()

    return rate


def exactly(rate, state, duration, method="DOP853"):
    """`[species, *grid.shape]` after a duration, by SciPy at tight tolerance."""
    start = np.asarray(state)
    tight = {"method": method, "rtol": 1e-12, "atol": 1e-13}
    found = solve_ivp(rate, (0.0, duration), start.ravel(), **tight)
    assert found.success
    return found.y[:, -1].reshape(start.shape)


@functools.cache
def _program(scheme, model, grid, laplacian, varying):
    operator = finite_differences.diffusion_operator(grid, laplacian=laplacian)

    @tf.function(autograph=False)
    def run(state, params, time_step, num_steps):
        step = schemes.get(scheme).make_step(model, operator, time_step, varying)
        params = schemes.prepare(step, params)

        def body(i, carry):
            return i + 1, step(carry, params, i)

        start = tf.constant(0), schemes.begin(step, state, params)
        carry = tf.while_loop(lambda i, _: i < num_steps, body, start)[1]
        return carry[: len(state)]

    return run


def advance(
    scheme,
    model,
    grid,
    state,
    params,
    duration,
    num_steps,
    laplacian="second_order",
    varying=(),
):
    """`[B, species, *grid.shape]` after a duration; one program for all time steps.

    `state` is `[species, *grid.shape]` or `[B, species, *grid.shape]`; parameters are
    numbers, `[B]`, or fields `[*grid.shape]` if they are named in `varying`.
    """
    state = np.reshape(state, [-1, len(model.species), *grid.shape])
    fields = tuple(tf.constant(f) for f in np.moveaxis(state, 1, 0))
    shapes = {
        n: [-1, *(grid.shape if n in varying else [1] * grid.ndim)] for n in params
    }
    params = {
        n: tf.constant(np.reshape(p, shapes[n]), tf.float64) for n, p in params.items()
    }
    program = _program(scheme, model, grid, laplacian, tuple(varying))
    time_step = tf.constant(duration / num_steps, tf.float64)
    final = program(fields, params, time_step, tf.constant(num_steps))
    return np.stack([f.numpy() for f in final], 1)
