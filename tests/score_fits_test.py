"""A local velocity from a score: rows are residuals, and their null vector is found."""

import types

import numpy as np
import tensorflow as tf

from rdtf.dynamics import local_velocity, residual, score_fits


def test_rows_are_residuals_of_terms(capfd):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(16, 6, 6, 2))
    velocity = local_velocity.start(samples, None, (4,), 0)
    network = types.SimpleNamespace(denoise=lambda y, sigma: 0.7 * y)
    x = velocity.standardise(samples)
    done = []
    rows, gram = score_fits.moments(
        velocity, network, x, 0.5, progress=lambda *told: done.append(told)
    )
    assert done == [(16, 16)] and capfd.readouterr().out == ""
    coefficients = rng.normal(size=len(velocity.owners))
    coefficients[[0, 6]] = 0.2, 0.4
    velocity.set_coefficients(coefficients)
    sigma = tf.fill([16], 0.5)
    at = residual.noised(
        network.denoise, tf.constant(x, tf.float32), sigma, tf.constant([0, 0])
    )
    r, v = residual.estimates(residual.standard(velocity), at)
    np.testing.assert_allclose(rows @ coefficients, r, rtol=1e-3, atol=1e-2)
    square = np.mean(np.sum(np.square(v), -1))
    np.testing.assert_allclose(coefficients @ gram @ coefficients, square, rtol=1e-3)


def test_null_vectors_in_spite_of_means_and_probes():
    rng = np.random.default_rng(1)
    wanted = rng.normal(size=5)
    exact = rng.normal(size=(4000, 1, 5))
    exact -= (exact @ wanted)[..., None] * wanted / (wanted @ wanted)
    noise = 3.0 * rng.normal(size=(4000, 2, 5))  # of each probe
    found = score_fits.null_vector(exact + noise + 10.0, np.eye(5))
    cosine = found @ wanted / np.linalg.norm(found) / np.linalg.norm(wanted)
    assert abs(cosine) > 0.99
    naive = np.linalg.eigh(np.cov((exact + noise).mean(1).T))[1][:, 0]
    assert abs(found @ wanted) > abs(naive @ wanted) * np.linalg.norm(found)
