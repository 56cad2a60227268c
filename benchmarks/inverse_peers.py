"""Other ways to parameters, for the inverse benchmark's side by side, and intervals.

bptt        the published experiment that flags/bp2renderer.flags repeats
cma_es      simulated statistics and spectra, matched without derivatives (Hansen &
            Ostermeier 2001, doi:10.1162/106365601750190398), by the library cma
intervals   not a peer: errors in variables with its bootstrapped intervals
"""

import dataclasses
import importlib.util
import pathlib

import numpy as np
import tensorflow as tf

from benchmarks import inverse_cases as cases
from rdtf import inverse, losses
from rdtf.inverse import Problem
from rdtf.inverse.noisy import field_fits
from rdtf.inverse.reporting.recorders import Listeners
from rdtf.inverse.simulated.checks import simulate
from rdtf.inverse.steady import stage
from rdtf.inverse.uncertainty import intervals

_FLAGS = pathlib.Path(__file__).resolve().parent.parent / "flags" / "bp2renderer.flags"
CMA_STEPS = 10_000  # of a simulation, which most patterns need to fill the domain
CMA_SAMPLES = 2  # per candidate, from initial states that all candidates share


def missing(route: str) -> str:
    """What a route lacks to run, or an empty text."""
    lacks = route == "cma_es" and importlib.util.find_spec("cma") is None
    return "cma" if lacks else ""


def read_flags(path=_FLAGS) -> dict[str, str]:
    """Flag -> text, of a flag file; flags without a value are "true"."""
    found = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("--"):
            name, _, value = line[2:].partition("=")
            found[name] = value or "true"
    return found


def published(problem: Problem, iterations: int) -> tuple[Problem, inverse.Settings]:
    """The problem and settings of the published experiment, for fewer iterations."""
    flags = read_flags()
    windows = inverse.WindowSettings(
        window=int(flags["window"]),
        warmup=None,
        batch=int(flags["batch"]),
        require_steady="require_steady" in flags,
    )
    optimizer = inverse.OptimizerSettings(
        name=flags["optimizer"],
        learning_rate=float(flags["learning_rate"]),
        weight_decay=float(flags["weight_decay"]),
        transforms=dict(pair.split("=") for pair in flags["transforms"].split(",")),
        iterations=min(iterations, int(flags["iterations"])),
    )
    loss = losses.LOSSES[flags["loss"]]
    settings = inverse.Settings(
        route="bptt", loss=loss, windows=windows, optimizer=optimizer
    )
    fresh = dataclasses.replace(problem.fresh, tolerance=float(flags["tolerance"]))
    return dataclasses.replace(problem, fresh=fresh), settings


class SimulatedStatistics:
    """How unlike the picture simulated patterns are; points lie in the unit cube.

    Relative differences of the six statistics of `rdtf.losses` and a tenth of its loss
    of radial spectra. The cube is the box of random starts, in logarithms.
    """

    def __init__(self, problem: Problem):
        steps = min(problem.fresh.max_steps, CMA_STEPS)
        fresh = dataclasses.replace(problem.fresh, max_steps=steps)
        self._problem = dataclasses.replace(problem, fresh=fresh)
        self._target = tf.constant(problem.fields)
        self._statistics = tf.reduce_mean(losses.statistics(self._target), 0)
        self._low, high = np.log(np.array(list(cases.STARTS.values())).T)
        self._span = high - self._low

    def point(self, params) -> np.ndarray:
        """Of parameters."""
        vector = np.log([params[name] for name in cases.STARTS])
        return np.clip((vector - self._low) / self._span, 0.0, 1.0)

    def params(self, points) -> dict[str, np.ndarray]:
        """Of points `[..., 4]`."""
        values = np.exp(self._low + self._span * np.asarray(points))
        return {name: values[..., i] for i, name in enumerate(cases.STARTS)}

    def __call__(self, points) -> list[float]:
        """Of all points at once, in one batch of simulations."""
        params = self.params(np.repeat(points, CMA_SAMPLES, axis=0))
        count = len(points) * CMA_SAMPLES
        run = simulate(self._problem, params, count)
        found = run.state[self._problem.index]
        samples = [found[i : i + CMA_SAMPLES] for i in range(0, count, CMA_SAMPLES)]
        return [self._unlike(patterns) for patterns in samples]

    def _unlike(self, patterns):
        ours = tf.reduce_mean(losses.statistics(patterns), 0)
        relative = (ours - self._statistics) / self._statistics
        spectra = losses.radial_spectrum(patterns, self._target)
        return float(tf.reduce_mean(tf.square(relative)) + 0.1 * spectra)


def cma_es(problem: Problem, settings: cases.Settings) -> dict:
    """Simulated statistics by CMA-ES, with a budget of evaluations."""
    import cma

    objective = SimulatedStatistics(problem)
    options = {
        "bounds": [0.0, 1.0],
        "maxfevals": settings.cma_evaluations,
        "seed": problem.seed + 1,
        "verbose": -9,
    }
    start = objective.point(problem.start)
    search = cma.CMAEvolutionStrategy(start, 0.25, options)
    while not search.stop():
        points = search.ask()
        search.tell(points, objective(points))
    best = objective.params(search.result.xbest)
    return {
        "params": {name: float(value) for name, value in best.items()},
        "status": ", ".join(search.stop()),
        "evaluations": int(search.result.evaluations),
        "loss": float(search.result.fbest),
    }


def with_intervals(problem: Problem, settings: cases.Settings) -> dict:
    """Errors in variables; 95 % intervals, and whether they hold the truth."""
    del settings

    prepared = stage.prepare(problem)
    first = stage.residual(problem, prepared, None, Listeners())
    estimate = field_fits.fit_field(prepared, {first.laplacian: first.params})
    found = intervals.bootstrap(prepared, estimate, seed=problem.seed)
    truth = problem.truth
    return {
        "params": found.params,
        "status": f"{estimate.status.value}, {found.method}",
        "evaluations": first.iterations + estimate.iterations,
        "method": found.method,
        "reason": found.reason,
        "interval": found.interval,
        "inside": {n: a <= truth[n] <= b for n, (a, b) in found.interval.items()},
    }


PEERS = {"cma_es": cma_es, "intervals": with_intervals}
