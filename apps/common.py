"""Flags that several apps share, and how every app starts and fails.

Nothing here imports TensorFlow before the flags are known to be good.
"""

import contextlib
import dataclasses
import math
import os
import pathlib
import shutil
import sys
import time

from absl import app, flags, logging

from rdtf import files, grids, laplacians, models
from rdtf.status import InputError

SCHEMES = (
    "forward_euler",
    "heun",
    "rk4",
    "tsit5",
    "cnab2",
    "sbdf2",
    "strang",
    "etdrk4",
    "auto",
)
ENGINES = ("auto", "native", "xla")
LOSSES = (
    "per_pixel",
    "power_spectrum",
    "windowed_power_spectrum",
    "radial_spectrum",
    "field_statistics",
)
RUN_FILES = (
    "run.flags",
    "result.json",
    "certificates.json",
    "checkpoint.json",
    "trajectory.jsonl",
    "checkpoint.npz",
    "fit.png",
    "fit.gif",
    "spectra.png",
)


def define_simulation_flags() -> None:
    """--model, --equations, --shape, --spacing, --boundary, ..., --engine."""
    flags.DEFINE_enum("model", "gray_scott", list(models.MODELS), "The equations.")
    flags.DEFINE(
        _Equations(),
        "equations",
        None,
        "Equations of your own instead of --model, or @FILE that holds them: "
        "'u: D*lap(u) + r*u*(1 - u); D = 1; r = 0.5'.",
        serializer=flags.ArgumentSerializer(),
    )
    flags.DEFINE_list("shape", "128,128", "Cells along each axis: x, y,x or z,y,x.")
    flags.DEFINE_float("spacing", 1.0, "Distance between cell centres.")
    flags.DEFINE_string(
        "boundary",
        "periodic",
        "periodic, no_flux, dirichlet=VALUE, neumann=SLOPE or robin=A,B,VALUE; LOW/HIGH "
        "for the sides of an axis; axes separated by ;",
    )
    flags.DEFINE_enum(
        "laplacian",
        "second_order",
        list(laplacians.LAPLACIANS),
        "The discrete Laplacian.",
    )
    flags.DEFINE_enum(
        "scheme",
        "forward_euler",
        list(SCHEMES),
        "Time stepping; auto chooses by how stiff the diffusion is.",
    )
    flags.DEFINE_float(
        "time_step",
        None,
        "Time step. Default: the largest of 1, 2, 5 times a power of ten within 80 % of "
        "the stability bound; of etdrk4 within 1 and a fifth of the reaction's time.",
    )
    flags.DEFINE_enum("engine", "auto", list(ENGINES), "What runs the steps.")


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
                    f"Expected a text file of equations at {argument[1:]!r}, found none."
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


def filled(model, params):
    """The model, `params` being the defaults of parameters that have none."""
    if not any(math.isnan(value) for value in model.defaults.values()):
        return model
    parameters = {
        name: dataclasses.replace(parameter, default=params[name])
        if math.isnan(parameter.default)
        else parameter
        for name, parameter in model.parameters.items()
    }
    return dataclasses.replace(model, parameters=parameters)


def define_pattern_flags() -> None:
    """--num_samples, --seed, --initial_condition, --tolerance, --max_steps."""
    flags.DEFINE_integer("num_samples", 4, "Initial states.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Of every random choice.", lower_bound=0)
    flags.DEFINE_string("initial_condition", None, "Default: the model's own.")
    flags.DEFINE_float("tolerance", 1e-4, "Largest change per step if steady.")
    flags.DEFINE_integer("max_steps", 40_000, "Of a run, at most.", lower_bound=1)


def define_until_flag() -> None:
    """--until."""
    flags.DEFINE_enum(
        "until", "steady", ["steady", "steps"], "Stop when steady, or at --max_steps."
    )


def stopping():
    """(tolerance or None, max_steps) of the pattern and until flags."""
    values = flags.FLAGS
    tolerance = values.tolerance if values.until == "steady" else None
    return tolerance, values.max_steps


def define_workdir_flags(app_name: str) -> None:
    """--workdir, --overwrite, --resume."""
    flags.DEFINE_string(
        "workdir", None, f"Where results go. Default: a new runs/{app_name}-DATE-TIME."
    )
    flags.DEFINE_bool("overwrite", False, "Replace the run that --workdir holds.")
    flags.DEFINE_bool("resume", False, "Continue the run that --workdir holds.")


def parse_params(text: str) -> dict[str, float]:
    """`Du=0.16,Dv=.08` as a dict; raises InputError in one line."""
    params = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        try:
            params[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"Expected NAME=NUMBER,NAME=NUMBER,..., got {item!r}.")
    return params


def full_params(model, text: str, preset: str | None = None, known=()):
    """A model's parameters: its defaults or preset, then those in `text` and `known`."""
    params = model.preset(preset) if preset else model.defaults
    params.update(parse_params(text))
    params.update(known)
    model.check_bounds(params)
    return params


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
        scheme = schemes.get(name)
        largest = schemes.largest_diffusivity(
            model, params, grid, values.laplacian, scheme
        )
        rate = schemes.reaction_rate(model, params)
        time_step = schemes.suggest_time_step(
            scheme, grid, float(largest), values.laplacian, rate
        )
    return Simulation(model, grid, time_step, name, values.engine, values.laplacian)


def open_workdir(app_name: str) -> pathlib.Path:
    """The work directory, refused if it holds a run without --resume or --overwrite.

    With --resume, the flags of the run are taken over; to change one is refused, but
    for --iterations.
    """
    values = flags.FLAGS
    if values.workdir is None:
        if values.resume:
            raise InputError("Expected --workdir with --resume: which run goes on?")
        return pathlib.Path("runs") / time.strftime(f"{app_name}-%Y%m%d-%H%M%S")
    workdir = pathlib.Path(values.workdir)
    holds_run = (workdir / "run.flags").exists()
    if values.resume and values.overwrite:
        raise InputError("Expected one of --resume and --overwrite, got both.")
    if values.resume and not holds_run:
        raise InputError(f"Expected a run in {workdir} to resume, found none.")
    if holds_run and not (values.resume or values.overwrite):
        raise InputError(
            f"Expected a new work directory, but {workdir} holds a run: add --resume "
            "to go on with it, --overwrite to replace it, or choose another --workdir."
        )
    if values.resume:
        _take_over(workdir / "run.flags")
    return workdir


def _take_over(path):
    texts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, text = line.removeprefix("--").partition("=")
        if not equals and name not in flags.FLAGS:
            name, text = name.removeprefix("no"), "false"
        elif not equals:
            text = "true"
        texts.setdefault(name, []).append(text)  # a flag of many values has many lines
    for name, values in texts.items():
        flag = flags.FLAGS[name]
        given = flag.value
        parsed = [flag.parser.parse(text) for text in values]
        if flag.using_default_value:
            for text in values:
                flag.parse(text)
        elif name != "iterations" and given not in (parsed, parsed[-1]):
            raise InputError(
                f"Expected the --{name} of the run to resume, {', '.join(values)}, got "
                f"{given}: leave it out, or start a new run."
            )


def clear_run(workdir) -> None:
    """Removes what a former run left in a work directory, and nothing else."""
    workdir = pathlib.Path(workdir)
    for name in RUN_FILES:
        (workdir / name).unlink(missing_ok=True)
    shutil.rmtree(workdir / "tensorboard", ignore_errors=True)


def write_run_flags(workdir) -> None:
    """Writes run.flags: every flag of the app, so that the run can be done again."""
    lines, left_out = set(), {"workdir", "overwrite", "resume"}
    if "equations" in flags.FLAGS and flags.FLAGS.equations is not None:
        left_out.add("model")  # its default, which would be one too many
    for module, group in flags.FLAGS.flags_by_module_dict().items():
        if module.startswith("apps.") or module == sys.argv[0]:
            lines |= {
                flag.serialize()
                for flag in group
                if flag.value is not None and flag.name not in left_out
            }
    text = "\n".join(sorted(filter(None, lines))) + "\n"
    files.write_text(pathlib.Path(workdir) / "run.flags", text)


def quiet_tensorflow() -> None:
    """Imports TensorFlow without its start-up notes, which no setting turns off."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    sys.stderr.flush()
    console = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        import tensorflow as tf

        tf.config.list_logical_devices()
    finally:
        os.dup2(console, 2)
        os.close(console)
        os.close(silence)


def make_patterns(simulation, params, tolerance):
    """The patterns that the flags ask for, made with a progress bar."""
    from rdtf import patterns

    values = flags.FLAGS
    with progress(values.max_steps, "making patterns") as bar:
        return patterns.make(
            simulation,
            params,
            values.num_samples,
            values.seed,
            values.initial_condition,
            tolerance,
            values.max_steps,
            bar,
        )


@contextlib.contextmanager
def progress(total: int, label: str):
    """A progress bar as a callback(steps so far, samples still running)."""
    from tqdm import tqdm

    with tqdm(
        total=total, desc=label, unit="step", leave=False, mininterval=0.5
    ) as bar:

        def update(done, running):
            bar.set_postfix_str(f"{running} running", refresh=False)
            bar.update(done - bar.n)

        yield update


def run(main) -> None:
    """Runs an app: bad input is one line and exit code 2, a fault of the disk 1."""

    def guarded(argv):
        if len(argv) > 1:
            _fail(f"Expected flags only, got {argv[1]!r}: write --NAME=VALUE.", 2)
        try:
            return main(argv)
        except InputError as error:
            _fail(str(error), 2)
        except OSError as error:
            _fail(f"{error.strerror or error}: {error.filename or ''}", 1)
        except KeyboardInterrupt:
            _fail("Stopped by hand.", 130)

    flags.FLAGS.set_default("verbosity", logging.INFO)
    app.run(guarded, flags_parser=_parse)


def _parse(args):
    try:
        return flags.FLAGS(args)
    except flags.Error as error:
        if isinstance(error.__context__, InputError):
            _fail(str(error.__context__), 2)
        _fail(f"{' '.join(str(error).split())} See --help.", 2)


def _fail(message, code):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
