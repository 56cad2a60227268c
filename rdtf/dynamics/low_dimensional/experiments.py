"""An experiment: points, a velocity, others to compare it with, and numbers."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf.dynamics import equilibrium
from rdtf.dynamics.low_dimensional import data, evaluation, training
from rdtf.dynamics.low_dimensional.networks import PointScore, PointVelocity
from rdtf.dynamics.low_dimensional.polynomials import Polynomials
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """What was found.

    Attributes:
      points: the data.
      score, velocity: networks.
      fields: functions of arrays `[n, d]`: the score, the velocity "learned", v = K s
        "training_free", "random" weights; of Lorenz "polynomials" of degree 2.
      result: numbers of each.
    """

    points: data.Points
    score: PointScore
    velocity: PointVelocity
    fields: dict[str, Callable]
    result: dict


def run(
    name: str,
    settings: training.Settings,
    alpha: float | None = None,
    num_pairs: int = 0,
    symmetric: bool = False,
    progress: training.Progress = training.no_progress,
) -> Experiment:
    """Trains and compares.

    Args:
      name: of `data.NAMES`.
      settings: of both trainings; its seed is that of the data, too.
      alpha: ᾱ of the noise; default: what is usual for the data.
      num_pairs: points whose rates are known to the velocity.
      symmetric: whether it commutes with the turns that keep the distribution of the
        points.
      progress: called every 100 steps of both trainings.

    Raises:
      InputError: if there are no such data, or no rates.
    """
    points = data.make(name, settings.seed)
    if num_pairs and points.rates is None:
        raise InputError(f"Expected no --num_pairs of {name}, which has no dynamics.")
    sigma = points.sigma if alpha is None else data.level(alpha)
    pairs = None
    if num_pairs:
        pairs = points.samples[-num_pairs:], points.rates[-num_pairs:]
    score = training.train_score(points.samples, settings, progress)
    turns = evaluation.turns(points.samples, settings.seed) if symmetric else None
    velocity = training.train_velocity(
        points.samples,
        score,
        sigma,
        settings,
        pairs=pairs,
        turns=turns,
        progress=progress,
    )
    fields = _fields(score, velocity, sigma, settings.seed)
    result = {"dataset": name, "sigma": sigma, "pairs": num_pairs, "turns": turns}
    result["residual"] = evaluation.residual(velocity, score, points, sigma)
    row = Row(points, sigma, settings.seed)
    rows = {n: row(field) for n, field in fields.items()}
    if points.rates is not None:
        found = Polynomials(points.samples.shape[-1])
        gap = found.fit_snapshots(points.samples).gap
        fields["polynomials"] = found
        clean = evaluation.discrepancies(found, points, 0.0, settings.seed)
        rows["polynomials"] = row(found) | clean | {"gap": gap}
    return Experiment(
        points=points,
        score=score,
        velocity=velocity,
        fields=fields,
        result=result | {"fields": rows},
    )


def _fields(score, velocity, sigma, seed):
    """All but the polynomials, see `Experiment.fields`."""
    other = PointVelocity(velocity.dimension)
    scored = of_arrays(lambda x: score(x, sigma=sigma))
    turn = equilibrium.antisymmetric(velocity.dimension, seed)
    return {
        "learned": of_arrays(velocity),
        "training_free": lambda x: scored(x) @ turn.T,
        "random": of_arrays(other),
        "score": scored,
    }


def of_arrays(network):
    """The same of arrays, compiled."""
    compiled = tf.function(network, reduce_retracing=True)
    return lambda x: np.float64(compiled(tf.constant(x, tf.float32)))


class Row:
    """The numbers of one field: squared MMD and, where there is a truth, cosines.

    Args:
      points, sigma, seed: see `evaluation.Comparison`.
    """

    def __init__(self, points: data.Points, sigma: float, seed: int):
        self._all = points, sigma, seed
        known = points.rates is not None
        self._comparison = evaluation.Comparison(*self._all) if known else None

    def __call__(self, field: Callable) -> dict:
        """Of a function of arrays `[n, d]`."""
        found = evaluation.discrepancies(field, *self._all)
        if self._comparison is not None:
            found |= self._comparison.cosines(field)
        return found
