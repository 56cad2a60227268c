"""GIF animations: streamed to disk, exact in colour, as small as the format allows.

A frame of at most 256 colours is stored exactly, with a palette of its own; only the
rectangle that changed since the last frame is stored. Frames come from any iterator and
one at a time is in memory. (imageio and Pillow can read such files, but their writers
keep every frame until the end and choose new, nearby colours for each.)
"""

import struct
from collections.abc import Iterable

import numpy as np

from rdtf import files
from rdtf.status import InputError


def write_gif(path, frames: Iterable[np.ndarray], fps: float = 20.0) -> int:
    """Writes an endlessly repeating GIF atomically; returns the number of frames.

    Args:
      path: where to.
      frames: RGB uint8 `[y, x, 3]`, all of one shape.
      fps: up to 50. Durations are whole hundredths of a second, chosen so that the
        animation as a whole keeps time.

    Raises:
      InputError: if there is no frame, their shapes differ, or `fps` is out of range.
    """
    if not 0 < fps <= 50:
        raise InputError(f"Expected 0 < fps <= 50 (GIF viewers' limit), got {fps:g}.")
    count, previous, palette = 0, None, _Palette()
    with files.atomic(path) as temporary, open(temporary, "wb") as stream:
        for frame in frames:
            frame = np.ascontiguousarray(frame, np.uint8)
            if previous is None:
                stream.write(_header(frame))
            elif frame.shape != previous.shape:
                raise InputError(
                    f"Expected frames of shape {previous.shape}, got {frame.shape}."
                )
            end, start = round((count + 1) * 100 / fps), round(count * 100 / fps)
            stream.write(_encode(frame, previous, palette, 10 * (end - start)))
            count, previous = count + 1, frame
        if not count:
            raise InputError(f"Expected at least one frame for {path}, got none.")
        stream.write(b";")
    return count


def _header(frame):
    """GIF89a, the size, no global palette; and NETSCAPE's "repeat for ever"."""
    height, width = frame.shape[:2]
    size = struct.pack("<2HBBB", width, height, 0x70, 0, 0)
    return b"GIF89a" + size + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def _encode(frame, previous, palette, milliseconds):
    from PIL import GifImagePlugin

    y, x, height, width = _changed(frame, previous)
    image = palette.apply(frame[y : y + height, x : x + width])
    parts = GifImagePlugin.getdata(
        image, (x, y), duration=milliseconds, include_color_table=True
    )
    return b"".join(parts)


def _changed(frame, previous):
    """(y, x, height, width) of the smallest rectangle that holds every change."""
    if previous is None:
        return 0, 0, *frame.shape[:2]
    different = (frame != previous).any(axis=2)
    rows, columns = (np.flatnonzero(different.any(axis=a)) for a in (1, 0))
    if not rows.size:
        return 0, 0, 1, 1
    y, x = int(rows[0]), int(columns[0])
    return y, x, int(rows[-1]) + 1 - y, int(columns[-1]) + 1 - x


class _Palette:
    """Turns pixels into Pillow images of mode P, with the palette in use if it fits."""

    def __init__(self):
        self._colors = np.zeros(1, np.uint32)
        self._index = np.zeros(1 << 24, np.uint8)  # of every colour there is

    def apply(self, pixels: np.ndarray):
        """The same colours if there are at most 256, else the nearest of a new set."""
        from PIL import Image

        red, green, blue = np.moveaxis(pixels.astype(np.uint32), 2, 0)
        packed = red << 16 | green << 8 | blue
        index = self._index[packed]
        if not np.array_equal(self._colors.take(index, mode="clip"), packed):
            colors = np.unique(packed)
            if colors.size > 256:
                return Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE)
            self._colors = colors
            self._index[colors] = np.arange(colors.size)
            index = self._index[packed]
        image = Image.fromarray(index)
        parts = [self._colors >> 16, self._colors >> 8 & 255, self._colors & 255]
        image.putpalette(np.stack(parts, axis=1).astype(np.uint8).tobytes())
        return image
