"""Photographs and movies as targets: `load`, `load_image`, `load_mask`, `save_image`.

Read are PNG, JPEG, BMP, GIF and TIFF (8 or 16 bits per level, or floats; several
pages), and videos, if imageio has a plugin for them. Only the pixels count, and levels
are taken to be linear in what was observed: resolution tags, colour profiles, a
camera's gamma and the times of frames are not used.
"""

from rdtf import lazy
from rdtf.images.decoding import PICTURES, SUFFIXES, VIDEOS
from rdtf.images.levels import check_positive, parse_scale
from rdtf.images.loading import load, load_image, still
from rdtf.images.masks import load_mask
from rdtf.images.saving import save_image

__all__ = [
    "PICTURES",
    "SUFFIXES",
    "VIDEOS",
    "check_positive",
    "load",
    "load_image",
    "load_mask",
    "parse_scale",
    "save_image",
    "still",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
