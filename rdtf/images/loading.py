"""Targets from files of any kind, told apart by the ends of their names."""

import dataclasses
import os
import pathlib

import numpy as np

from rdtf import storage
from rdtf.images import decoding, levels, masks
from rdtf.status import InputError
from rdtf.storage import Targets


def load(
    paths, observe, scale=None, pixel_size=None, frame_interval=None, mask=None
) -> Targets:
    """Reads an `.npz` as `storage.load_targets`, anything else as `load_image`.

    Args:
      paths: an `.npz`, a picture or movie, or several of these of equal size.
      observe, scale, frame_interval: as of `load_image`; an `.npz` has no scale.
      pixel_size: as of `load_image`; it replaces that of an `.npz`.
      mask: as of `load_image`; of an `.npz`, what either mask hides is not observed.

    Raises:
      InputError: in one line, if that cannot be done.
    """
    paths = _as_paths(paths)
    arrays = [path for path in paths if path.suffix.lower() in (".npz", "")]
    if not arrays:
        return load_image(
            paths, observe, scale, pixel_size, frame_interval=frame_interval, mask=mask
        )
    if len(paths) > 1:
        raise InputError(
            f"Expected pictures, or one .npz, got {arrays[0]} among {len(paths)} "
            "files: put its samples into one .npz."
        )
    if scale is not None:
        raise InputError(
            f"Expected no scale with {arrays[0]}: its numbers are taken as they are; "
            "leave it out."
        )
    _check_numbers(pixel_size, frame_interval)
    targets = storage.load_targets(arrays[0], observe, frame_interval)
    if pixel_size is not None:
        targets = dataclasses.replace(targets, pixel_size=float(pixel_size))
    return masks.apply(targets, observe, mask, arrays[0])


def load_image(
    path, observe, scale=None, pixel_size=None, frame_interval=None, mask=None
) -> Targets:
    """Reads pictures or movies of one species.

    Colour becomes luminance. What is fully transparent, or NaN, is not observed;
    otherwise transparency is ignored. Levels of integer pictures are divided by the
    largest there can be (255 or 65535); unless `scale` says what they stand for, the
    metadata call their intensity "relative". Floats are kept.

    Args:
      path: a file, or several of equal size.
      observe: the species that the picture shows.
      scale: "LOW:HIGH" or a pair: concentrations of the darkest and the brightest
        level.
      pixel_size: distance between pixel centres, in the model's length unit.
      frame_interval: between frames. Without it, every page is a sample of its own.
        With it, the pages of a file are a movie; files of one page each are the frames
        of one movie, in the order given.
      mask: a file as of `load_mask`, or an array, True where observed.

    Raises:
      InputError: in one line, if that cannot be done.
    """
    _check_numbers(pixel_size, frame_interval)
    bounds = None if scale is None else levels.parse_scale(scale)
    pages = [decoding.read(one) for one in _as_paths(path)]
    first = pages[0]
    for other in pages[1:]:
        _check_alike(first, other)
    shown = None
    if any(one.shown is not None for one in pages):
        shown = [
            np.ones_like(p.values, bool) if p.shown is None else p.shown for p in pages
        ]
        shown = _arrange(shown, frame_interval, first.path)
    values = _arrange([one.values for one in pages], frame_interval, first.path)
    fields, quantum, metadata = levels.to_concentrations(
        values, first.top, bounds, first.path
    )
    colours = sorted({one.colour for one in pages})
    metadata |= {"colour": ", ".join(colours), "files": [p.path.name for p in pages]}
    times = None
    if frame_interval is not None:
        times = frame_interval * np.arange(values.shape[1])
    size = None if pixel_size is None else float(pixel_size)
    targets = Targets(
        fields={observe: fields},
        times=times,
        mask=shown,
        pixel_size=size,
        quantum=quantum,
        metadata=metadata,
    )
    return masks.apply(targets, observe, mask, first.path)


def still(targets: Targets, frame: int) -> Targets:
    """One frame of a movie; raises InputError if there is no such frame."""
    if targets.times is None:
        raise InputError(
            f"Expected a movie to take frame {frame} of, got stills: leave it out."
        )
    count = len(targets.times)
    if not -count <= frame < count:
        raise InputError(f"Expected a frame among {count} frames, got {frame}.")
    fields = {name: field[:, frame] for name, field in targets.fields.items()}
    mask = None if targets.mask is None else targets.mask[:, frame]
    if mask is not None:
        masks.check_something_observed(mask, f"frame {frame}")
    return dataclasses.replace(
        targets, fields=fields, times=None, mask=mask, status=None, num_steps=None
    )


def _as_paths(paths):
    """A path or several as a list."""
    one = isinstance(paths, (str, os.PathLike))
    found = [pathlib.Path(path) for path in ([paths] if one else paths)]
    if not found:
        raise InputError("Expected the path of a picture, got none.")
    return found


def _check_numbers(pixel_size, frame_interval):
    levels.check_positive("pixel_size", pixel_size)
    levels.check_positive("frame_interval", frame_interval)


def _check_alike(first, other):
    """Whether two files can be samples of one fit."""
    sizes = [masks.size_of(one.values.shape) for one in (first, other)]
    if sizes[0] != sizes[1]:
        raise InputError(
            f"Expected pictures of one size, got {sizes[0]} in {first.path} and "
            f"{sizes[1]} in {other.path}: crop them alike."
        )
    if first.top != other.top:
        depths = ["floats" if p.top is None else f"0..{p.top}" for p in (first, other)]
        raise InputError(
            f"Expected pictures of one depth, got {depths[0]} in {first.path} and "
            f"{depths[1]} in {other.path}: convert them alike."
        )


def _arrange(pages, interval, path):
    """Arrays `[page, y, x]` of files as stills `[n, y, x]` or movies `[n, t, y, x]`."""
    if interval is None:
        return np.concatenate(pages)
    counts = sorted({len(page) for page in pages})
    movie = np.concatenate(pages)[np.newaxis] if counts == [1] else None
    if movie is not None and movie.shape[1] == 1:
        raise InputError(
            f"Expected several frames, got one in {path}: leave the frame interval, or "
            "the choice of a frame, out."
        )
    if len(counts) > 1:
        raise InputError(
            f"Expected movies of equal length, got {counts[0]} to {counts[-1]} frames: "
            "cut them alike."
        )
    return np.stack(pages) if movie is None else movie
