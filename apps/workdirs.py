"""The work directory of a run: new, resumed or replaced."""

import pathlib
import shutil
import sys

from absl import flags

from rdtf import names, storage
from rdtf.status import InputError

from . import common

# Every file that an app writes into a work directory, for --overwrite. The tests refuse
# an app that leaves another one.
RUN_FILES = (
    *("run.flags", "result.json", "certificates.json", "trajectory.jsonl"),
    *("stages.jsonl", "checkpoint.json", "checkpoint.npz", "field.npz"),
    *("posterior.npz", "posterior.png", "fit.png", "fit.gif", "spectra.png"),
    *("traverse.json", "traverse.png", "ranking.json"),
    *("analysis.json", "dispersion.png", "bifurcations.png"),
    *("blocks.jsonl", "regimes.json", "regimes.npz", "regimes.png"),
    *("rows.jsonl", "landscape.npz", "landscape.png", "pairs.npz"),
    *(f"pairs_{loss}.png" for loss in names.LOSSES),
    *("denoiser.keras", "denoised.png", "samples.png"),
    *("score.keras", "velocity.keras", "velocity.png"),
    *("network.keras", "training.png", "function.png", "function.gif", "patterns.png"),
)
RUN_DIRECTORIES = ("tensorboard", "checkpoints")


def define_workdir_flags(app_name: str) -> None:
    """--workdir, --overwrite, --resume."""
    flags.DEFINE_string(
        "workdir",
        None,
        f"Directory of the results. Default: a new runs/{app_name}-DATE-TIME.",
    )
    flags.DEFINE_bool("overwrite", False, "Replace the run in --workdir.")
    flags.DEFINE_bool("resume", False, "Continue the run in --workdir, with its flags.")


def open_workdir(app_name: str) -> pathlib.Path:
    """The work directory, refused if it holds a run without --resume or --overwrite.

    No other process can open it until this one ends. With --resume, the flags of the
    run are taken over; to change one is refused, but for --iterations.
    """
    values = flags.FLAGS
    if values.workdir is None:
        if values.resume:
            raise InputError("Expected --workdir with --resume: which run goes on?")
        return common.dated(app_name)
    workdir = pathlib.Path(values.workdir)
    if values.resume and values.overwrite:
        raise InputError("Expected one of --resume and --overwrite, got both.")
    storage.hold(workdir, "--workdir", directory=True)
    holds_run = (workdir / "run.flags").exists()
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


def begin(workdir) -> None:
    """Removes the former run if --overwrite is set; notes the flags of this one."""
    workdir = pathlib.Path(workdir)
    if flags.FLAGS.overwrite:
        for name in RUN_FILES:
            (workdir / name).unlink(missing_ok=True)
        for path in workdir.glob(".part-*"):  # of a kill in the middle of a file
            path.unlink()
        for name in RUN_DIRECTORIES:
            shutil.rmtree(workdir / name, ignore_errors=True)
    _write_flags(workdir)


def _write_flags(workdir):
    """Writes run.flags: every flag of the app, so that the run can be done again."""
    lines, left_out = set(), {"workdir", "overwrite", "resume"}
    if "equations" in flags.FLAGS and flags.FLAGS.equations is not None:
        left_out.add("model")  # its default, which would be one too many
    for module, group in flags.FLAGS.flags_by_module_dict().items():
        if module.startswith(f"{__package__}.") or module == sys.argv[0]:
            lines |= {
                flag.serialize()
                for flag in group
                if flag.value is not None and flag.name not in left_out
            }
    text = "\n".join(sorted(filter(None, lines))) + "\n"
    storage.write_text(workdir / "run.flags", text)
