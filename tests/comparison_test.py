"""Velocities beside the truth: errors by wavenumber, and statistics, of known answer."""

import numpy as np
import pytest

from rdtf.dynamics import comparison


def test_error_by_wavenumber():
    """One wave of the field is half as large again, another is missing."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3, 16, 16, 2))
    modes = np.fft.fft2(truth, axes=(1, 2))
    y, x = (np.fft.fftfreq(16) * 16 for _ in range(2))
    ring = np.rint(np.hypot(y[:, None], x))
    modes[:, ring == 3, 0] *= 1.5
    modes[:, ring == 5, 1] = 0.0
    found = np.fft.ifft2(modes, axes=(1, 2)).real
    u, v = comparison.by_wavenumber(found, truth)["error_by_wavenumber"]
    assert u[2] == pytest.approx(0.5) and v[4] == pytest.approx(1.0)
    u[2] = v[4] = 0.0
    np.testing.assert_allclose([u, v], 0.0, atol=1e-12)


def test_stein_statistics():
    """A rotation keeps the law of two independent species alike; damping does not."""
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(64, 8, 8, 2))
    rotation = np.stack([-samples[..., 1], samples[..., 0]], -1)
    assert np.abs(comparison.stein_t(samples, rotation)).max() < 5.0
    assert np.abs(comparison.stein_t(samples, -samples)).max() > 20.0
