"""Checkpoints of arrays: every bit comes back, and another run's is one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rdtf.generative import training
from rdtf.storage import checkpoints
from rdtf.storage.checkpoints import Checkpoint


def _saved(path, kind="training", **arrays):
    file = Checkpoint(path / "checkpoint.npz", kind)
    file.save(arrays)
    return file


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int64", "bool"])
def test_variables_come_back_bit_for_bit(dtype, tmp_path):
    bits = np.random.default_rng(0).integers(0, 2, (3, 2, 64), np.uint8)
    values = np.packbits(bits, -1).view(np.uint8)
    width = tf.as_dtype(dtype).size
    values = np.ascontiguousarray(values[..., :width])
    if dtype == "bool":
        values &= 1
    values = values.view(tf.as_dtype(dtype).as_numpy_dtype)[..., 0]
    one, other = (keras.Variable(np.zeros((3, 2)), dtype=dtype) for _ in range(2))
    one.assign(values)
    scalar = keras.Variable(7, dtype="int64")
    arrays = checkpoints.arrays_of("v", [one, scalar])
    file = _saved(tmp_path, **arrays)
    again = keras.Variable(0, dtype="int64")
    with file.restoring() as found:
        checkpoints.assign("v", [other, again], found)
    assert other.numpy().tobytes() == one.numpy().tobytes() == values.tobytes()
    assert again.numpy() == 7


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ([np.zeros(3), np.zeros(2)], ["1 arrays v for 2 variables"]),
        ([np.zeros(4)], ["v_0", "(3,)", "(4,)"]),
        ([np.zeros(3, np.int32)], ["v_0", "float32", "int32"]),
    ],
)
def test_another_run_is_one_line(variables, words, tmp_path, input_error):
    file = _saved(tmp_path, v_0=np.zeros(3, np.float32))
    kept = [keras.Variable(v, dtype=v.dtype.name) for v in variables]
    refused = input_error("a checkpoint of this run", "--overwrite", *words)
    with refused, file.restoring() as found:
        checkpoints.assign("v", kept, found)
    refused = input_error("a checkpoint of this run", "no array 'epoch'")
    with refused, file.restoring() as found:
        found["epoch"]
    refused = input_error("a checkpoint of bptt", "got one of training")
    with refused, Checkpoint(file.path, "bptt").restoring():
        pass


def test_a_later_version_is_one_line(tmp_path, input_error, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_FORMAT", 2)
        patch.setattr(checkpoints.rdtf, "__version__", "7.8")
        file = _saved(tmp_path, x=1)
    words = ("format 1", "format 2 of rdtf 7.8", "go on with that version")
    with input_error(*words), file.restoring():
        pass


def test_a_damaged_one_is_one_line(tmp_path, input_error):
    file = _saved(tmp_path, x=np.zeros(1000))
    file.path.write_bytes(file.path.read_bytes()[:700])
    with input_error("readable .npz"), file.restoring():
        pass


def test_a_kill_keeps_the_one_before(tmp_path, monkeypatch):
    file = _saved(tmp_path, x=1)

    def fail(stream, **arrays):
        stream.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, "savez", fail)
        file.save({"x": 2})
    with file.restoring() as found:
        assert found["x"] == 1


class _Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def _train(workdir, *callbacks, objective="edm"):
    samples = np.float32(np.random.default_rng(0).normal(size=(9, 8, 8, 2)))
    settings = training.Settings(
        epochs=2, batch_size=4, warmup=1, objective=objective, average=0.5
    )
    return training.train(samples, settings, workdir, callbacks=callbacks)


class _FormerCheckpoints(training.Checkpoints):
    """As of version 0.1.0: by TensorFlow, in a directory."""

    def on_epoch_end(self, epoch, logs=None):
        plain = {name: [v.value for v in vs] for name, vs in self._parts.items()}
        number = tf.Variable(epoch + 1, dtype=tf.int64)
        everything = tf.train.Checkpoint(epoch=number, **plain)
        tf.train.CheckpointManager(everything, self._former, 2).save()


def test_a_former_checkpoint_of_shared_variables(tmp_path):
    """A velocity is network and average at once: TensorFlow kept its variables once."""
    shared, own = keras.Variable([1.0, 2.0]), keras.Variable(3.0)
    parts = {"network": [shared], "averaged": [shared], "optimizer": [own]}
    made = _FormerCheckpoints.__new__(_FormerCheckpoints)
    made._parts, made._former = parts, tmp_path / "checkpoints"
    made.on_epoch_end(4)
    found = training._former_arrays(tmp_path / "checkpoints")
    assert found["epoch"] == 5
    for name, variables in parts.items():
        for variable in variables:
            variable.assign(0.0 * variable.value)
        checkpoints.assign(name, variables, found)
    assert shared.numpy().tolist() == [1.0, 2.0] and own.numpy() == 3.0


@pytest.mark.parametrize(
    "version", [pytest.param("0.1.0", marks=pytest.mark.slow), "now"]
)
def test_a_training_goes_on_to_the_same_bits(
    version, tmp_path, monkeypatch, input_error
):
    whole = _train(tmp_path / "whole").get_weights()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if version == "0.1.0":
            patch.setattr(training, "Checkpoints", _FormerCheckpoints)
        _train(tmp_path / "run", _Stop())
    names = {"0.1.0": "checkpoints", "now": "checkpoint.npz"}
    assert [path.name for path in (tmp_path / "run").iterdir()] == [names[version]]
    again = _train(tmp_path / "run").get_weights()
    for a, b in zip(whole, again, strict=True):
        np.testing.assert_array_equal(a, b)
    with input_error("a checkpoint of this run", "checkpoint.npz"):
        _train(tmp_path / "run", objective="epsilon")
