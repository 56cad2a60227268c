"""Masks: which pixels of a picture were observed."""

import dataclasses
import os
import pathlib

import numpy as np

from rdtf import storage
from rdtf.images import decoding
from rdtf.status import InputError


def load_mask(path, shape, ndim: int = 2) -> np.ndarray:
    """Reads a mask: observed is what is neither 0, NaN nor fully transparent.

    Args:
      path: a picture, of one page or one per sample or frame; an `.npy`; or an `.npz`
        with an array `mask`, or one array only.
      shape: of the field that it masks; a mask of one picture holds for all.
      ndim: axes of space, the last ones of `shape`.

    Returns:
      bool of `shape`, True where observed.

    Raises:
      InputError: in one line, if it cannot be read, has another shape or hides a whole
        sample.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(f"Expected a mask at {path}, found none: is the name right?")
    mask = fit(_observed(path), shape, ndim, path)
    check_something_observed(mask, path)
    return mask


def fit(mask, shape, ndim, path):
    """A mask in the shape of a field.

    Args:
      mask: an array; observed is what is not 0.
      shape: of the field.
      ndim: axes of space, the last ones of `shape`.
      path: named where the mask does not fit.

    Returns:
      bool of `shape`.

    Raises:
      InputError: if the mask has another shape.
    """
    size = shape[-ndim:]
    if mask.shape[0:1] == (1,) and mask.ndim > ndim:
        mask = mask[0]
    try:
        if mask.shape[-ndim:] != size:
            raise ValueError
        return np.broadcast_to(mask.astype(bool), shape)
    except ValueError:
        raise InputError(
            f"Expected a mask of {size_of(size, ndim)} cells, as the picture, got "
            f"shape {mask.shape} in {path}: crop it alike."
        ) from None


def check_something_observed(mask, path) -> None:
    """Raises InputError if some sample is hidden as a whole."""
    hidden = ~mask.reshape(len(mask), -1).any(axis=1)
    if hidden.any():
        raise InputError(
            f"Expected something to be observed of every sample, got a mask of {path} "
            f"that hides sample {int(hidden.argmax())}: nonzero must mean observed."
        )


def apply(targets, observe, mask, path):
    """Targets with another mask over their own: what either hides is not observed.

    Args:
      targets: whose mask it is to be.
      observe: the observed species.
      mask: a file as of `load_mask`, an array, or None.
      path: of the targets, for messages.
    """
    shape, observed = targets.fields[observe].shape, targets.mask
    if mask is not None:
        ndim = len(shape) - 1 - (targets.times is not None)
        if isinstance(mask, (str, os.PathLike)):
            path, given = mask, load_mask(mask, shape, ndim)
        else:
            given = fit(np.asarray(mask), shape, ndim, path)
        observed = given if observed is None else given & observed
    if observed is not None:
        check_something_observed(observed, path)
    return dataclasses.replace(targets, mask=observed)


def size_of(shape, ndim=2):
    """`16 x 12` of the last axes of a shape."""
    return " x ".join(map(str, shape[-ndim:]))


def _observed(path):
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        array = _array(path)
        return (array != 0) & np.isfinite(array)
    if suffix in (".jpg", ".jpeg", *decoding.VIDEOS):
        raise InputError(
            f"Expected a mask without loss, got {path}: save it as PNG or TIFF."
        )
    pages = decoding.read(path)
    return (pages.values != 0) & (True if pages.shown is None else pages.shown)


def _array(path):
    """The array of an `.npy`, or the one of an `.npz` that is meant."""
    if path.suffix.lower() == ".npz":
        arrays = storage.read_arrays(path)
        names = ["mask"] if "mask" in arrays else list(arrays)
        if len(names) != 1:
            raise InputError(
                f"Expected an array `mask` in {path}, got "
                f"{', '.join(names) or 'none'}: rename the one that is meant."
            )
        array = arrays[names[0]]
    else:
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, EOFError, ValueError, SyntaxError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"Expected a readable .npy at {path}, got: {reason}. Is it complete?"
            ) from None
    if getattr(array, "dtype", np.dtype(object)).kind not in "biuf":
        raise InputError(
            f"Expected numbers as the mask {path}: nonzero means observed."
        )
    return array
