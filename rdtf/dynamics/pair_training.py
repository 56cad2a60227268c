"""Velocities linear in their coefficients, learnt from pairs of states or rates."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rdtf import patterns
from rdtf.dynamics import linear, pair_fits, snapshots
from rdtf.dynamics.flow_maps import FlowMap

_NOISY = 5e-3  # noise, in deviations of a species
_SPREAD = 3.0  # of units, in rates of change
_MOST_PAIRS = 32  # of two states; each is thousands of equations


def learn_from(velocity, data: patterns.DataSet, used) -> None:
    """Sets the coefficients of a velocity from pairs of a data set.

    From rates by a regression; from two states, of the first 32 pairs, through the
    forward Euler steps that lie between them, see `learn`.

    Args:
      velocity: linear in its coefficients.
      data: with pairs.
      used: which of the samples.
    """
    states, rates = snapshots.rates(data, used)
    if len(states) == 1:
        standard = [velocity.standardise(states[0])]
        slopes = rates / velocity.scale
        velocity.set_coefficients(linear.regress(velocity, standard, slopes))
        return
    steps = data.metadata["pairs"]
    duration = steps * data.metadata["time_step"]
    now, later = (state[:_MOST_PAIRS] for state in states)
    learn(FlowMap(velocity, duration, steps, data.metadata["scheme"]), now, later)


def learn(
    flow: FlowMap,
    now: np.ndarray,
    later: np.ndarray,
    max_iterations: int = 20,
    callback: Callable[[int, float], None] = lambda *_: None,
) -> pair_fits.Fit:
    """Sets the coefficients of a velocity to those that fit pairs best.

    The fit starts from a regression of the mean rates on the terms at both ends, and
    goes on through the integrator. If the pairs have noise of more than 0.5 % of a
    species' standard deviation, it ends with errors in both states. The noise is
    estimated from short waves, as the smaller of what they show in the states, where
    sharp patterns have some too, and in the residual of the first fit. Each unit of a
    network is then expected to contribute about three times the rate of change of its
    species.

    Args:
      flow: of the velocity, which is linear in its coefficients, over the time between.
      now, later: states in units of the data, `[n, y, x, species]`.
      max_iterations, callback: see `pair_fits.fit`.

    Returns:
      The fit whose coefficients the velocity now has.
    """
    velocity, duration = flow.velocity, flow.duration
    z, z_later = velocity.standardise(now), velocity.standardise(later)
    start = linear.regress(velocity, [z, z_later], (z_later - z) / duration)
    found = pair_fits.fit(
        flow, z, z_later, start, max_iterations=max_iterations, callback=callback
    )
    residual = z_later - flow(z, found.coefficients)
    sigma = np.minimum(noise(np.concatenate([z, z_later])), noise(residual))
    if np.any(sigma > _NOISY * z.std((0, 1, 2))):
        spread = _spread(velocity, z, z_later, duration)
        found = pair_fits.fit_noisy(
            flow, z, z_later, found.coefficients, sigma=sigma, spread=spread
        )
    velocity.set_coefficients(found.coefficients)
    return found


def _spread(velocity, z, z_later, duration) -> np.ndarray:
    """Of each coefficient beforehand, see `learn`; of terms of an equation inf."""
    features = velocity.features(tf.constant(z))
    size = np.sqrt(np.mean(np.square(linear.terms(velocity, features)), (1, 2, 3)))
    rate = np.sqrt(np.mean(np.square(z_later - z), (0, 1, 2))) / duration
    known = _SPREAD * rate[velocity.owners] / np.maximum(size, 1e-300)
    return np.where(velocity.units, known, np.inf)


def noise(states: np.ndarray) -> np.ndarray:
    """Standard deviation of white noise on each species of `[n, y, x, species]`.

    From waves shorter than three cells along both axes, where patterns have little: up
    to 1 % of a species' deviation if they are sharp.
    """
    modes = np.fft.fft2(states, axes=(1, 2), norm="ortho")
    y, x = (np.abs(np.fft.fftfreq(n)) > 1.0 / 3.0 for n in states.shape[1:3])
    high = modes[:, y][:, :, x]
    return np.sqrt(np.mean(np.abs(high) ** 2, (0, 1, 2)))
