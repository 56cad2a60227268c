"""The driven filter of `rdtf.inverse.movies.driven_filter` as one compiled program.

Fields are rows of cells, `[n, cells]`, one row per movie.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

from rdtf.grids import Grid
from rdtf.inverse.observation.camera_settings import CAMERA
from rdtf.inverse.structure import equations
from rdtf.models import ReactionDiffusion, derivatives
from rdtf.operators import finite_differences

START = ("start",)  # the tangent along the first hidden species


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """All that a program depends on.

    Attributes:
      model: whose pattern moves.
      grid: of the frames.
      observed, order: indices of the observed species, and of the hidden ones in turn.
      names: of the parameters with tangents; `START` for that along the first hidden
        species.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
    """

    model: ReactionDiffusion
    grid: Grid
    observed: int
    order: tuple[int, ...]
    names: tuple[str, ...]
    laplacian: str

    @property
    def system(self) -> equations.Equations:
        """The reactions and their derivatives."""
        return equations.of(self.model)

    def reached(self) -> list[tuple[str, int]]:
        """The pairs (parameter, hidden species) of which the first moves the second."""
        system, pairs = self.system, []
        for name in self.names:
            moved = {self.observed} if name in CAMERA else set()
            for i in self.order:
                direct = name not in CAMERA and (
                    system.uses(i, name) or system.diffusivity_name(i) == name
                )
                if direct or any(system.depends(i, j) for j in moved):
                    moved.add(i)
                    pairs.append((name, i))
        return pairs


class Movie(NamedTuple):
    """Frames and what counts of them.

    Attributes:
      spline: values and two derivatives at the frames, `[time, 3, n, cells]`.
      steps, durations: of each interval between frames, `[time - 1]`.
      weights: of the misfit at the frames after the first, `[time - 1, n, cells]`.
    """

    spline: tf.Tensor
    steps: tf.Tensor
    durations: tf.Tensor
    weights: tf.Tensor


class Numbers(NamedTuple):
    """What a fit varies.

    Attributes:
      params: by name.
      decay: m.
      slopes: ∂m/∂p by name.
    """

    params: dict[str, tf.Tensor]
    decay: tf.Tensor
    slopes: dict[str, tf.Tensor]


class State(NamedTuple):
    """The state of the filter.

    Attributes:
      hidden: the hidden species by index.
      w: the copy of the observed species.
      tangents: ∂l_i/∂p by (name, i).
      w_tangents: ∂w/∂p by name.
    """

    hidden: dict[int, tf.Tensor]
    w: tf.Tensor
    tangents: dict[tuple[str, int], tf.Tensor]
    w_tangents: dict[str, tf.Tensor]


@functools.lru_cache(maxsize=32)
def compiled(kind: Kind) -> Callable:
    """The filter of any movie of this kind, with tangents along its names.

    Returns:
      a function (`Movie`, hidden species and their tangents at the first frame as in
      `State`, `Numbers`) -> [r, J]ᵀ W [r, J], or if the names are `START`, that tangent
      of w at the frames after the first, `[time - 1, n, cells]`.
    """
    return tf.function(_Program(kind).run, jit_compile=True, autograph=False)


class _Program:
    """The operations of one kind of filter."""

    def __init__(self, kind):
        self.kind, self.system = kind, kind.system
        self._operator = finite_differences.diffusion_operator(
            kind.grid, gen_xla_ops.xla_optimization_barrier, laplacian=kind.laplacian
        )
        self.rates = _rates(self.system, (*kind.order, kind.observed))

    def run(self, movie, hidden, tangents, numbers):
        """As of `compiled`."""
        names = self.kind.names
        w, slopes = _observed(movie.spline[0, 0], numbers.params)
        zero = tf.zeros_like(w)
        followed = {n: slopes[n] if n in CAMERA else zero for n in names}
        state = State(hidden, w, tangents, followed)
        result = tf.zeros([len(names) + 1] * 2, tf.float64)
        if names == START:
            result = tf.zeros_like(movie.weights)

        def interval(j, state, result):
            state = self._advance(j, state, movie, numbers)
            if names == START:
                tangent = [state.w_tangents[START[0]]]
                result = tf.tensor_scatter_nd_update(result, [[j]], tangent)
                return j + 1, state, result
            rows = self._misfit(state, movie.spline[j + 1, 0], numbers.params)
            rows = tf.stack([tf.reshape(row, [-1]) for row in rows])
            weighted = rows * tf.reshape(movie.weights[j], [-1])
            return j + 1, state, result + tf.matmul(weighted, rows, transpose_b=True)

        return tf.while_loop(
            lambda j, *_: j < movie.steps.shape[0],
            interval,
            (tf.constant(0), state, result),
        )[2]

    def _advance(self, j, state, movie, numbers):
        """From frame j to the next."""
        spline, duration = movie.spline, movie.durations[j]
        count = tf.cast(movie.steps[j], tf.float64)

        def body(i, state):
            share = tf.cast(i, tf.float64) / count
            y = _between(spline[j], spline[j + 1], duration, share)
            return i + 1, self._step(state, y, numbers, duration / count)

        first = (tf.constant(0), state)
        return tf.while_loop(lambda i, _: i < movie.steps[j], body, first)[1]

    def _step(self, state, y, numbers, time_step):
        """One step of forward Euler."""
        flat = tf.nest.flatten(state)
        one = tf.ones([1, 1], tf.float64)
        flat, curved = self._operator(tuple(flat), [one] * len(flat))
        state, curved = (tf.nest.pack_sequence_as(state, x) for x in (flat, curved))
        change = _Change(self, state, curved, y, numbers).all()
        return tf.nest.map_structure(lambda x, dx: x + time_step * dx, state, change)

    def _misfit(self, state, y, params):
        """(w - o) / gain and its derivatives by the parameters."""
        o, o_slopes = _observed(y, params)
        gain = params.get("gain", 1.0)
        residual = (state.w - o) / gain
        rows = [residual]
        for name in self.kind.names:
            row = state.w_tangents[name]
            if name in CAMERA:
                row -= o_slopes[name]
            row /= gain
            rows.append(row - residual / gain if name == "gain" else row)
        return rows


class _Change:
    """The time derivative of a state, given its Laplacians and a frame y."""

    def __init__(self, program, state, curved, y, numbers):
        self._kind, self._system = program.kind, program.system
        self._state, self._curved, self._numbers = state, curved, numbers
        self._o, self._o_slopes = _observed(y, numbers.params)
        known = {**state.hidden, self._kind.observed: self._o}
        fields = [known.get(i) for i in range(len(self._system.species))]
        self._rate = program.rates(fields, numbers.params)

    def all(self):
        """Of everything that is carried along."""
        state, curved, observed = self._state, self._curved, self._kind.observed
        hidden = {
            i: self._diffusion(i, curved.hidden[i]) + self._rate[i]
            for i in self._kind.order
        }
        w = self._diffusion(observed, curved.w) + self._rate[observed]
        return State(
            hidden,
            w + self._numbers.decay * (self._o - state.w),
            {p: self._tangent(p, curved.hidden[p[1]]) for p in state.tangents},
            {name: self._w_tangent(name) for name in self._kind.names},
        )

    def _diffusion(self, i, laplacian):
        return (
            self._numbers.params.get(self._system.diffusivity_name(i), 0.0) * laplacian
        )

    def _tangent(self, pair, laplacian):
        name, i = pair
        return self._by_param(i, name, laplacian, self._curved.tangents[pair])

    def _by_param(self, i, name, laplacian, bent):
        """d/dp of D_i ∇²s_i + R_i, with s_i's ∇² and its tangent's."""
        rate, tangents = self._rate, self._state.tangents
        total = self._diffusion(i, bent)
        total += rate.get((i, name), 0.0)
        if self._system.diffusivity_name(i) == name:
            total += laplacian
        for j in self._kind.order:
            if (name, j) in tangents and (i, j) in rate:
                total += rate[i, j] * tangents[name, j]
        if name in CAMERA and (i, self._kind.observed) in rate:
            total += rate[i, self._kind.observed] * self._o_slopes[name]
        return total

    def _w_tangent(self, name):
        state, curved, numbers = self._state, self._curved, self._numbers
        bent = curved.w_tangents[name]
        total = self._by_param(self._kind.observed, name, curved.w, bent)
        total -= numbers.decay * state.w_tangents[name]
        if name in CAMERA:
            total += numbers.decay * self._o_slopes[name]
        if name in numbers.slopes:
            total += numbers.slopes[name] * (self._o - state.w)
        return total


def _observed(y, params):
    """o of grey levels y, and its derivatives by gain and offset."""
    o = params.get("gain", 1.0) * y + params.get("offset", 0.0)
    return o, {"gain": y, "offset": tf.ones_like(y)}


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
