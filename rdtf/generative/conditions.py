"""Conditions of a network: the preset of a pattern, or parameters of its equation.

They are rows of a tensor: int `[batch]` of classes, or float `[batch, p]` of
parameters. As some samples are trained on without, networks know a row that means any
condition: class n of n classes, or not-a-number.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rdtf.status import InputError


class Condition:
    """Either classes or parameters.

    Args:
      classes: names of presets.
      parameters: names of parameters.
      mean, scale: of the parameters, over the data.
    """

    def __init__(
        self,
        classes: Sequence[str] = (),
        parameters: Sequence[str] = (),
        mean: Sequence[float] = (),
        scale: Sequence[float] = (),
    ):
        self.classes, self.parameters = list(classes), list(parameters)
        self.mean, self.scale = list(mean), list(scale)

    def get_config(self) -> dict:
        """Arguments to make it again."""
        return dict(vars(self))

    def any(self, count) -> tf.Tensor:
        """Rows that mean any."""
        if self.classes:
            return tf.fill([count], len(self.classes))
        return tf.fill([count, len(self.parameters)], np.float32(np.nan))

    def forget(self, rows: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Rows of which those that are not to keep mean any."""
        keep = keep if self.classes else keep[:, None]
        return tf.where(keep, rows, self.any(tf.shape(rows)[0]))

    def encode(self, rows: tf.Tensor) -> tf.Tensor:
        """As a network takes them, `[batch, ...]`.

        One of n + 1 classes, or standardised parameters and whether they are known.
        """
        if self.classes:
            return tf.one_hot(rows, len(self.classes) + 1)
        known = tf.math.is_finite(rows)
        value = (rows - np.float32(self.mean)) / np.float32(self.scale)
        value = tf.where(known, value, tf.zeros_like(value))
        return tf.concat([value, tf.cast(known, tf.float32)], -1)

    def row(self, value: str | Mapping[str, float]) -> np.ndarray:
        """One row, of the name of a preset or of parameters by name.

        Raises:
          InputError: if it is none of the conditions of the training.
        """
        if self.classes:
            if value not in self.classes:
                raise InputError(
                    f"Expected a preset among {', '.join(self.classes)}, got {value!r}."
                )
            return np.int32(self.classes.index(value))
        if not isinstance(value, Mapping) or set(value) != set(self.parameters):
            raise InputError(
                f"Expected the parameters {', '.join(self.parameters)}, got {value!r}."
            )
        return np.float32([value[name] for name in self.parameters])


def of_presets(data) -> tuple[Condition, np.ndarray]:
    """(condition, rows `[n]`) of the presets of a `rdtf.patterns.DataSet`."""
    return Condition(classes=data.metadata["presets"]), np.int32(data.preset)


def of_params(data) -> tuple[Condition, np.ndarray]:
    """(condition, rows `[n, p]`) of the parameters in which the presets differ.

    Raises:
      InputError: if they differ in none.
    """
    params = [data.metadata["params"][name] for name in data.metadata["presets"]]
    names = [n for n in params[0] if len({own[n] for own in params}) > 1]
    if not names:
        raise InputError(
            "Expected presets of different parameters, got "
            f"{', '.join(data.metadata['presets'])}: nothing to condition on."
        )
    table = np.float32([[own[name] for name in names] for own in params])
    mean, scale = table.mean(0).tolist(), table.std(0).tolist()
    return Condition(parameters=names, mean=mean, scale=scale), table[data.preset]


CONDITIONS = {"none": lambda data: None, "preset": of_presets, "params": of_params}
