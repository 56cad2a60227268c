"""Losses between fields `[B, *grid]`: pixels, spectra, statistics.

Every loss of `LOSSES` is a `Loss`. Those that compare sample by sample are the mean
square difference of features `[B, n]`, which `FEATURES` offers alone: for all pairs,
and for one loss per sample.
"""

import functools
from typing import Protocol

import tensorflow as tf

from rdtf import lazy
from rdtf.losses.pixels import flatten, per_pixel
from rdtf.losses.spectra import (
    log_power_spectrum,
    log_radial_spectrum,
    log_windowed_power_spectrum,
    power_spectrum,
    radial_spectrum,
    windowed_power_spectrum,
)
from rdtf.losses.summaries import field_statistics, statistics
from rdtf.status import InputError


class Loss(Protocol):
    """How far fields are from others; what more a loss takes has a default."""

    def __call__(self, predicted: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Compares two batches of fields.

        Args:
          predicted: float64 `[B, *grid]`, in 1 to 3 dimensions.
          target: the same, of the same shape unless the loss compares statistics.

        Returns:
          A float64 scalar, 0 where the two agree, differentiable in both.

        Raises:
          InputError: if the loss cannot take a grid of that shape.
        """


LOSSES: dict[str, Loss] = {
    "per_pixel": per_pixel,
    "power_spectrum": power_spectrum,
    "windowed_power_spectrum": windowed_power_spectrum,
    "radial_spectrum": radial_spectrum,
    "field_statistics": field_statistics,
}

FEATURES = {
    "per_pixel": flatten,
    "power_spectrum": log_power_spectrum,
    "windowed_power_spectrum": log_windowed_power_spectrum,
    "radial_spectrum": log_radial_spectrum,
    "field_statistics": statistics,
}


def with_relative_floor(name: str, relative_floor: float) -> Loss:
    """A spectrum loss of `LOSSES` with a floor relative to the field's mean power."""
    loss = LOSSES[name]
    if name not in ("power_spectrum", "windowed_power_spectrum"):
        raise InputError(
            f"Expected a spectrum loss for a relative floor, got {name!r}."
        )
    return functools.partial(loss, relative_floor=relative_floor)


__all__ = [
    "FEATURES",
    "LOSSES",
    "Loss",
    "field_statistics",
    "log_power_spectrum",
    "log_radial_spectrum",
    "log_windowed_power_spectrum",
    "per_pixel",
    "power_spectrum",
    "radial_spectrum",
    "statistics",
    "windowed_power_spectrum",
    "with_relative_floor",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
