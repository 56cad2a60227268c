"""A velocity from a data set of patterns, and how near it is to the true one.

What each model can be learnt from (`supervision`); "pairs" needs at least one of them:

    local   "snapshots"  their moments
            "residual"   a trained score
            "pairs"      themselves; all in closed form
    unet    "snapshots"  moments and a trained score    "residual"  a trained score
            "pairs"      themselves, all by gradient descent
    skew    "pairs"      by gradient descent; v keeps the distribution of a score
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What is learnt, and what from.

    Attributes:
      model, supervision: see the module.
      num_snapshots: the first so many patterns that move.
      num_pairs: the first so many of those. With a LocalVelocity that is not learnt
        from pairs they set the unit of time; without them E |v|², summed over species
        in standard deviations of the data, is about 1.
      widths: of the hidden layers of the model; None: those of its class.
      seed: of the weights.
    """

    model: str = "local"
    supervision: str = "snapshots"
    num_snapshots: int = 256
    num_pairs: int = 0
    widths: tuple[int, ...] | None = None
    seed: int = 0


_OPTIONS = Options()


def train(
    data: patterns.DataSet,
    options: Options = _OPTIONS,
    *,
    network: Network | None = None,
    settings: dials.Settings = _SETTINGS,
    workdir=None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Velocity, dict]:
    """A velocity, and what is known of it: sizes, diffusivities, distance to the truth.

    Args:
      data: stills of one preset that move, in two dimensions, on unit cells.
      options: what is learnt, and what from; of model "library" see `library_flows`.
      network: a denoiser of such patterns, where a trained score is asked for.
      settings, workdir, callbacks: of gradient descent, see `supervision.train`.
      progress: called with (noisy patterns done, all of them), where there are any.

    Returns:
      (velocity, result), the second as result.json of apps.train_flow has it.

    Raises:
      InputError: if the data are not so, or there is no such supervision of a model.
    """
    check(options.model, options.supervision, options.num_pairs, network)
    used = chosen(data, options.num_snapshots, options.num_pairs)
    own = snapshots.in_units(data)[used]
    if network is not None:
        residual.check(network, own.mean((0, 1, 2)), own.std((0, 1, 2)))
    if options.model == "local":
        velocity, found = _learn_local(
            data, options, used, own, network=network, progress=progress
        )
    else:
        pairs = _pairs(data, options, used)
        velocity = _start(data, options, own, pairs, network)
        known = dials.Known()
        if options.supervision != "pairs":
            standard = (own - np.array(velocity.mean)) / np.array(velocity.scale)
            both = options.supervision == "snapshots"
            known = dials.known_of_snapshots(
                standard, network, settings, both, progress
            )
        if pairs is not None:
            known = _with_pairs(known, velocity, data, pairs)
        found = {"losses": dials.train(velocity, known, settings, workdir, callbacks)}
    result = {"model": options.model, "supervision": options.supervision}
    result |= {"snapshots": len(used), "pairs": options.num_pairs} | found
    return velocity, result | _compared(velocity, data, used, bool(options.num_pairs))


def check(model: str, supervision: str, num_pairs: int, network) -> None:
    """Raises InputError if there is no such supervision of a model, or something lacks.

    Args:
      model: a name of `rdtf.names.VELOCITIES`.
      supervision: a name of `rdtf.names.SUPERVISIONS`.
      num_pairs: how many pairs are to be used.
      network: a denoiser, or None.
    """
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
            "Expected --supervision=pairs with --velocity=skew, which keeps the "
            "distribution whatever its weights: snapshots say nothing about them. Got "
            f"{supervision}."
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


def _pairs(data, options, used):
    """(states, rates) of the pairs that are used, or None."""
    count = options.num_pairs
    return snapshots.rates(data, used[:count]) if count else None


def _learn_local(data, options, used, samples, *, network, progress):
    """(a local velocity in closed form, what there is to say of it)."""
    start = {"names": list(data.metadata["species"]), "seed": options.seed}
    if options.widths is not None:
        start["widths"] = options.widths
    found, supervision = {}, options.supervision
    if supervision == "pairs":
        velocity = local_velocity.start(samples, **start)
        pair_training.learn_from(velocity, data, used[: options.num_pairs])
    elif supervision == "residual":
        velocity = score_fits.from_score(samples, network, progress=progress, **start)
    else:
        velocity, result = local_velocity.from_snapshots(samples, **start)
        found = {"gap": result.gap, "is_determined": result.is_determined}
    pairs = _pairs(data, options, used)
    if supervision != "pairs" and pairs is not None:
        factor = _factor(velocity, *pairs)
        if factor > 0.0:
            velocity.rescale(factor)
        else:
            logging.warning("The pairs run backwards in time for this velocity.")
    diffusivity = velocity.diffusivity.numpy().tolist()
    return velocity, found | {
        "diffusivity": dict(zip(velocity.names, diffusivity, strict=True)),
        "lifted": [velocity.names[s] for s in velocity.lifted],
    }


def _start(data, options, samples, pairs, network):
    """A velocity with random weights, for gradient descent."""
    keras.utils.set_random_seed(options.seed)
    mean, scale = samples.mean((0, 1, 2)), samples.std((0, 1, 2))
    rates = np.ones(1) if pairs is None else pairs[1] / scale
    own = {"names": list(data.metadata["species"])}
    own["speed"] = float(np.sqrt(np.mean(rates**2)))
    if options.widths is not None:
        own["widths"] = options.widths
    if options.model == "skew":
        velocity = SkewVelocity(network, **own)
    else:
        velocity = UNetVelocity(mean, scale, **own)
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


def _compared(velocity, data, used, signed):
    """How near it is to the true field on other snapshots; {} if that is unknown."""
    rest = np.setdiff1d(np.flatnonzero(data.status == patterns.MOVING), used)
    shown = snapshots.in_units(data)[rest[:_HELD_OUT] if len(rest) else used]
    truth = true_velocity(data, shown)
    if truth is None:
        return {}
    found = {"compared_on": "held out" if len(rest) else "the same"}
    return found | compare(evaluate(velocity, shown), truth, signed)


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
    """∂s/∂t by the equation of a data set, `[n, y, x, species]`; None if unknown."""
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
    """Cosine of two fields, in all and by species, and the error after scaling.

    Args:
      found, truth: `[n, y, x, species]`.
      signed: whether sign and size of the first mean something.
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
