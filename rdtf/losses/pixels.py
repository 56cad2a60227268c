"""Comparing cell by cell."""

import tensorflow as tf


def flatten(fields: tf.Tensor) -> tf.Tensor:
    """The cells of each sample as a vector: `[B, *grid]` -> `[B, n]`."""
    return tf.reshape(fields, [fields.shape[0], -1])


def per_pixel(predicted: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """mean (predicted - target)² over samples and cells."""
    return tf.reduce_mean(tf.math.squared_difference(predicted, target))
