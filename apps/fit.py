"""Finds a model's parameters from pictures of its patterns.

    python -m apps.fit --flagfile=gs.flags
    python -m apps.fit --targets=mine.npz --observe=v --start=Du=.13,Dv=.13,F=.05,k=.05

--targets is any .npz with an array of the observed species, [sample, y, x]. If it does
not exist, --truth says which parameters it is made with. The work directory receives
result.json, trajectory.jsonl, TensorBoard events, checkpoints, pictures and run.flags.
"""

import contextlib
import dataclasses
import time

from absl import flags

from apps import common, console, targets
from rdtf import files, models
from rdtf.status import FitStatus, InputError

common.define_simulation_flags()
common.define_workdir_flags("fit")
_START = flags.DEFINE_string("start", "", "Where the fit starts; default: the model's.")
_ROUTE = flags.DEFINE_enum("route", "auto", ["auto", "residual", "bptt"], "The route.")
_RESIDUAL = flags.DEFINE_enum(
    "residual_form", None, ["norm", "integral"], "Default: chosen by the noise."
)
_POLISH = flags.DEFINE_integer(
    "polish_window", 50, "Steps of the windows that polish noisy fits.", lower_bound=1
)
_LOSS = flags.DEFINE_enum(
    "loss",
    "power_spectrum",
    [
        "per_pixel",
        "power_spectrum",
        "windowed_power_spectrum",
        "radial_spectrum",
        "field_statistics",
    ],
    "Of route bptt.",
)
_FLOOR = flags.DEFINE_float(
    "relative_floor", None, "Floor of log spectra, of their mean; default: 1e-8 fixed."
)
_WINDOW = flags.DEFINE_integer(
    "window", 50, "Steps with gradient, of route bptt.", lower_bound=1
)
_WARMUP = flags.DEFINE_string(
    "warmup", "until_steady", "Steps without gradient before it, or until_steady."
)
_STRIDE = flags.DEFINE_integer(
    "stride", 0, "Steps the window moves per iteration; 0: afresh.", lower_bound=0
)
_WINDOW_START = flags.DEFINE_enum(
    "window_start", "simulated", ["simulated", "target"], "State a window starts from."
)
_BATCH = flags.DEFINE_integer("batch", 8, "Samples per iteration.", lower_bound=1)
_REQUIRE = flags.DEFINE_bool(
    "require_steady", False, "Refuse parameters whose runs do not settle."
)
_RANGE = flags.DEFINE_list(
    "valid_range", None, "Species=LOW:HIGH,... that end a run; default: the model's."
)
_OPTIMIZER = flags.DEFINE_string("optimizer", "Adam", "A Keras optimiser.")
_RATE = flags.DEFINE_float("learning_rate", 1e-2, "Base rate.", lower_bound=0.0)
_DECAY = flags.DEFINE_float("weight_decay", 0.0, "On raw parameters.", lower_bound=0.0)
_TRANSFORMS = flags.DEFINE_list(
    "transforms", [], "Name=log|softplus|sigmoid:UPPER|identity,... of parameters."
)
_ITERATIONS = flags.DEFINE_integer("iterations", 100, "Of route bptt.", lower_bound=0)
_KEEP_RATE = flags.DEFINE_bool("keep_rate", False, "Carry the rate used over.")
_DECREASE = flags.DEFINE_float(
    "decrease", None, "Accept a rate only if the loss falls by this much of ideal."
)
_CHECK = flags.DEFINE_bool("check", True, "Simulate the result; draw pictures.")


def main(argv):
    del argv
    workdir = common.open_workdir("fit")
    model = custom_range(models.get(flags.FLAGS.model))
    start = common.full_params(model, _START.value)
    chosen = dict(pair(item) for item in _TRANSFORMS.value)
    warmup = parse_warmup()
    stills = targets.Source(model)
    common.quiet_tensorflow()
    from rdtf import fitting, losses
    from rdtf.fitting import report

    simulation, found = stills.load()
    problem = fitting.Problem(
        simulation,
        flags.FLAGS.observe,
        found.fields[flags.FLAGS.observe],
        start,
        flags.FLAGS.seed,
        flags.FLAGS.initial_condition or found.metadata.get("initial_condition"),
        flags.FLAGS.tolerance,
        flags.FLAGS.max_steps,
        found.true_params,
    )
    loss = losses.LOSSES[_LOSS.value]
    if _FLOOR.value is not None:
        loss = losses.with_relative_floor(_LOSS.value, _FLOOR.value)
    settings = fitting.Settings(
        _ROUTE.value,
        _RESIDUAL.value,
        loss,
        fitting.WindowSettings(
            _WINDOW.value,
            warmup,
            _STRIDE.value,
            _WINDOW_START.value,
            _BATCH.value,
            _REQUIRE.value,
        ),
        fitting.OptimizerSettings(
            _OPTIMIZER.value,
            _RATE.value,
            _DECAY.value,
            chosen,
            _ITERATIONS.value,
            _KEEP_RATE.value,
            _DECREASE.value,
        ),
        _POLISH.value,
    )
    return run(problem, settings, workdir, fitting, report)


def run(problem, settings, workdir, fitting, report):
    """Fits, checks, writes; the exit code."""
    if flags.FLAGS.overwrite:
        common.clear_run(workdir)
    common.write_run_flags(workdir)
    began = time.monotonic()
    total = settings.optimizer.iterations if settings.route == "bptt" else 100
    lines = console.Console(problem.start, total)
    recorder = fitting.Recorder(workdir, [lines])
    with contextlib.closing(recorder), contextlib.closing(lines):
        stages = fitting.fit(problem, settings, recorder, flags.FLAGS.resume)
    seconds = time.monotonic() - began
    params, status = stages[-1].params, stages[-1].status
    verdict = None
    if _CHECK.value and status not in (FitStatus.FAILED_START, FitStatus.INTERRUPTED):
        with common.progress(problem.max_steps, "checking by simulation") as bar:
            verdict = fitting.check(problem, params, bar)
        report.pictures(workdir, problem, params, verdict)
    value = report.result(problem, settings.route, stages, verdict, seconds)
    files.write_json(workdir / "result.json", value)
    print(report.table(problem, params))
    print(report.summary(stages, verdict, seconds))
    print(f"results: {workdir}   traces: tensorboard --logdir {workdir}")
    if status is FitStatus.INTERRUPTED:
        return 130
    return 0 if status in (FitStatus.CONVERGED, FitStatus.MAX_ITERATIONS) else 1


def pair(item):
    """NAME=TEXT as a pair."""
    name, equals, text = item.partition("=")
    if not equals:
        raise InputError(f"Expected NAME=VALUE, got {item!r}.")
    return name, text


def parse_warmup():
    """Steps, or None for until_steady."""
    if _WARMUP.value == "until_steady":
        return None
    if not _WARMUP.value.isdigit():
        raise InputError(
            f"Expected --warmup=until_steady or a number of steps, got {_WARMUP.value!r}."
        )
    return int(_WARMUP.value)


def custom_range(model):
    """The model with the valid range of the flags."""
    if _RANGE.value is None:
        return model
    bounds = {}
    for name, text in map(pair, _RANGE.value):
        try:
            low, high = map(float, text.split(":"))
        except ValueError:
            raise InputError(f"Expected {name}=LOW:HIGH, got {text!r}.") from None
        bounds[name] = (low, high)
    return dataclasses.replace(model, valid_range=bounds)


if __name__ == "__main__":
    flags.mark_flag_as_required("targets")
    common.run(main)
