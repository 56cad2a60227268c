"""Seeded initial states: noise, squares, discs, broken waves on a uniform background.

Sample i of a seed is drawn by a counter-based generator keyed by (seed, i), so it does
not depend on the batch it is drawn in. Background, patch, noise and limits are the
model's (`rdtf.models.Start`). A state is one float64 field `[B, *grid.shape]` per
species, in a tuple.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from rdtf import homogeneous
from rdtf.grids import Grid
from rdtf.models import MODELS, ReactionDiffusion
from rdtf.status import InputError
from rdtf.types import State


def noise(
    model: ReactionDiffusion,
    grid: Grid,
    batch: int | Sequence[int] = 1,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
    amplitude: float | None = None,
) -> State:
    """White Gaussian noise around the background.

    Args:
      model, grid, batch, seed, params: as of `create`.
      amplitude: standard deviation of the noise, in units of the species; by default
        the model's.
    """
    return _build(
        model, grid, batch=batch, seed=seed, params=params, amplitude=amplitude
    )


def central_square(
    model: ReactionDiffusion,
    grid: Grid,
    batch: int | Sequence[int] = 1,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
    amplitude: float | None = None,
    width: float = 20 / 128,
) -> State:
    """A noisy background whose centre, `width` of each side, holds the patch values.

    On 128 cells it covers cells 54 to 73; the patch itself carries no noise.

    Args:
      model, grid, batch, seed, params: as of `create`.
      amplitude: as of `noise`.
      width: side of the square over that of the grid.
    """
    sides = [max(1, round(n * width)) for n in grid.shape]
    region = tuple(
        slice((n - s) // 2, (n - s) // 2 + s)
        for n, s in zip(grid.shape, sides, strict=True)
    )
    mask = np.zeros(grid.shape, bool)
    mask[region] = True
    return _build(
        model,
        grid,
        batch=batch,
        seed=seed,
        params=params,
        amplitude=amplitude,
        mask=lambda rng: mask,
    )


def discs(
    model: ReactionDiffusion,
    grid: Grid,
    batch: int | Sequence[int] = 1,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
    count: int = 5,
    radii: tuple[int, int] = (3, 7),
) -> State:
    """`count` discs (balls) of patch values per sample, of whole-number radii in cells.

    Discs lie inside the domain and may overlap. There is no noise.

    Args:
      model, grid, batch, seed, params: as of `create`.
      count: how many discs.
      radii: (smallest, largest) radius in cells, both included.

    Raises:
      InputError: if the grid is too small for the largest disc.
    """
    if min(grid.shape) <= 2 * radii[1]:
        raise InputError(
            f"Expected a grid of more than {2 * radii[1]} cells a side for discs of "
            f"radius {radii[1]}, got {grid.shape}."
        )
    axes = np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij")

    def mask(rng):
        inside = np.zeros(grid.shape, bool)
        for _ in range(count):
            radius = int(rng.integers(radii[0], radii[1] + 1))
            centre = [int(rng.integers(radius, n - radius)) for n in grid.shape]
            distance = sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True))
            inside |= distance < radius**2
        return inside

    return _build(
        model, grid, batch=batch, seed=seed, params=params, amplitude=0.0, mask=mask
    )


def broken_waves(
    model: ReactionDiffusion,
    grid: Grid,
    batch: int | Sequence[int] = 1,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
) -> State:
    """Waves with free ends in an excitable medium, each of which curls into a spiral.

    One half of the last axis is excited (the patch values), and then one half of the
    axis before takes the refractory values, as in Barkley 1991,
    doi:10.1016/0167-2789(91)90194-E. With no flux through the boundary one spiral
    grows, on a torus four.

    Args:
      model, grid, batch, seed, params: as of `create`.

    Raises:
      InputError: if the model is not excitable (`Start.refractory`), or the grid 1-D.
    """
    refractory = model.start.refractory
    if refractory is None or grid.ndim < 2:
        excitable = [m.name for m in MODELS.values() if m.start.refractory is not None]
        raise InputError(
            "Expected an excitable model and 2 or 3 axes for broken waves, got "
            f"{model.name} on {grid.shape}: use one of {', '.join(excitable)}, or the "
            "initial condition 'discs'."
        )
    first = grid.shape[-1] // 2, grid.shape[-2] // 2
    excited, behind = np.zeros((2, *grid.shape), bool)
    excited[..., : first[0]] = True
    behind[..., : first[1], :] = True
    state = _build(
        model, grid, batch=batch, seed=seed, params=params, mask=lambda rng: excited
    )
    return tuple(
        tf.where(behind, tf.constant(value, tf.float64), field)
        for field, value in zip(state, refractory, strict=True)
    )


def central_disc(
    model: ReactionDiffusion,
    grid: Grid,
    batch: int | Sequence[int] = 1,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
) -> State:
    """A central disc (ball) of patch values, its radius a tenth of the shortest side.

    Args:
      model, grid, batch, seed, params: as of `create`.
    """
    radius = max(1, min(grid.shape) // 10)
    axes = np.meshgrid(*[np.arange(n) - n // 2 for n in grid.shape], indexing="ij")
    inside = sum(a**2 for a in axes) < radius**2
    return _build(
        model, grid, batch=batch, seed=seed, params=params, mask=lambda rng: inside
    )


KINDS: dict[str, Callable] = {
    "noise": noise,
    "central_square": central_square,
    "central_disc": central_disc,
    "discs": discs,
    "broken_waves": broken_waves,
    # As data sets of patterns name and store them:
    "multiple_seeds": discs,
    "random": functools.partial(noise, amplitude=0.05),  # not the model's own noise
    "center_seed": central_disc,
}


def check(kind: str) -> None:
    """Raises InputError unless the kind is one of `KINDS`."""
    if kind not in KINDS:
        raise InputError(
            f"Expected an initial condition among {', '.join(KINDS)}, got {kind!r}."
        )


def create(
    kind: str | None,
    model: ReactionDiffusion,
    grid: Grid,
    batch: int | Sequence[int] = 1,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
) -> State:
    """The initial state of that kind.

    Args:
      kind: a name of `KINDS`; None takes the model's customary one.
      model: the equations, whose `start` has background, patch, noise and limits.
      grid: where they are solved.
      batch: how many samples, which are then 0, 1, ..., or the numbers of the samples.
      seed: of all samples.
      params: name -> number, for the uniform state of a model without a background; by
        default the model's.

    Returns:
      One float64 field `[B, *grid.shape]` per species.

    Raises:
      InputError: if the model or the grid does not allow that kind.
    """
    kind = kind or model.start.kind
    check(kind)
    return KINDS[kind](model, grid, batch, seed, params)


def background(
    model: ReactionDiffusion, params: Mapping[str, float] | None = None
) -> tuple[float, ...]:
    """The uniform background: the model's, or the homogeneous state of `params`."""
    if model.start.background is not None:
        return model.start.background
    roots = homogeneous.states(model, params or model.defaults)
    positive = roots[(roots > 0).all(axis=1)] if len(roots) else roots
    if not len(roots):
        raise InputError(
            f"Expected parameters with a uniform state of {model.name}, got {params}."
        )
    return tuple(float(x) for x in (positive if len(positive) else roots)[0])


def _build(model, grid, *, batch, seed, params, amplitude=None, mask=None):
    """A noisy background; where `mask(rng)` is true, patch values instead."""
    start = model.start
    values = background(model, params)
    amplitude = start.noise if amplitude is None else amplitude
    numbers = range(batch) if np.ndim(batch) == 0 else batch
    fields = np.empty((len(values), len(numbers), *grid.shape))
    for i, number in enumerate(numbers):
        rng = np.random.Generator(np.random.Philox(key=[seed, number]))
        fields[:, i] = amplitude * rng.standard_normal((len(values), *grid.shape))
        fields[:, i] += np.reshape(values, (-1, *[1] * grid.ndim))
        if mask is None:
            continue
        if start.patch is None:
            raise InputError(
                f"Expected a model whose start has patch values, got {model.name}: use "
                "the initial condition 'noise'."
            )
        inside = mask(rng)
        for field, value in zip(fields, start.patch, strict=True):
            field[i, inside] = value
    if start.clip is not None:
        for field, (lower, upper) in zip(fields, start.clip, strict=True):
            np.clip(field, lower, upper, out=field)
    return tuple(tf.constant(field) for field in fields)
