"""tr ∂f/∂x of a function of fields on a torus: exact if it is local, else estimated.

If no value of f depends on a cell farther away than r, then c·J c of a comb c of cells
r + 1 apart is the sum of their diagonal entries: (r + 1)² S products with J give the
trace, S species, however large the grid. (All entries of J, as in Curtis, Powell & Reid
1974, doi:10.1093/imamat/13.1.117, would take combs 2 r + 1 apart.) Otherwise signs at
random: E n·J n = tr J (Hutchinson 1989, doi:10.1080/03610918908812806).
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def exact(f: Callable, x: tf.Tensor, radius: int) -> tf.Tensor:
    """tr ∂f/∂x, `[batch]`, of f of `[batch, y, x, species]` to the same.

    Args:
      f: each value of f depends on cells at most `radius` away along each axis.
      x: where.
      radius: in cells. The teeth are the smallest divisor of the side apart that is
        larger.
    """
    _, height, width, species = x.shape
    periods = [_period(n, radius + 1) for n in (height, width)]
    combs = np.zeros((*periods, height, width), bool)
    for i, j in np.ndindex(*periods):
        combs[i, j, i :: periods[0], j :: periods[1]] = True
    combs = tf.constant(combs.reshape(-1, height, width))
    total = tf.zeros(tf.shape(x)[:1], x.dtype)
    for i in tf.range(combs.shape[0] * species):
        comb = tf.cast(combs[i // species], x.dtype)[..., None]
        probe = tf.broadcast_to(
            comb * tf.one_hot(i % species, species, dtype=x.dtype), tf.shape(x)
        )
        total += _quadratic(f, x, probe)
    return total


def _period(size, least):
    """The smallest divisor of `size` that is at least `least`, or `size`."""
    return next((n for n in range(least, size) if size % n == 0), size)


def hutchinson(
    f: Callable, x: tf.Tensor, seed: tf.Tensor, probes: int = 1
) -> tf.Tensor:
    """An unbiased estimate of tr ∂f/∂x, `[batch]`, by Rademacher probes.

    Args:
      f, x: as for `exact`, of any reach.
      seed: stateless, `[2]`.
      probes: whose mean it is.
    """
    total = tf.zeros(tf.shape(x)[:1], x.dtype)
    for p in range(probes):
        own = tf.random.experimental.stateless_fold_in(seed, p)
        draw = tf.random.stateless_uniform(tf.shape(x), own, 0, 2, tf.int32)
        total += _quadratic(f, x, tf.cast(2 * draw - 1, x.dtype))
    return total / probes


def _quadratic(f, x, probe):
    """n·J n, `[batch]`."""
    with tf.autodiff.ForwardAccumulator(x, probe) as accumulator:
        value = f(x)
    change = accumulator.jvp(value, tf.UnconnectedGradients.ZERO)
    return tf.reduce_sum(change * probe, tf.range(1, tf.rank(x)))
