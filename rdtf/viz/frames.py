"""Frames of an animation: fields as coloured pixels, in labelled panels.

A cell becomes a square of whole pixels and a value one of `LEVELS` colours of a fixed
range, so a frame shows the numbers and nothing smoothed, and fits a GIF's palette.
"""

import collections
import math
from collections.abc import Sequence

import numpy as np

from rdtf.status import InputError

LEVELS = 224  # leaves room for the shades of text in a palette of 256
MISSING = (190, 190, 190)
_BACKGROUND, _INK, _ALARM = (255, 255, 255), (40, 40, 40), (176, 0, 32)
_MARGIN, _GAP, _FONT_SIZE, _LINE = 12, 12, 13, 17


def colorize(
    field: np.ndarray, vmin: float, vmax: float, colormap: str = "magma"
) -> np.ndarray:
    """RGB uint8 `[..., 3]` of a field; values outside the range take its end colours.

    Args:
      field: any shape; what is not finite becomes grey.
      vmin, vmax: the colour range, in units of the field.
      colormap: a name that matplotlib knows.

    Raises:
      InputError: if matplotlib has no such colormap, or the range is empty.
    """
    if not (math.isfinite(vmin) and math.isfinite(vmax) and vmin < vmax):
        raise InputError(
            f"Expected a colour range with vmin < vmax, got {vmin:g} and {vmax:g}."
        )
    field = np.asarray(field, np.float64)
    seen = np.isfinite(field)
    unit = np.clip((np.where(seen, field, vmin) - vmin) / (vmax - vmin), 0.0, 1.0)
    colors = np.concatenate([_colors(colormap), [MISSING]]).astype(np.uint8)
    index = np.minimum((unit * LEVELS).astype(int), LEVELS - 1)
    return colors[np.where(seen, index, LEVELS)]


def upscale(image: np.ndarray, factor: int) -> np.ndarray:
    """Every cell of `[y, x, ...]` as a square of `factor` pixels a side."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def middle_slice(fields: np.ndarray) -> np.ndarray:
    """`[..., y, x]` of fields `[B, z, y, x]`: the plane in the middle of z."""
    return fields[:, fields.shape[1] // 2]


class SpaceTime:
    """Turns one-dimensional fields `[B, x]`, frame by frame, into `[B, height, x]`.

    Time runs downwards; rows that have no frame yet are NaN. Once full, it scrolls.
    """

    def __init__(self, height: int):
        self._height = height
        self._rows = collections.deque(maxlen=height)

    def __call__(self, fields: np.ndarray) -> np.ndarray:
        """Adds a frame and returns the pictures so far."""
        self._rows.append(np.asarray(fields))
        batch, width = fields.shape
        picture = np.full((batch, self._height, width), np.nan)
        picture[:, : len(self._rows)] = np.stack(self._rows, axis=1)
        return picture


class PanelFrames:
    """Draws frames of labelled panels with one colour range for all.

    Args:
      captions: one text per panel, wrapped to its width; at most 4 panels a row.
      shape: cells `(y, x)` of a panel.
      vmin, vmax: the colour range.
      colormap: a name that matplotlib knows.
      label: what the colour bar shows.
      panel_size: the longer side of a panel has at least so many pixels.
    """

    def __init__(
        self,
        captions: Sequence[str],
        shape: tuple[int, int],
        vmin: float,
        vmax: float,
        colormap: str = "magma",
        label: str = "",
        panel_size: int = 256,
    ):
        count = len(captions)
        self._range = (vmin, vmax, colormap)
        self._factor = max(1, -(-panel_size // max(shape)))
        self._height, self._width = (n * self._factor for n in shape)
        self._columns = min(count, 4, math.ceil(math.sqrt(count)))
        self._font = _font()
        lines = [_wrap(text, self._font, self._width) for text in captions]
        self._caption_height = _LINE * max(map(len, lines)) + 4
        self._blank = self._draw_blank(count, lines, label)

    def __call__(
        self, fields: np.ndarray, title: str, notes: Sequence[str] = ()
    ) -> np.ndarray:
        """A frame, RGB uint8, of fields `[panels, y, x]`.

        Args:
          fields: one per caption.
          title: a line above the panels.
          notes: per panel, a warning drawn across it, or an empty text.
        """
        from PIL import Image

        image = self._blank.copy()
        self._write(image, (_MARGIN, 8), title)
        for panel, field in enumerate(fields):
            pixels = upscale(colorize(field, *self._range), self._factor)
            image.paste(Image.fromarray(pixels), self._corner(panel))
        for panel, note in enumerate(notes):
            if note:
                self._draw_note(image, self._corner(panel), note)
        return np.asarray(image)

    def _corner(self, panel):
        row, column = divmod(panel, self._columns)
        x = _MARGIN + column * (self._width + _GAP)
        y = 8 + _LINE + 6 + row * (self._height + self._caption_height + _GAP)
        return x, y + self._caption_height

    def _draw_blank(self, count, lines, label):
        from PIL import Image

        rows = -(-count // self._columns)
        x, y = self._corner(rows * self._columns - 1)
        size = (x + self._width + _MARGIN, y + self._height + 3 * _LINE)
        image = Image.new("RGB", size, _BACKGROUND)
        for panel, text in enumerate(lines):
            x, y = self._corner(panel)
            self._write(image, (x, y - _LINE * len(text) - 4), "\n".join(text))
        self._draw_color_bar(image, label)
        return image

    def _draw_color_bar(self, image, label):
        from PIL import Image

        vmin, vmax, colormap = self._range
        texts = [f"{label}  {vmin:.3g}".strip(), f"{vmax:.3g}"]
        starts = [round(self._font.getlength(text)) for text in texts]
        width = min(256, image.width - 2 * _MARGIN - sum(starts) - 16)
        y = image.height - 2 * _LINE + 4
        self._write(image, (_MARGIN, y), texts[0])
        x = _MARGIN + starts[0] + 8
        self._write(image, (x + width + 8, y), texts[1])
        ramp = np.tile(np.linspace(vmin, vmax, width), (12, 1))
        bar = Image.fromarray(colorize(ramp, vmin, vmax, colormap))
        image.paste(bar, (x, y + 3))

    def _draw_note(self, image, corner, note):
        lines = _wrap(note, self._font, self._width - 8)
        x, y = corner
        top, bottom = y + self._height - _LINE * len(lines) - 4, y + self._height
        image.paste(_ALARM, (x, top, x + self._width, bottom))
        self._write(image, (x + 4, top), "\n".join(lines), _BACKGROUND)

    def _write(self, image, corner, text, color=_INK):
        """Draws text in few shades, so that a frame has few colours."""
        from PIL import Image, ImageDraw

        mask = Image.new("L", image.size)
        draw = ImageDraw.Draw(mask)
        draw.multiline_text(corner, text, 255, self._font, spacing=_LINE - 13)
        mask = mask.point([51 * round(value / 51) for value in range(256)])
        image.paste(color, mask=mask)


def _colors(colormap):
    import matplotlib

    if colormap not in matplotlib.colormaps:
        raise InputError(
            f"Expected a colormap of matplotlib, such as magma, viridis, cividis or "
            f"Greys, got {colormap!r}."
        )
    unit = (np.arange(LEVELS) + 0.5) / LEVELS
    return matplotlib.colormaps[colormap](unit, bytes=True)[:, :3]


def _font():
    import matplotlib
    from PIL import ImageFont

    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    return ImageFont.truetype(f"{folder}/DejaVuSans.ttf", _FONT_SIZE)


def _wrap(text, font, width):
    """Lines of words that fit `width` pixels; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
