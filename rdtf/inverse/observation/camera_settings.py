"""How a picture sees a pattern: blur, pixels, missing cells, gain and offset.

    y = mask · pixels(blur(field)),     field = gain · y' + offset of raw grey levels y'

`blur` is a Gaussian of standard deviation `psf_sigma`; a pixel is the mean of
`cells_per_pixel` cells along each axis.
"""

import dataclasses

import numpy as np

from rdtf.models import Parameter


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observation:
    """What is known of the camera.

    Attributes:
      psf_sigma: standard deviation of a Gaussian blur, in the model's length unit.
      cells_per_pixel: cells of the model's grid along each side of a pixel.
      mask: bool `[n, *pixels]`, True where observed; None if all is.
      quantum: step between the stored levels, 0 if they are as good as real numbers;
        its noise is quantum / sqrt(12).
      unknown_gain: whether field = gain · y + offset has a gain and an offset to find.
      cropped: whether the picture is cut from a larger pattern, whose values beyond the
        edge are unknown; otherwise the grid's boundary holds.
    """

    psf_sigma: float = 0.0
    cells_per_pixel: int = 1
    mask: np.ndarray | None = None
    quantum: float = 0.0
    unknown_gain: bool = False
    cropped: bool = False


CAMERA = {
    "gain": Parameter(1.0, lower=0.0, doc="concentration per grey level"),
    "offset": Parameter(0.0, doc="concentration of grey level 0"),
}
"""What an unknown gain adds to the parameters."""

WHOLE = Observation()
"""The field itself, cell by cell."""
