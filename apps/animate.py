"""Animates one or several parameter sets from the same initial state, as a GIF.

    python -m apps.animate --output=zoo.gif --preset=maze --preset=worms --params=F=0.03
    python -m apps.animate --output=path.gif --params=RUN/trajectory.jsonl --every=10

Each --preset and each --params is one panel; a trajectory has one panel for every
--every-th iteration of the fit. The frames are, bit for bit, the states that a fit
simulates.
"""

import pathlib

import numpy as np
from absl import flags

from rdtf import viz
from rdtf.models import parameters_text
from rdtf.status import InputError

from . import common, simulation_flags

simulation_flags.define_simulation_flags()
flags.adopt_module_key_flags(simulation_flags)
_OUTPUT = flags.DEFINE_string("output", None, "The .gif file to write. Required.")
_PRESET = flags.DEFINE_multi_string("preset", [], "Preset of the model; repeatable.")
_PARAMS = flags.DEFINE_multi_string(
    "params",
    [],
    "Parameters that differ from the model's defaults, as F=0.03,k=0.06, or the "
    "trajectory.jsonl of a fit; repeatable.",
)
_EVERY = flags.DEFINE_integer(
    "every", 1, "Iterations of a trajectory from panel to panel.", lower_bound=1
)
_STEPS = flags.DEFINE_integer("steps", 5000, "Number of time steps.", lower_bound=0)
_PER_FRAME = flags.DEFINE_integer(
    "steps_per_frame", 50, "Time steps from frame to frame.", lower_bound=1
)
_FPS = flags.DEFINE_float(
    "fps",
    20.0,
    "Frames per second of the animation.",
    lower_bound=0.1,
    upper_bound=50.0,
)
_SPECIES = flags.DEFINE_string(
    "species", None, "The species to show. Default: the model's last."
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the initial state.", lower_bound=0)
_INITIAL = flags.DEFINE_string(
    "initial_condition",
    None,
    "Kind of initial state: noise, central_square, central_disc, discs or "
    "broken_waves. Default: the model's own.",
)
_COLORMAP = flags.DEFINE_string("colormap", "magma", "Name of a Matplotlib colour map.")
_VMIN = flags.DEFINE_float(
    "vmin",
    None,
    "Concentration of the first colour. Default: the smallest that occurs.",
)
_VMAX = flags.DEFINE_float(
    "vmax", None, "Concentration of the last colour. Default: the largest that occurs."
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing file.")

_MAX_PANELS = 64


def main(argv):
    del argv
    values = flags.FLAGS
    output, model = pathlib.Path(values.output), simulation_flags.model_from_flags()
    check(output, model)
    common.claim(output, _OVERWRITE.value)
    names, params = panels(model)
    grid = simulation_flags.grid_from_flags()
    common.quiet_tensorflow()
    from rdtf import analysis, initial_conditions

    largest = {name: max(p[name] for p in params) for name in model.parameters}
    simulation = simulation_flags.simulation_from_flags(largest, grid)
    state = initial_conditions.create(
        _INITIAL.value, model, grid, batch=1, seed=_SEED.value, params=params[0]
    )
    sweep = analysis.Sweep(
        simulation=simulation,
        state=state,
        params=params,
        num_steps=_STEPS.value,
        every=_PER_FRAME.value,
    )
    options = ("species", "vmin", "vmax", "colormap", "fps")
    look = analysis.animation.Look(**{name: values[name].value for name in options})
    write = analysis.animation.write
    invalid = write(output, sweep, names=names, look=look, watch=progress)
    print(f"{output}: {len(params)} panels")
    for panel, reason in enumerate(invalid):
        if reason:
            print(f"panel {panel + 1}: {reason[1].label} by step {reason[0]}")


def check(output, model):
    """Raises InputError for what would otherwise fail after the run."""
    low, high = _VMIN.value, _VMAX.value
    if output.suffix != ".gif":
        raise InputError(f"Expected --output to end in .gif, got {output}.")
    if low is not None and high is not None and not low < high:
        raise InputError(f"Expected --vmin below --vmax, got {low:g} and {high:g}.")
    model.check_species(_SPECIES.value or model.species[-1])
    viz.colorize(np.zeros(1), 0.0, 1.0, _COLORMAP.value)


def progress(frames, label):
    """The same frames, with a progress bar."""
    from tqdm import tqdm

    return tqdm(frames, label, leave=False, unit="frame")


def panels(model):
    """(names, parameter sets) of the flags; the model's defaults if they name none."""
    found = [(preset, model.preset(preset)) for preset in _PRESET.value]
    for text in _PARAMS.value:
        if text.endswith(".jsonl"):
            found += read_trajectory(text, model)
        else:
            found.append(("", parameters_text.full_params(model, text)))
    if len(found) > _MAX_PANELS:
        raise InputError(
            f"Expected at most {_MAX_PANELS} panels, got {len(found)}: raise --every."
        )
    return zip(*(found or [("", parameters_text.full_params(model, ""))]), strict=True)


def read_trajectory(path, model):
    """(name, parameters) of every Nth iteration of a fit, and of the last one."""
    from rdtf.analysis import traversal

    points = traversal.every_nth(traversal.read(path, model), _EVERY.value)
    return [(f"{p.stage or 'iteration'} {p.iteration}", p.params) for p in points]


if __name__ == "__main__":
    flags.mark_flag_as_required("output")
    common.run(main)
