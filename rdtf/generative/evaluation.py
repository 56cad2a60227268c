"""Samples against real patterns: every number beside that of real against real."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from rdtf import patterns
from rdtf.generative import quality
from rdtf.generative.layers import PeriodicConv2D
from rdtf.simulation import Simulation
from rdtf.status import InputError

FEWEST = 16  # samples, and real ones in each half
_DIRECTIONS = 16


@dataclasses.dataclass(frozen=True)
class Score:
    """One number.

    Attributes:
      name: what is compared.
      value: of the samples against real patterns.
      floor: of real patterns against other real ones.
      meaning: what is good, in words.
    """

    name: str
    value: float
    floor: float
    meaning: str


def evaluate(
    samples: np.ndarray,
    real: np.ndarray,
    training: np.ndarray,
    simulation: Simulation | None = None,
    params=None,
    steps: int = 200,
    seed: int = 0,
) -> list[Score]:
    """All scores of samples `[n, y, x, species]`.

    Args:
      samples: made ones.
      real: patterns that the denoiser was not trained on; one half stands for the
        truth, the other for perfect samples.
      training: patterns that it was trained on, for what was learnt by heart.
      simulation, params, steps: of the critic, see `critic`; without, it is left out.
      seed: of the halves, of permutations, and of the classifier.

    Raises:
      InputError: if there are too few, or the grids differ.
    """
    if samples.shape[1:] != real.shape[1:] or samples.shape[1:] != training.shape[1:]:
        raise InputError(
            f"Expected samples on the grid of the data, {real.shape[1:]}, got "
            f"{samples.shape[1:]}."
        )
    if len(samples) < FEWEST or len(real) < 2 * FEWEST:
        raise InputError(
            f"Expected at least {FEWEST} samples and {2 * FEWEST} held-out patterns, "
            f"got {len(samples)} and {len(real)}."
        )
    order = np.random.default_rng(seed).permutation(len(real))
    truth, other = real[order[::2]], real[order[1::2]]
    scores = [
        Score(name, measure(samples, truth), measure(other, truth), meaning)
        for name, measure, meaning in _COMPARISONS
    ]
    vectors = [quality.features(x, truth) for x in (samples, other, truth)]
    made, among = (
        quality.energy_distance(x, vectors[2], seed=seed) for x in vectors[:2]
    )
    scores += [
        Score("energy distance", made[0], among[0], "0 if alike"),
        Score("its p-value", made[1], among[1], "small if they differ"),
        Score(
            "classifier AUC",
            classifier_auc(samples, truth, seed),
            classifier_auc(other, truth, seed),
            "0.5 if alike",
        ),
    ]
    near = [float(quality.nearest(x, training).min()) for x in (samples, other)]
    scores.append(Score("nearest to training", *near, "0 for a copy"))
    if simulation is not None:
        scores += critic(
            samples, truth, other, simulation=simulation, params=params, steps=steps
        )
    return scores


def _transport(first, second):
    """Largest Wasserstein distance of values of a species, in standard deviations."""
    return max(
        stats.wasserstein_distance(first[..., s].ravel(), second[..., s].ravel())
        / second[..., s].std()
        for s in range(second.shape[-1])
    )


def _joint_transport(first, second):
    """Sliced Wasserstein distance of all species at a cell, in standard deviations.

    Mean over fixed directions in the space of whitened species (Bonneel et al. 2015,
    doi:10.1007/s10851-014-0506-3).
    """
    flat = [x.reshape(-1, x.shape[-1]) for x in (first, second)]
    values, axes = np.linalg.eigh(np.cov(flat[1].T).reshape(flat[1].shape[1], -1))
    white = axes / np.sqrt(np.maximum(values, 1e-12 * values.max()))
    ways = np.random.default_rng(0).normal(size=(_DIRECTIONS, len(values)))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    return float(
        np.mean(
            [
                stats.wasserstein_distance(*(x @ (white @ way) for x in flat))
                for way in ways
            ]
        )
    )


def minkowski_distance(first, second):
    """Rms difference of mean functionals, in standard deviations over samples."""
    off = []
    for s in range(second.shape[-1]):
        levels = quality.thresholds(second[..., s])
        a, b = (quality.minkowski(x[..., s], levels) for x in (first, second))
        off.append((a.mean(0) - b.mean(0)) / np.maximum(b.std(0), 1e-9))
    return float(np.sqrt(np.mean(np.square(off))))


_COMPARISONS = (
    ("spectrum", quality.spectrum_distance, "rms of ln power, 0 if alike"),
    ("small scales", quality.small_scales, "ln of their power, 0 if alike"),
    ("coherence", quality.coherence_distance, "of species, rms over waves, 0 if alike"),
    ("values", _transport, "standard deviations, 0 if alike"),
    ("joint values", _joint_transport, "standard deviations, 0 if alike"),
    ("Minkowski functionals", minkowski_distance, "standard deviations, 0 if alike"),
)


def critic(
    samples: np.ndarray,
    truth: np.ndarray,
    other: np.ndarray,
    *,
    simulation: Simulation,
    params,
    steps: int,
) -> list[Score]:
    """The simulator as a critic: how samples move, and drift, under the true equation.

    All ensembles run for `steps`; what is not a pattern of this equation relaxes.

    Args:
      samples: made ones, `[n, y, x, species]`.
      truth: real ones.
      other: more real ones, which stand for perfect samples.
      simulation: of the true equation.
      params: of its model.
      steps: of the run.
    """
    moves, drifts, scale = [], [], truth.std((0, 1, 2))
    spread = np.maximum(quality.features(truth, truth).std(0), 1e-9)
    for ensemble in (samples, other, truth):
        state = tuple(tf.constant(np.float64(x)) for x in np.moveaxis(ensemble, -1, 0))
        end = simulation.advance(state, params, steps)
        after = np.stack([x.numpy() for x in end], -1)
        moves.append(np.sqrt(np.mean(((after - ensemble) / scale) ** 2)))
        before, later = (quality.features(x, truth) for x in (ensemble, after))
        drifts.append(np.sqrt(np.mean(((later - before).mean(0) / spread) ** 2)))
    return [
        Score(
            f"moves in {steps} steps", *(m / moves[2] for m in moves[:2]), "1 if alike"
        ),
        Score(f"drifts in {steps} steps", *drifts[:2], "0 if stationary"),
    ]


def classifier_auc(first, second, seed: int = 0, steps: int = 200) -> float:
    """Area under the ROC curve of a small network that tells two ensembles apart.

    Lopez-Paz & Oquab 2017, arXiv:1610.06545. Half of each is for training; the network
    is periodic and its samples are moved by symmetries, so places tell nothing.

    Args:
      first, second: the ensembles, `[n, y, x, species]`.
      seed: of weights, halves, batches and moves.
      steps: of training.
    """
    keras.utils.set_random_seed(seed)
    fields = np.concatenate([first, second])
    fields = np.float32((fields - fields.mean((0, 1, 2))) / fields.std((0, 1, 2)))
    label = np.repeat([0.0, 1.0], [len(first), len(second)])
    order = np.random.default_rng(seed).permutation(len(fields))
    train, test = order[::2], order[1::2]
    network = _classifier(fields.shape[1:])
    network.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    rng, square = np.random.default_rng(seed), fields.shape[1] == fields.shape[2]
    for step in range(steps):
        rows = rng.choice(train, min(32, len(train)), replace=False)
        batch = patterns.move(
            tf.constant(fields[rows]), tf.constant([seed, step]), square
        )
        network.train_on_batch(batch, label[rows])
    found = network.predict(fields[test], verbose=0)[:, 0]
    rank = stats.mannwhitneyu(found[label[test] == 1.0], found[label[test] == 0.0])
    number = (label[test] == 1.0).sum() * (label[test] == 0.0).sum()
    return float(rank.statistic / number)


def _classifier(shape):
    layers = [keras.layers.Input(shape)]
    for width in (16, 32, 32):
        layers += [
            PeriodicConv2D(width),
            keras.layers.Activation("silu"),
            keras.layers.AveragePooling2D(2),
        ]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, "sigmoid")]
    return keras.Sequential(layers)
