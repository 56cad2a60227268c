"""Fields as photographs."""

import pathlib

import numpy as np

from rdtf import storage
from rdtf.images import levels
from rdtf.status import InputError

_DEPTHS = {".png": (8, 16), ".tif": (8, 16, 32), ".tiff": (8, 16, 32), ".gif": (8,)}


def save_image(path, field, scale=None, bits: int = 8) -> None:
    """Writes a field as a grey picture, atomically.

    Args:
      path: `.png`, `.tif`, `.tiff` or `.gif`.
      field: `[y, x]`, or, unless PNG, `[frame, y, x]`. A GIF drops a frame that is
        exactly like the one before it.
      scale: "LOW:HIGH" or a pair: what the darkest and the brightest level stand for;
        values beyond are clipped, as a camera does. None with 32 bits.
      bits: 8 or 16, or 32 for floats, which TIFF can keep.

    Raises:
      InputError: if that cannot be done.
    """
    from PIL import Image

    path, field = pathlib.Path(path), np.asarray(field, np.float64)
    depths = _DEPTHS.get(path.suffix.lower(), ())
    if bits not in depths:
        raise InputError(
            f"Expected a PNG (8 or 16 bits), TIFF (8, 16 or 32) or GIF (8), got {path} "
            f"with {bits} bits: choose another name or depth."
        )
    most = 2 if path.suffix.lower() == ".png" else 3
    if not 2 <= field.ndim <= most or not field.size:
        raise InputError(
            f"Expected a field [y, x]{' or [frame, y, x]' * (most > 2)} for {path}, "
            f"got shape {field.shape}: choose one sample."
        )
    pixels = _pixels(field, scale, bits)
    pages = [Image.fromarray(page) for page in pixels.reshape(-1, *field.shape[-2:])]
    more = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    with storage.atomic(path) as temporary:
        pages[0].save(temporary, **more)


def _pixels(field, scale, bits):
    if bits == 32:
        if scale is not None:
            raise InputError("Expected no scale with 32 bits: floats are kept.")
        return field.astype(np.float32)
    if not np.isfinite(field).all():
        raise InputError(
            f"Expected finite numbers for {bits} bits, got NaN or infinity: keep them "
            "in a TIFF of 32 bits."
        )
    kind = np.uint8 if bits == 8 else np.uint16
    bounds = levels.parse_scale(scale)
    return levels.to_levels(field, bounds, np.iinfo(kind).max).astype(kind)
