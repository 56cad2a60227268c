"""Velocities by gradient descent on whatever is known of the dynamics.

Of standardised states x, v in standard deviations per unit of time, per batch:

    pairs      E |v(x) - ẋ|² / E |ẋ|², or of a step of RK4 from x to the state τ later
    residual   Var r / E |v|² at v(D(y, σ)), σ log-uniform: `residual`
    stein      mean over statistics φ of (E <∇φ, v>)² / E <∇φ, v>²: `stein`
    speed      (E |v|² - 1)², v of a cell; without pairs the unit of time is free

The squares of means are the products of different samples and probes, so without bias.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf import patterns
from rdtf.dynamics import residual, rollouts, stein
from rdtf.generative import training
from rdtf.generative.networks import Network

_fold = tf.random.experimental.stateless_fold_in
_BATCH = 16  # while noise is added


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Attributes:
      steps, batch_size: of the optimizer, Adam.
      learning_rate: the highest, reached after a tenth of the steps; then a cosine to
        0.
      pairs, residual, stein, speed: weights of the losses.
      sigmas: the least and the largest σ of the residual.
      moments: at most so many snapshots for stein, which takes much memory.
      seed: of batches and noise.
    """

    steps: int = 400
    batch_size: int = 8
    learning_rate: float = 3e-3
    pairs: float = 1.0
    residual: float = 1.0
    stein: float = 1.0
    speed: float = 1.0
    sigmas: tuple[float, float] = (0.1, 0.5)
    moments: int = 48
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """What is known; each part may be missing.

    Attributes:
      states, rates: `[m, y, x, species]`, standardised; with `duration`, rates are
        means over it, from the states.
      duration: between two states of a pair, or 0.
      noised: see `residual.Noised`.
      slopes: ∇φ per cell at snapshots, `[n, statistics, y, x, species]`.
      snapshots: those, standardised.
    """

    states: tf.Tensor | None = None
    rates: tf.Tensor | None = None
    duration: float = 0.0
    noised: residual.Noised | None = None
    slopes: tf.Tensor | None = None
    snapshots: tf.Tensor | None = None


def known_of_snapshots(
    x: np.ndarray,
    network: Network,
    settings: Settings,
    moments: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Known:
    """Noisy patterns with their score, and the statistics that v has to keep.

    Args:
      x: standardised snapshots, `[n, y, x, species]`.
      network: a denoiser of such patterns.
      settings: σ, seed and sizes.
      moments: whether statistics are to be kept, too.
      progress: called with (noisy patterns done, all of them).
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def batch(x, sigma, seed):
        at = residual.noised(network.denoise, x, sigma, seed)
        return at.states, at.score, at.probes, at.changes

    rng = np.random.default_rng(settings.seed)
    sigma = np.exp(rng.uniform(*np.log(settings.sigmas), len(x)))
    x, sigma = tf.constant(x, tf.float32), tf.constant(sigma, tf.float32)
    parts = []
    for first in range(0, len(x), _BATCH):
        part = slice(first, first + _BATCH)
        parts.append(batch(x[part], sigma[part], tf.constant([settings.seed, first])))
        progress(min(first + _BATCH, len(x)), len(x))
    noised = residual.Noised(*(tf.concat(p, 0) for p in zip(*parts, strict=True)))
    if not moments:
        return Known(noised=noised)
    some = x[: settings.moments]
    slopes = [np.float32(stein.gradients(one[None])) for one in some.numpy()]
    return Known(
        noised=noised, slopes=tf.constant(np.concatenate(slopes)), snapshots=some
    )


class Dial(keras.Model):
    """Trains a velocity on what is known; batches follow from the seed and the step.

    Args:
      network: a `velocity.Velocity`.
      known: see `Known`.
      settings: see `Settings`.
    """

    def __init__(self, network, known: Known, settings: Settings, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self._v = residual.standard(network)
        self._known, self._settings = known, settings
        self.built = True

    def train_step(self, numbers):
        """One step of the optimizer."""
        seed = tf.stack([self._settings.seed, tf.cast(numbers[0], tf.int32)])
        with tf.GradientTape() as tape:
            losses = self.losses(seed)
            weights = {name: getattr(self._settings, name) for name in losses}
            total = tf.add_n([weights[name] * losses[name] for name in losses])
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(total, variables), variables)
        return {"loss": total} | losses

    def losses(self, seed) -> dict[str, tf.Tensor]:
        """See the module; only those of what is known."""
        known, found = self._known, {}
        if known.states is not None:
            x, rates = self._draw((known.states, known.rates), _fold(seed, 1))
            off = self._change(x) - rates
            found["pairs"] = tf.reduce_mean(off**2) / tf.reduce_mean(known.rates**2)
        if known.noised is not None:
            at = known.noised
            parts = [at.states, at.score]
            for p in range(at.probes.shape[1]):
                parts += [at.probes[:, p], at.changes[:, p]]
            parts = self._draw(parts, _fold(seed, 2))
            at = residual.Noised(
                *parts[:2], tf.stack(parts[2::2], 1), tf.stack(parts[3::2], 1)
            )
            r, v = residual.estimates(self._v, at)
            found["residual"] = residual.normalised(r, v)
            if known.states is None:
                found["speed"] = (_square(v) - 1.0) ** 2
        if known.slopes is not None:
            index = self._index(len(known.slopes), _fold(seed, 3))
            v = self._v(tf.gather(known.snapshots, index))
            rows = tf.einsum("njyxs,nyxs->nj", tf.gather(known.slopes, index), v)
            square = tf.reduce_sum(rows**2, 0)
            products = tf.reduce_sum(rows, 0) ** 2 - square
            count = float(self._settings.batch_size)
            found["stein"] = tf.reduce_mean(products / square) / (count - 1.0)
        return found

    def _change(self, x):
        """v, or the mean rate of a pair, by RK4 steps of at most 2 units of time."""
        duration = self._known.duration
        if not duration:
            return self._v(x)
        steps = int(np.ceil(duration / 2.0))
        h, start = duration / steps, x
        for _ in range(steps):
            x = rollouts.step(self._v, x, h)
        return (x - start) / duration

    def _index(self, count, seed):
        """Samples of a batch, drawn without repetition if there are enough."""
        size = self._settings.batch_size
        draw = tf.random.stateless_uniform([max(count, size)], seed)
        return tf.argsort(draw)[:size] % count

    def _draw(self, fields, seed):
        """A batch of samples of some fields, shifted, mirrored and turned alike."""
        index = self._index(len(fields[0]), _fold(seed, 0))
        batch = tf.concat([tf.gather(field, index) for field in fields], -1)
        square = batch.shape[1] == batch.shape[2]
        return tf.split(patterns.move(batch, _fold(seed, 1), square), len(fields), -1)


def _square(v):
    """E |v|² of a cell."""
    return tf.reduce_mean(tf.reduce_sum(v * v, -1))


class _Traces(keras.callbacks.Callback):
    """TensorBoard: all losses, per epoch."""

    def __init__(self, directory):
        super().__init__()
        self._writer = tf.summary.create_file_writer(str(directory))

    def on_epoch_end(self, epoch, logs=None):
        """Writes."""
        with self._writer.as_default(training.steps_taken(self.model)):
            for name, value in (logs or {}).items():
                tf.summary.scalar(f"train/{name}", float(value))
        self._writer.flush()


def train(
    velocity,
    known: Known,
    settings: Settings,
    workdir,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, float]:
    """Trains a velocity in place; goes on where `workdir` left off.

    Args:
      velocity: a `velocity.Velocity`, built.
      known: what it is trained on.
      settings: see `Settings`.
      workdir: for checkpoints and traces.
      callbacks: of Keras, such as one that shows progress.

    Returns:
      The losses of the last epoch, by name; nothing if there was none left to run.
    """
    workdir, every = pathlib.Path(workdir), max(1, settings.steps // 20)
    dial = Dial(velocity, known, settings)
    schedule = training.WarmupCosine(
        settings.learning_rate, settings.steps // 10, settings.steps
    )
    optimizer = keras.optimizers.Adam(schedule, beta_2=0.99, global_clipnorm=1.0)
    dial.compile(optimizer, jit_compile=False)
    optimizer.build(velocity.trainable_variables)
    checkpoints = training.Checkpoints(workdir, dial, velocity)
    first, epochs = checkpoints.restore(), -(-settings.steps // every)
    numbers = tf.data.Dataset.range(first * every, epochs * every).batch(1)
    if first >= epochs:
        return {}
    history = dial.fit(
        numbers,
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=every,
        shuffle=False,
        callbacks=[_Traces(workdir / "tensorboard"), *callbacks, checkpoints],
        verbose=0,
    )
    return {name: float(values[-1]) for name, values in history.history.items()}
