"""The runs that make patterns: their flags, and the making."""

from absl import flags

from rdtf import names

from . import progress


def define_pattern_flags() -> None:
    """--num_samples, --seed, --initial_condition, --tolerance, --max_steps."""
    flags.DEFINE_integer(
        "num_samples",
        4,
        "Number of samples, each from its own initial state.",
        lower_bound=1,
    )
    flags.DEFINE_integer("seed", 0, "Seed of every random choice.", lower_bound=0)
    flags.DEFINE_string(
        "initial_condition",
        None,
        "Kind of initial state: noise, central_square, central_disc, discs or "
        "broken_waves. Default: the model's own.",
    )
    flags.DEFINE_float(
        "tolerance",
        1e-4,
        "A sample is steady when no cell changes by more than this per time step.",
    )
    flags.DEFINE_integer(
        "max_steps", 40_000, "Largest number of time steps of a run.", lower_bound=1
    )


def define_until_flag() -> None:
    """--until."""
    flags.DEFINE_enum(
        "until",
        "steady",
        names.STOP_RULES,
        "When a run ends. steady: when it is steady within --tolerance, or at "
        "--max_steps; steps: at --max_steps.",
    )


def stopping():
    """When a run is done: "tolerance", or None, and "max_steps"."""
    values = flags.FLAGS
    tolerance = values.tolerance if values.until == "steady" else None
    return {"tolerance": tolerance, "max_steps": values.max_steps}


def initial_state(model, grid, params):
    """The initial states that the flags ask for."""
    from rdtf import initial_conditions

    values = flags.FLAGS
    return initial_conditions.create(
        values.initial_condition,
        model,
        grid,
        batch=values.num_samples,
        seed=values.seed,
        params=params,
    )


def make_patterns(simulation, params, tolerance):
    """The patterns that the flags ask for, made with a progress bar."""
    from rdtf import patterns

    values = flags.FLAGS
    settings = patterns.Settings(
        initial_condition=values.initial_condition,
        seed=values.seed,
        tolerance=tolerance,
        max_steps=values.max_steps,
    )
    with progress.steps(values.max_steps, "making patterns") as bar:
        return patterns.make(
            simulation, params, values.num_samples, settings, callback=bar
        )
