"""Pictures in the forms that users have, as targets, and the grid that they lie on."""

import dataclasses
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rdtf import images
from rdtf.grids import Grid
from rdtf.inverse.observation.camera_settings import WHOLE, Observation
from rdtf.models import ReactionDiffusion, provenance
from rdtf.status import InputError
from rdtf.storage import Targets

Pictures = np.ndarray | str | os.PathLike | Sequence | Targets


class Reading(NamedTuple):
    """How pictures are read.

    Attributes:
      times: of the frames of a movie, `[time]`, or one number, the interval between
        them, in the model's unit of time; None: stills.
      scale: of a file of integer grey levels, "LOW:HIGH" or a pair: the concentration
        of the darkest and the brightest level.
      pixel_size: distance between pixel centres, in the model's unit of length.
      ndim: of the grid that arrays lie on.
    """

    times: float | Sequence[float] | None = None
    scale: str | tuple[float, float] | None = None
    pixel_size: float | None = None
    ndim: int = 2


def as_targets(
    pictures: Pictures, model: ReactionDiffusion, observe: str, how: Reading
) -> Targets:
    """Pictures as `rdtf.storage.Targets`.

    Args:
      pictures: an array `[y, x]` or `[sample, y, x]`, or a movie `[time, y, x]` or
        `[sample, time, y, x]` if there are times; pixels that a `numpy.ma` array masks
        were not observed. Or the path of a picture, a movie or an `.npz`, or several;
        or targets.
      model: that should explain them.
      observe: the observed species.
      how: how they are read.

    Raises:
      InputError: if they cannot be read, or another model made them.
    """
    if isinstance(pictures, Targets):
        _refuse("targets", times=how.times, scale=how.scale)
        found = pictures
        if observe not in found.fields:
            raise InputError(
                f"Expected {observe} among the fields of the targets, got "
                f"{', '.join(found.fields)}: name one with observe=."
            )
    elif _are_paths(pictures):
        return _of_files(pictures, model, observe, how)
    else:
        _refuse("an array", scale=how.scale)
        found = _of_array(pictures, observe, how.times, how.ndim)
    if how.pixel_size is not None:
        found = dataclasses.replace(found, pixel_size=float(how.pixel_size))
    return found


def _of_files(paths, model, observe, how):
    if how.times is not None and np.ndim(how.times):
        raise InputError(
            "Expected the interval between the frames of a file as times, one number, "
            f"got an array of shape {np.shape(how.times)}."
        )
    found = images.load(
        paths, observe, how.scale, how.pixel_size, frame_interval=how.times
    )
    metadata = provenance.check(found.metadata, model, paths)
    return dataclasses.replace(found, metadata=metadata)


def _are_paths(pictures):
    if isinstance(pictures, (str, os.PathLike)):
        return True
    is_list = isinstance(pictures, (list, tuple)) and len(pictures) > 0
    return is_list and all(isinstance(p, (str, os.PathLike)) for p in pictures)


def _refuse(what, **given):
    """Options that make no sense with what is given."""
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"Expected {name} with files only, got it with {what}, which has its "
                "own: leave it out."
            )


def _of_array(pictures, observe, times, ndim):
    mask = None
    if isinstance(pictures, np.ma.MaskedArray):
        mask, pictures = ~np.ma.getmaskarray(pictures), pictures.filled(0.0)
    try:
        fields = np.asarray(pictures, np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "Expected pictures as an array of numbers, the path of a file or several, "
            f"or targets, got {type(pictures).__name__}."
        ) from None
    dimensions = ndim if times is None else ndim + 1  # of a single picture or movie
    if fields.ndim < dimensions:
        raise InputError(
            f"Expected {'pictures [sample, y, x]' if times is None else 'a movie'}, "
            f"got an array of shape {fields.shape}."
        )
    if fields.ndim == dimensions:
        fields, mask = fields[np.newaxis], None if mask is None else mask[np.newaxis]
    if times is not None and not np.ndim(times):
        times = float(times) * np.arange(fields.shape[1])
    times = None if times is None else np.asarray(times, np.float64)
    return Targets(fields={observe: fields}, times=times, mask=mask)


def pixel_grid(
    targets: Targets,
    observe: str,
    pixel_size: float | None = None,
    spacing: float = 1.0,
    boundary="periodic",
) -> Grid:
    """The grid whose cells are the pixels: that of the metadata, if they have one.

    Args:
      targets: pictures or a movie.
      observe: the observed species.
      pixel_size: distance between pixel centres, in the model's unit of length; None
        takes that of the targets, else `spacing`.
      spacing: where nothing else says.
      boundary: where the metadata have no grid.

    Raises:
      InputError: if the pictures have another shape than their metadata say.
    """
    shape, known = targets.fields[observe].shape, targets.metadata.get("grid")
    if known is None:
        cells = shape[1:] if targets.times is None else shape[2:]
        return Grid(cells, pixel_size or targets.pixel_size or spacing, boundary)
    size = pixel_size or tuple(known["spacing"])
    pixels = Grid(tuple(known["shape"]), size, known["boundary"])
    if shape[-pixels.ndim :] != pixels.shape:
        raise InputError(
            f"Expected pictures [sample, {', '.join(map(str, pixels.shape))}], as "
            f"their metadata say, got shape {shape}: which is right?"
        )
    return pixels


def model_grid(pixels: Grid, observation: Observation) -> Grid:
    """The grid of the model, with `observation.cells_per_pixel` cells along a pixel."""
    cells = observation.cells_per_pixel
    shape = tuple(cells * n for n in pixels.shape)
    return Grid(shape, tuple(h / cells for h in pixels.spacing), pixels.boundary)


def observation_of(targets: Targets, observation: Observation | None) -> Observation:
    """The observation with the mask and the rounding of the targets.

    The gain of integer grey levels without a scale is unknown.
    """
    given = observation or WHOLE
    relative = targets.metadata.get("intensity") == "relative"
    mask = targets.mask
    if mask is None or np.all(mask):
        mask = given.mask
    return dataclasses.replace(
        given,
        mask=mask,
        quantum=targets.quantum or given.quantum,
        unknown_gain=given.unknown_gain or relative,
    )
