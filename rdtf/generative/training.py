"""Training a denoiser: schedule, average, checkpoints, exact resume."""

import dataclasses
import math
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rdtf import patterns
from rdtf.generative.baselines import ResNet, UNet
from rdtf.generative.conditions import Condition
from rdtf.generative.denoiser import Denoiser
from rdtf.generative.networks import Network
from rdtf.generative.objectives import LOSSES, Objective
from rdtf.status import InputError
from rdtf.storage import checkpoints
from rdtf.storage.checkpoints import Checkpoint


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Attributes:
      epochs, batch_size: an epoch is one pass over the training samples.
      learning_rate: the highest, reached after `warmup` steps; then a cosine to 0.
      warmup: steps; at most a tenth of all.
      clip: largest norm of the gradient.
      average: weight of the past in the moving average of the weights.
      held_out: share of the samples that are not trained on.
      seed: of weights, order, shifts and noise.
      objective: a name of `objectives.LOSSES`; epsilon and v_prediction train the
        networks of `rdtf.generative.baselines`.
      alpha: ᾱ of the level of epsilon, between 0 and 1.
      size: of the network, a name of `denoiser.SIZES`.
      precision: of the network, see `Denoiser`.

    Raises:
      InputError: if there is no such objective, or its network has no such options.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup: int = 500
    clip: float = 1.0
    average: float = 0.995
    held_out: float = 0.1
    seed: int = 0
    objective: str = "edm"
    alpha: float = 0.8
    size: str = "ci"
    precision: str = "float32"

    def __post_init__(self):
        if self.objective not in LOSSES:
            raise InputError(
                f"Expected an objective among {', '.join(LOSSES)}, got "
                f"{self.objective!r}."
            )
        self.check_network(self.size == "ci" and self.precision == "float32")

    def check_network(self, plain: bool) -> None:
        """Raises InputError if the network is fixed, and not `plain`."""
        if self.objective in _NETWORKS and not plain:
            raise InputError(
                f"Expected no condition, size or precision with {self.objective}, "
                "whose network is fixed: use the objective edm."
            )


@keras.saving.register_keras_serializable("rdtf")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to `peak` in `warmup` steps, then half a cosine to 0 at `total`."""

    def __init__(self, peak, warmup, total):
        self.peak, self.warmup, self.total = peak, warmup, total

    def __call__(self, step):
        """The learning rate of a step."""
        step = tf.cast(step, tf.float32)
        rise = (step + 1.0) / max(self.warmup, 1)
        share = (step - self.warmup) / max(self.total - self.warmup, 1)
        fall = 0.5 * (1.0 + tf.cos(math.pi * tf.clip_by_value(share, 0.0, 1.0)))
        return self.peak * tf.where(step < self.warmup, rise, fall)

    def get_config(self):
        """Arguments to make it again."""
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total}


def steps_taken(objective) -> int:
    """By its optimizer, on however many devices."""
    return int(tf.convert_to_tensor(objective.optimizer.iterations.value).numpy())


class Average(keras.callbacks.Callback):
    """Keeps a moving average of the weights of `network` in `averaged`.

    Its weight of the past grows to `decay`, so that the start is soon forgotten.
    """

    def __init__(self, network, averaged, decay):
        super().__init__()
        self._pairs = list(zip(averaged.variables, network.variables, strict=True))
        self._decay = decay
        self._update = tf.function(self._move)

    def on_train_batch_end(self, batch, logs=None):
        """One step."""
        step = steps_taken(self.model)
        self._update(tf.constant(min(self._decay, step / (step + 10.0)), tf.float32))

    def _move(self, decay):
        for average, now in self._pairs:
            average.assign(decay * average.value + (1.0 - decay) * now.value)


class Checkpoints(keras.callbacks.Callback):
    """Saves everything after every epoch as `checkpoint.npz`, and brings it back."""

    def __init__(self, workdir, objective, averaged):
        super().__init__()
        workdir = pathlib.Path(workdir)
        self._file = Checkpoint(workdir / "checkpoint.npz", type(objective).__name__)
        self._former = workdir / "checkpoints"
        self._parts = {
            "network": objective.network.variables,
            "averaged": averaged.variables,
            "optimizer": objective.optimizer.variables,
        }

    def restore(self) -> int:
        """The number of finished epochs, whose end everything is set to.

        Raises:
          InputError: if the checkpoint is of another run.
        """
        if not self._file.exists():
            if not tf.train.latest_checkpoint(self._former):
                return 0
            self._file.save(_former_arrays(self._former))
        with self._file.restoring() as arrays:
            for name, variables in self._parts.items():
                checkpoints.assign(name, variables, arrays)
            return int(arrays["epoch"])

    def on_epoch_end(self, epoch, logs=None):
        """Saves."""
        arrays = {"epoch": epoch + 1}
        for name, variables in self._parts.items():
            arrays |= checkpoints.arrays_of(name, variables)
        self._file.save(arrays)


def _former_arrays(directory):
    """What version 0.1.0 kept as a checkpoint of TensorFlow: network/0 is network_0."""
    reader, ending = tf.train.load_checkpoint(directory), "/.ATTRIBUTES/VARIABLE_VALUE"
    found = {
        name.removesuffix(ending).replace("/", "_"): reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name.endswith(ending)
    }
    # A velocity is its own average; TensorFlow kept what is there twice under one name.
    for name, same in (("network_", "averaged_"), ("averaged_", "network_")):
        if not any(key.startswith(name) for key in found):
            shared = [key for key in found if key.startswith(same)]
            found |= {name + key.removeprefix(same): found[key] for key in shared}
    return found


def split(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (of samples to train on, of those held out), by a seeded permutation."""
    order = np.random.default_rng(seed).permutation(count)
    held = max(1, round(share * count))
    if held >= count:
        raise InputError(f"Expected more than {held} samples to train on, got {count}.")
    return np.sort(order[held:]), np.sort(order[:held])


def train(
    samples: np.ndarray,
    settings: Settings,
    workdir,
    *,
    names: Sequence[str] | None = None,
    conditions: tuple[Condition, np.ndarray] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
) -> Network:
    """Trains a denoiser on `[n, y, x, species]`; goes on where `workdir` left off.

    Args:
      samples: all of them; `settings.held_out` are kept for validation.
      settings: see `Settings`.
      workdir: for checkpoint.npz.
      names: of the species.
      conditions: (condition, its rows), of a conditional denoiser; see
        `rdtf.generative.conditions`.
      callbacks: of Keras, such as one that shows progress; their model is the
        `Objective`.
      strategy: of tf.distribute; default: one device.

    Returns:
      The denoiser with the averaged weights.

    Raises:
      InputError: if the network cannot take conditions.
    """
    settings.check_network(plain=conditions is None)
    condition, own = conditions or (None, None)
    training, held = split(len(samples), settings.held_out, settings.seed)
    steps = -(-len(training) // settings.batch_size)
    with (strategy or tf.distribute.get_strategy()).scope():
        networks = _networks(samples[training], settings, names, condition)
        objective = _objective(*networks, settings, steps * settings.epochs)
    average = Average(*networks, settings.average)
    saved = Checkpoints(workdir, objective, objective.averaged)
    first = saved.restore()
    if first < settings.epochs:
        batches = _batches(samples, own, settings)
        objective.fit(
            batches(training, epochs=settings.epochs + 1, first_epoch=first),
            initial_epoch=first,
            epochs=settings.epochs,
            steps_per_epoch=steps,
            validation_steps=-(-len(held) // settings.batch_size),
            shuffle=False,  # the pipeline does
            validation_data=batches(held, epochs=2, randomise=False),
            callbacks=[average, *callbacks, saved],
            verbose=0,
        )
    return objective.averaged


def _batches(samples, conditions, settings):
    """A function that gives the pipeline of some rows of the samples."""

    def batches(rows, **options):
        return patterns.pipeline(
            samples[rows],
            settings.batch_size,
            conditions=None if conditions is None else conditions[rows],
            seed=settings.seed,
            **options,
        )

    return batches


_NETWORKS = {"epsilon": ResNet, "v_prediction": UNet}


def _networks(training, settings, names, condition):
    """(network, one for the average of its weights), which start the same."""
    keras.utils.set_random_seed(settings.seed)
    make, options = _NETWORKS.get(settings.objective, Denoiser), {"names": names}
    if make is Denoiser:
        options |= {"size": settings.size, "precision": settings.precision}
        options["condition"] = condition
    if make is ResNet:
        options["alpha"] = settings.alpha
    network, averaged = (
        make(training.shape[1:3], training.shape[3], **options) for _ in range(2)
    )
    for one in (network, averaged):
        one.build_from_config({})
        one.adapt(training)
    averaged.set_weights(network.get_weights())
    return network, averaged


def _objective(network, averaged, settings, total):
    """An `Objective` of so many steps, compiled."""
    objective = Objective(network, averaged, settings.objective, settings.seed)
    warmup = min(settings.warmup, total // 10)
    schedule = WarmupCosine(settings.learning_rate, warmup, total)
    optimizer = keras.optimizers.Adam(
        schedule, beta_2=0.99, global_clipnorm=settings.clip
    )
    objective.compile(optimizer, jit_compile=False)
    optimizer.build(network.trainable_variables)
    return objective
