"""Axes of a sweep, as flags give them."""

import numpy as np

from rdtf.status import InputError


def parse_axis(model, params, text: str) -> tuple[str, list[float]]:
    """`F=.03:.07:7` as ("F", seven values); raises InputError in one line."""
    name, _, span = text.partition("=")
    try:
        start, stop, points = span.split(":")
        values = np.linspace(float(start), float(stop), int(points))
    except ValueError:
        raise InputError(
            f"Expected --axis=NAME=FROM:TO:POINTS, as F=.03:.07:7, got {text!r}."
        ) from None
    if len(values) < 2:
        raise InputError(f"Expected at least 2 points on --axis={text}.")
    values = [float(f"{x:.12g}") for x in values]  # 0.04, not 0.039999999999999994
    for value in values:
        model.check_bounds({**params, name: value})
    return name, values
