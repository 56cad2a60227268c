"""The content of a data set: flags of an .h5, in apps.generate."""

from absl import flags

from rdtf import names
from rdtf.status import InputError

from . import simulation_flags

_HEIGHT = flags.DEFINE_integer(
    "height", None, "Number of rows of cells, instead of --shape.", 8
)
_WIDTH = flags.DEFINE_integer(
    "width", None, "Number of columns of cells, instead of --shape.", 8
)
_STEPS = flags.DEFINE_integer(
    "steps",
    10_000,
    "Time steps of each run of an .h5; after 2000, patterns are still transient.",
    2,
)
_NORMALIZE = flags.DEFINE_bool(
    "normalize", False, "Store 2 s - 1 instead of s in an .h5."
)
_CHUNK = flags.DEFINE_integer(
    "chunk", 512, "Samples of an .h5 that are simulated and written together.", 1
)
_START = flags.DEFINE_enum(
    "init_pattern",
    "multiple_seeds",
    names.DATA_SET_STARTS,
    "Initial states of an .h5. multiple_seeds: several discs; random: noise; "
    "center_seed: one disc in the middle.",
)
_PAIRS = flags.DEFINE_string(
    "pairs",
    None,
    "What an .h5 stores beside each state: rate, for ds/dt, or the state after that "
    "many time steps. Default: nothing.",
)
_FRAMES = flags.DEFINE_integer(
    "frames", 1, "States that an .h5 stores of each run, from --steps on.", 1
)
_EVERY = flags.DEFINE_integer("every", 1, "Time steps between these frames.", 1)

_FIXED = ("spacing", "boundary", "laplacian", "scheme", "equations", "tolerance")
_DEFAULT_SAMPLES = 8192


def plan(presets, changes):
    """The plan that the flags describe.

    Args:
      presets: names.
      changes: parameters that differ from them.

    Raises:
      InputError: if flags are set that data sets do not have.
    """
    from rdtf.patterns import Plan

    values = flags.FLAGS
    for name in _FIXED:
        if not values[name].using_default_value:
            raise InputError(
                f"Expected no --{name} with a data set: those are periodic, of unit "
                "spacing, by forward Euler. See apps.simulate for other runs."
            )
    if values.until != "steps":
        raise InputError("Expected --until=steps with a data set, got --until=steady.")
    model = simulation_flags.model_from_flags()
    sets = [model.preset(name) | changes for name in presets]
    largest = {name: max(params[name] for params in sets) for name in model.parameters}
    simulation = simulation_flags.simulation_from_flags(largest, _grid())
    count = values.num_samples
    if values["num_samples"].using_default_value:
        count = _DEFAULT_SAMPLES
    return Plan(
        presets=tuple(presets),
        num_samples=count,
        shape=simulation.grid.shape,
        steps=_STEPS.value,
        start=_START.value,
        seed=values.seed,
        chunk=min(_CHUNK.value, count),
        pairs=_pairs(),
        frames=_FRAMES.value,
        every=_EVERY.value,
        normalize=_NORMALIZE.value,
        model=model.name,
        time_step=simulation.time_step,
        engine=simulation.engine,
        changes=tuple(changes.items()),
    )


def _grid():
    from rdtf import grids

    grid = simulation_flags.grid_from_flags()
    sides = (_HEIGHT.value, _WIDTH.value)
    if sides == (None, None):
        return grid
    if len(grid.shape) != 2 or not flags.FLAGS["shape"].using_default_value:
        raise InputError("Expected --shape, or --height and --width, got both.")
    return grids.Grid(tuple(s or n for s, n in zip(sides, grid.shape, strict=True)))


def _pairs():
    text = _PAIRS.value
    if text is None or text == "rate":
        return text
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"Expected --pairs=rate or a number of steps, got {text!r}.")
    return int(text)
