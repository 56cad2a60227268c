"""A local velocity from a trained score alone, in closed form.

v = Σ c_k f_k is linear in D and the last layer of a `local_velocity.LocalVelocity`, so
the residual of `rdtf.dynamics.residual` is, too, and

    c = argmin  cᵀ V c / cᵀ G c,    V = Cov (r_k, r_l)
                                    G = E f_k f_l within an equation, else 0

V from products of different probes. The means of r_k, 0 for any field and an exact
score, are left out; without that the error of a trained score hides the velocity.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
import tensorflow as tf

from rdtf.dynamics import local_velocity, residual
from rdtf.generative.networks import Network

_BATCH = 16
_RIDGE = 1e-7  # of V, beside a mean diagonal of 1, in units of the terms
_JITTER = 1e-10  # of G with diagonal 1, for terms that depend on others


def from_score(
    samples: np.ndarray,
    network: Network,
    sigma: float = 0.7,
    names=None,
    widths=(12, 12),
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> local_velocity.LocalVelocity:
    """The local velocity whose residual with a trained score is the least.

    Hidden layers stay as they are drawn. Its sign is that of diffusion, its unit of
    time such that E |v|², summed over species in standard deviations of the data, is 1
    at the denoised patterns.

    Args:
      samples: `[n, y, x, species]`, that move.
      network: a denoiser of such patterns.
      sigma: of the noise, in standard deviations of the data.
      names, widths, seed: as for `local_velocity.from_snapshots`.
      progress: called with (noisy patterns done, all of them).
    """
    velocity = local_velocity.start(samples, names, widths, seed)
    standard = velocity.standardise(samples)
    rows, gram = moments(
        velocity, network, standard, sigma, seed=seed, progress=progress
    )
    coefficients = null_vector(rows, gram)
    forward = np.flatnonzero(np.diff(velocity.owners, prepend=-1))
    coefficients *= np.sign(coefficients[forward].sum())
    velocity.set_coefficients(
        coefficients / np.sqrt(coefficients @ gram @ coefficients)
    )
    return velocity


def moments(
    velocity: local_velocity.LocalVelocity,
    network: Network,
    x: np.ndarray,
    sigma: float,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray]:
    """(r by term and probe `[n, probes, terms]`, G `[terms, terms]`), per cell.

    Args:
      velocity: whose terms.
      network: a denoiser.
      x: standardised patterns, `[n, y, x, species]`.
      sigma, seed: of the noise.
      progress: called with (noisy patterns done, all of them).
    """
    species = len(velocity.mean)

    @tf.function(autograph=False)
    def batch(x, seed):
        level = tf.fill(tf.shape(x)[:1], tf.constant(sigma, tf.float32))
        at = residual.noised(network.denoise, x, level, seed)
        rows = []
        for p in range(at.probes.shape[1]):
            change = at.changes[:, p]
            with tf.autodiff.ForwardAccumulator(at.states, change) as accumulator:
                fields = velocity.fields(at.states)
            moved = [accumulator.jvp(field) for field in fields]
            rows.append(
                tf.concat(
                    [
                        tf.einsum("nyxk,nyx->nk", moved[s], at.probes[:, p, ..., s])
                        + tf.einsum("nyxk,nyx->nk", fields[s], at.score[..., s])
                        for s in range(species)
                    ],
                    -1,
                )
            )
        exact = [tf.cast(field, tf.float64) for field in fields]
        grams = [tf.einsum("nyxk,nyxl->kl", field, field) for field in exact]
        return tf.stack(rows, 1), grams

    rows, gram = [], 0.0
    for first in range(0, len(x), _BATCH):
        part = tf.constant(x[first : first + _BATCH], tf.float32)
        found, grams = batch(part, tf.constant([seed, first]))
        rows.append(np.float64(found))
        gram = gram + scipy.linalg.block_diag(*(g.numpy() for g in grams))
        progress(first + len(part), len(x))
    return np.concatenate(rows), gram / np.prod(x.shape[:3])


def null_vector(rows: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """c of the module, from `moments`."""
    count, probes = rows.shape[:2]
    off = rows - rows.mean(0)
    total = off.sum(1)
    covariance = total.T @ total - np.einsum("npk,npl->kl", off, off)
    covariance /= probes * (probes - 1) * (count - 1)
    size = np.sqrt(np.diag(gram))
    covariance = covariance / np.outer(size, size)
    covariance += _RIDGE * np.trace(covariance) / len(size) * np.eye(len(size))
    scaled = gram / np.outer(size, size) + _JITTER * np.eye(len(size))
    return scipy.linalg.eigh(covariance, scaled)[1][:, 0] / size
