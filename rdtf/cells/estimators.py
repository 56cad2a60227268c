"""Smooth utilities of raw states, to be climbed by gradients. All in bits per cell.

A soft fate is q = sigmoid(T (s - 1/2)), T the temperature (inverse, as published).
S_pattern is the binary entropy of the mean of q.
"""

import math
from typing import Protocol

import tensorflow as tf

from rdtf.cells import utility
from rdtf.cells.tissue import Tissue
from rdtf.names import SOFT_ESTIMATORS
from rdtf.status import InputError

_TINY = 1e-10


def soft_fates(states: tf.Tensor, temperature) -> tf.Tensor:
    """sigmoid(T (s - 1/2)), `[replicate, cell]`."""
    flat = tf.reshape(states, [tf.shape(states)[0], -1])
    return tf.sigmoid(temperature * (flat - utility.THRESHOLD))


def _log2(x):
    return tf.math.log(x) / math.log(2.0)


def _entropy(p):
    """-p log2 p - (1 - p) log2(1 - p)."""
    return -tf.math.xlogy(p, p + _TINY) / math.log(2.0) - tf.math.xlogy(
        1.0 - p, 1.0 - p + _TINY
    ) / math.log(2.0)


def _kernel(q, bandwidth):
    """-(1/RN) Σ_i log2 (1/R) Σ_j exp(-|q_i - q_j|² / 2h²)."""
    norms = tf.reduce_sum(tf.square(q), axis=1)
    squares = norms[:, None] + norms[None, :] - 2.0 * tf.matmul(q, q, transpose_b=True)
    alike = tf.exp(-tf.nn.relu(squares) / (2.0 * bandwidth**2))
    share = tf.clip_by_value(tf.reduce_mean(alike, axis=1), _TINY, 1.0)
    return -tf.reduce_mean(_log2(share)) / q.shape[1]


def kernel(states: tf.Tensor, temperature, bandwidth: float = 0.4) -> tf.Tensor:
    """U with S_reproducibility from a Gaussian kernel of replicates' soft fates."""
    q = soft_fates(states, temperature)
    return _entropy(tf.reduce_mean(q)) - _kernel(q, bandwidth)


def straight_through(states: tf.Tensor, temperature, bandwidth: float = 0.1):
    """The published estimator: `kernel` of states that were set to 0 or 1 before.

    The gradient takes the threshold for the identity. Patterns are then so far apart
    that exp(-|q_i - q_j|² / 2h²) vanishes, and with it the gradient of
    S_reproducibility.
    """
    hard = tf.cast(states >= utility.THRESHOLD, states.dtype)
    return kernel(states + tf.stop_gradient(hard - states), temperature, bandwidth)


def bernoulli(states: tf.Tensor, temperature) -> tf.Tensor:
    """U with the exact entropy of p(x), the mean of Π q^x (1 - q)^(1 - x)."""
    q = soft_fates(states, temperature)
    joint = tf.ones_like(q[:, :1])
    for cell in range(q.shape[1]):
        one = q[:, cell, None]
        joint = tf.concat([joint * (1.0 - one), joint * one], axis=1)
    p = tf.reduce_mean(joint, axis=0)
    entropy = -tf.reduce_sum(p * _log2(p + _TINY))
    return _entropy(tf.reduce_mean(q)) - entropy / q.shape[1]


def causal(states: tf.Tensor, temperature, tissue: Tissue) -> tf.Tensor:
    """U with the entropy of a fate given those before it, see `utility.contexts`."""
    q = soft_fates(states, temperature)
    site, before = utility.contexts(tissue)
    joint = tf.ones_like(tf.gather(q, site, axis=1))[..., None]
    for column in (*before.T, site):
        one = tf.gather(q, column, axis=1)[..., None]
        joint = tf.concat([joint * (1.0 - one), joint * one], axis=2)
    p = tf.reduce_mean(joint, axis=[0, 1])  # the fate itself is the last factor
    context = p[: len(p) // 2] + p[len(p) // 2 :]
    conditional = tf.reduce_sum(context * _log2(context + _TINY)) - tf.reduce_sum(
        p * _log2(p + _TINY)
    )
    return _entropy(tf.reduce_mean(q)) - conditional


class Estimator(Protocol):
    """A smooth utility."""

    def __call__(self, states: tf.Tensor, temperature) -> tf.Tensor:
        """U of states `[replicate, *cells]` in bits per cell, one number."""


def get(name: str, tissue: Tissue, bandwidth: float) -> Estimator:
    """The estimator of that name as a function of (states, temperature).

    Raises:
      InputError: if there is none, or it does not suit the tissue.
    """
    if name == "kernel":
        return lambda states, t: kernel(states, t, bandwidth)
    if name == "straight_through":
        return lambda states, t: straight_through(states, t, bandwidth)
    if name == "bernoulli":
        if tissue.cells > utility.MOST_CELLS:
            raise InputError(
                f"Expected at most {utility.MOST_CELLS} cells with bernoulli, which "
                f"enumerates patterns, got {tissue.cells}: use kernel, or causal on a "
                "lattice."
            )
        return bernoulli
    if name == "causal":
        utility.contexts(tissue)
        return lambda states, t: causal(states, t, tissue)
    raise InputError(
        f"Expected an estimator among {', '.join(SOFT_ESTIMATORS)}, got {name!r}."
    )
