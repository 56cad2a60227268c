"""A moving pattern of one observed species as a driven filter, with derivatives.

The frames of the observed species o, joined by a spline in time, drive its hidden
species l and a copy w of itself:

    l_t = D_l ∇²l + R_l(o, l)
    w_t = D_o ∇²w + R_o(o, l) + m (o - w),      m > 0

with m the linear decay of o where it has one (`rdtf.inverse.steady.decay`), else a
typical |∂R_o/∂o|.

Where R_l is linear in l and decays, l forgets where it began, and so does w: both
follow o(t) alone. Begun at the steady l of the first frame, and w = o, the misfit w - o
at the later frames depends smoothly on the parameters, and no state at any time is
unknown. Of a steady pattern it is the "integral" form of
`rdtf.inverse.steady.residual`.

Steps are those of forward Euler with the simulation's time step, so frames taken from
such a simulation fit up to the error of the spline. The derivatives by the parameters
are carried along as tangents, in the same compiled program, and no step is kept.
"""

import copy
import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from rdtf.inverse.movies import program as movies_program
from rdtf.inverse.movies.program import START, Movie, Numbers
from rdtf.inverse.observation.camera_settings import CAMERA
from rdtf.inverse.solvers.elliptic import WholeDomain
from rdtf.inverse.solvers.linearisation import Linearisation
from rdtf.inverse.steady import decay
from rdtf.inverse.steady.fixed_point import SteadyMap
from rdtf.simulation import Simulation
from rdtf.status import InputError

COUNTED = 0.4  # the share of the duration, at its end, that counts at first
START_ERROR = 0.1  # assumed of the first hidden species, a share of their rms


class DrivenFilter:
    """The misfit of a movie of one species, callable with the parameters.

        cost = ½ Σ W (w - o)² / (gain² var(y) Σ W),      o = gain · y + offset,

    so that sqrt(2 cost) is the unexplained share of the movie. W is 1 at the frames of
    the last 40 % of the time but the very last, whose spline is poor; see `forgetting`.

    Args:
      simulation: model, grid and time step; forward Euler.
      observe: the observed species; the equations of all others are linear in them.
      frames: y, float64 `[time, *grid]` or `[n, time, *grid]`, at least 6 times.
      times: `[time]`, increasing, in the model's time unit; the steps between two
        frames are of equal length, at most the simulation's time step.
      gain: whether gain and offset are parameters too; otherwise they are 1 and 0.
      laplacian: a name of `rdtf.operators.laplacians.LAPLACIANS`.
      typical: parameters (with gain and offset) where the decay rate m is looked up if
        the model has no natural one; None: the model's defaults.

    Attributes:
      names: of the parameters, in the order of the derivatives.
      share: mean of W, the share of the movie's values that count.
      memory: weighted rms of the error that `forgetting` assumes; nan before.

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
        typical: Mapping[str, float] | None = None,
    ):
        if simulation.scheme.name != "forward_euler":
            raise InputError(
                f"Expected the scheme forward_euler for a movie, got "
                f"{simulation.scheme.name}."
            )
        model, grid = simulation.model, simulation.grid
        self._times, self._gain = np.asarray(times, np.float64), gain
        self._set_frames(frames, grid.ndim)
        self.names = (*model.parameters, *(CAMERA if gain else ()))
        typical = dict(typical or model.defaults)
        o = typical.pop("gain", 1.0) * self._first + typical.pop("offset", 0.0)
        domain = WholeDomain(grid, laplacian)
        self._steady = SteadyMap(model, observe, domain, (o, typical))
        self._decay = decay.natural(
            self._steady.equations, self._steady.observed, typical
        ) or _typical_rate(self._steady, o, typical)
        steps = np.ceil(np.diff(self._times) / simulation.time_step - 1e-9)
        self._clock = {
            "steps": tf.constant(steps.astype(np.int32)),
            "durations": tf.constant(np.diff(self._times)),
        }
        late = self._times > self._times[-1] - COUNTED * np.ptp(self._times)
        self._weigh(np.where(late[1:, np.newaxis, np.newaxis], 1.0, 0.0))
        self._kind = movies_program.Kind(
            model=model,
            grid=grid,
            observed=self._steady.observed,
            order=tuple(self._steady.order),
            names=self.names,
            laplacian=laplacian,
        )

    def __call__(self, params: Mapping[str, float]) -> Linearisation:
        """The misfit and its derivatives at `params`; not finite: the cost is ∞."""
        hidden, tangents = self._start(params)
        gram = self._run(self._kind, hidden, tangents, params)
        if not np.isfinite(gram).all():
            gram = np.zeros_like(gram)
            gram[0, 0] = np.inf
        return Linearisation(0.5 * gram[0, 0], gram[1:, 0], gram[1:, 1:])

    def with_frames(self, frames: np.ndarray) -> "DrivenFilter":
        """The filter of other frames at the same times, with the same W."""
        other = copy.copy(self)
        other._set_frames(frames, self._first.ndim - 1)
        return other

    def forgetting(self, params: Mapping[str, float], floor: float) -> "DrivenFilter":
        """The filter with the values weighted down that remember the start.

            W = 1 / (1 + (e / floor)²)

        with e the error of w, relative to the movie's standard deviation, after an
        error of a tenth (rms) in the first hidden species, which is carried along by
        the same equations. W is a constant from here on, so no parameter can hide
        behind it.
        """
        hidden, _ = self._start(params)
        errors = {
            (START[0], i): tf.ones_like(field)
            * (START_ERROR * np.sqrt(np.mean(np.square(field))))
            for i, field in hidden.items()
        }
        kind = dataclasses.replace(self._kind, names=START)
        memory = self._run(kind, hidden, errors, params)
        scale = floor * np.sqrt(self._variance) * params.get("gain", 1.0)
        other = copy.copy(self)
        other._weigh(1.0 / (1.0 + np.square(memory / scale)))
        # W e² = floor² (1 - W), so the mean of W e² over that of W is
        other.memory = floor * float(np.sqrt(1.0 / other.share - 1.0))
        return other

    def _set_frames(self, frames, ndim):
        from scipy.interpolate import make_interp_spline

        frames = np.asarray(frames, np.float64)
        frames = frames if frames.ndim > ndim + 1 else frames[np.newaxis]
        self._first, self._variance = frames[:, 0], frames.var()
        rows = np.moveaxis(frames.reshape(*frames.shape[:2], -1), 1, 0)
        spline = make_interp_spline(self._times, rows, k=5)
        derivatives = [rows, spline(self._times, 1), spline(self._times, 2)]
        self._spline = tf.constant(np.stack(derivatives, 1))

    def _weigh(self, weights):
        weights = np.broadcast_to(weights, self._spline[1:, 0].shape).copy()
        weights[-1] = 0.0
        self.share = float(weights.mean())
        self.memory = np.nan
        self._weights = tf.constant(weights / (weights.sum() * self._variance))

    def _run(self, kind, hidden, tangents, params):
        def number(value):
            return tf.constant(value, tf.float64)

        values = {name: number(params[name]) for name in self.names}
        rate, slopes = self._decay
        slopes = {name: number(slope(params)) for name, slope in slopes.items()}
        movie = Movie(spline=self._spline, weights=self._weights, **self._clock)
        numbers = Numbers(params=values, decay=number(rate(params)), slopes=slopes)
        program = movies_program.compiled(kind)
        return program(movie, hidden, tangents, numbers).numpy()

    def _start(self, params):
        """The hidden species of the first frame, as if it were steady, and tangents."""
        o = self._first
        if self._gain:
            o = params["gain"] * o + params["offset"]
        with np.errstate(all="ignore"):
            point = self._steady(o, params)
            slopes = {n: point.hidden_by_param(n) for n in self._steady.names}
            if self._gain:
                slopes["gain"] = point.hidden_along(self._first)
                slopes["offset"] = point.hidden_along(np.ones_like(o))
        hidden = {i: _rows(point.fields[i]) for i in self._kind.order}
        zero, pairs = np.zeros_like(o), self._kind.reached()
        return hidden, {(n, i): _rows(slopes[n].get(i, zero)) for n, i in pairs}


def _typical_rate(steady, o, params):
    """The rms of ∂R_o/∂o at the first frame, a constant."""
    system, i = steady.equations, steady.observed
    with np.errstate(all="ignore"):
        slope = system.by_species(i, i, steady(o, params).fields, params)
    rate = float(np.sqrt(np.mean(np.square(slope))))
    return (lambda params: rate), {}


def _rows(field):
    return tf.constant(field.reshape(len(field), -1))
