"""Comparing summary statistics of fields."""

import tensorflow as tf

from rdtf.operators.stencils import STENCILS

NAMES = ("mean", "std", "skewness", "kurtosis", "slope", "curvature")


def statistics(fields: tf.Tensor) -> tf.Tensor:
    """Six numbers per sample, `[B, 6]`, each of order one for a pattern.

    mean; standard deviation s; third and fourth standardised moments; the root mean
    square difference between neighbours over s (how fine the pattern is), and of second
    differences over s (how sharp). A flat field gives zeros after its mean.
    """
    axes = list(range(1, fields.shape.rank))
    mean = tf.reduce_mean(fields, axes, keepdims=True)
    centred = fields - mean
    std = tf.sqrt(tf.reduce_mean(tf.square(centred), axes) + 1e-300)
    shape = [-1] + [1] * len(axes)
    unit = centred / tf.reshape(std, shape)
    first = second = 0.0
    centre, beside = STENCILS["second_order"].weights
    for axis in axes:
        ahead, behind = tf.roll(unit, -1, axis), tf.roll(unit, 1, axis)
        first += tf.reduce_mean(tf.square(ahead - unit), axes)
        bent = ahead + centre / beside * unit + behind
        second += tf.reduce_mean(tf.square(bent), axes)
    return tf.stack(
        [
            tf.reduce_mean(fields, axes),
            std,
            tf.reduce_mean(unit**3, axes),
            tf.reduce_mean(unit**4, axes),
            tf.sqrt(first + 1e-300),
            tf.sqrt(second + 1e-300),
        ],
        axis=-1,
    )


def field_statistics(predicted: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """mean square difference of the batch means of `statistics`."""
    ours = tf.reduce_mean(statistics(predicted), 0)
    theirs = tf.reduce_mean(statistics(target), 0)
    return tf.reduce_mean(tf.math.squared_difference(ours, theirs))
