"""The stationarity residual at finite noise: whether a velocity keeps a distribution.

Patterns lie on a thin set, where no score exists. Of y = x + σ n, x standardised, n
white, the score is s(y) = (D(y, σ) - y) / σ², and if v keeps the distribution of x,

    r = ∇·v_σ + v_σ·s = 0    for    v_σ(y) = E[v(x) | y]

v itself is far from v_σ on noisy states, v(D(y, σ)) is near: its divergence is

    ∇·v(D(y)) = E n·J_v(D) J_D n,    J products with n, n random signs (Hutchinson 1989)

E r = ∫ ∇·(p v) = 0 for every v, so a mean of r says only how wrong the score is: what
counts is

    ρ = Var r / E |v|²    |v|² summed over all cells and species

which does not change if v is scaled. Of estimates r_p by independent probes, Var r is
the mean of the products of two different ones, without bias.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from rdtf.generative.networks import Network
from rdtf.status import InputError

_BATCH = 16


@dataclasses.dataclass(frozen=True)
class Noised:
    """What the residual of any velocity needs, at noisy patterns.

    Attributes:
      states: where v is evaluated, standardised `[batch, y, x, species]`.
      score: of the noisy distribution, of the same shape.
      probes: random signs, `[batch, probes, y, x, species]`.
      changes: of the states, as y changes by a probe.
    """

    states: tf.Tensor
    score: tf.Tensor
    probes: tf.Tensor
    changes: tf.Tensor


def noised(
    denoise: Callable,
    x: tf.Tensor,
    sigma: tf.Tensor,
    seed: tf.Tensor,
    probes: int = 2,
) -> Noised:
    """Noisy patterns; v is to be evaluated at what the denoiser makes of them.

    Args:
      denoise: D(y, sigma) of standardised fields, such as `Network.denoise`.
      x: standardised patterns, `[batch, y, x, species]`.
      sigma: `[batch]`.
      seed: stateless, `[2]`.
      probes: per pattern.
    """
    fold = tf.random.experimental.stateless_fold_in
    level = tf.cast(sigma, x.dtype)[:, None, None, None]
    y = x + level * tf.random.stateless_normal(
        tf.shape(x), fold(seed, 0), dtype=x.dtype
    )
    draws = [
        tf.random.stateless_uniform(tf.shape(x), fold(seed, p + 1), 0, 2, tf.int32)
        for p in range(probes)
    ]
    draws = [tf.cast(2 * draw - 1, x.dtype) for draw in draws]
    # All probes at once: to trace a network takes seconds.
    many = tf.tile(y, [probes, 1, 1, 1])
    with tf.autodiff.ForwardAccumulator(many, tf.concat(draws, 0)) as accumulator:
        value = denoise(many, tf.tile(sigma, [probes]))
    clean = value[: tf.shape(x)[0]]
    changes = tf.split(accumulator.jvp(value), probes)
    score = (clean - y) / level**2
    return Noised(clean, score, tf.stack(draws, 1), tf.stack(changes, 1))


def estimates(velocity: Callable, at: Noised) -> tuple[tf.Tensor, tf.Tensor]:
    """(r by each probe `[batch, probes]`, v) of a function of standardised states."""
    with tf.GradientTape(persistent=True) as tape:  # n·J w as w·∇(n·v)
        tape.watch(at.states)
        v = velocity(at.states)
        sums = [v * at.probes[:, p] for p in range(at.probes.shape[1])]
    rows = []
    for p, along in enumerate(sums):
        gradient = tape.gradient(along, at.states, unconnected_gradients="zero")
        rows.append(tf.reduce_sum(gradient * at.changes[:, p], (1, 2, 3)))
    along = tf.reduce_sum(v * at.score, (1, 2, 3))
    return tf.stack(rows, 1) + along[:, None], v


def variance(r: tf.Tensor) -> tf.Tensor:
    """Var r over the batch, from `[batch, probes]`; one probe is taken as exact."""
    count, probes = tf.cast(tf.shape(r)[0], r.dtype), r.shape[1]
    off = r - tf.reduce_mean(r, 0)
    square = tf.reduce_sum(off, 1) ** 2
    if probes > 1:
        square = (square - tf.reduce_sum(off**2, 1)) / (probes * (probes - 1))
    return tf.reduce_sum(square) / (count - 1)


def normalised(r: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """ρ of the module."""
    return variance(r) / tf.reduce_mean(tf.reduce_sum(v * v, (1, 2, 3)))


def standard(velocity, mean=None, scale=None) -> Callable:
    """A `velocity.Velocity` as a function of standardised states to their rates.

    Standardised by a mean and scale; default: its own.
    """
    mean = np.float32(velocity.mean if mean is None else mean)
    scale = np.float32(velocity.scale if scale is None else scale)
    return lambda x: velocity(mean + scale * x) / scale


def measure(
    velocities: dict,
    network: Network,
    samples: np.ndarray,
    sigmas: Sequence[float] = (0.1, 0.2, 0.4),
    probes: int = 2,
    seed: int = 0,
) -> dict[str, dict[float, float]]:
    """ρ of v(D(y, σ)) of each velocity at each σ.

    Args:
      velocities: name -> a `velocity.Velocity`.
      network: a denoiser of such patterns.
      samples: `[n, y, x, species]`, in units of the equation.
      sigmas: in standard deviations of the data.
      probes, seed: see `noised`.

    Raises:
      InputError: if the denoiser is of other patterns.
    """
    check(network, samples.mean((0, 1, 2)), samples.std((0, 1, 2)))
    mean, scale = network.mean.numpy(), network.scale.numpy()
    fields = [standard(velocity, mean, scale) for velocity in velocities.values()]
    x = tf.constant((samples - mean) / scale, tf.float32)

    @tf.function(autograph=False)
    def batch(x, sigma, seed):
        at = noised(network.denoise, x, tf.fill(tf.shape(x)[:1], sigma), seed, probes)
        return [estimates(field, at) for field in fields]

    found = {name: {} for name in velocities}
    for sigma in sigmas:
        level = tf.constant(sigma, tf.float32)
        parts = [
            batch(x[first : first + _BATCH], level, tf.constant([seed, first]))
            for first in range(0, len(x), _BATCH)
        ]
        for name, own in zip(velocities, zip(*parts, strict=True), strict=True):
            r, v = (tf.concat(both, 0) for both in zip(*own, strict=True))
            found[name][float(sigma)] = float(normalised(r, v))
    return found


def check(network: Network, mean, scale) -> None:
    """Raises InputError unless a denoiser has about this mean and scale."""
    own = np.concatenate([network.mean.numpy(), network.scale.numpy()])
    wanted = np.concatenate([mean, scale])
    if own.shape != wanted.shape or np.abs(own - wanted).max() > 0.1 * max(scale):
        raise InputError(
            f"Expected a denoiser of such patterns, of mean and scale "
            f"{wanted.round(3)}, got one of {own.round(3)}."
        )
