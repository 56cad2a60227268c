"""Where fits begin: around a guess, at other length scales, at plausible gains.

A least-squares fit finds the minimum of the valley it begins in. Every kind of picture
takes its further starts from here.
"""

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from rdtf.models import ReactionDiffusion


def around(
    model: ReactionDiffusion,
    start: Mapping[str, float],
    held: Collection[str],
    rng: np.random.Generator,
    factor: float = 3.0,
) -> Iterator[dict[str, float]]:
    """Yields starts without end: parameters times random factors, within their bounds.

    Args:
      model: whose parameters move; gain and offset stay.
      start: what they are multiplied with.
      held: names that stay too.
      rng: draws one number per free parameter and start.
      factor: the largest, either way; factors are uniform in their logarithm.
    """
    free = [name for name in model.parameters if name not in held]
    reach = np.log(factor)
    while True:
        moved = dict(start)
        for name, step in zip(free, rng.uniform(-reach, reach, len(free)), strict=True):
            bounds = model.parameters[name]
            value = start[name] * np.exp(step)
            moved[name] = float(np.clip(value, bounds.lower, bounds.upper))
        yield moved


def at_lengths(
    model: ReactionDiffusion, start: Mapping[str, float], lengths: Collection[float]
) -> list[dict[str, float]]:
    """The start with patterns so many times as large: diffusivities times length²."""
    scaled = []
    for length in lengths:
        changed = {name: start[name] * length**2 for name in model.diffusivities}
        scaled.append({**start, **changed})
    return scaled


def with_gains(
    start: Mapping[str, float],
    levels: np.ndarray,
    ranges: Collection[tuple[float, float]],
) -> list[dict[str, float]]:
    """The start with the gain and offset that map grey levels to ranges of values.

    A fit of pictures of unknown gain has to begin with one at which the parameters can
    have their signs: see `rdtf.inverse.observation.typical_ranges`.

    Args:
      start: of the model's parameters.
      levels: the pictures.
      ranges: (lowest value, highest minus lowest) of the concentration.
    """
    bottom, height = float(levels.min()), np.ptp(levels)
    gains = [(low, span / height) for low, span in ranges]
    return [{**start, "gain": g, "offset": low - g * bottom} for low, g in gains]
