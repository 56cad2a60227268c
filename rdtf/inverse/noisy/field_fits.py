"""The field behind noisy pictures, fitted beside the parameters, level by level of ε.

The misfit of `rdtf.inverse.noisy.errors_in_variables` is minimised for ε = σ / 5 first.
A loose model follows the noise, which biases the parameters and widens their scatter,
so ε falls from level to level to a few times the drift of the pattern that
`rdtf.inverse.noisy.noise_and_drift` tells; below that the drift would bend the
parameters instead. The cost, a negative log-likelihood, also tells which Laplacian made
the pictures where the residuals of filtered pictures hardly differ. If no fit explains
them, all begin once more with ε = σ, where the cost is nearly convex: it was minimised
from parameters 97 % off.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from rdtf.inverse.noisy import errors_in_variables, noise_and_drift
from rdtf.inverse.noisy.errors_in_variables import Misfit
from rdtf.inverse.results import Estimate
from rdtf.inverse.steady.stills import Stills
from rdtf.inverse.structure import identifiability
from rdtf.status import FitStatus

FALL = 5.0  # ε of a level over that of the next
CAUTION = 7.0  # least ε over the drift
DEEPEST = 25.0  # most of σ / ε: conjugate gradients take several times as many steps
PRECISE = 1.5e-3, 0.05  # good enough: sd of coordinates; sd over that of the noise
DECISIVE = 30.0  # lead in log-likelihood that decides between Laplacians
CREDIBLE = 1.2  # cost of a fit that explains the pictures, over that of noise alone
NEAR = 0.8  # noise found over the noise assumed, that needs no other level
EXACT = 1e-3  # noise over standard deviation below which a camera is taken to be noisy


Callback = Callable[[float, int, dict, np.ndarray, float], None]


def _ignore(*iteration):
    """A callback that does nothing."""


class FieldFit:
    """Minimisations that start where the one before ended.

    Args:
      stills: the pictures.
      laplacian: of the steady map.
      start: parameters, gain and offset too if they are unknown.
      callback: called as callback(epsilon, iteration, params, levels, cost), where
        levels is the field in the units of the pictures.

    Attributes:
      estimate: the last; None before the first level.
      iterations: of all.
    """

    def __init__(
        self,
        stills: Stills,
        laplacian: str,
        start: Mapping[str, float],
        callback: Callback = _ignore,
    ):
        self._stills, self._callback = stills, callback
        self._steady = stills.steady(laplacian, start)
        self._coordinates = stills.coordinates(start)
        self._levels, self._params = stills.smooth, dict(start)
        self._last = self._explained = None
        self.estimate, self.iterations = None, 0

    def minimise(self, sigma: float, epsilon: float, hopeless: float = np.inf) -> float:
        """Minimises the misfit of σ and ε; its cost. `hopeless` as of `minimise`."""
        stills = self._stills
        misfit = Misfit(
            self._steady,
            stills.camera,
            stills.pictures,
            sigma=sigma,
            epsilon=epsilon,
            coordinates=self._coordinates,
        )

        def report(*iteration):
            self._callback(epsilon, *iteration)

        self._last, self._explained = misfit, None
        self.estimate = errors_in_variables.minimise(
            misfit, self._levels, self._params, callback=report, hopeless=hopeless
        )
        self._levels, self._params = self.estimate.levels, self.estimate.params
        self.iterations += self.estimate.iterations
        return self.estimate.loss

    @property
    def explained(self) -> noise_and_drift.NoiseAndDrift:
        """What the last level leaves unexplained, compared with noise."""
        if self._explained is None:
            here = self._last.evaluate(self._levels, self._params)
            self._explained = noise_and_drift.explain(self._last, here, self._params)
        return self._explained

    @property
    def credible(self) -> bool:
        """Whether the last level explains the pictures."""
        if self.estimate.status is FitStatus.FAILED_START:
            return False
        return self.estimate.loss < CREDIBLE * self.explained.cost

    def next(self) -> tuple[float, float] | None:
        """σ and ε of the level to take after the last, None after enough of them."""
        if self.estimate.status is FitStatus.FAILED_START:
            return None
        found, before, epsilon = self.explained, self._last.sigma, self._last.epsilon
        self.estimate = dataclasses.replace(self.estimate, drift=found.drift)
        sigma = max(found.sigma, EXACT * self._stills.spread)
        if sigma > NEAR * before:
            sigma = before
        lower = max(epsilon / FALL, CAUTION * found.drift, sigma / DEEPEST)
        if lower > epsilon / 1.5 or self._precise():
            lower = epsilon
        return None if (sigma, lower) == (before, epsilon) else (sigma, lower)

    def _precise(self):
        """Whether nothing that the pictures determine needs a smaller ε."""
        cutoff = identifiability.UNDETERMINED**2
        covariance = np.linalg.pinv(self.estimate.curvature, cutoff, hermitian=True)
        enough = max(PRECISE[0], PRECISE[1] * self._last.sigma / self._stills.spread)
        return bool((np.diag(covariance) < enough**2).all())


def fit_field(
    stills: Stills,
    starts: Mapping[str, Mapping[str, float]],
    callback: Callback = _ignore,
) -> Estimate:
    """Errors in variables, with ε lowered from the noise to the drift of the pattern.

    Fits with every Laplacian of `starts` until one leads, and goes on with that one.
    `Estimate.laplacians` has the losses of those that were compared last.

    Args:
      stills: the pictures.
      starts: parameters, gain and offset too if they are unknown, by Laplacian.
      callback: as of `FieldFit`.
    """
    sigma = max(stills.sigma, EXACT * stills.spread)
    level = (sigma, sigma / FALL)
    fits = _first(stills, starts, level, callback)
    left = costs = {name: fit.estimate.loss for name, fit in fits.items()}
    while True:
        best = min(left, key=left.get)
        level = fits[best].next()
        if level is None:
            break
        near = [name for name in left if left[name] <= left[best] + DECISIVE]
        left = {name: fits[name].minimise(*level) for name in near or [best]}
        costs = left if len(left) > 1 else costs
    near = {name: fits[name].estimate for name in left}
    return dataclasses.replace(
        fits[best].estimate,
        iterations=fits[best].iterations,
        laplacian=best,
        laplacians=costs,
        noise_ratio=stills.noise_ratio,
        laplacian_spread=laplacian_spread(stills, near, best),
    )


def laplacian_spread(
    stills: Stills, estimates: Mapping[str, Estimate], best: str
) -> np.ndarray:
    """`Estimate.laplacian_spread`, as in Bayesian model averaging.

    Hoeting et al. 1999, Statist. Sci. 14:382, doi:10.1214/ss/1009212519. `estimates`
    are by Laplacian, of the same σ and ε; `best` names that of the lowest cost.
    """
    coordinates = stills.coordinates(estimates[best].params)
    centre = coordinates.encode(estimates[best].params)
    weight, squares = 0.0, np.zeros(int(coordinates.free.sum()))
    for estimate in estimates.values():
        if estimate.status is FitStatus.FAILED_START:
            continue
        away = (coordinates.encode(estimate.params) - centre)[coordinates.free]
        share = np.exp(estimates[best].loss - estimate.loss)
        weight, squares = weight + share, squares + share * away**2
    return np.sqrt(squares / max(weight, 1e-300))


def _first(stills, starts, level, callback):
    """Fits of the first level; once one is credible, others must come near it."""
    fits, best = {}, None
    for name, start in starts.items():
        fits[name] = FieldFit(stills, name, start, callback)
        hopeless = np.inf
        if best is not None and best.credible:
            hopeless = best.estimate.loss + DECISIVE
        cost = fits[name].minimise(*level, hopeless)
        if best is None or cost < best.estimate.loss:
            best = fits[name]
    if best.credible:
        return fits
    for name, start in starts.items():
        other = FieldFit(stills, name, start, callback)
        other.minimise(level[0], level[0])
        if other.minimise(*level) < fits[name].estimate.loss:
            fits[name] = other
    return fits
