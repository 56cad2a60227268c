"""What conditional networks are told, and that they listen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf import patterns
from rdtf.generative import conditions, objectives, samplers, training
from rdtf.generative.conditions import Condition
from rdtf.generative.denoiser import Denoiser

SHAPE = (16, 16)
PARAMS = {"a": {"F": 0.1, "k": 0.5, "Du": 1.0}, "b": {"F": 0.3, "k": 0.9, "Du": 1.0}}


def _data(presets=("a", "b")):
    """One preset has twice the waves of the other."""
    kinds = np.arange(40) % len(presets)
    x = np.arange(16.0)
    waves = np.sin(2.0 * np.pi * (1 + kinds[:, None]) * x / 16.0)
    field = np.float32(np.tile(waves[:, None], (1, 16, 1)))
    metadata = {"presets": list(presets), "species": ["u", "v"]}
    metadata["params"] = {name: PARAMS[name] for name in presets}
    fields = {"u": field, "v": field**3}
    return patterns.DataSet(fields, kinds, np.ones(40, int), metadata)


def test_parameters_that_differ():
    told, rows = conditions.of_params(_data())
    assert told.parameters == ["F", "k"]
    np.testing.assert_allclose(rows[:2], [[0.1, 0.5], [0.3, 0.9]], rtol=1e-6)
    seen = told.encode(tf.constant(rows[:2]))
    np.testing.assert_allclose(seen, [[-1, -1, 1, 1], [1, 1, 1, 1]], atol=1e-5)
    np.testing.assert_array_equal(told.encode(told.any(1)), [[0, 0, 0, 0]])
    np.testing.assert_array_equal(told.row({"k": 0.9, "F": 0.3}), rows[1])


def test_presets():
    told, rows = conditions.of_presets(_data())
    np.testing.assert_array_equal(told.encode(tf.constant(rows[:2])), np.eye(3)[:2])
    kept = told.forget(tf.constant([0, 1]), tf.constant([True, False]))
    np.testing.assert_array_equal(kept, [0, 2])
    assert told.row("b") == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: conditions.of_params(_data(("a",))), "different parameters"),
        (lambda: Condition(classes=["a"]).row("c"), "preset among a"),
        (lambda: Condition(parameters=["F"]).row({"k": 1.0}), "parameters F"),
        (lambda: Condition(parameters=["F"]).row("a"), "parameters F"),
    ],
)
def test_bad_input(call, words, input_error):
    with input_error(words):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["presets", "params"])
def test_the_network_listens(kind, tmp_path, monkeypatch):
    """In noise that hides the waves, being told which there are helps; also from its file."""
    monkeypatch.setattr(objectives, "_MEAN", np.log(_LOUD))
    monkeypatch.setattr(objectives, "_SPREAD", 0.3)
    data = _data()
    make = {"presets": conditions.of_presets, "params": conditions.of_params}[kind]
    settings = training.Settings(
        epochs=80, batch_size=16, warmup=10, learning_rate=4e-3, average=0.9
    )
    network = training.train(data.stacked(), settings, tmp_path, conditions=make(data))
    network.save(tmp_path / "n.keras")
    again = keras.models.load_model(tmp_path / "n.keras")
    x = np.repeat((data.stacked() - network.mean) / network.scale, 10, 0)
    noise = np.random.default_rng(0).normal(size=x.shape)
    y = tf.constant(x + _LOUD * noise, tf.float32)
    rows = np.repeat(make(data)[1], 10, 0)
    error = {}
    for name, told in (("right", rows), ("wrong", np.roll(rows, 10, 0)), ("any", None)):
        found = again.denoise(y, tf.fill([len(y)], _LOUD), told)
        error[name] = float(tf.reduce_mean((found - x) ** 2))
    assert error["right"] < 0.8 * error["any"] < 0.8 * error["wrong"]
    made = samplers.sample(
        again, 1, condition=_VALUE[kind], settings=samplers.Settings(steps=2)
    )
    assert np.isfinite(made).all()


_LOUD = 8.0
_VALUE = {"presets": "a", "params": {"F": 0.1, "k": 0.5}}


def test_an_unconditional_network_refuses(input_error):
    network = Denoiser(SHAPE)
    network.build_from_config({})
    network.adapt(_data().stacked())
    with input_error("trained without"):
        samplers.sample(network, 1, condition="a")
