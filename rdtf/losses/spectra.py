"""Comparing power spectra: blind to where a pattern lies, sensitive to its scale.

With x = field - mean(field) and P = |FFT x|² (unnormalised), the log spectrum is
S = ln(P + floor). Two unrelated samples of one pattern differ by about 2 π²/6 = 3.29 in
mean (S - S')², for their bins are nearly independent and exponential.

A fixed floor of 1e-8 makes every flat field equally bad (260.6 against spots) with no
gradient: the plateau on which fits die. A floor relative to the field's own mean power
(`relative_floor`) follows a fading pattern down, so the loss keeps its slope.
"""

import numpy as np
import tensorflow as tf

from rdtf.losses.pixels import flatten
from rdtf.status import InputError

FLOOR = 1e-8
_TINY = 1e-300


def power(fields: tf.Tensor) -> tf.Tensor:
    """|FFT (field - mean)|² of `[B, *grid]`, in 1 to 3 dimensions."""
    axes = list(range(1, fields.shape.rank))
    centred = fields - tf.reduce_mean(fields, axes, keepdims=True)
    return _squared_transform(centred)


def log_power_spectrum(
    fields: tf.Tensor, floor: float = FLOOR, relative_floor: float | None = None
) -> tf.Tensor:
    """ln(P + floor) of every bin, `[B, n]`."""
    return _log(flatten(power(fields)), floor, relative_floor)


def log_windowed_power_spectrum(
    fields: tf.Tensor,
    floor: float = FLOOR,
    relative_floor: float | None = None,
    window: int = 16,
) -> tf.Tensor:
    """ln(P + floor) of each tile of a field.

    Tiles do not overlap; only the mean of the whole field is removed.

    Args:
      fields: `[B, *grid]`.
      floor, relative_floor: added to P: a number, or one times the mean of P.
      window: cells along a side of a tile.

    Returns:
      `[B, n]`.

    Raises:
      InputError: if the grid is not made of whole tiles.
    """
    grid = fields.shape[1:]
    if any(n % window for n in grid):
        raise InputError(
            f"Expected a grid of whole tiles of {window} cells a side, got "
            f"{tuple(grid)}: choose another loss or window."
        )
    axes = list(range(1, fields.shape.rank))
    centred = fields - tf.reduce_mean(fields, axes, keepdims=True)
    split = [part for n in grid for part in (n // window, window)]
    tiles = tf.reshape(centred, [fields.shape[0], *split])
    ndim = len(grid)
    order = [0, *range(1, 2 * ndim, 2), *range(2, 2 * ndim + 1, 2)]
    tiles = tf.reshape(tf.transpose(tiles, order), [-1, *[window] * ndim])
    spectrum = _squared_transform(tiles)
    return _log(tf.reshape(spectrum, [fields.shape[0], -1]), floor, relative_floor)


def log_radial_spectrum(fields: tf.Tensor, floor: float = FLOOR) -> tf.Tensor:
    """ln of the share of power in each ring of whole wave numbers, `[B, rings]`.

    P is averaged over rings of rounded radius, up to half the shortest side (the last
    ring takes the corners), and divided by its sum.
    """
    rings = _rings(tuple(fields.shape[1:]))
    spectrum = tf.matmul(flatten(power(fields)), tf.constant(rings))
    share = spectrum / tf.maximum(
        tf.reduce_sum(spectrum, -1, keepdims=True), tf.constant(floor, tf.float64)
    )
    return tf.math.log(share + floor)


def power_spectrum(
    predicted: tf.Tensor,
    target: tf.Tensor,
    floor: float = FLOOR,
    relative_floor: float | None = None,
) -> tf.Tensor:
    """mean (S_predicted - S_target)² over samples and bins of the full spectrum.

    Args:
      predicted, target: `[B, *grid]`.
      floor, relative_floor: as of `log_windowed_power_spectrum`.
    """
    return tf.reduce_mean(
        tf.math.squared_difference(
            log_power_spectrum(predicted, floor, relative_floor),
            log_power_spectrum(target, floor, relative_floor),
        )
    )


def windowed_power_spectrum(
    predicted: tf.Tensor,
    target: tf.Tensor,
    floor: float = FLOOR,
    relative_floor: float | None = None,
    window: int = 16,
) -> tf.Tensor:
    """mean (S_predicted - S_target)² over samples, tiles and bins.

    Args:
      predicted, target: `[B, *grid]`.
      floor, relative_floor, window: as of `log_windowed_power_spectrum`.
    """
    return tf.reduce_mean(
        tf.math.squared_difference(
            log_windowed_power_spectrum(predicted, floor, relative_floor, window),
            log_windowed_power_spectrum(target, floor, relative_floor, window),
        )
    )


def radial_spectrum(
    predicted: tf.Tensor, target: tf.Tensor, variance_weight: float = 0.5
) -> tf.Tensor:
    """Matches mean and variance over the batch of the log radial spectrum.

    MSE of the batch means + variance_weight * MSE of the unbiased batch variances; the
    two batches may have different sizes. The variance needs at least 2 samples each.
    """
    ours, theirs = log_radial_spectrum(predicted), log_radial_spectrum(target)
    loss = _mean_square(tf.reduce_mean(ours, 0) - tf.reduce_mean(theirs, 0))
    if min(ours.shape[0], theirs.shape[0]) > 1:
        loss += variance_weight * _mean_square(_variance(ours) - _variance(theirs))
    return loss


def _squared_transform(fields):
    transform = {1: tf.signal.fft, 2: tf.signal.fft2d, 3: tf.signal.fft3d}
    spectrum = transform[fields.shape.rank - 1](
        tf.complex(fields, tf.zeros_like(fields))
    )
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


def _log(spectrum, floor, relative_floor):
    if relative_floor is not None:
        mean = tf.reduce_mean(spectrum, -1, keepdims=True)
        floor = relative_floor * mean + _TINY
    return tf.math.log(spectrum + floor)


def _rings(grid):
    """Averaging matrix `[cells, rings]`."""
    waves = np.meshgrid(*[np.fft.fftfreq(n, 1 / n) for n in grid], indexing="ij")
    last = min(grid) // 2
    radius = np.sqrt(sum(w**2 for w in waves)).round().astype(int).ravel()
    rings = np.eye(last + 1)[np.minimum(radius, last)]
    return rings / rings.sum(axis=0)


def _mean_square(x):
    return tf.reduce_mean(tf.square(x))


def _variance(x):
    return tf.math.reduce_variance(x, 0) * (x.shape[0] / (x.shape[0] - 1))
