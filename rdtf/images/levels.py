"""Grey levels and concentrations: `LOW:HIGH` of the darkest and brightest level."""

import math

import numpy as np

from rdtf.status import InputError


def parse_scale(scale) -> tuple[float, float]:
    """(low, high) of a text "LOW:HIGH" or of a pair of numbers, low < high.

    Raises:
      InputError: in one line, if it is neither.
    """
    try:
        parts = scale.split(":") if isinstance(scale, str) else scale
        low, high = (float(part) for part in parts)
        good = math.isfinite(low) and math.isfinite(high) and low < high
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            f"Expected a scale LOW:HIGH with LOW < HIGH, got {scale!r}: write the "
            "concentrations of the darkest and the brightest level, such as 0:1."
        )
    return low, high


def check_positive(name: str, value: float | None) -> None:
    """Raises InputError unless `value` is None, or finite and above 0."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(
            f"Expected {name} > 0, got {value:g}: give it in the model's units."
        )


def to_concentrations(values, top, bounds, path):
    """(concentrations, quantum, metadata) of stored values.

    Args:
      values: float64, levels 0 to `top`, or anything if `top` is None.
      top: the brightest level there can be, or None of floats.
      bounds: what levels 0 and `top` stand for, or None if that is unknown.
      path: for messages.
    """
    if top is None and bounds is None:
        return values, None, {"intensity": "absolute"}
    if top is None:
        raise InputError(
            f"Expected no scale with floating-point pictures, but {path} is one: "
            "its numbers are taken as they are; leave the scale out."
        )
    low, high = bounds or (0.0, 1.0)
    metadata = {"intensity": "relative", "levels": top + 1}
    if bounds:
        metadata |= {"intensity": "absolute", "scale": [low, high]}
    return low + (high - low) / top * values, (high - low) / top, metadata


def to_levels(field, bounds, top):
    """The nearest levels, as float64; what is beyond the bounds is clipped."""
    low, high = bounds
    return np.rint(np.clip((field - low) / (high - low), 0.0, 1.0) * top)
