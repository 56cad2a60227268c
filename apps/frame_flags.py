"""The frames: flags of when they are saved and how they are stored."""

import numpy as np
from absl import flags

from rdtf.status import InputError

_DURATION = flags.DEFINE_float(
    "duration", None, "Time to simulate, in the model's unit. Required."
)
_EVERY = flags.DEFINE_float(
    "every", None, "Time between frames, in the model's unit. Required."
)
_CHUNK = flags.DEFINE_integer(
    "chunk_frames", 16, "Number of frames that are written together.", 1
)
_FLOAT32 = flags.DEFINE_bool(
    "float32", False, "Store frames in single precision, half the space."
)
_COMPRESS = flags.DEFINE_bool("compress", True, "Compress the frames with gzip.")


def save_times():
    """0, every, 2 every, ..., duration."""
    duration, every = _DURATION.value, _EVERY.value
    if not (np.isfinite(duration) and duration >= 0.0):
        raise InputError(f"Expected --duration of at least 0, got {duration:g}.")
    if not (np.isfinite(every) and every > 0.0):
        raise InputError(f"Expected --every above 0, got {every:g}.")
    count = round(duration / every)
    if abs(duration / every - count) > 1e-9 * max(count, 1):
        raise InputError(
            f"Expected --duration as a multiple of --every, got {duration:g} and "
            f"{every:g}: take {count * every:g}."
        )
    return every * np.arange(count + 1)


def recorder(output, start, overwrite):
    """What writes the frames; `start` is noted in the file."""
    from rdtf import recording

    return recording.HDF5Recorder(
        output,
        chunk_frames=_CHUNK.value,
        compression="gzip" if _COMPRESS.value else None,
        dtype="float32" if _FLOAT32.value else "float64",
        metadata=start,
        overwrite=overwrite,
    )
