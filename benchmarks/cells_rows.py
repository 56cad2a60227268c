"""The rows of benchmarks.cells: how each trains, and one measured run."""

import dataclasses
import itertools
import time
from collections.abc import Callable

import numpy as np

from rdtf.cells import evaluation, evolution, networks, runs, training
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.tissue import Tissue
from rdtf.cells.training import Settings

CEILING = 0.665
_TESTED = (1, 2, 3, 5, 8, 12, 16, 24, 32, 50, 75, 100, 150, 200, 300)
_NOISE, _STEPS = 0.1, 1000
ROW, FIXED = Dynamics(), Dynamics(Tissue((7,), "fixed"))
SQUARE = Dynamics(Tissue((16, 16)))
HEXAGONAL = Dynamics(Tissue((16, 16), lattice="hexagonal"))


def sloped(seed, slope=-2.0, **options):
    """A network with a slope at 1/2."""
    made = networks.network(seed=seed, **options)
    networks.set_slope(made, slope)
    return made


def plain(seed):
    """As published."""
    return networks.network(gain=1.0, centre=0.0, seed=seed)


def dead_zone(seed):
    """Fitted to a dead zone."""
    made = networks.network(gain=10.0, seed=seed)
    networks.fit(made, networks.dead_zone(14.0, 0.15, 0.05))
    return made


def inhibiting(seed):
    """Told that f falls, and nothing else."""
    options = {"hidden": (16, 16), "gain": 10.0, "height": 2.0}
    return sloped(seed, inhibits=True, **options)


def inhibiting_small(seed):
    """The same, of the usual size."""
    return sloped(seed, inhibits=True)


@dataclasses.dataclass(frozen=True)
class Row:
    """A way to train.

    Attributes:
      title: in the table.
      make: a network from a seed.
      settings: of its training.
      dynamics: of the cells.
      strategy: of evolution, or None for gradients.
      first_seed: of those that it was not chosen on.
    """

    title: str
    make: Callable
    settings: Settings
    dynamics: Dynamics = ROW
    strategy: type | None = None
    first_seed: int = 0


_PUBLISHED = {"estimator": "straight_through", "replicates": 50, "clip": 1e30}
_SCORE = {"estimator": "score_function", "num_steps": 400, "replicates": 256}
_LATTICE = Settings(iterations=120, estimator="causal", replicates=32, num_steps=400)
ROWS = {
    "published": Row(
        "backpropagation as published",
        plain,
        Settings(
            iterations=500, bandwidth=0.1, learning_rate=(1e-3, 1e-3), **_PUBLISHED
        ),
    ),
    "standard": Row(
        "Bernoulli, slope start: the standard recipe",
        sloped,
        Settings(iterations=100, estimator="bernoulli"),
    ),
    "kernel": Row(
        "kernel, slope start", sloped, Settings(iterations=100, estimator="kernel")
    ),
    "curriculum": Row(
        "kernel, plain start, σ .01 to .1, T 2 to 10",
        plain,
        Settings(
            iterations=200,
            estimator="kernel",
            noise=(0.01, 0.1),
            temperature=(2.0, 10.0),
        ),
    ),
    "score": Row(
        "score function, slope start",
        sloped,
        Settings(iterations=300, learning_rate=(1e-2, 1e-3), **_SCORE),
    ),
    "evolution": Row(
        "evolution strategy as published, 200 generations",
        plain,
        Settings(iterations=200, replicates=100),
        strategy=evolution.MuPlusLambda,
    ),
    "cma_es": Row(
        "CMA-ES, 170 generations",
        plain,
        Settings(iterations=170, replicates=100),
        strategy=evolution.CMA,
    ),
    "dead_zone": Row(
        "score function, dead-zone start",
        dead_zone,
        Settings(iterations=300, learning_rate=(1e-2, 1e-3), **_SCORE),
    ),
    "inhibiting": Row(
        "score function, slope start, f falls",
        inhibiting,
        Settings(
            iterations=3000,
            estimator="score_function",
            replicates=512,
            num_steps=400,
            learning_rate=(5e-3, 3e-4),
        ),
        first_seed=10,
    ),
    "fixed": Row(
        "fixed edges: score function, slope start, f falls",
        inhibiting_small,
        Settings(iterations=300, learning_rate=(1e-2, 1e-3), **_SCORE),
        FIXED,
    ),
    "square": Row("16 x 16 square: causal", sloped, _LATTICE, SQUARE),
    "hexagonal": Row("16 x 16 hexagonal: causal", sloped, _LATTICE, HEXAGONAL),
}


def measure(row: Row, seed: int) -> dict:
    """Trains once; its numbers."""
    settings = dataclasses.replace(row.settings, seed=seed)
    tested = {"steps": 0.0, "reached": None, "seconds": 0.0}
    began = time.process_time()
    if row.strategy:
        method = evolution.Evolution(row.make, row.dynamics, settings, row.strategy)
    else:
        method = training.Gradient(row.make(seed), row.dynamics, settings)

    def test(iteration, record):
        tested["steps"] += record["replicate_steps"]
        if iteration + 1 in _TESTED and not tested["reached"] and row.dynamics is ROW:
            start = time.process_time()
            found = evaluation.evaluate(ROW, method.table(), _STEPS, _NOISE, 16384, 1)
            if found.utility >= CEILING and found.consensus < 0.5:
                tested["reached"] = tested["steps"]
            tested["seconds"] += time.process_time() - start

    history = runs.run(method, settings.iterations, callback=test)
    seconds = time.process_time() - began - tested["seconds"]
    replicates = 4096 if row.dynamics.tissue.cells < 16 else 1000
    end = (row.dynamics, method.table(), _STEPS, _NOISE, replicates, 2)
    return {
        **dataclasses.asdict(evaluation.evaluate(*end)),
        "finer": evaluation.at_finer_step(*end[:4], min(1024, replicates), 2).utility,
        "replicate_steps": history.replicate_steps,
        "steps_to_ceiling": tested["reached"],
        "processor_seconds": seconds,
        "gradients_of_zero": float(np.mean(history.traces.get("zero_gradient", 0.0))),
        "largest": float(np.abs(method.table()).max()),
    }


def best_tanh() -> dict:
    """lattice -> (U, slope, centre) of the best -tanh(slope (s - centre)) on a grid."""
    found = {}
    for name, dynamics in (("square", SQUARE), ("hexagonal", HEXAGONAL)):
        tried = []
        for slope, centre in itertools.product(
            (3.0, 5.0, 8.0, 12.0, 20.0), (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
        ):
            table = networks.sigmoidal(slope, centre)
            end = (dynamics, table, _STEPS, _NOISE, 1000, 2)
            tried.append((evaluation.evaluate(*end).utility, slope, centre))
        found[name] = max(tried)
    return found
