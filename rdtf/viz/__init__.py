"""Pictures: animation frames, GIFs and figures. Arrays in, files out.

matplotlib and Pillow are imported when the first picture is drawn.
"""

from rdtf import lazy
from rdtf.viz.corners import corner
from rdtf.viz.figures import compare, heatmap, power_spectra
from rdtf.viz.frames import PanelFrames, SpaceTime, colorize, middle_slice, upscale
from rdtf.viz.gif import write_gif
from rdtf.viz.landscapes import landscape, landscape_image, landscape_lines
from rdtf.viz.stability import bifurcation_map, dispersion

__all__ = [
    "PanelFrames",
    "SpaceTime",
    "bifurcation_map",
    "colorize",
    "compare",
    "corner",
    "dispersion",
    "heatmap",
    "landscape",
    "landscape_image",
    "landscape_lines",
    "middle_slice",
    "power_spectra",
    "upscale",
    "write_gif",
]

__getattr__, __dir__ = lazy.attributes(__name__, {})
