"""A moving pattern of one seen species as a driven filter, with its exact derivatives.

The frames of the seen species o, joined by a spline in time, drive its hidden species l
and a copy w of itself:

    l_t = D_l ∇²l + R_l(o, l)
    w_t = D_o ∇²w + R_o(o, l) + m (o - w),      m > 0 the decay rate of o

Where R_l is linear in l and decays, l forgets where it began, and so does w: both follow
o(t) alone. Begun at the steady l of the first frame, and w = o, the misfit w - o at the
later frames depends smoothly on the parameters, and no state at any time is unknown. Of
a steady pattern it is the "integral" form of `rdtf.inference.residual`.

Steps are those of forward Euler with the simulation's time step, so frames taken from
such a simulation fit up to the error of the spline. The derivatives by the parameters
are carried along as tangents, in the same compiled program, and no step is kept.
"""

import copy
import os
import functools
import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

import rdtf.math
from rdtf import finite_differences
from rdtf.grids import Grid
from rdtf.inference import equations
from rdtf.inference.elliptic import WholeDomain
from rdtf.inference.linearisation import Linearisation
from rdtf.inference.steady import SteadyMap
from rdtf.models import ReactionDiffusion
from rdtf.simulation import Simulation
from rdtf.status import InputError

CAMERA = ("gain", "offset")
START = ("start",)
_FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs")


class DrivenFilter:
    """The misfit of a movie of one species, callable with the parameters.

        r = (w - o) / (gain · std(y) · sqrt(number of values)),    o = gain · y + offset

    over the frames that count; sqrt(2 cost) is the share of the movie left over.

    Args:
      simulation: model, grid and time step; forward Euler.
      observe: the species that is seen; the equations of all others are linear in them.
      frames: y, float64 `[time, *grid]` or `[n, time, *grid]`.
      times: `[time]`, increasing, in the model's time unit; steps between two frames
        are of equal length, at most the simulation's time step.
      gain: whether gain and offset are parameters too; otherwise they are 1 and 0.
      laplacian: a name of `rdtf.laplacians.LAPLACIANS`.
      counted: the share of the duration, at its end, whose frames count.

    Attributes:
      names: of the parameters, in the order of the derivatives.

    Raises:
      InputError: if a hidden species cannot be followed, or the scheme is another.
    """

    def __init__(
        self,
        simulation: Simulation,
        observe: str,
        frames: np.ndarray,
        times: np.ndarray,
        gain: bool = False,
        laplacian: str = "second_order",
        counted: float = 0.4,
    ):
        if simulation.scheme.name != "forward_euler":
            raise InputError(
                f"Expected the scheme forward_euler for movies, got "
                f"{simulation.scheme.name}."
            )
        model, grid = simulation.model, simulation.grid
        frames = frames if frames.ndim > grid.ndim + 1 else frames[np.newaxis]
        self.names = (*model.parameters, *(CAMERA if gain else ()))
        self._first, self._gain = frames[:, 0], gain
        self._steady = SteadyMap(
            model,
            observe,
            WholeDomain(grid, laplacian),
            (self._first, model.defaults),
        )
        durations = np.diff(times)
        steps = np.ceil(durations / simulation.time_step - 1e-9).astype(np.int32)
        spline = _spline(frames, times)
        self._data = tuple(map(tf.constant, (spline, steps, durations)))
        counts = times[1:] > times[-1] - counted * (times[-1] - times[0])
        counts[-1] = False
        weights = counts.reshape(-1, 1, 1) * np.ones_like(spline[1:, 0])
        self._variance = frames.var()
        self._weights = tf.constant(weights / weights.sum() / self._variance)
        self._programs = [
            _program(
                model, grid, self._steady.observed, self._steady.order, n, laplacian
            )
            for n in (self.names, START)
        ]

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The misfit and its derivatives at `params`."""
        *start, solver_residual = self._start(params)
        gram = self._run(0, start, params).numpy()
        if not np.isfinite(gram).all():
            gram = np.zeros_like(gram)
            gram[0, 0] = np.inf
        return Linearisation(
            0.5 * gram[0, 0], gram[1:, 0], gram[1:, 1:], solver_residual
        )

    def memory(self, params):
        """The error of w at the frames, if the first hidden species are off by 1."""
        hidden, *_ = self._start(params)
        tangents = {(START[0], i): .1*tf.sqrt(tf.reduce_mean(f*f)) * tf.ones_like(f) for i, f in hidden.items()}
        return self._run(1, (hidden, tangents), params)

    def forgetting(self, params, floor):
        """The same misfit with the values that remember the start weighted down."""
        other = copy.copy(self)
        memory = self.memory(params)/np.sqrt(self._variance)
        weights = 1.0 / (1.0 + np.square(memory / floor))
        weights[-1] = 0.0
        other._weights = tf.constant(weights / weights.sum() / self._variance)
        other.share = weights.mean()
        return other

    def _run(self, which, start, params):
        def number(x):
            return tf.constant(x, tf.float64)
        values = {name: number(params[name]) for name in self.names}
        decay = self._steady.decay(params)
        slopes = {n: number(s(params)) for n, s in self._steady.decay_slopes.items()}
        return self._programs[which](
            *self._data, self._weights, tuple(start), values, number(decay), slopes
        )

    def _start(self, params):
        """The hidden species at the first frame, their tangents, the solver's error."""
        with np.errstate(all="ignore"):
            o = self._first
            if self._gain:
                o = params["gain"] * o + params["offset"]
            point = self._steady(o, params)
            tangents = {n: point.hidden_by_param(n) for n in self._steady.names}
            if self._gain:
                tangents["gain"] = point.hidden_along(self._first)
                tangents["offset"] = point.hidden_along(np.ones_like(o))
        hidden = {i: _rows(point.fields[i]) for i in self._steady.order}
        system = self._steady.equations
        reached = {
            (n, i): _rows(tangents[n].get(i, np.zeros_like(o)))
            for n, i in _reached(system, self._steady.observed, hidden, self.names)
        }
        return hidden, reached, point.solver_residual


def _rows(field):
    return tf.constant(field.reshape(len(field), -1))


def _spline(frames, times):
    """Values and slopes of the cubic spline at the frames, `[time, 2, n, cells]`."""
    from scipy.interpolate import CubicSpline

    rows = np.moveaxis(frames.reshape(*frames.shape[:2], -1), 1, 0)
    if os.environ.get("K")=="5":
        from scipy.interpolate import make_interp_spline
        sp=make_interp_spline(times,rows,k=5)
        return np.stack([rows, sp(times,1), sp(times,2)],1)
    return np.stack([rows, CubicSpline(times, rows)(times, 1)], 1)


def _reached(system, observed, order, names):
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
    """Compiled by SymPy: (fields, params) -> reactions and derivatives that are not 0.

    Keys of the result: i for R_i, (i, j) for ∂R_i/∂s_j, (i, name) for ∂R_i/∂p.
    """
    import sympy

    table = {i: system.expressions[i] for i in rows}
    for i in rows:
        expression = system.expressions[i]
        table |= {(i, j): expression.diff(s) for j, s in enumerate(system.species)}
        table |= {(i, n): expression.diff(s) for n, s in system.symbols.items()}
    table = {key: value for key, value in table.items() if value != 0}
    modules = [{name: getattr(rdtf.math, name) for name in _FUNCTIONS}, "math"]
    arguments = [*system.species, *system.symbols.values()]
    call = sympy.lambdify(arguments, list(table.values()), modules, cse=True)

    def rates(fields, params):
        values = call(*fields, *(params[name] for name in system.symbols))
        return dict(zip(table, values, strict=True))

    return rates


@functools.lru_cache(maxsize=16)
def _program(
    model: ReactionDiffusion,
    grid: Grid,
    observed: int,
    order: tuple[int, ...],
    names: tuple[str, ...],
    laplacian: str,
):
    """The compiled filter of any movie of this kind, with tangents along `names`.

    Gives [r, J]ᵀ W [r, J], or if `names` is START, that tangent of w at each frame.
    """
    system = equations.of(model)
    step = _make_step(system, grid, observed, order, names, laplacian)

    def run(spline, steps, durations, weights, start, params, decay, slopes):
        gained, offset = params.get("gain", 1.0), params.get("offset", 0.0)

        def along(y):
            """o and its derivatives by gain and offset."""
            return gained * y + offset, {"gain": y, "offset": tf.ones_like(y)}

        def take_steps(j, carry):
            here, after = spline[j], spline[j + 1]
            count = tf.cast(steps[j], tf.float64)
            time_step = durations[j] / count

            def body(i, *carry):
                y = _hermite(here, after, durations[j], tf.cast(i, tf.float64) / count)
                return i + 1, *step(carry, along(y), params, decay, slopes, time_step)

            return tf.while_loop(
                lambda i, *_: i < steps[j], body, (tf.constant(0), *carry)
            )[1:]

        def segment(j, carry, result):
            carry = take_steps(j, carry)
            if names == START:
                row = [carry[-1][START[0]]]
                return j + 1, carry, tf.tensor_scatter_nd_update(result, [[j]], row)
            rows = _misfit(carry, *along(spline[j + 1, 0]), gained, names)
            rows = tf.stack([tf.reshape(row, [-1]) for row in rows])
            weighted = rows * tf.reshape(weights[j], [-1])
            return j + 1, carry, result + tf.matmul(weighted, rows, transpose_b=True)

        hidden, tangents = start
        w, w_slopes = along(spline[0, 0])
        zero = tf.zeros_like(w)
        camera = "gain" in names
        followed = {n: w_slopes.get(n, zero) if camera else zero for n in names}
        result = tf.zeros([len(names) + 1] * 2, tf.float64)
        if names == START:
            result = tf.zeros([steps.shape[0], *w.shape], tf.float64)
        return tf.while_loop(
            lambda j, *_: j < steps.shape[0],
            segment,
            (tf.constant(0), (hidden, w, tangents, followed), result),
        )[2]

    return tf.function(run, jit_compile=True, autograph=False)


def _hermite(here, after, duration, t):
    """The cubic between two frames at the share t of the way."""
    s = 1.0 - t
    if here.shape[0]==3:
        def half(f, t, s, sign):
            h=duration*sign
            return s*s*s*((1+3*t+6*t*t)*f[0] + h*t*(1+3*t)*f[1] + .5*h*h*t*t*f[2])
        return half(here,t,s,1.0)+half(after,s,t,-1.0)
    return (
        (1.0 + 2.0 * t) * s * s * here[0]
        + (1.0 + 2.0 * s) * t * t * after[0]
        + duration * t * s * (s * here[1] - t * after[1])
    )


def _misfit(carry, frame, frame_slopes, gain, names):
    """(w - o) / gain and its derivatives by the parameters."""
    _, w, _, w_tangents = carry
    residual = (w - frame) / gain
    rows = [residual]
    for name in names:
        row = w_tangents[name]
        if name in CAMERA:
            row -= frame_slopes[name]
        row /= gain
        rows.append(row - residual / gain if name == "gain" else row)
    return rows


def _make_step(system, grid, observed, order, names, laplacian):
    """Builds step(carry, drive, params, decay, decay slopes, time step) -> carry.

    The carry is (hidden species by index, w, ∂l_i/∂p by (name, i), ∂w/∂p by name), each
    field `[n, cells]`; drive is o and its derivatives by gain and offset.
    """
    operator = finite_differences.diffusion_operator(
        grid, gen_xla_ops.xla_optimization_barrier
    )
    rates = _rates(system, (*order, observed))

    def step(carry, drive, params, decay, slopes, time_step):
        (hidden, w, tangents, w_tangents), (o, o_slopes) = carry, drive
        flat = tf.nest.flatten(carry)
        one = tf.ones([1, 1], tf.float64)
        flat, curved = operator(tuple(flat), [one] * len(flat))
        (hidden, w, tangents, w_tangents) = tf.nest.pack_sequence_as(carry, flat)
        bent, w_bent, t_bent, tw_bent = tf.nest.pack_sequence_as(carry, curved)
        fields = [o if i == observed else hidden[i] for i in range(len(system.species))]
        rate = rates(fields, params)

        def diffusivity(i):
            return params.get(system.diffusivity_name(i), 0.0)

        def change(i, name, laplacian, tangent_laplacian):
            """d/dp of D_i ∇² + R_i, given those of the hidden species and of o."""
            total = diffusivity(i) * tangent_laplacian + rate.get((i, name), 0.0)
            if system.diffusivity_name(i) == name:
                total += laplacian
            for j in order:
                if (name, j) in tangents and (i, j) in rate:
                    total += rate[i, j] * tangents[name, j]
            if name in CAMERA and (i, observed) in rate:
                total += rate[i, observed] * o_slopes[name]
            return total

        def w_change(name):
            total = change(observed, name, w_bent, tw_bent[name])
            total -= decay * w_tangents[name]
            if name in CAMERA:
                total += decay * o_slopes[name]
            return total + slopes[name] * (o - w) if name in slopes else total

        w_rate = diffusivity(observed) * w_bent + rate[observed] + decay * (o - w)
        return (
            {
                i: hidden[i] + time_step * (diffusivity(i) * bent[i] + rate[i])
                for i in order
            },
            w + time_step * w_rate,
            {
                (n, i): tangents[n, i]
                + time_step * change(i, n, bent[i], t_bent[n, i])
                for n, i in tangents
            },
            {n: w_tangents[n] + time_step * w_change(n) for n in names},
        )

    return step
