"""A velocity from a data set of patterns, and how near to the true one it is.

What each model is learnt from (`supervision`), "pairs" of all with at least one of them:

    local   "snapshots"  their moments    "residual"  a trained score    "pairs"  themselves,
            all in closed form
    unet    "snapshots"  moments and a trained score    "residual"  a trained score
            "pairs"      themselves, all by gradient descent
    skew    "pairs"      by gradient descent; it keeps the law of a trained score as it is
    library "snapshots", "pairs"; see `rdtf.dynamics.library_flows`
"""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from rdtf import Grid, Simulation, models, patterns
from rdtf.dynamics import (
    identification,
    local_velocity,
    pair_training,
    residual,
    score_fits,
    snapshots,
)
from rdtf.dynamics import supervision as dials
from rdtf.dynamics.network_velocities import SkewVelocity, UNetVelocity
from rdtf.dynamics.velocity import Velocity
from rdtf.generative.networks import Network
from rdtf.names import SUPERVISIONS, VELOCITIES
from rdtf.status import InputError

_BATCH = 64
_HELD_OUT = 128  # snapshots
_SETTINGS = dials.Settings()


def train(
    data: patterns.DataSet,
    *,
    model: str = "local",
    supervision: str = "snapshots",
    num_snapshots: int = 256,
    num_pairs: int = 0,
    widths: tuple[int, ...] | None = None,
    network: Network | None = None,
    settings: dials.Settings = _SETTINGS,
    workdir=None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    seed: int = 0,
) -> tuple[Velocity, dict]:
    """(a velocity, what is known of it).

    Args:
      data: stills of one preset that move, in two dimensions, on unit cells.
      model, supervision: see the module; not "library".
      num_snapshots: the first so many that move.
      num_pairs: the first so many of those. With a LocalVelocity that is not learnt from
        pairs they settle the unit of time; without, E |v|², summed over species in standard
        deviations of the data, is about 1.
      widths: of the hidden layers of the model; default: those of its class.
      network: a denoiser of such patterns, where a trained score is asked for.
      settings, workdir, callbacks: of gradient descent, see `supervision.train`.
      progress: called with (noisy patterns done, all of them), where there are any.
      seed: of the weights.

    Raises:
      InputError: if the data are not so, or there is no such supervision of a model.
    """
    check(model, supervision, num_pairs, network)
    used = chosen(data, num_snapshots, num_pairs)
    samples, names = snapshots.in_units(data), list(data.metadata["species"])
    own = samples[used]
    options = {"names": names} | ({} if widths is None else {"widths": widths})
    result = {"model": model, "supervision": supervision}
    result |= {"snapshots": len(used), "pairs": num_pairs}
    pairs = snapshots.rates(data, used[:num_pairs]) if num_pairs else None
    if network is not None:
        residual.check(network, own.mean((0, 1, 2)), own.std((0, 1, 2)))
    if model != "local":
        velocity = _start(model, own, pairs, network, options, seed)
        known = dials.Known()
        if supervision != "pairs":
            standard = (own - np.array(velocity.mean)) / np.array(velocity.scale)
            known = dials.known_of_snapshots(
                standard, network, settings, supervision == "snapshots", progress
            )
        if pairs is not None:
            known = _with_pairs(known, velocity, data, pairs)
        result["losses"] = dials.train(velocity, known, settings, workdir, callbacks)
    elif supervision == "pairs":
        velocity = local_velocity.start(own, seed=seed, **options)
        pair_training.learn_from(velocity, data, used[:num_pairs])
    elif supervision == "residual":
        velocity = score_fits.from_score(
            own, network, seed=seed, progress=progress, **options
        )
    else:
        velocity, found = local_velocity.from_snapshots(own, seed=seed, **options)
        result |= {"gap": found.gap, "is_determined": found.is_determined}
    if model == "local":
        result |= _finish_local(velocity, supervision, pairs)
    rest = np.setdiff1d(np.flatnonzero(data.status == patterns.MOVING), used)
    seen = own if len(rest) == 0 else samples[rest[:_HELD_OUT]]
    truth = true_velocity(data, seen)
    if truth is not None:
        result |= {"compared_on": "held out" if len(rest) else "the same"}
        result |= compare(evaluate(velocity, seen), truth, bool(num_pairs))
    return velocity, result


def check(model: str, supervision: str, num_pairs: int, network) -> None:
    """Raises InputError if there is no such supervision of a model, or something lacks."""
    for word, name, known in (
        ("model", model, VELOCITIES),
        ("supervision", supervision, SUPERVISIONS),
    ):
        if name not in known:
            raise InputError(
                f"Expected a {word} among {', '.join(known)}, got {name!r}."
            )
    if model == "skew" and supervision != "pairs":
        raise InputError(
            "Expected --supervision=pairs with --velocity=skew, which keeps the law as it "
            f"is: without pairs nothing is left to learn. Got {supervision}."
        )
    if model == "library" and supervision == "residual":
        raise InputError(
            "Expected --supervision=snapshots or pairs with --velocity=library, got "
            "residual."
        )
    if supervision == "pairs" and not num_pairs:
        raise InputError("Expected --num_pairs of at least 1 with --supervision=pairs.")
    wanted = model == "skew" or supervision == "residual"
    wanted |= model == "unet" and supervision == "snapshots"
    if wanted != (network is not None):
        word = "a --denoiser of apps.train_score" if wanted else "no --denoiser"
        raise InputError(
            f"Expected {word} with --velocity={model} --supervision={supervision}."
        )


def _start(model, samples, pairs, network, options, seed):
    """A velocity with random weights."""
    keras.utils.set_random_seed(seed)
    mean, scale = samples.mean((0, 1, 2)), samples.std((0, 1, 2))
    rates = np.ones(1) if pairs is None else pairs[1] / scale
    options = options | {"speed": float(np.sqrt(np.mean(rates**2)))}
    if model == "skew":
        velocity = SkewVelocity(network, **options)
    else:
        velocity = UNetVelocity(mean, scale, **options)
    velocity.build((None, None, None, samples.shape[-1]))
    return velocity


def _with_pairs(known, velocity, data, pairs):
    """What gradient descent is given, pairs too."""
    mean, scale = np.array(velocity.mean), np.array(velocity.scale)
    states, rates = pairs
    duration = 0.0
    if len(states) > 1:
        duration = data.metadata["pairs"] * data.metadata["time_step"]
    return dataclasses.replace(
        known,
        states=tf.constant((states[0] - mean) / scale, tf.float32),
        rates=tf.constant(rates / scale, tf.float32),
        duration=duration,
    )


def _finish_local(velocity, supervision, pairs):
    """Settles its unit of time; what there is to say of its diffusivities."""
    if supervision != "pairs" and pairs is not None:
        factor = _factor(velocity, *pairs)
        if factor > 0.0:
            velocity.rescale(factor)
        else:
            logging.warning("The pairs run backwards in time for this velocity.")
    diffusivity = velocity.diffusivity.numpy().tolist()
    return {
        "diffusivity": dict(zip(velocity.names, diffusivity, strict=True)),
        "lifted": [velocity.names[s] for s in velocity.lifted],
    }


def chosen(data: patterns.DataSet, num_snapshots: int, num_pairs: int) -> np.ndarray:
    """Indices of the samples that are used; raises InputError if they do not do."""
    snapshots.check(data, num_pairs)
    found = np.flatnonzero(data.status == patterns.MOVING)[:num_snapshots]
    if len(found) < identification.FEWEST:
        raise InputError(
            f"Expected at least {identification.FEWEST} patterns that move, got "
            f"{len(found)}: at rest only apps.identify says something."
        )
    return found


def _factor(velocity, states, rates):
    """What makes a velocity fit rates best, all species alike."""
    v = sum(evaluate(velocity, state) for state in states) / len(states)
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


def evaluate(velocity, samples: np.ndarray) -> np.ndarray:
    """v at states `[n, y, x, species]`, float64."""
    parts = [
        velocity(tf.constant(samples[first : first + _BATCH], tf.float32)).numpy()
        for first in range(0, len(samples), _BATCH)
    ]
    return np.float64(np.concatenate(parts))
