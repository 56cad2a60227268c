"""The field behind noisy pictures, fitted beside the parameters, rung by rung.

The misfit of `rdtf.inference.errors_in_variables` is minimised for ε = σ first, where it
is nearly convex, then for smaller ε. The cost, a negative log-likelihood, also tells which
Laplacian made the pictures where the residuals of filtered pictures hardly differ.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from rdtf.inference import errors_in_variables
from rdtf.inference.errors_in_variables import Estimate, Misfit
from rdtf.inference.stills import Stills
from rdtf.status import FitStatus

STEADY = 0.004  # how far from steady a field may be, over its standard deviation
DECISIVE = 30.0  # lead in log-likelihood that the first rung must give a Laplacian
EXACT = 1e-3  # noise over standard deviation below which a camera is taken to be noisy


class FieldFit:
    """Minimisations that start where the one before ended.

    Args:
      stills: the pictures.
      laplacian: of the steady map.
      start: parameters, gain and offset too if they are unknown.
      callback: called as callback(epsilon, iteration, params, cost).

    Attributes:
      estimate: the last; None before the first rung.
      cost: at the last ε, with the noise as it was estimated first.
      iterations: of all.
    """

    def __init__(
        self,
        stills: Stills,
        laplacian: str,
        start: Mapping[str, float],
        callback: Callable[[float, int, dict, float], None] = lambda *_: None,
    ):
        self._stills, self._callback = stills, callback
        self._steady = stills.steady(laplacian, start)
        self._coordinates = stills.coordinates(start)
        self._levels, self._params = stills.smooth, dict(start)
        self.estimate, self.cost, self.iterations = None, np.inf, 0
        self._sigma = max(stills.sigma, EXACT * stills.spread)
        self._epsilons = errors_in_variables.ladder(self._sigma, STEADY * stills.spread)

    def first(self) -> float:
        """The first rung; its cost."""
        self._take(self._sigma, self._epsilons[0])
        return self.estimate.cost

    def rest(self) -> Estimate:
        """The other rungs; a noise that was overestimated is corrected at the end."""
        last = self._epsilons[-1]
        for epsilon in self._epsilons[1:]:
            if self.estimate.status is FitStatus.FAILED_START:
                break
            self._take(self._sigma, epsilon)
        self.cost = self.estimate.cost
        left = float(np.sqrt(self.estimate.data_misfit))
        floor = EXACT * self._stills.spread
        if left < 0.85 and self._sigma > 1.1 * floor:
            self._take(max(left * self._sigma, floor), last)
        return dataclasses.replace(self.estimate, iterations=self.iterations)

    def _take(self, sigma, epsilon):
        stills = self._stills
        misfit = Misfit(
            self._steady,
            stills.camera,
            stills.pictures,
            sigma,
            epsilon,
            self._coordinates,
        )

        def report(iteration, params, cost):
            self._callback(epsilon, iteration, params, cost)

        self.estimate = errors_in_variables.minimise(
            misfit, self._levels, self._params, callback=report
        )
        self._levels, self._params = self.estimate.levels, self.estimate.params
        self.iterations += self.estimate.iterations


def fit_field(
    stills: Stills,
    laplacian: str,
    start: Mapping[str, float],
    callback: Callable[[float, int, dict, float], None] = lambda *_: None,
) -> Estimate:
    """Errors in variables, down the ladder of ε from the noise to the drift."""
    fit = FieldFit(stills, laplacian, start, callback)
    fit.first()
    return fit.rest()


def fit_laplacians(
    stills: Stills,
    starts: Mapping[str, Mapping[str, float]],
    callback: Callable[[float, int, dict, float], None] = lambda *_: None,
) -> tuple[str, Estimate, dict[str, float]]:
    """Fits with every Laplacian of `starts` that the first rung does not rule out.

    Returns:
      (the Laplacian of the lowest cost, its estimate, costs of all: those of the last rung
      where several came that far, else of the first).
    """
    fits = {
        name: FieldFit(stills, name, start, callback) for name, start in starts.items()
    }
    costs = {name: fit.first() for name, fit in fits.items()}
    lowest = min(costs.values())
    close = [name for name in costs if costs[name] <= lowest + DECISIVE]
    ends = {name: fits[name].rest() for name in close or costs}
    if len(ends) > 1:
        costs = {name: fits[name].cost for name in ends}
    best = min(ends, key=costs.get)
    return best, ends[best], costs
