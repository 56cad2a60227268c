"""The driven filter of `rdtf.inverse.movies.driven_filter` as one compiled program.

Fields are rows of cells, `[n, cells]`, one row per movie. The filter's state, its carry,
is (hidden species by index, w, ∂l_i/∂p by (name, i), ∂w/∂p by name).
"""

import functools

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

from rdtf.grids import Grid
from rdtf.inverse.observation.camera_settings import CAMERA
from rdtf.inverse.structure import equations
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.operators import finite_differences

START = ("start",)  # the tangent along the first hidden species


@functools.lru_cache(maxsize=32)
def compiled(
    model: ReactionDiffusion,
    grid: Grid,
    observed: int,
    order: tuple[int, ...],
    names: tuple[str, ...],
    laplacian: str,
):
    """The filter of any movie of this kind, with tangents along `names`.

    The program's arguments are
      spline: values and two derivatives at the frames, `[time, 3, n, cells]`;
      steps, durations: of each interval, `[time - 1]`;
      weights: of the misfit at the frames after the first, `[time - 1, n, cells]`;
      start: (hidden species, their tangents) at the first frame;
      params, decay, slopes: numbers by name, m, ∂m/∂p by name.

    It returns [r, J]ᵀ W [r, J], or if `names` is START, that tangent of w at the frames
    after the first, `[time - 1, n, cells]`.
    """
    step = _make_step(equations.of(model), grid, observed, order, names, laplacian)

    def run(spline, steps, durations, weights, start, params, decay, slopes):
        gain, offset = params.get("gain", 1.0), params.get("offset", 0.0)

        def seen(y):
            """o and its derivatives by gain and offset."""
            return gain * y + offset, {"gain": y, "offset": tf.ones_like(y)}

        def take_steps(j, carry):
            count = tf.cast(steps[j], tf.float64)

            def body(i, *carry):
                share = tf.cast(i, tf.float64) / count
                y = _between(spline[j], spline[j + 1], durations[j], share)
                after = step(
                    carry, seen(y), params, decay, slopes, durations[j] / count
                )
                return i + 1, *after

            first = (tf.constant(0), *carry)
            return tf.while_loop(lambda i, *_: i < steps[j], body, first)[1:]

        def interval(j, carry, result):
            carry = take_steps(j, carry)
            if names == START:
                tangent = [carry[-1][START[0]]]
                return j + 1, carry, tf.tensor_scatter_nd_update(result, [[j]], tangent)
            rows = _misfit(carry, *seen(spline[j + 1, 0]), gain, names)
            rows = tf.stack([tf.reshape(row, [-1]) for row in rows])
            weighted = rows * tf.reshape(weights[j], [-1])
            return j + 1, carry, result + tf.matmul(weighted, rows, transpose_b=True)

        result = tf.zeros([len(names) + 1] * 2, tf.float64)
        if names == START:
            result = tf.zeros_like(weights)
        carry = _first_carry(*start, *seen(spline[0, 0]), names)
        return tf.while_loop(
            lambda j, *_: j < steps.shape[0],
            interval,
            (tf.constant(0), carry, result),
        )[2]

    return tf.function(run, jit_compile=True, autograph=False)


def _first_carry(hidden, tangents, w, slopes, names):
    zero = tf.zeros_like(w)
    followed = {n: slopes[n] if n in CAMERA else zero for n in names}
    return hidden, w, tangents, followed


def _between(here, after, duration, t):
    """The quintic through values, slopes and curvatures at both ends, at share t."""

    def half(end, t, s, span):
        value, slope, curvature = end[0], span * end[1], 0.5 * span**2 * end[2]
        return s**3 * (
            (1.0 + 3.0 * t + 6.0 * t**2) * value
            + t * (1.0 + 3.0 * t) * slope
            + t**2 * curvature
        )

    return half(here, t, 1.0 - t, duration) + half(after, 1.0 - t, t, -duration)


def _misfit(carry, o, o_slopes, gain, names):
    """(w - o) / gain and its derivatives by the parameters."""
    _, w, _, w_tangents = carry
    residual = (w - o) / gain
    rows = [residual]
    for name in names:
        row = w_tangents[name]
        if name in CAMERA:
            row -= o_slopes[name]
        row /= gain
        rows.append(row - residual / gain if name == "gain" else row)
    return rows


def reached(system: equations.Equations, observed: int, order, names):
    """The pairs (parameter, hidden species) of which the first moves the second."""
    pairs = []
    for name in names:
        moved = {observed} if name in CAMERA else set()
        for i in order:
            direct = name not in CAMERA and (
                system.uses(i, name) or system.diffusivity_name(i) == name
            )
            if direct or any(system.depends(i, j) for j in moved):
                moved.add(i)
                pairs.append((name, i))
    return pairs


def _rates(system, rows):
    """Builds rates(fields, params) -> reactions and their derivatives that are not 0.

    Keys of the result: i for R_i, (i, j) for ∂R_i/∂s_j, (i, name) for ∂R_i/∂p.
    """
    table = {i: system.expressions[i] for i in rows}
    for i in rows:
        symbols = {**dict(enumerate(system.species)), **system.symbols}
        table |= {
            (i, key): derivatives.differentiate(system.expressions[i], symbol)
            for key, symbol in symbols.items()
        }
    table = {key: value for key, value in table.items() if value != 0}
    arguments = [*system.species, *system.symbols.values()]
    call = derivatives.compiled(arguments, list(table.values()), "tensorflow")

    def rates(fields, params):
        values = call(*fields, *(params[name] for name in system.symbols))
        return dict(zip(table, values, strict=True))

    return rates


def _make_step(system, grid, observed, order, names, laplacian):
    """Builds step(carry, (o, its slopes), params, m, its slopes, time step) -> carry."""
    operator = finite_differences.diffusion_operator(
        grid, gen_xla_ops.xla_optimization_barrier, laplacian=laplacian
    )
    rates = _rates(system, (*order, observed))

    def derivative(i, name, rate, params, o_slopes, tangents, laplacian, bent):
        """d/dp of D_i ∇²s_i + R_i, with s_i's ∇² and its tangent's."""
        total = params.get(system.diffusivity_name(i), 0.0) * bent
        total += rate.get((i, name), 0.0)
        if system.diffusivity_name(i) == name:
            total += laplacian
        for j in order:
            if (name, j) in tangents and (i, j) in rate:
                total += rate[i, j] * tangents[name, j]
        if name in CAMERA and (i, observed) in rate:
            total += rate[i, observed] * o_slopes[name]
        return total

    def step(carry, drive, params, decay, slopes, time_step):
        flat = tf.nest.flatten(carry)
        one = tf.ones([1, 1], tf.float64)
        flat, curved = operator(tuple(flat), [one] * len(flat))
        hidden, w, tangents, w_tangents = tf.nest.pack_sequence_as(carry, flat)
        bent, w_bent, t_bent, tw_bent = tf.nest.pack_sequence_as(carry, curved)
        o, o_slopes = drive
        known = {**hidden, observed: o}
        rate = rates([known.get(i) for i in range(len(system.species))], params)
        common = (rate, params, o_slopes, tangents)

        def diffusion(i, laplacian):
            return params.get(system.diffusivity_name(i), 0.0) * laplacian

        def w_derivative(name):
            total = derivative(observed, name, *common, w_bent, tw_bent[name])
            total -= decay * w_tangents[name]
            if name in CAMERA:
                total += decay * o_slopes[name]
            return total + slopes[name] * (o - w) if name in slopes else total

        changes = (
            {i: diffusion(i, bent[i]) + rate[i] for i in order},
            diffusion(observed, w_bent) + rate[observed] + decay * (o - w),
            {p: derivative(p[1], p[0], *common, bent[p[1]], t_bent[p]) for p in t_bent},
            {name: w_derivative(name) for name in names},
        )
        return tf.nest.map_structure(
            lambda x, change: x + time_step * change,
            (hidden, w, tangents, w_tangents),
            changes,
        )

    return step
