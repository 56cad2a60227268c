"""Learning f by gradients: Keras optimisers, schedules, curricula."""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from rdtf.cells import estimators, networks, score_function, utility
from rdtf.cells.dynamics import Dynamics
from rdtf.cells.paths import Segment
from rdtf.status import InputError

_CURRICULUM = 0.5  # share of the iterations over which noise and temperature change


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Attributes:
      iterations: updates of the network.
      estimator: a name of `rdtf.names.ESTIMATORS`.
      replicates, num_steps: of the dynamics in each iteration, with fresh noise.
      noise: σ (at the start, from the middle on), in between geometric.
      temperature: T of soft fates, likewise.
      bandwidth: h of the kernel estimators.
      optimizer: a name of Keras.
      learning_rate: (at the start, at the end), along a cosine.
      clip: largest norm of the gradient.
      seed: of all noise.
    """

    iterations: int = 200
    estimator: str = "bernoulli"
    replicates: int = 64
    num_steps: int = 1000
    noise: tuple[float, float] = (0.1, 0.1)
    temperature: tuple[float, float] = (10.0, 10.0)
    bandwidth: float = 0.4
    optimizer: str = "adam"
    learning_rate: tuple[float, float] = (1e-2, 1e-3)
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self):
        whole = (self.iterations, self.num_steps, self.replicates - 1)
        if min(whole) < 1:
            raise InputError(
                "Expected at least one iteration, one step and two replicates, got "
                f"{self.iterations}, {self.num_steps} and {self.replicates}."
            )
        numbers = (*self.noise, *self.temperature, *self.learning_rate)
        if not all(0.0 < x < math.inf for x in (*numbers, self.bandwidth, self.clip)):
            raise InputError(
                "Expected positive noise, temperature, bandwidth, learning rate and "
                "clip."
            )


def seed_of(seed: int, iteration: int) -> int:
    """The seed of an iteration's noise; 63 bits."""
    words = np.random.SeedSequence([seed, iteration]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def annealed(ends: tuple[float, float], iteration: int, iterations: int) -> float:
    """From the first to the second, geometrically, over the first half."""
    share = min(1.0, iteration / max(1.0, _CURRICULUM * (iterations - 1)))
    return ends[0] * (ends[1] / ends[0]) ** share


class Gradient:
    """Training by gradients, one iteration at a time; a method of `runs.run`.

    Args:
      network: f; is changed.
      dynamics: of the cells.
      settings: see `Settings`.

    Raises:
      InputError: if the estimator does not suit the tissue.
    """

    def __init__(self, network: keras.Model, dynamics: Dynamics, settings: Settings):
        self.network, self._dynamics, self._settings = network, dynamics, settings
        start, end = settings.learning_rate
        schedule = keras.optimizers.schedules.CosineDecay(
            start, settings.iterations, alpha=end / start
        )
        try:
            self._optimizer = keras.optimizers.get(
                {
                    "class_name": settings.optimizer,
                    "config": {
                        "learning_rate": schedule,
                        "global_clipnorm": settings.clip,
                    },
                }
            )
        except (ValueError, TypeError):
            raise InputError(
                f"Expected an optimizer of Keras, such as adam, got "
                f"{settings.optimizer!r}."
            ) from None
        self._optimizer.build(network.trainable_variables)
        self._tabulate = tf.function(lambda: networks.tabulate(network))
        self._baseline = None
        if settings.estimator == "score_function":
            score_function.check_steps(settings.num_steps)
            self._baseline = score_function.Baseline(dynamics.tissue)
            self._pull_back = tf.function(self._pull_back)
        else:
            self._utility = estimators.get(
                settings.estimator, dynamics.tissue, settings.bandwidth
            )
            self._climb = tf.function(self._climb)

    def table(self) -> np.ndarray:
        """f at `networks.points()`."""
        return self._tabulate().numpy()

    def step(self, iteration: int) -> dict[str, float]:
        """One update; what `runs.run` records of it. No update if it is not finite."""
        s = self._settings
        seed = seed_of(s.seed, iteration)
        noise = annealed(s.noise, iteration, s.iterations)
        temperature = annealed(s.temperature, iteration, s.iterations)
        state = self._dynamics.initial_state(s.replicates, seed)
        if self._baseline is None:
            numbers = (tf.constant(x, tf.float64) for x in (noise, temperature))
            found = self._climb(state, tf.constant(seed), *numbers)
            final, zero, norm, rate = (x.numpy() for x in found)
        else:
            final, zero, norm, rate = self._score(state.numpy(), seed, noise)
        found = utility.measure(utility.fates(final), self._dynamics.tissue)
        return {
            "utility": found.utility if np.isfinite(norm) else math.nan,
            "gradient_norm": float(norm),
            "learning_rate": float(rate),
            "clipped": float(((final == 0.0) | (final == 1.0)).mean()),
            "zero_gradient": float(zero),
            "noise": noise,
            "temperature": temperature,
            "replicate_steps": s.replicates * s.num_steps,
        }

    def _climb(self, state, seed, noise, temperature):
        """(final state, share of zeros in ∂U/∂(first state), *`_apply`)."""
        variables, steps = self.network.trainable_variables, self._settings.num_steps
        with tf.GradientTape() as tape:
            tape.watch(state)
            table = networks.tabulate(self.network)
            final = self._dynamics.advance(state, table, steps, noise, seed)
            loss = -self._utility(final, temperature)
        gradients, by_state = tape.gradient(loss, (variables, state))
        zero = tf.reduce_mean(tf.cast(by_state == 0.0, tf.float64))
        return final, zero, *self._apply(gradients)

    def _score(self, state, seed, noise):
        """The same by the score function; zeros are replicates that say nothing."""
        steps = self._settings.num_steps
        segment = Segment(num_steps=steps, noise=noise, seed=seed)
        path = self._dynamics.path(state, self.table(), segment)
        by_table, advantages = score_function.gradient(path, steps, self._baseline)
        zero = (advantages == 0.0).mean()
        return path.final, zero, *self._pull_back(tf.constant(-by_table))

    def _pull_back(self, by_table):
        with tf.GradientTape() as tape:
            table = networks.tabulate(self.network)
        variables = self.network.trainable_variables
        return self._apply(tape.gradient(table, variables, by_table))

    def _apply(self, gradients):
        """Updates the network if the gradient is finite; (its norm, learning rate)."""
        rate = tf.convert_to_tensor(self._optimizer.learning_rate)
        norm = tf.linalg.global_norm(gradients)
        if tf.math.is_finite(norm):
            self._optimizer.apply(gradients, self.network.trainable_variables)
        return norm, rate

    def arrays(self) -> dict[str, np.ndarray]:
        """All that the next iterations depend on."""
        found = {f"weight{i}": w for i, w in enumerate(self.network.get_weights())}
        for i, variable in enumerate(self._optimizer.variables):
            found[f"optimizer{i}"] = variable.numpy()
        if self._baseline is not None:
            found |= {"sums": self._baseline.sums, "counts": self._baseline.counts}
        return found

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Goes back to where `arrays` were taken."""
        count = len(self.network.weights)
        self.network.set_weights([arrays[f"weight{i}"] for i in range(count)])
        for i, variable in enumerate(self._optimizer.variables):
            variable.assign(arrays[f"optimizer{i}"])
        if self._baseline is not None:
            self._baseline.sums = arrays["sums"]
            self._baseline.counts = arrays["counts"]

    def finish(self) -> None:
        """The network is the last one."""
