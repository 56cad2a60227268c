"""How the pictures were taken: flags, and the observation they stand for."""

import dataclasses
import math

from absl import flags

from rdtf import images
from rdtf.status import InputError

_SCALE = flags.DEFINE_string(
    "scale",
    None,
    "LOW:HIGH: the concentrations that the darkest and the brightest grey level stand "
    "for. By default gain and offset of grey levels are unknown, see --unknown_gain.",
)
_PIXEL_SIZE = flags.DEFINE_float(
    "pixel_size",
    None,
    "Distance between pixel centres, in the length unit of the diffusivities. "
    "Default: the one that the file states, or else --spacing.",
)
_PSF_SIGMA = flags.DEFINE_float(
    "psf_sigma",
    0.0,
    "Standard deviation of the camera's Gaussian blur, in the length unit of "
    "--pixel_size; 0 means no blur.",
)
_CELLS = flags.DEFINE_integer(
    "cells_per_pixel",
    1,
    "Grid cells along each side of a pixel; a pixel is the mean of its cells.",
    lower_bound=1,
)
_MASK = flags.DEFINE_string(
    "mask",
    None,
    "A picture, .npy or .npz that is nonzero where a pixel was observed. By default "
    "all pixels are, except NaN and transparent ones.",
)
_UNKNOWN_GAIN = flags.DEFINE_bool(
    "unknown_gain",
    None,
    "Fit an unknown gain and offset between grey levels and concentrations. Default: "
    "only for integer pictures without --scale.",
)
_CROPPED = flags.DEFINE_bool(
    "cropped",
    False,
    "The pictures are crops of larger patterns: nothing is known beyond their edges.",
)


class Camera:
    """What the flags say of the camera; they are checked at once."""

    def __init__(self):
        images.check_positive("--pixel_size", _PIXEL_SIZE.value)
        images.check_positive("--frame_interval", flags.FLAGS.frame_interval)
        sigma = _PSF_SIGMA.value
        if not (math.isfinite(sigma) and sigma >= 0):
            raise InputError(
                f"Expected --psf_sigma >= 0, got {sigma:g}: 0 means no blur."
            )
        self.keeps_the_grid = _CELLS.value == 1 and _PIXEL_SIZE.value is None
        self._scale = None if _SCALE.value is None else images.parse_scale(_SCALE.value)

    def load(self, paths, observe, frame_interval):
        """The targets in these files."""
        size, mask = _PIXEL_SIZE.value, _MASK.value
        return images.load(paths, observe, self._scale, size, frame_interval, mask)

    def grids(self, targets, observe):
        """(the grid of which a pixel is a cell, the model's, which refines it)."""
        from rdtf.inverse import pictures

        pixels = pictures.pixel_grid(
            targets,
            observe,
            _PIXEL_SIZE.value,
            spacing=flags.FLAGS.spacing,
            boundary=flags.FLAGS.boundary,
        )
        return pixels, pictures.model_grid(pixels, self._observation())

    def observation(self, targets):
        """The `Observation` of the targets; says so if their gain is not known."""
        from rdtf.inverse import pictures

        given, relative = _UNKNOWN_GAIN.value, "intensity" in targets.metadata
        if given is False:  # levels 0 to 1 are concentrations
            known = {k: v for k, v in targets.metadata.items() if k != "intensity"}
            targets = dataclasses.replace(targets, metadata=known)
        found = pictures.observation_of(targets, self._observation())
        if given is None and relative and found.unknown_gain:
            print(
                "grey levels without --scale: their gain and offset are taken as "
                "unknown (--nounknown_gain: levels 0 to 1 are concentrations)"
            )
        return found

    def _observation(self):
        from rdtf.inverse import Observation

        return Observation(
            psf_sigma=_PSF_SIGMA.value,
            cells_per_pixel=_CELLS.value,
            unknown_gain=bool(_UNKNOWN_GAIN.value),
            cropped=_CROPPED.value,
        )
