"""Parameters of a model as people type them: values, axes of sweeps, ranges."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rdtf.models.base import ReactionDiffusion
from rdtf.status import InputError


def parse_params(text: str) -> dict[str, float]:
    """`Du=0.16,Dv=0.08` as a dict; raises InputError in one line."""
    params = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        try:
            params[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"Expected NAME=NUMBER,NAME=NUMBER,..., got {item!r}.")
    return params


def full_params(
    model: ReactionDiffusion,
    text: str,
    preset: str | None = None,
    known: Mapping[str, float] | Iterable = (),
) -> dict[str, float]:
    """A model's parameters: its defaults or preset, then those in `text` and `known`.

    Args:
      model: whose parameters they are.
      text: such as "F=0.03,k=0.06".
      preset: a name of the model's presets, or None for its defaults.
      known: name -> number, or pairs of these, which count most.

    Raises:
      InputError: if the text cannot be read, or a value lies outside its bounds.
    """
    params = model.preset(preset) if preset else model.defaults
    params.update(parse_params(text))
    params.update(known)
    model.check_bounds(params)
    return params


def filled(model: ReactionDiffusion, params: Mapping[str, float]) -> ReactionDiffusion:
    """The model, `params` being the defaults of parameters that have none."""
    if not any(math.isnan(value) for value in model.defaults.values()):
        return model
    parameters = {
        name: dataclasses.replace(parameter, default=params[name])
        if math.isnan(parameter.default)
        else parameter
        for name, parameter in model.parameters.items()
    }
    return dataclasses.replace(model, parameters=parameters)


def parse_axis(
    model: ReactionDiffusion, params: Mapping[str, float], text: str
) -> tuple[str, list[float]]:
    """`F=0.03:0.07:7` as ("F", seven values) within bounds; InputError in one line."""
    name, _, span = text.partition("=")
    try:
        start, stop, points = span.split(":")
        values = np.linspace(float(start), float(stop), int(points))
    except ValueError:
        raise InputError(
            f"Expected --axis=NAME=FROM:TO:POINTS, as F=0.03:0.07:7, got {text!r}."
        ) from None
    if len(values) < 2:
        raise InputError(f"Expected at least 2 points on --axis={text}.")
    values = [float(f"{x:.12g}") for x in values]  # 0.04, not 0.039999999999999994
    for value in values:
        model.check_bounds({**params, name: value})
    return name, values


def parse_axes(
    model: ReactionDiffusion,
    params: Mapping[str, float],
    texts: Sequence[str],
    fewest: int = 1,
) -> dict[str, list[float]]:
    """Axes of a sweep over one or two parameters.

    Args:
      model: whose parameters they are.
      params: the values of the other parameters.
      texts: one per axis, see `parse_axis`.
      fewest: how many axes there must be at least.

    Returns:
      Parameter -> its values.

    Raises:
      InputError: if there are fewer than `fewest`, more than two, or two of the same.
    """
    axes = dict(parse_axis(model, params, text) for text in texts)
    if not fewest <= len(axes) == len(texts) <= 2:
        times = "once or twice" if fewest == 1 else "twice"
        raise InputError(f"Expected --axis {times}, for different parameters.")
    return axes


def parse_range(text: str) -> tuple[str, tuple[float, float]]:
    """`k=0.03:0.07` as ("k", (0.03, 0.07)); raises InputError in one line."""
    name, _, span = text.partition("=")
    try:
        low, high = map(float, span.split(":"))
    except ValueError:
        raise InputError(
            f"Expected --range=NAME=FROM:TO, as k=0.03:0.07, got {text!r}."
        ) from None
    return name, (low, high)


def parse_pair(text: str) -> tuple[str, str]:
    """`NAME=TEXT` as a pair; raises InputError in one line."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"Expected NAME=VALUE, got {text!r}.")
    return name, value


def with_valid_range(
    model: ReactionDiffusion, texts: Iterable[str]
) -> ReactionDiffusion:
    """The model with other valid ranges, `SPECIES=LOW:HIGH` each."""
    bounds = {}
    for name, text in map(parse_pair, texts):
        try:
            low, high = map(float, text.split(":"))
        except ValueError:
            raise InputError(f"Expected {name}=LOW:HIGH, got {text!r}.") from None
        bounds[name] = (low, high)
    return dataclasses.replace(model, valid_range=bounds)
