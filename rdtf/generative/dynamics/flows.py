"""A velocity from a data set of patterns, and how near to the true one it is."""

import numpy as np
import tensorflow as tf

from rdtf import Grid, Simulation, models, patterns
from rdtf.generative.dynamics import (
    identification,
    pair_training,
    snapshots,
    velocities,
)
from rdtf.status import InputError

_BATCH = 64


def train(
    data: patterns.DataSet,
    *,
    supervision: str = "snapshots",
    num_snapshots: int = 256,
    num_pairs: int = 0,
    widths: tuple[int, ...] = (32, 32),
    seed: int = 0,
) -> tuple[velocities.LocalVelocity, dict]:
    """(a local velocity, what is known of it).

    Args:
      data: stills of one preset that move, in two dimensions, on unit cells.
      supervision: "snapshots": from snapshots alone, see `velocities.from_snapshots`; pairs
        only settle the unit of time. "pairs": from pairs alone.
      num_snapshots: the first so many that move.
      num_pairs: the first so many. Without, the unit of time is that of
        `velocities.from_snapshots`.
      widths, seed: see `velocities.from_snapshots`.

    Raises:
      InputError: if the data are not so.
    """
    used = chosen(data, supervision, num_snapshots, num_pairs)
    samples, names = snapshots.in_units(data)[used], data.metadata["species"]
    options = {"names": names, "widths": widths, "seed": seed}
    result = {"supervision": supervision, "snapshots": len(used), "pairs": num_pairs}
    if num_pairs:
        states, rates = snapshots.rates(data, used[:num_pairs])
    if supervision == "pairs":
        velocity = velocities.from_pairs(samples, states, rates, **options)
        if len(states) > 1:
            pair_training.learn_from(velocity, data, used[:num_pairs])
    else:
        velocity, found = velocities.from_snapshots(samples, **options)
        result |= {"gap": found.gap, "is_determined": found.is_determined}
        if num_pairs:
            factor = _factor(velocity, states, rates)
            velocity.set_coefficients(found.coefficients * factor)
    diffusivity = velocity.diffusivity.numpy().tolist()
    result["diffusivity"] = dict(zip(names, diffusivity, strict=True))
    truth = true_velocity(data, samples)
    if truth is not None:
        result |= compare(_evaluate(velocity, samples), truth, bool(num_pairs))
    return velocity, result


def chosen(data, supervision, num_snapshots, num_pairs):
    """Indices of the samples that are used; raises InputError if they do not do."""
    snapshots.check(data, num_pairs)
    if supervision == "pairs" and not num_pairs:
        raise InputError("Expected --num_pairs of at least 1 with --supervision=pairs.")
    chosen = np.flatnonzero(data.status == patterns.MOVING)[:num_snapshots]
    if len(chosen) < identification.FEWEST:
        raise InputError(
            f"Expected at least {identification.FEWEST} patterns that move, got "
            f"{len(chosen)}: at rest only apps.identify says something."
        )
    return chosen


def _factor(velocity, states, rates):
    """What makes a velocity fit rates best, all species alike."""
    v = sum(_evaluate(velocity, state) for state in states) / len(states)
    weight = 1.0 / np.square(velocity.scale)
    return (v * rates * weight).sum() / (v * v * weight).sum()


def true_velocity(data: patterns.DataSet, samples: np.ndarray) -> np.ndarray | None:
    """∂s/∂t by the equation that made a data set, `[n, y, x, species]`; None if unknown."""
    if data.metadata["model"] not in models.MODELS:
        return None
    (preset,) = data.metadata["presets"]
    params = {
        name: tf.constant(value, tf.float64)
        for name, value in data.metadata["params"][preset].items()
    }
    simulation = Simulation(
        models.get(data.metadata["model"]), Grid(samples.shape[1:3]), 1.0
    )
    state = tuple(tf.constant(f) for f in np.moveaxis(np.float64(samples), -1, 0))
    rates = simulation.time_derivative(state, params)
    return np.stack([rate.numpy() for rate in rates], -1)


def compare(found: np.ndarray, truth: np.ndarray, signed: bool) -> dict:
    """Cosine of two fields, of all species and each, and the error after the best scalar.

    Args:
      found, truth: `[n, y, x, species]`.
      signed: whether the sign of the first means something, and its size.
    """
    cosine = _cosine(found, truth)
    result = {"cosine": cosine if signed else abs(cosine)}
    result["cosine_by_species"] = [
        abs(_cosine(found[..., s], truth[..., s])) for s in range(truth.shape[-1])
    ]
    result["error_after_scaling"] = float(np.sqrt(max(1.0 - cosine**2, 0.0)))
    if signed:
        off = np.sqrt(((found - truth) ** 2).sum() / (truth**2).sum())
        result["relative_error"] = float(off)
    return result


def _cosine(a, b):
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def _evaluate(velocity, samples):
    parts = [
        velocity(tf.constant(samples[first : first + _BATCH], tf.float32)).numpy()
        for first in range(0, len(samples), _BATCH)
    ]
    return np.float64(np.concatenate(parts))
