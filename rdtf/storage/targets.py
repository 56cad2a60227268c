"""Targets: pictures of patterns as `.npz`.

A target file holds one array per species, stills `[sample, *grid]` or movies
`[sample, time, *grid]` with `times` `[time]`, per-sample `status` and `num_steps`, and
`metadata`, a JSON string (model, params, grid, scheme, seed, ...). Only the observed
species is required: any array from any source can be a target.
"""

import dataclasses
import json
import zipfile
import zlib

import numpy as np

from rdtf.status import InputError
from rdtf.storage.atomic_files import atomic, jsonable

_EXTRA = ("times", "status", "num_steps", "mask", "pixel_size", "quantum")


@dataclasses.dataclass(frozen=True)
class Targets:
    """Pictures of patterns.

    Attributes:
      fields: species -> float64 `[sample, *grid]`, or `[sample, time, *grid]`.
      times: float64 `[time]` of a movie, or None for stills.
      status, num_steps: int `[sample]` of the run that made them, or None.
      mask: bool, True where a cell was observed, shaped as a field, or None for all.
      pixel_size: distance between cell centres, or None if the file does not say.
      quantum: step between the levels that can be stored, or None if there is none.
      metadata: what is known of their origin; `{}` if nothing is.
    """

    fields: dict[str, np.ndarray]
    _: dataclasses.KW_ONLY
    times: np.ndarray | None = None
    status: np.ndarray | None = None
    num_steps: np.ndarray | None = None
    mask: np.ndarray | None = None
    pixel_size: float | None = None
    quantum: float | None = None
    metadata: dict = dataclasses.field(default_factory=dict)

    @property
    def true_params(self) -> dict[str, float] | None:
        """The parameters that made them, where known."""
        return self.metadata.get("params")


def save_targets(path, targets: Targets) -> None:
    """Writes a target file atomically."""
    arrays = dict(targets.fields)
    for name in _EXTRA:
        value = getattr(targets, name)
        if value is not None:
            arrays[name] = value
    arrays["metadata"] = json.dumps(jsonable(targets.metadata))
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def load_targets(path, observe: str, frame_interval: float | None = None) -> Targets:
    """Reads a target file.

    Args:
      path: an `.npz`.
      observe: the species that must be in it.
      frame_interval: between the frames of a movie without `times`. If it is given,
        or the file has `times`, axis 0 of an array without metadata is time.

    Raises:
      InputError: in one line, if the file cannot be read or does not hold `observe` as
        finite numbers.
    """
    arrays = read_arrays(path)
    metadata = _metadata(path, arrays.pop("metadata", None))
    if observe not in arrays:
        raise InputError(
            f"Expected an array {observe!r} in {path}, got "
            f"{', '.join(arrays) or 'none'}"
            ": rename it, or say with --observe which species is shown."
        )
    extra = {name: arrays.pop(name) for name in _EXTRA if name in arrays}
    shape = arrays[observe].shape
    fields = {
        name: array
        for name, array in arrays.items()
        if name == observe or (array.shape == shape and array.dtype.kind in "fiu")
    }
    ndim = len(metadata["grid"]["shape"]) if "grid" in metadata else 2
    timed = frame_interval is not None or "times" in extra
    one_movie = timed and "grid" not in metadata and len(shape) == ndim + 1
    if one_movie or len(shape) == ndim:
        fields = {name: array[np.newaxis] for name, array in fields.items()}
    _check_field(path, observe, fields[observe], extra, ndim)
    _check_extra(path, fields[observe].shape, extra, ndim, frame_interval or 1.0)
    fields = {name: array.astype(np.float64) for name, array in fields.items()}
    return Targets(fields=fields, metadata=metadata, **extra)


def _metadata(path, text):
    """A dict, of which `params` and `grid`, if there, can be used."""
    if text is None:
        return {}
    try:
        metadata = json.loads(str(text[()]))
        dict(metadata.get("params", {}))
        tuple(metadata.get("grid", {"shape": ()})["shape"])
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(
            f"Expected a JSON object as metadata of {path}: {error}."
        ) from None
    return metadata


def _check_extra(path, shape, extra, ndim, interval):
    """Makes sizes numbers, and gives a movie its times."""
    for name in {"pixel_size", "quantum"} & set(extra):
        try:
            extra[name] = float(extra[name])
        except (TypeError, ValueError):
            raise InputError(f"Expected one number as {name} of {path}.") from None
    frames = shape[1:-ndim]  # () of stills
    if frames:
        extra.setdefault("times", interval * np.arange(*frames))
    if "times" in extra and extra["times"].shape != frames:
        raise InputError(
            f"Expected {frames or 'no'} times in {path} beside fields of shape "
            f"{shape}, got {extra['times'].shape}."
        )


def read_arrays(path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz`; raises InputError if they cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(
            f"Expected a target file at {path}, found none: make it with "
            "`python -m rdtf generate --output=...`."
        ) from None
    except (
        *(OSError, EOFError, ValueError, TypeError, AttributeError),
        *(NotImplementedError, zipfile.BadZipFile, zlib.error),
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"Expected a readable .npz at {path}, got: {reason}. Is it complete?"
        ) from None


def _check_field(path, name, array, extra, ndim):
    if array.dtype.kind not in "fiu" or array.size == 0:
        raise InputError(
            f"Expected numbers as {name!r} of {path}, got {array.dtype} of shape "
            f"{array.shape}."
        )
    if array.ndim not in (ndim + 1, ndim + 2):
        raise InputError(
            f"Expected {name!r} of {path} as [sample, *grid] or [sample, time, *grid] "
            f"on a {ndim}-D grid, got shape {array.shape}."
        )
    observed = array
    if "mask" in extra:
        mask = np.asarray(extra["mask"], bool)
        try:
            extra["mask"] = mask = np.broadcast_to(mask, array.shape)
        except ValueError:
            raise InputError(
                f"Expected a mask of shape {array.shape} in {path}, got {mask.shape}."
            ) from None
        observed = array[mask]
    if not np.isfinite(observed).all():
        raise InputError(
            f"Expected finite numbers as {name!r} of {path}, got "
            f"{int((~np.isfinite(observed)).sum())} NaN or infinite: mark missing "
            "cells with an array `mask` (True where observed)."
        )
