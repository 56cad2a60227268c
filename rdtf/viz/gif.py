"""GIF animations, by imageio."""

from collections.abc import Iterable

import numpy as np

from rdtf import storage
from rdtf.status import InputError


def write_gif(path, frames: Iterable[np.ndarray], fps: float = 20.0) -> int:
    """Writes an endlessly repeating GIF atomically; returns the number of frames.

    The writer keeps all frames until the end. At most 256 colours are stored exactly; a
    frame like the one before lengthens that one.

    Args:
      path: where to.
      frames: RGB uint8 `[y, x, 3]`, all of one shape.
      fps: up to 50; GIF counts time in hundredths of a second.

    Raises:
      InputError: if there is no frame, their shapes differ, or `fps` is out of range.
    """
    import imageio.v3 as imageio

    if not 0 < fps <= 50:
        raise InputError(f"Expected 0 < fps <= 50 (GIF viewers' limit), got {fps:g}.")
    count, shape = 0, None
    milliseconds = 10 * max(2, round(100 / fps))
    with storage.atomic(path) as temporary:
        with imageio.imopen(temporary, "w", extension=".gif", plugin="pillow") as gif:
            for frame in frames:
                shape = shape or frame.shape
                if frame.shape != shape:
                    raise InputError(
                        f"Expected frames of shape {shape}, got {frame.shape}."
                    )
                gif.write(np.asarray(frame, np.uint8), duration=milliseconds, loop=0)
                count += 1
        if not count:
            raise InputError(f"Expected at least one frame for {path}, got none.")
    return count
