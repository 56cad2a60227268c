"""A state, parameters and a loss for tests of gradients of windows."""

import numpy as np
import tensorflow as tf


def create(sim, start, batch=2):
    """A state and parameters, half of them shared and half per sample."""
    factors = np.linspace(0.9, 1.0, batch)
    params = {
        name: tf.constant(value * (1.0 if i % 2 else factors), tf.float64)
        for i, (name, value) in enumerate(sim.model.defaults.items())
    }
    return start(sim, batch), params


def smooth(state):
    """Smooth, nonlinear, and different for every cell and species."""
    total = 0.0
    for index, field in enumerate(state):
        rng = np.random.default_rng(index)
        total += tf.reduce_sum(tf.sin(3.0 * field) * rng.normal(size=field.shape))
    return total
