"""The posterior of the parameters of one small picture, by Hamiltonian Monte Carlo.

    log π(o, θ | y) = - ½ |(H o - b) / a - y|² / σ²  -  ½ |o - w(o, p(θ))|² / ε²  + g θ

is minus the cost of `rdtf.inverse.noisy.errors_in_variables`, flat in the coordinates θ
(log p of positive parameters) within their bounds. The last term, with

    g = ½ ∂/∂θ log det (∂²cost / ∂o²)

along the best fields of every θ, normalises the fields to first order: without it, the
parameters that tie fields to w most loosely would weigh most, and more so the more
cells there are. Field and coordinates are sampled together, in the z of

    (o, θ) = (ô, θ̂) + L⁻ᵀ z,      L Lᵀ = JᵀJ at the best fit,

in which π is nearly a standard normal: a trajectory about a quarter of a turn long
(Duane et al. 1987, doi:10.1016/0370-2693(87)91197-X; Neal 2011, arXiv:1206.1901) then
forgets where it began. J is dense, hence small pictures only.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg

from rdtf.inverse.noisy import errors_in_variables
from rdtf.inverse.noisy.errors_in_variables import Misfit
from rdtf.inverse.results import QUANTILES, Estimate, Intervals
from rdtf.inverse.steady.stills import Stills
from rdtf.inverse.uncertainty import diagnostics
from rdtf.inverse.uncertainty.intervals import misfit_of
from rdtf.status import InputError

MAX_CELLS = 1024
LEAPFROGS = 4  # per draw: with steps of 0.3 to 0.5, a quarter of a turn
DIVERGENT = 1000.0  # error of the energy


def sample(
    stills: Stills,
    estimate: Estimate,
    draws: int = 500,
    warmup: int = 300,
    chains: int = 4,
    seed: int = 0,
    callback: Callable[[int], None] = lambda evaluations: None,
) -> Intervals:
    """Samples the posterior around an estimate.

    Args:
      stills: one picture, of at most `MAX_CELLS` cells.
      estimate: of `rdtf.inverse.noisy.field_fits.fit_field`.
      draws, warmup: per chain; the step size is adapted in the warm-up.
      chains: two or more, each from a start of its own.
      seed: of the chains.
      callback: called with the number of gradients so far, per chain.

    Returns:
      intervals of method "posterior": the quantiles of the draws, around their medians.

    Raises:
      InputError: if there are several pictures, too many cells, or too few draws.
    """
    if draws < 4 or chains < 2:
        raise InputError(
            f"Expected two chains of four draws or more, got {chains} of {draws}."
        )
    _check(stills)
    misfit = misfit_of(stills, estimate)
    best = errors_in_variables.minimise(misfit, estimate.levels, estimate.params)
    target = _Target(misfit, best, callback)
    z, divergent = _run(target, draws, warmup, chains, seed)
    coordinates, free = target.coordinates(z), np.flatnonzero(misfit.coordinates.free)
    names = [misfit.coordinates.names[i] for i in free]
    params = [target.decode(row) for row in coordinates.reshape(-1, len(free))]
    found = {
        n: np.array([p[n] for p in params]).reshape(draws, chains).T for n in names
    }
    ends = {n: tuple(map(float, np.quantile(x, QUANTILES))) for n, x in found.items()}

    def by_name(values):
        return dict(zip(names, map(float, values), strict=True))

    return Intervals(
        params={**estimate.params, **{n: q[2] for n, q in ends.items()}},
        interval={n: (q[0], q[-1]) for n, q in ends.items()},
        likely={n: (q[1], q[-2]) for n, q in ends.items()},
        method="posterior",
        sd=by_name(coordinates.reshape(-1, len(free)).std(axis=0, ddof=1)),
        count=target.evaluations,
        failed=divergent,
        draws=found,
        r_hat=by_name(diagnostics.potential_scale(coordinates)),
        effective=by_name(diagnostics.effective(coordinates)),
    )


def _check(stills):
    count, cells = len(stills.pictures), int(np.prod(stills.grid.shape))
    if count != 1:
        raise InputError(f"Expected one picture for --posterior, got {count}.")
    if cells > MAX_CELLS:
        raise InputError(
            f"Expected at most {MAX_CELLS} cells for --posterior, got {cells}: crop "
            "the picture."
        )


class _Target:
    """log π of z, and its gradient."""

    def __init__(self, misfit: Misfit, best: Estimate, callback: Callable):
        self._misfit, self._best, self._callback = misfit, best, callback
        self.evaluations = 0
        here = misfit.evaluate(best.levels, best.params)
        self._hidden = here[3].fields  # where all solves start: π depends on z alone
        self._vector = misfit.coordinates.encode(best.params)
        self._free = misfit.coordinates.free
        self._peak = here[0]
        curvature = self._curvature(here, best.params)
        lower = np.linalg.cholesky(curvature)
        self._volume = self._volume_slopes(here)
        self._whitening = scipy.linalg.solve_triangular(
            lower, np.eye(len(lower)), lower=True
        )

    def _curvature(self, here, params):
        """JᵀJ of field and coordinates, `[size, size]`."""
        by_data, by_model = self._misfit.jacobian(here, params)
        curvature = by_data @ by_data.T / self._misfit.sigma**2
        return curvature + by_model @ by_model.T / self._misfit.epsilon**2

    def _volume_slopes(self, here):
        """g by central differences of a fifth of a standard deviation."""
        misfit, best, slopes = self._misfit, self._best, []
        moves, _, schur, _ = misfit.step(here, best.params)
        cells = best.levels.size
        for index, move in zip(np.flatnonzero(self._free), moves[1:], strict=True):
            step = 0.2 / np.sqrt(schur[len(slopes), len(slopes)])
            volumes = []
            for change in (step, -step):
                vector = self._vector.copy()
                vector[index] += change
                params = misfit.coordinates.decode(vector)
                there = misfit.evaluate(best.levels - change * move, params)
                block = self._curvature(there, params)[:cells, :cells]
                volumes.append(0.5 * np.linalg.slogdet(block)[1])
            slopes.append((volumes[0] - volumes[1]) / (2.0 * step))
        return np.array(slopes)

    @property
    def size(self) -> int:
        """Cells and free parameters."""
        return len(self._whitening)

    def coordinates(self, z):
        """θ of `[..., size]`."""
        count = int(self._free.sum())
        return self._vector[self._free] + z @ self._whitening[:, -count:]

    def decode(self, theta):
        """Parameters of θ."""
        vector = self._vector.copy()
        vector[self._free] = theta
        return self._misfit.coordinates.decode(vector)

    def __call__(self, z):
        """(log π - its peak `[chains]`, gradient `[chains, size]`)."""
        self.evaluations += 1
        self._callback(self.evaluations)
        rows = [self._one(row) for row in z]
        return np.array([r[0] for r in rows]), np.stack([r[1] for r in rows])

    def _one(self, z):
        theta, grid = self.coordinates(z), self._best.levels.shape
        bounds = self._misfit.coordinates
        inside = (theta >= bounds.lower[self._free]) & (
            theta <= bounds.upper[self._free]
        )
        if inside.all():
            params = self.decode(theta)
            cells = self._best.levels.size
            field = self._best.levels + (z @ self._whitening[:, :cells]).reshape(grid)
            here = self._misfit.evaluate(field, params, self._hidden)
            if np.isfinite(here[0]):
                by_field, by_theta = self._misfit.gradient(here, params)
                slope = np.concatenate([by_field.ravel(), by_theta - self._volume])
                volume = self._volume @ (theta - self._vector[self._free])
                return self._peak - here[0] + volume, -self._whitening @ slope
        return -np.inf, np.zeros_like(z)


def _run(target, draws, warmup, chains, seed):
    """(z `[draws, chains, size]`, number of divergent draws)."""
    import tensorflow as tf
    import tensorflow_probability as tfp

    @tf.custom_gradient
    def log_density(z):
        value, slope = tf.numpy_function(target, [z], [tf.float64, tf.float64])
        value.set_shape(z.shape[:1])
        slope.set_shape(z.shape)
        return value, lambda upstream: upstream[:, None] * slope

    kernel = tfp.mcmc.DualAveragingStepSizeAdaptation(
        tfp.mcmc.HamiltonianMonteCarlo(
            log_density,
            step_size=tf.constant(1.5 / LEAPFROGS, tf.float64),
            num_leapfrog_steps=LEAPFROGS,
        ),
        num_adaptation_steps=int(0.8 * warmup),
        target_accept_prob=tf.constant(0.85, tf.float64),
    )
    rng = np.random.Generator(np.random.Philox(key=[seed, 2**35]))
    start = tf.constant(rng.normal(size=(chains, target.size)))

    @tf.function
    def run():
        return tfp.mcmc.sample_chain(
            draws,
            start,
            kernel=kernel,
            num_burnin_steps=warmup,
            trace_fn=lambda _, results: results.inner_results.log_accept_ratio,
            seed=tf.constant([seed, 35], tf.int32),
        )

    z, change = run()
    return z.numpy(), int((~(change.numpy() > -DIVERGENT)).sum())
