"""How far parameters from stills may be off.

The noise e of the pictures moves an estimate by errors in variables by

    δθ = S⁻¹ K e / σ + second order,

with S the Schur complement. S⁻¹ alone, the usual covariance, also holds the picture's
distance ε from steady, as if it were noise; the sampling covariance S⁻¹ K Kᵀ S⁻¹ of
steady pictures is smaller. The second order has a mean: a bias that may exceed the
scatter. `bootstrap` measures it on synthetic pictures and takes it off.

A picture that still drifts by q = o - w(o, p) moves an estimate as well, differently
from picture to picture. What the drift of the synthetic pictures, made from the field
found, does to the estimate is taken off as bias and added to the variance; so is the
white q of ε / 2, which matters where there is little noise.
"""

import concurrent.futures
import os
from collections.abc import Callable

import numpy as np

from rdtf import schemes
from rdtf.inverse.noisy.errors_in_variables import Misfit
from rdtf.inverse.results import Estimate, Intervals
from rdtf.inverse.solvers.levenberg_marquardt import Coordinates
from rdtf.inverse.steady.stills import Stills
from rdtf.inverse.structure import identifiability
from rdtf.inverse.uncertainty.refits import Source, covariances
from rdtf.status import FitStatus

NORMAL_95, NORMAL_68 = 1.95996, 0.99446  # quantiles of the standard normal
RELAXATION = 300  # steps
SHARE = 0.5  # of ε, that pictures are taken to be from steady
LOST = 0.25  # of the standard deviation: a field that relaxes further is another one


def quick(coordinates: Coordinates, estimate: Estimate, reason: str = "") -> Intervals:
    """From the curvature at the estimate, for next to nothing.

    Covers a picture's distance from steady as well as its noise, and is up to three
    times too wide where only the latter matters; says nothing of the bias.
    """
    free = np.flatnonzero(coordinates.free)
    _, sampling = covariances(estimate.curvature, estimate.scatter, free)
    sd = _determined(estimate, coordinates)
    return _around(
        coordinates,
        estimate.params,
        sd=np.hypot(sd, estimate.laplacian_spread),
        sampling=sampling,
        drift=np.sqrt(np.maximum(sd**2 - sampling**2, 0.0)),
        bias=np.zeros(len(free)),
        details={"method": "quick", "reason": reason},
    )


def bootstrap(
    stills: Stills,
    estimate: Estimate,
    pairs: int = 4,
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
      stills: the pictures; rounding to `observation.quantum` counts as noise.
      estimate: of `rdtf.inverse.noisy.field_fits.fit_field`.
      pairs: of synthetic sets of pictures, each from a seed of its own.
      seed: of the first pair.
      threads: at once, by default one per core; the result does not depend on it.
      callback: called with the number of pairs done.

    Returns:
      intervals of method "bootstrap"; "quick" ones, with the reason, if refits of
      synthetic pictures would tell nothing, or fail.
    """
    coordinates = stills.coordinates(estimate.params)
    reason = _unfit(stills, estimate)
    misfit = misfit_of(stills, estimate)
    field = None
    if not reason:
        field, reason = _relax(stills, misfit, estimate)
    if reason:
        return quick(coordinates, estimate, reason)
    source = Source(misfit, field, estimate.params)
    moves = _refits(source, pairs, seed, threads, callback)
    whole = np.isfinite(moves).all(axis=(1, 2))
    failed = 2 * int((~whole).sum())
    if 4 * failed > 2 * pairs or whole.sum() < 2:
        reason = f"{failed} of {2 * pairs} refits of synthetic pictures failed"
        return quick(coordinates, estimate, reason)
    even = moves[whole].mean(axis=1)
    extra = even.var(axis=0, ddof=1) * (1.0 + 1.0 / len(even))
    allowed = np.array(list(quick(coordinates, estimate).drift.values()))
    drift = np.hypot(source.drift, SHARE * allowed)
    variance = source.sampling**2 + drift**2 + extra + estimate.laplacian_spread**2
    return _around(
        coordinates,
        estimate.params,
        sd=np.sqrt(variance),
        sampling=source.sampling,
        drift=drift,
        bias=even.mean(axis=0),
        details={"method": "bootstrap", "count": 2 * pairs, "failed": failed},
    )


def _refits(source, pairs, seed, threads, callback):
    """Moves of the coordinates by noise and by its opposite, `[pairs, 2, P]`."""
    moves = []
    workers = threads or len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for move in pool.map(lambda index: source.refit(seed, index), range(pairs)):
            moves.append(move)
            callback(len(moves))
    return np.array(moves)


def misfit_of(stills: Stills, estimate: Estimate) -> Misfit:
    """The misfit that an estimate minimises."""
    return Misfit(
        stills.steady(estimate.laplacian, estimate.params),
        stills.camera,
        stills.pictures,
        sigma=estimate.sigma,
        epsilon=estimate.epsilon,
        coordinates=stills.coordinates(estimate.params),
    )


def _unfit(stills, estimate):
    """Why synthetic pictures would tell nothing, or an empty text."""
    if estimate.status is FitStatus.FAILED_START:
        return "the estimate failed"
    if stills.clean:
        return "next to no noise: the error is the picture's distance from steady"
    return ""


def _relax(stills, misfit, estimate):
    """(field closer to steady, why there is none)."""
    import tensorflow as tf

    from rdtf.simulation import Simulation

    model, laplacian = stills.model, estimate.laplacian
    params = {name: estimate.params[name] for name in model.parameters}
    fields = misfit.steady(estimate.field, estimate.params).fields
    if any(f is None for f in fields):
        return None, "not all species can be told from the picture"
    step = schemes.default_time_step(model, params, stills.grid, laplacian=laplacian)
    simulation = Simulation(model, stills.grid, step, laplacian=laplacian)
    state = tuple(tf.constant(f) for f in fields)
    state = simulation.advance(state, params, RELAXATION)
    field = state[misfit.steady.observed].numpy()
    moved = np.linalg.norm(field - estimate.field)
    if not moved < LOST * np.linalg.norm(estimate.field - estimate.field.mean()):
        return None, "the pattern does not last at the estimate"
    return field, ""


def _determined(estimate, coordinates):
    """Standard deviations from S, infinite for what is not determined."""
    free = np.flatnonzero(coordinates.free)
    names = [coordinates.names[i] for i in free]
    curvature = estimate.curvature[np.ix_(free, free)]
    report = identifiability.report(curvature, names, 1.0)
    return np.array(list(report.sd.values()))


def _around(coordinates, params, sd, sampling, drift, bias, details):
    """The normal intervals in coordinates, around the parameters less their bias."""
    names = [n for n, f in zip(coordinates.names, coordinates.free, strict=True) if f]
    centre = coordinates.encode(params)
    centre[coordinates.free] -= bias

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
        params={name: found[name] if name in names else params[name] for name in found},
        interval=within(NORMAL_95),
        likely=within(NORMAL_68),
        sd=by_name(sd),
        sampling=by_name(sampling),
        drift=by_name(drift),
        bias=by_name(bias),
        **details,
    )
