"""How far parameters from stills may be off.

The noise e of the pictures moves an estimate by errors in variables by

    δθ = S⁻¹ K e / σ + second order,

with S the Schur complement. S⁻¹ alone, the usual covariance, also holds the picture's
distance ε from steady, as if it were noise; the sampling covariance S⁻¹ K Kᵀ S⁻¹ of
steady pictures is smaller. The second order has a mean: a bias that may exceed the
scatter. `bootstrap` measures it on synthetic pictures and takes it off.

A picture that still drifts by q = o - w(o, p) moves an estimate as well, by

    -S⁻¹ (K_q q) / ε,

which differs from picture to picture: what the drift of the synthetic pictures, made
from the field found, does to the estimate is taken off as bias and added to the
variance, as a measure of what is not known about the real one.

A refit of a synthetic picture is two Newton steps from the parameters that made it, with
the curvature of the start: it keeps the terms of first and second order, those a bias
consists of, at the price of one linear solve (k-step bootstrap, Andrews 2002,
Econometrica 70:119).
"""

import concurrent.futures
import dataclasses
import os
from collections.abc import Callable

import numpy as np

from rdtf import schemes
from rdtf.inference import identifiability
from rdtf.inference.errors_in_variables import Estimate, Misfit
from rdtf.inference.levenberg_marquardt import Coordinates
from rdtf.inference.stills import Stills
from rdtf.status import FitStatus

NORMAL_95, NORMAL_68 = 1.95996, 0.99446  # quantiles of the standard normal
RELAXATION = 300  # steps
LOST = 0.25  # of the standard deviation: a field that relaxes further is another one


@dataclasses.dataclass(frozen=True)
class Intervals:
    """Parameters with their errors.

    Attributes:
      params: the centre: the estimate, less its bias.
      interval, likely: of 95 % and of 68 %, by name of what was not held; infinite for
        what the pictures do not determine.
      sd: of each coordinate, relative for positive parameters; the interval is the
        normal one in coordinates.
      sampling, drift: its parts: what the noise of the pictures explains at first
        order, and what being not quite steady does.
      bias: of each coordinate, already taken off.
      method: "bootstrap", or "quick": sd from S⁻¹, bias unknown.
      count, failed: refits, and those that did not converge.
      reason: why it is not a bootstrap, if one was wanted.
    """

    params: dict[str, float]
    interval: dict[str, tuple[float, float]]
    likely: dict[str, tuple[float, float]]
    sd: dict[str, float]
    sampling: dict[str, float]
    drift: dict[str, float]
    bias: dict[str, float]
    method: str
    count: int = 0
    failed: int = 0
    reason: str = ""


def quick(coordinates: Coordinates, estimate: Estimate, reason: str = "") -> Intervals:
    """From the curvature at the estimate, for next to nothing.

    Covers a picture's distance from steady as well as its noise, and is up to three
    times too wide where only the latter matters; says nothing of the bias.
    """
    free = np.flatnonzero(coordinates.free)
    _, sampling = _covariances(estimate.curvature, estimate.scatter, free)
    sd, nothing = _determined(estimate, coordinates), np.zeros(len(free))
    centre = coordinates.encode(estimate.params)
    drift = np.sqrt(np.maximum(sd**2 - sampling**2, 0.0))
    spreads = (sd, sampling, drift)
    return _intervals(
        coordinates, estimate.params, centre, spreads, nothing, "quick", reason=reason
    )


def bootstrap(
    stills: Stills,
    laplacian: str,
    estimate: Estimate,
    pairs: int = 6,
    seed: int = 0,
    threads: int | None = None,
    callback: Callable[[int], None] = lambda done: None,
) -> Intervals:
    """Bias and scatter from synthetic pictures made at the estimate.

    The field of the estimate is relaxed for some steps at its parameters, seen through
    the camera, and given noise of the size found, σ e and -σ e: the mean of the two
    refits has no first order in e. The scatter is the sampling covariance, the drift,
    and what the second order adds.

    Args:
      stills: the pictures; levels that are steps of `observation.quantum` count as noise.
      laplacian: of the fit.
      estimate: of `rdtf.inference.stills.fit_field`.
      pairs: of synthetic sets of pictures, each from a seed of its own.
      threads: at once, by default one per core; the result does not depend on it.
      callback: called with the number of pairs done.
    """
    coordinates = stills.coordinates(estimate.params)
    reason = _unfit(stills, estimate)
    misfit = misfit_of(stills, laplacian, estimate)
    field = None
    if not reason:
        field, reason = _relax(stills, laplacian, misfit, estimate)
    if reason:
        return quick(coordinates, estimate, reason)
    source = _Source(misfit, field, estimate.params)
    workers = threads or len(os.sched_getaffinity(0))
    moves = []
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for move in pool.map(lambda index: source.refit(seed, index), range(pairs)):
            moves.append(move)
            callback(len(moves))
    moves = np.array(moves)  # [pairs, 2, P]
    whole = np.isfinite(moves).all(axis=(1, 2))
    failed = 2 * int((~whole).sum())
    if 4 * failed > 2 * pairs or whole.sum() < 2:
        reason = f"{failed} of {2 * pairs} refits of synthetic pictures failed"
        return quick(coordinates, estimate, reason)
    even = moves[whole].mean(axis=1)
    extra = even.var(axis=0, ddof=1) * (1.0 + 1.0 / len(even))
    sd = np.sqrt(source.sampling**2 + source.drift**2 + extra)
    sd = np.where(np.isfinite(_determined(estimate, coordinates)), sd, np.inf)
    bias = even.mean(axis=0)
    centre = coordinates.encode(estimate.params)
    centre[coordinates.free] -= bias
    return _intervals(
        coordinates,
        estimate.params,
        centre,
        (sd, source.sampling, np.abs(source.drift)),
        bias,
        "bootstrap",
        count=2 * pairs,
        failed=failed,
    )


def misfit_of(stills: Stills, laplacian: str, estimate: Estimate) -> Misfit:
    """The misfit that an estimate minimises."""
    return Misfit(
        stills.steady(laplacian, estimate.params),
        stills.camera,
        stills.pictures,
        estimate.sigma,
        estimate.epsilon,
        stills.coordinates(estimate.params),
    )


def _unfit(stills, estimate):
    """Why synthetic pictures would tell nothing, or an empty text."""
    if estimate.status is FitStatus.FAILED_START:
        return "the estimate failed"
    if stills.clean:
        return "next to no noise: the error is the picture's distance from steady"
    return ""


def _relax(stills, laplacian, misfit, estimate):
    """(field closer to steady, why there is none)."""
    import tensorflow as tf

    from rdtf.simulation import Simulation

    model = stills.model
    params = {name: estimate.params[name] for name in model.parameters}
    fields = misfit.steady(estimate.field, estimate.params).fields
    if any(f is None for f in fields):
        return None, "not all species can be told from the picture"
    scheme = schemes.get("forward_euler")
    fastest = max(params[name] for name in model.diffusivity.values())
    step = schemes.suggest_time_step(scheme, stills.grid, fastest, laplacian)
    rate = schemes.reaction_rate(model, params)
    if rate > 0.0:
        step = min(step, 0.5 / rate)
    simulation = Simulation(model, stills.grid, step, laplacian=laplacian)
    state = tuple(tf.constant(f) for f in fields)
    state = simulation.advance(state, params, RELAXATION)
    field = state[misfit.steady.observed].numpy()
    moved = np.linalg.norm(field - estimate.field)
    if not moved < LOST * np.linalg.norm(estimate.field - estimate.field.mean()):
        return None, "the pattern does not last at the estimate"
    return field, ""


class _Source:
    """A field and parameters that pictures are made of, and refitted from."""

    def __init__(self, misfit: Misfit, field: np.ndarray, params):
        self._misfit, self._params = misfit, params
        self._levels = field - params.get("offset", 0.0)
        self._levels /= params.get("gain", 1.0)
        self._clean = misfit.camera.see(self._levels)
        exact = misfit.of_pictures(self._clean)
        self._here = exact.evaluate(self._levels, params)
        moves, _, schur, scatter = exact.step(self._here, params)
        free = range(len(schur))
        self._at_rest, self._by_theta = moves[0], moves[1:]
        self._inverse, self.sampling = _covariances(schur, scatter, free)
        self._schur = schur
        self.drift = self._step(exact, self._here, params)

    def refit(self, seed, index):
        """Moves of the coordinates `[2, P]` by noise and by its opposite."""
        rng = np.random.Generator(np.random.Philox(key=[seed, 2**36 + index]))
        noise = self._misfit.sigma * rng.normal(size=self._clean.shape)
        noise *= self._misfit.mask
        linear = self._misfit.answer(self._here, self._params, -noise)
        return np.stack([self._newton(s * noise, s * linear) for s in (1.0, -1.0)])

    def _newton(self, noise, linear):
        coordinates = self._misfit.coordinates
        misfit = self._misfit.of_pictures(self._clean + noise)
        _, data, *rest = self._here
        first = self._step(misfit, (None, data - noise, *rest), self._params)
        levels = self._levels - self._at_rest - linear
        levels = levels - np.tensordot(first, self._by_theta, 1)
        vector = coordinates.encode(self._params)
        vector[coordinates.free] += first
        params = coordinates.decode(vector)
        there = misfit.evaluate(levels, params, self._here[3].fields)
        if not np.isfinite(there[0]):
            return np.full_like(first, np.nan)
        second = self._step(misfit, there, params)
        if not second @ self._schur @ second < len(second):  # farther than expected
            return np.full_like(first, np.nan)
        return first + second

    def _step(self, misfit, here, params):
        """-S⁻¹ (g_θ - Bᵀ g_o), the coordinates' part of a Newton step."""
        by_field, by_theta = misfit.gradient(here, params)
        along = self._by_theta.reshape(len(by_theta), -1) @ by_field.ravel()
        return -self._inverse @ (by_theta - along)


def _covariances(schur, scatter, free):
    """(S⁺, first-order sampling sd) of what is free."""
    block = np.ix_(free, free)
    cutoff = identifiability.UNDETERMINED**2
    inverse = np.linalg.pinv(schur[block], rcond=cutoff, hermitian=True)
    sampling = inverse @ scatter[block] @ inverse
    return inverse, np.sqrt(np.maximum(np.diag(sampling), 0.0))


def _determined(estimate, coordinates):
    """Standard deviations from S, infinite for what is not determined."""
    free = np.flatnonzero(coordinates.free)
    names = [coordinates.names[i] for i in free]
    curvature = estimate.curvature[np.ix_(free, free)]
    report = identifiability.report(curvature, names, 1.0)
    return np.array(list(report.sd.values()))


def _intervals(coordinates, params, centre, spreads, bias, method, **more):
    sd, sampling, drift = spreads
    names = [n for n, f in zip(coordinates.names, coordinates.free, strict=True) if f]

    def by_name(values):
        return dict(zip(names, map(float, values), strict=True))

    def within(factor):
        ends = []
        for sign in (-factor, factor):
            vector = centre.copy()
            vector[coordinates.free] += sign * sd
            ends.append(coordinates.decode(vector))
        return {n: (ends[0][n], ends[1][n]) for n in names}

    found = coordinates.decode(centre)
    return Intervals(
        {name: found[name] if name in names else params[name] for name in found},
        within(NORMAL_95),
        within(NORMAL_68),
        by_name(sd),
        by_name(sampling),
        by_name(drift),
        by_name(bias),
        method,
        **more,
    )
