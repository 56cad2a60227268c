"""Targets of apps: which flags describe them, and how they are read or made."""

import dataclasses
import pathlib

from absl import flags

from rdtf import images, storage
from rdtf.models import parameters_text, provenance
from rdtf.status import InputError

from . import camera_flags, pattern_flags, simulation_flags

flags.DEFINE_string(
    "targets",
    None,
    "The observed patterns: an .npz, a picture or a video, or several pictures as "
    "A,B,.... Required.",
)
flags.DEFINE_string("observe", None, "The observed species. Default: the model's last.")
flags.DEFINE_float(
    "frame_interval",
    None,
    "Time between frames, in the model's unit: axis 0 of an array without metadata, "
    "or the pages of a file, are then frames of a movie.",
)
flags.DEFINE_integer(
    "frame", None, "Index of the frame of a movie that is taken as a still."
)
flags.DEFINE_string(
    "truth",
    None,
    "Parameters, as Du=0.16,F=0.035, with which an .npz of --targets that does not "
    "exist is simulated.",
)
pattern_flags.define_pattern_flags()
for module in (camera_flags, pattern_flags):
    flags.adopt_module_key_flags(module)


class Source:
    """The targets that the flags name; everything cheap is checked at once.

    Args:
      model: whose species is observed.
      start: parameters that set the time step, if neither flags nor file do.
    """

    def __init__(self, model, start):
        values = flags.FLAGS
        self._model, self._start = model, start
        self._camera = camera_flags.Camera()
        whole = pathlib.Path(values.targets)
        names = [whole] if whole.exists() else values.targets.split(",")
        self._paths = [pathlib.Path(name) for name in names]
        if values.observe is None:
            values.observe = model.species[-1]
        model.check_species(values.observe)
        self._truth = self._targets = self._grid = None
        missing = [path for path in self._paths if not path.exists()]
        if not missing:
            self._read()
        elif values.truth is None or self._paths[0].suffix != ".npz" or names[1:]:
            raise InputError(
                f"Expected a target file at {missing[0]}, found none: name one with "
                "--targets, or give --truth=NAME=NUMBER,... to make one .npz."
            )
        else:
            self._truth = parameters_text.full_params(model, values.truth)

    def load(self):
        """(simulation, targets, observation); makes a file that is missing."""
        values = flags.FLAGS
        if self._targets is None:
            with storage.hold(self._paths[0], "--targets"):
                if not self._paths[0].exists():  # nobody has made it meanwhile
                    self._make()
            self._read()
        metadata = self._targets.metadata
        chosen = not values["time_step"].using_default_value
        if "scheme" in metadata and values["scheme"].using_default_value:
            values.scheme = metadata["scheme"]
        if "time_step" in metadata and not chosen and self._camera.keeps_the_grid:
            values.time_step = metadata["time_step"]
        simulation = simulation_flags.simulation_from_flags(
            self._start, self._grid, self._model
        )
        if chosen:
            simulation.check_stability(self._start)
        return simulation, self._targets, self._camera.observation(self._targets)

    def _read(self):
        values = flags.FLAGS
        interval = values.frame_interval
        if interval is None and values.frame is not None:
            interval = 1.0  # whatever it is: --frame means that there are frames
        found = self._camera.load(self._paths, values.observe, interval)
        metadata = provenance.check(found.metadata, self._model, self._paths[0])
        found = dataclasses.replace(found, metadata=metadata)
        if values.frame is not None:
            found = images.still(found, values.frame)
        self._targets, self._grid = found, self._grid_of(found)

    def _make(self):
        from rdtf import patterns

        values = flags.FLAGS
        simulation = simulation_flags.simulation_from_flags(
            self._truth, model=self._model
        )
        simulation.check_stability(self._truth)
        made = pattern_flags.make_patterns(simulation, self._truth, values.tolerance)
        storage.save_targets(self._paths[0], made)
        print(f"{self._paths[0]}: {patterns.summary(made)}")

    def _grid_of(self, found):
        """The grid of the model; run.flags will have the shape of the pictures."""
        values = flags.FLAGS
        pixels, grid = self._camera.grids(found, values.observe)
        if (
            not values["shape"].using_default_value
            and simulation_flags.grid_from_flags().shape != pixels.shape
        ):
            raise InputError(
                f"Expected pictures of --shape={','.join(values.shape)}, but "
                f"{self._paths[0]} holds {','.join(map(str, pixels.shape))}: leave "
                "--shape out."
            )
        values.shape = [str(n) for n in pixels.shape]
        return grid
