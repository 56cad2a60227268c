"""Data sets of patterns as arrays, and as tf.data pipelines."""

import dataclasses
import glob
import json
import pathlib
from collections.abc import Sequence

import h5py
import numpy as np
import tensorflow as tf

from rdtf.patterns import ensembles
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Labels:
    """What is known of all samples of one or several files, dead ones too.

    Attributes:
      preset: int `[sample]`, index into the presets of the metadata.
      status, attempts, rate, statistics: see `rdtf.patterns.store`.
      metadata: of the plan.
    """

    preset: np.ndarray
    status: np.ndarray
    attempts: np.ndarray
    rate: np.ndarray
    statistics: np.ndarray
    metadata: dict

    @property
    def living(self) -> np.ndarray:
        """Which samples are patterns, bool `[sample]`."""
        return np.isin(self.status, (ensembles.MOVING, ensembles.FROZEN))


@dataclasses.dataclass(frozen=True)
class DataSet:
    """The living samples of one or several files.

    Attributes:
      fields: name -> float32 `[sample, *grid]` or `[sample, time, *grid]`.
      preset: int `[sample]`, index into the presets of the metadata.
      status: int `[sample]`, MOVING or FROZEN.
      metadata: of the plan.
    """

    fields: dict[str, np.ndarray]
    preset: np.ndarray
    status: np.ndarray
    metadata: dict

    def stacked(self, kind: str = "") -> np.ndarray:
        """Species last, as networks take them: `[sample, *grid, species]`.

        Args:
          kind: "_rate" or "_later" for what pairs hold.
        """
        names = [name + kind for name in self.metadata["species"]]
        return np.stack([self.fields[name] for name in names], -1)


def read_labels(paths: str | Sequence[str]) -> Labels:
    """Reads all but the fields; arguments and errors as for `read`."""
    columns, metadata = _read(paths, lambda own: _LABELS)
    return Labels(**columns, metadata=metadata)


def read(paths: str | Sequence[str]) -> DataSet:
    """Reads a data set, or all shards of one.

    Args:
      paths: a file, several files, or a pattern such as "patterns-*.h5".

    Raises:
      InputError: if there is no such file, one is unfinished or of another plan, or no
        sample lives.
    """
    columns, metadata = _read(paths, lambda own: [*own["fields"], *_LABELS])
    labels = Labels(**{name: columns[name] for name in _LABELS}, metadata=metadata)
    if not labels.living.any():
        raise InputError(f"Expected living patterns in {paths}, but all died out.")
    living = labels.living
    fields = {name: columns[name][living] for name in metadata["fields"]}
    return DataSet(fields, labels.preset[living], labels.status[living], metadata)


_LABELS = ("preset", "status", "attempts", "rate", "statistics")
_AHEAD = 2  # batches made while others are used


def _read(paths, names):
    """(columns of all files, one after the other, metadata)."""
    parts, metadata = [], None
    for path in _files(paths):
        try:
            with h5py.File(path, "r") as file:
                own = json.loads(file.attrs["metadata"])
                parts.append({name: file[name][...] for name in names(own)})
        except (OSError, KeyError, ValueError) as error:
            raise InputError(
                f"Expected a data set of patterns in {path}, got "
                f"{type(error).__name__}: make one with python -m rdtf generate."
            ) from None
        if metadata is not None and own != metadata:
            raise InputError(
                f"Expected shards of one data set, but {path} is another's."
            )
        metadata = own
    return {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}, metadata


def _files(paths):
    texts = [paths] if isinstance(paths, (str, pathlib.Path)) else list(paths)
    found = []
    for text in map(str, texts):
        matches = sorted(glob.glob(text))
        if not matches:
            unfinished = pathlib.Path(text + ".partial").exists()
            advice = "finish it with --resume" if unfinished else "make it first"
            raise InputError(
                f"Expected a data set at {text}, found "
                f"{'an unfinished one' if unfinished else 'none'}: {advice}."
            )
        found += matches
    return found


def pipeline(
    samples: np.ndarray,
    batch_size: int = 64,
    *,
    conditions: np.ndarray | None = None,
    epochs: int = 1,
    first_epoch: int = 0,
    randomise: bool = True,
    seed: int = 0,
) -> tf.data.Dataset:
    """Batches float32 `[batch, y, x, species]` of periodic samples in two dimensions.

    Epoch e of a seed is the same whether or not those before it were read.

    Args:
      samples: `[n, y, x, species]`.
      batch_size: the last batch of an epoch may be smaller.
      conditions: `[n, ...]`; with these, batches are (samples, conditions).
      epochs, first_epoch: epochs first_epoch, ..., epochs - 1.
      randomise: a new order in every epoch, and for each sample a random shift on the
        torus and one of the 8 symmetries of the square (4 of a rectangle): exact, as
        the equations are equivariant under them. False, for validation, leaves samples
        as they are.
      seed: of order, shifts and symmetries.

    Raises:
      InputError: if samples are not of two dimensions.
    """
    if samples.ndim != 4:
        raise InputError(
            f"Expected stills of two dimensions, [n, y, x, species], got "
            f"{samples.shape}."
        )
    samples = tf.constant(samples, tf.float32)
    known = None if conditions is None else tf.constant(conditions)
    count, square = samples.shape[0], samples.shape[1] == samples.shape[2]
    fold = tf.random.experimental.stateless_fold_in

    def batches(epoch):
        own, order = fold(tf.constant([seed, 0], tf.int64), epoch), tf.range(count)
        if randomise:
            order = tf.random.experimental.stateless_shuffle(order, own)
        return (
            tf.data.Dataset.from_tensor_slices(order)
            .batch(batch_size)
            .enumerate(1)
            .map(lambda i, rows: one(fold(own, i), rows), _AHEAD)
        )

    def one(own, rows):
        batch = tf.gather(samples, rows)
        batch = move(batch, own, square) if randomise else batch
        return batch if known is None else (batch, tf.gather(known, rows))

    numbers = tf.data.Dataset.range(first_epoch, epochs)
    return numbers.flat_map(batches).prefetch(_AHEAD).with_options(_untuned())


def _untuned():
    """Options that switch tuning off.

    TensorFlow 2.21 ends an iterator that it tunes only at the next round of tuning, and
    these get as rare as the iterator is old: up to a third of a training was waiting.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def move(batch: tf.Tensor, seed: tf.Tensor, square: bool = True) -> tf.Tensor:
    """Shifts and flips each sample `[y, x, species]` at random, periodically."""
    count, height, width = (tf.shape(batch)[i] for i in range(3))
    draws = tf.random.stateless_uniform([3, count], seed, 0, 2**30, tf.int32)
    rows = _axis(draws[0], height, count)
    columns = _axis(draws[1], width, count)
    batch = tf.gather(batch, rows, axis=1, batch_dims=1)
    batch = tf.gather(batch, columns, axis=2, batch_dims=1)
    if not square:
        return batch
    turned = tf.transpose(batch, [0, 2, 1, 3])
    return tf.where(draws[2][:, None, None, None] % 2 == 0, batch, turned)


def _axis(draw, size, count):
    """Indices along one axis, `[count, size]`: a shift, every other time backwards."""
    shift, back = draw // 2 % size, draw % 2
    index = (tf.range(size)[None] + shift[:, None]) % size
    return tf.where(back[:, None] == 0, index, size - 1 - index)
