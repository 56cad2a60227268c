"""Gradient descent on what is known of a velocity: losses of known value, and resume."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf.dynamics import residual, stein
from rdtf.dynamics.local_velocity import LocalVelocity
from rdtf.dynamics.supervision import Dial, Known, Settings, known_of_snapshots, train
from rdtf.generative import training

_SETTINGS = Settings(steps=20, batch_size=4)


class _Decay:
    """v = -c x: known after any time."""

    mean, scale = (0.0, 0.0), (1.0, 1.0)

    def __init__(self, rate=1.0):
        self._rate = rate

    def __call__(self, x):
        return -self._rate * x


@pytest.fixture(scope="module")
def x():
    return tf.constant(np.random.default_rng(0).normal(size=(12, 8, 8, 2)), tf.float32)


def _losses(velocity, **known):
    return Dial(velocity, Known(**known), _SETTINGS).losses(tf.constant([0, 1]))


def test_pairs_through_an_integrator(x):
    """The mean rate of exp(-t / 4) over 4 units is (1 / e - 1) / 4 x."""
    rates = (np.exp(-1.0) - 1.0) / 4.0 * x
    known = {"states": x, "rates": rates, "duration": 4.0}
    assert float(_losses(_Decay(0.25), **known)["pairs"]) < 1e-6
    assert float(_losses(_Decay(0.5), **known)["pairs"]) > 0.1
    instant = _losses(_Decay(), states=x, rates=-0.5 * x)["pairs"]
    assert float(instant) == pytest.approx(1.0, rel=0.3)  # of those drawn


def test_moments_are_products_of_different_samples(x):
    slopes = tf.constant(stein.gradients(x.numpy()[:4]), tf.float32)
    found = _losses(_Decay(), slopes=slopes, snapshots=x[:4])["stein"]
    rows = np.einsum("njyxs,nyxs->nj", slopes, -x[:4])
    products = (rows.sum(0) ** 2 - (rows**2).sum(0)) / 12.0
    wanted = np.mean(products / (rows**2).mean(0))
    assert float(found) == pytest.approx(wanted, rel=1e-3)


def test_noisy_patterns_are_counted(x, capfd):
    network, done = types.SimpleNamespace(denoise=lambda y, sigma: 0.8 * y), []
    x = np.tile(x, (2, 1, 1, 1))
    known_of_snapshots(x, network, _SETTINGS, False, lambda *told: done.append(told))
    assert done == [(16, 24), (24, 24)] and capfd.readouterr().out == ""


def _start(seed):
    keras.utils.set_random_seed(seed)
    made = LocalVelocity([0.0, 0.0], [1.0, 1.0], (4,))
    made.build((None, None, None, 2))
    return made


def test_resume_is_exact(x, tmp_path, monkeypatch, capfd):
    """Of a score alone, that of white noise."""
    sigma = tf.fill([len(x)], 0.5)
    known = Known(noised=residual.noised(lambda y, s: 0.8 * y, x, sigma, (0, 0)))
    once = _start(0)
    epochs = []
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda n, logs: epochs.append(n))
    losses = train(once, known, _SETTINGS, tmp_path / "once", [seen])
    assert set(losses) == {"loss", "residual", "speed"}
    assert epochs == list(range(20)) and capfd.readouterr().out == ""
    save = training.Checkpoints.on_epoch_end

    def kill(self, epoch, logs=None):
        save(self, epoch, logs)
        if epoch == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training.Checkpoints, "on_epoch_end", kill)
        train(_start(0), known, _SETTINGS, tmp_path / "again")
    again = _start(1)
    train(again, known, _SETTINGS, tmp_path / "again")
    for first, second in zip(once.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert list((tmp_path / "once" / "tensorboard").iterdir())
