"""Target files for apps: which flags describe them, and how they are read or made."""

import pathlib

from absl import flags

from apps import common
from rdtf import files, grids
from rdtf.status import InputError

flags.DEFINE_string("targets", None, "The .npz of pictures. Required.")
flags.DEFINE_string("observe", None, "The species seen; default: the model's last.")
flags.DEFINE_float(
    "frame_interval", None, "Axis 0 without metadata is time, so far apart."
)
flags.DEFINE_integer("frame", None, "Of a movie: take this frame as a still.")
flags.DEFINE_string(
    "truth", None, "Parameters to make --targets with if it is missing."
)
common.define_pattern_flags()


class Source:
    """The targets that the flags name; everything cheap is checked at once.

    Args:
      model: whose species is observed.
      start: parameters that set the time step, if neither flags nor file do.
    """

    def __init__(self, model, start):
        values = flags.FLAGS
        self._model, self._start = model, start
        self._path = pathlib.Path(values.targets)
        if values.observe is None:
            values.observe = model.species[-1]
        model.check_species(values.observe)
        self._truth = None
        if self._path.exists():
            self._targets = self._read()
        elif values.truth is None:
            raise InputError(
                f"Expected a target file at {self._path}, found none: name one with "
                "--targets, or give --truth=NAME=NUMBER,... to make it."
            )
        else:
            self._targets = None
            self._truth = common.full_params(model, values.truth)

    def load(self):
        """(simulation, targets); makes and keeps the file if it was missing."""
        values = flags.FLAGS
        if self._targets is None:
            self._make()
            self._targets = self._read()
        grid = self._grid()
        metadata = self._targets.metadata
        chosen = not values["time_step"].using_default_value
        if "scheme" in metadata and values["scheme"].using_default_value:
            values.scheme = metadata["scheme"]
        if "time_step" in metadata and values["time_step"].using_default_value:
            values.time_step = metadata["time_step"]
        simulation = common.simulation_from_flags(self._start, grid, self._model)
        if chosen:
            simulation.check_stability(self._start)
        return simulation, self._targets

    def _read(self):
        values = flags.FLAGS
        found = files.load_targets(self._path, values.observe, values.frame_interval)
        known = found.metadata.get("model")
        if known is not None and known != self._model.name:
            raise InputError(
                f"Expected targets of {self._model.name}, but {self._path} holds {known}: "
                f"add --model={known}."
            )
        return _stills(found, values.observe, values.frame, self._path)

    def _make(self):
        from rdtf import patterns

        values = flags.FLAGS
        simulation = common.simulation_from_flags(self._truth, model=self._model)
        simulation.check_stability(self._truth)
        made = common.make_patterns(simulation, self._truth, values.tolerance)
        files.save_targets(self._path, made)
        print(f"{self._path}: {patterns.summary(made)}")

    def _grid(self):
        grid = self._described_grid()
        shape = flags.FLAGS["shape"]
        if (
            not shape.using_default_value
            and common.grid_from_flags().shape != grid.shape
        ):
            raise InputError(
                f"Expected pictures of --shape={','.join(shape.value)}, but {self._path} "
                f"holds {','.join(map(str, grid.shape))}: leave --shape out."
            )
        return grid

    def _described_grid(self):
        known = self._targets.metadata.get("grid")
        if known is not None:
            return grids.Grid(
                tuple(known["shape"]), tuple(known["spacing"]), known["boundary"]
            )
        shape = self._targets.fields[flags.FLAGS.observe].shape[1:]
        spacing = self._targets.pixel_size or flags.FLAGS.spacing
        return grids.Grid(shape, spacing, flags.FLAGS.boundary)


def _stills(found, observe, frame, path):
    if found.mask is not None and not found.mask.all():
        raise InputError(
            f"Expected every cell of {path} to be seen: this version cannot fit masked "
            "pictures; crop or fill them."
        )
    if found.times is None:
        return found
    if frame is None:
        raise InputError(
            f"Expected stills of steady patterns, but {path} holds a movie: choose one "
            "frame, such as --frame=-1, if the pattern stands still there."
        )
    count = found.fields[observe].shape[1]
    if not -count <= frame < count:
        raise InputError(f"Expected --frame among {count} frames, got {frame}.")
    fields = {name: field[:, frame] for name, field in found.fields.items()}
    return files.Targets(fields, metadata=found.metadata, pixel_size=found.pixel_size)
