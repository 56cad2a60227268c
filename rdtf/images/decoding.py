"""What picture files hold, as grey levels: the only place that calls a decoder."""

import dataclasses
import importlib.util
import pathlib
import warnings

import numpy as np

from rdtf.status import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v")
SUFFIXES = PICTURES + VIDEOS
_SMALLEST = 3  # of a grid's axis
_MOST = 2**28  # values of a file, 2 GB
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
_READ_AS_THEY_ARE = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F", "RGB", "RGBA")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pages:
    """The pages, or frames, of one file.

    Attributes:
      path: of the file.
      values: float64 `[page, y, x]`, as stored.
      top: the brightest level there can be, or None of floats.
      colour: "grey", "equal channels" or "luminance".
      shown: bool, False where transparent or not finite, or None if all is shown.
    """

    path: pathlib.Path
    values: np.ndarray
    top: int | None
    colour: str
    shown: np.ndarray | None


def read(path) -> Pages:
    """Reads every page; of a JPEG the first, as phones append others.

    Raises:
      InputError: in one line, if that cannot be done.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"Expected a picture ({', '.join(SUFFIXES)}), got {path}: export it as "
            "TIFF."
        )
    decode = _pictures if path.suffix.lower() in PICTURES else _frames
    pages, count = [], 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for pixels in decode(path):
                pages.append(_grey(path, pixels))
                count += pages[-1][0].size
                if count > _MOST:
                    raise InputError(
                        f"Expected at most {_MOST:,} pixels in {path}, got more: crop "
                        "or bin it, or leave frames out."
                    )
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged files raise nearly anything
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(
            f"Expected a readable picture at {path}, got: "
            f"{reason.splitlines()[0].rstrip('.')}. "
            "Is it complete?"
        ) from None
    return _together(path, pages)


def _pictures(path):
    """Yields an array `[y, x]` or `[y, x, channel]` for each page."""
    from PIL import Image, ImageOps, ImageSequence

    with Image.open(path) as picture:
        for page in ImageSequence.Iterator(picture):
            upright = ImageOps.exif_transpose(page)
            if upright.mode not in _READ_AS_THEY_ARE:
                clear = upright.has_transparency_data
                upright = upright.convert("RGBA" if clear else "RGB")
            yield np.asarray(upright)
            if picture.format in ("JPEG", "MPO"):
                return


def _frames(path):
    """Yields an array `[y, x, channel]` for each frame of a video."""
    import imageio.v3 as imageio

    plugins = {"av": "pyav", "imageio_ffmpeg": "FFMPEG"}
    found = [plugins[name] for name in plugins if importlib.util.find_spec(name)]
    if not found:
        raise InputError(
            f"Expected a plugin to read {path}, found none: `pip install "
            "imageio[ffmpeg]`, or convert the video to a TIFF of several pages."
        )
    path.open("rb").close()  # says what is wrong better than the plugins
    yield from imageio.imiter(path, plugin=found[0])


def _grey(path, pixels):
    """(values, top, colour, shown) of one page."""
    if pixels.dtype.kind not in "bufi" or pixels.dtype.kind == "i":
        raise InputError(
            f"Expected 8 or 16 bits per level, or floats, in {path}, got "
            f"{pixels.dtype}: convert it to 16-bit or floating-point TIFF."
        )
    top = None
    if pixels.dtype.kind != "f":
        top = 1 if pixels.dtype.kind == "b" else int(np.iinfo(pixels.dtype).max)
    shown, colour = None, "grey"
    if pixels.ndim == 3:
        channels = pixels.shape[-1]
        if channels in (2, 4):
            shown = pixels[..., -1] != 0
        pixels = pixels[..., 0] if channels < 3 else pixels[..., :3]
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels, colour = pixels[..., 0], "equal channels"
    elif pixels.ndim == 3:
        pixels, colour = pixels @ np.array(_LUMINANCE), "luminance"
    values = pixels.astype(np.float64)
    if not np.isfinite(values).all():
        shown = np.isfinite(values)
    return values, top, colour, shown


def _together(path, pages):
    if not pages:
        raise InputError(f"Expected a picture in {path}, got none: is it complete?")
    shapes = [values.shape for values, *_ in pages]
    if len(set(shapes)) > 1:
        other = next(shape for shape in shapes if shape != shapes[0])
        raise InputError(
            f"Expected frames of one size in {path}, got {shapes[0]} and {other}: save "
            "those you need on their own."
        )
    if min(shapes[0]) < _SMALLEST:
        raise InputError(
            f"Expected at least {_SMALLEST} x {_SMALLEST} pixels in {path}, got "
            f"{shapes[0]}: the picture is too small."
        )
    tops = {top for _, top, _, _ in pages}
    if len(tops) > 1:
        raise InputError(
            f"Expected pages of one depth in {path}, got several: convert them alike."
        )
    colours = {colour for _, _, colour, _ in pages}
    colour = "luminance" if "luminance" in colours else pages[0][2]
    shown = None
    if not all(one is None or one.all() for *_, one in pages):
        shown = np.stack(
            [np.ones(shapes[0], bool) if one is None else one for *_, one in pages]
        )
    return Pages(
        path=path,
        values=np.stack([page[0] for page in pages]),
        top=tops.pop(),
        colour=colour,
        shown=shown,
    )
