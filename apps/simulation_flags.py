"""The simulation: flags of its equations, grid, scheme and engine."""

import pathlib

from absl import flags, logging

from rdtf import grids, models, names
from rdtf.operators import laplacians
from rdtf.status import InputError


def define_simulation_flags() -> None:
    """--model, --equations, --shape, --spacing, --boundary, ..., --engine."""
    flags.DEFINE_enum(
        "model", "gray_scott", list(models.MODELS), "Name of the built-in model."
    )
    flags.DEFINE(
        _Equations(),
        "equations",
        None,
        "Equations of your own instead of --model, or @FILE that holds them: "
        "'u: D*lap(u) + r*u*(1 - u); D = 1; r = 0.5'.",
        serializer=flags.ArgumentSerializer(),
    )
    flags.DEFINE_list(
        "shape", "128,128", "Number of cells along each axis: x, y,x or z,y,x."
    )
    flags.DEFINE_float(
        "spacing",
        1.0,
        "Distance between cell centres, in the length unit of the diffusivities.",
    )
    flags.DEFINE_string(
        "boundary",
        "periodic",
        "Boundary condition: periodic, no_flux, dirichlet=VALUE, neumann=SLOPE or "
        "robin=A,B,VALUE (A s + B ds/dn = VALUE). LOW/HIGH gives different ones to the "
        "two sides of an axis; those of several axes are separated by a semicolon.",
    )
    flags.DEFINE_enum(
        "laplacian",
        "second_order",
        laplacians.LAPLACIANS,
        "The discrete Laplacian: second_order (5 points in 2-D), fourth_order, "
        "sixth_order, compact (9 points, fourth order) or spectral.",
    )
    flags.DEFINE_enum(
        "scheme",
        "forward_euler",
        (*names.SCHEMES, "auto"),
        "The time stepping scheme, see docs/simulation.md; auto chooses by how stiff "
        "the diffusion is.",
    )
    flags.DEFINE_float(
        "time_step",
        None,
        "Time step, in the model's time unit. Default: the largest 1, 2 or 5 times a "
        "power of ten that is within 80 % of the stability bound and half of the "
        "reaction's time scale; where diffusion sets no bound, within 1 and a fifth of "
        "the reaction's time scale.",
    )
    flags.DEFINE_enum(
        "engine",
        "auto",
        ("auto", *names.ENGINES),
        "What runs the steps. native: compiled kernels on the CPU; xla: XLA, on CPU or "
        "GPU; auto: native where it can serve.",
    )


class _Equations(flags.ArgumentParser):
    """The text of equations, or @FILE, as the one line of text that a run keeps."""

    syntactic_help = "equations, or @FILE"

    def parse(self, argument):
        text = argument
        if argument.startswith("@"):
            try:
                text = pathlib.Path(argument[1:]).read_text(encoding="utf-8")
            except (OSError, ValueError):
                raise InputError(
                    f"Expected a text file of equations at {argument[1:]!r}, found "
                    "none."
                ) from None
        return models.from_equations(text).source

    def flag_type(self):
        return "string"


def model_from_flags():
    """The model that --model or --equations names."""
    values = flags.FLAGS
    if values.equations is None:
        return models.get(values.model)
    if not values["model"].using_default_value:
        raise InputError("Expected one of --model and --equations, got both.")
    return models.from_equations(values.equations)


def grid_from_flags() -> grids.Grid:
    """The grid that the flags describe."""
    values = flags.FLAGS
    try:
        shape = tuple(int(n) for n in values.shape)
    except ValueError:
        raise InputError(
            f"Expected --shape as integers, such as 128,128, got "
            f"{','.join(values.shape)!r}."
        ) from None
    return grids.Grid(shape, values.spacing, values.boundary)


def simulation_from_flags(params, grid=None, model=None):
    """The simulation that the flags describe; `params` set the default time step."""
    from rdtf import schemes
    from rdtf.simulation import Simulation

    values = flags.FLAGS
    model = model or model_from_flags()
    grid = grid or grid_from_flags()
    laplacians.check(grid, values.laplacian)
    time_step, name = values.time_step, values.scheme
    if name == "auto":
        name, reason = schemes.choose(model, params, grid, values.laplacian)
        logging.info("Scheme %s: %s.", name, reason)
    if time_step is None:
        time_step = schemes.default_time_step(
            model, params, grid, name, values.laplacian
        )
    return Simulation(model, grid, time_step, name, values.engine, values.laplacian)
