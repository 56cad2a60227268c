"""Numbers that the bp2renderer experiment reported and that were measured again."""

import numpy as np
import pytest
import tensorflow as tf

import rdtf
from rdtf import losses, patterns

SPOTS = {"Du": 0.16, "Dv": 0.08, "F": 0.035, "k": 0.065}
FOUR_DOTS = {"Du": 0.1347, "Dv": 0.0699, "F": 0.0426, "k": 0.0656}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def simulation():
    return rdtf.Simulation(rdtf.models.GRAY_SCOTT, rdtf.Grid((128, 128)), 1.0)


@pytest.fixture(scope="module")
def spots(simulation):
    made = patterns.make(
        simulation, SPOTS, num_samples=8, settings=patterns.Settings(seed=3)
    )
    assert (made.status == rdtf.Status.CONVERGED).all()
    return tf.constant(made.fields["v"])


def test_flat_field_sits_on_the_plateau(spots):
    flat = tf.fill(spots.shape, tf.constant(0.362, tf.float64))
    loss = float(losses.power_spectrum(flat, spots))
    logs = losses.log_power_spectrum(spots).numpy()
    np.testing.assert_allclose(loss, np.mean((logs - np.log(1e-8)) ** 2), rtol=1e-6)
    assert loss == pytest.approx(260.6, rel=0.02)


def test_unrelated_spots_sit_on_the_noise_floor(spots):
    assert float(losses.power_spectrum(spots[:4], spots[4:])) == pytest.approx(
        3.5, abs=0.3
    )
    assert float(losses.windowed_power_spectrum(spots[:4], spots[4:])) == pytest.approx(
        5.6, abs=0.4
    )


def test_four_dots_stop_early_with_a_small_loss(simulation, spots):
    made = patterns.make(
        simulation, FOUR_DOTS, num_samples=4, settings=patterns.Settings(tolerance=5e-5)
    )
    assert (abs(made.num_steps - 1900) < 100).all()
    v = tf.constant(made.fields["v"])
    assert float(losses.power_spectrum(v, spots[:4])) == pytest.approx(16.2, abs=0.6)
