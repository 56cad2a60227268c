"""Learning f without gradients: an evolution strategy, and CMA-ES.

Both ask for parameter vectors and take their utilities. What they do next follows from
the seed and all utilities so far, so a run is resumed by giving them these again.
"""

from collections.abc import Callable
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from rdtf.cells import networks, utility
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.training import Settings, seed_of
from rdtf.status import InputError

PARENTS, CHILDREN, MUTATION = 5, 15, 0.1  # as published
CMA_STEP = 0.3
_FINAL_REPLICATES = 1024  # to choose among parents


class Strategy(Protocol):
    """Proposes parameter vectors, and learns from their utilities."""

    def ask(self) -> np.ndarray:
        """What to try, `[population, parameters]`; the same until `tell`."""

    def tell(self, scores: np.ndarray) -> None:
        """Takes the utilities of what was asked for, `[population]`."""

    def candidates(self) -> np.ndarray:
        """Of which one is the answer, `[candidate, parameters]`."""


class MuPlusLambda:
    """The (5 + 15) evolution strategy of the published notebooks.

    Parents are kept, and scored again with fresh noise; each child is a parent drawn at
    random plus N(0, 0.1²). The first twenty are random networks.
    """

    def __init__(self, first: np.ndarray, seed: int):
        self._seed, self._told, self._next = seed, 0, first

    def ask(self) -> np.ndarray:
        """`[20, parameters]`; from the second time on the parents come first."""
        return self._next

    def tell(self, scores: np.ndarray) -> None:
        """The utilities of what was asked for."""
        self._told += 1
        random = np.random.default_rng([self._seed, self._told])
        parents = self._next[np.argsort(-scores, kind="stable")[:PARENTS]]
        chosen = parents[random.integers(PARENTS, size=CHILDREN)]
        children = chosen + MUTATION * random.standard_normal(chosen.shape)
        self._next = np.concatenate([parents, children])

    def candidates(self) -> np.ndarray:
        """The parents, of which one is the answer."""
        return self._next[:PARENTS]


class CMA:
    """CMA-ES (Hansen 2016, arXiv:1604.00772) of the package `cma`, from random weights.

    Raises:
      InputError: if `cma` is not installed.
    """

    def __init__(self, first: np.ndarray, seed: int):
        try:
            import cma
        except ModuleNotFoundError:
            raise InputError(
                "Expected the package cma with --method=cma_es, found none: "
                "pip install 'rdtf[cma]'."
            ) from None
        draw = np.random.default_rng(seed).standard_normal
        options = {
            "randn": lambda *shape: draw(shape),
            "seed": np.nan,  # else it sets NumPy's global one
            "verbose": -9,
            "popsize": len(first),
        }
        self._strategy = cma.CMAEvolutionStrategy(first[0], CMA_STEP, options)
        self._asked = None

    def ask(self) -> np.ndarray:
        """`[population, parameters]`."""
        if self._asked is None:
            self._asked = self._strategy.ask()
        return np.array(self._asked)

    def tell(self, scores: np.ndarray) -> None:
        """The utilities of what was asked for."""
        self.ask()
        self._strategy.tell(self._asked, list(-scores))
        self._asked = None

    def candidates(self) -> np.ndarray:
        """The mean of the distribution, which is the answer."""
        return self._strategy.result.xfavorite[None]


STRATEGIES = {"evolution": MuPlusLambda, "cma_es": CMA}


class Evolution:
    """Training by one of these, a generation at a time; a method of `runs.run`.

    Args:
      make: a network from a seed; the first population.
      dynamics: of the cells.
      settings: iterations are generations; only replicates, num_steps, the last noise
        and seed count besides.
      strategy: makes a `Strategy` of the first population and a seed: `MuPlusLambda`
        or `CMA`.

    Attributes:
      network: the best one of the last generation.
    """

    def __init__(
        self,
        make: Callable[[int], keras.Model],
        dynamics: Dynamics,
        settings: Settings,
        strategy: type,
    ):
        self._dynamics, self._settings = dynamics, settings
        self.network = make(settings.seed)
        self._shapes = [w.shape for w in self.network.get_weights()]
        count = PARENTS + CHILDREN
        seeds = settings.seed + 1000 * np.arange(count)
        first = [_vector(make(int(seed)).get_weights()) for seed in seeds]
        self._strategy = strategy(np.array(first), settings.seed)
        self._scores = np.empty((0, count))
        self._tabulate = tf.function(self._tabulate)

    def table(self) -> np.ndarray:
        """f at `networks.points()`, of the best of the last generation."""
        return networks.tabulate(self.network).numpy()

    def step(self, iteration: int) -> dict[str, float]:
        """One generation; what `runs.run` records of it."""
        s = self._settings
        asked = self._strategy.ask()
        seed = seed_of(s.seed, iteration)
        scores = self._score(asked, s.replicates, seed)
        self._scores = np.concatenate([self._scores, scores[None]])
        self._strategy.tell(scores)
        self._set(asked[scores.argmax()])
        return {
            "utility": float(scores.max()),
            "mean_utility": float(scores.mean()),
            "noise": s.noise[1],
            "replicate_steps": asked.shape[0] * s.replicates * s.num_steps,
        }

    def _score(self, vectors, replicates, seed):
        """Exact utilities, each with noise of its own."""
        s, found = self._settings, []
        for i, table in enumerate(self._tabulate(tf.constant(vectors)).numpy()):
            own = seed_of(seed, i)
            state = self._dynamics.initial_state(replicates, own)
            final = self._dynamics.simulate(state, table, s.num_steps, s.noise[1], own)
            fates = utility.fates(final)
            found.append(utility.measure(fates, self._dynamics.tissue).utility)
        return np.array(found)

    def _tabulate(self, vectors):
        """f of each vector, `[vector, node]`."""
        sizes = [int(np.prod(shape)) for shape in self._shapes]

        def one(vector):
            parts = tf.split(vector, sizes)
            weights = [tf.reshape(p, s) for p, s in zip(parts, self._shapes)]
            return networks.tabulate(
                lambda s: self.network.stateless_call(weights, [], s)[0]
            )

        return tf.map_fn(one, vectors)

    def _set(self, vector):
        sizes = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1]
        parts = np.split(vector, sizes)
        self.network.set_weights(
            [part.reshape(s) for part, s in zip(parts, self._shapes, strict=True)]
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """All utilities so far: the rest follows from them."""
        return {"scores": self._scores}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Tells the strategy again."""
        self._scores = arrays["scores"]
        for scores in self._scores:
            asked = self._strategy.ask()
            self._strategy.tell(scores)
            self._set(asked[scores.argmax()])

    def finish(self) -> None:
        """Makes the network the best candidate, on fresh replicates."""
        seed = seed_of(self._settings.seed, self._settings.iterations)
        vectors = self._strategy.candidates()
        scores = self._score(vectors, _FINAL_REPLICATES, seed)
        self._set(vectors[scores.argmax()])


def _vector(weights):
    return np.concatenate([np.ravel(w) for w in weights])
