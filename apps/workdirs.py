"""Work directories of runs: new, resumed or replaced."""

import pathlib
import shutil
import sys
import time

from absl import flags

from rdtf import storage
from rdtf.status import InputError

RUN_FILES = (
    "score.keras",
    "velocity.keras",
    "velocity.png",
    "network.keras",
    "training.png",
    "function.png",
    "function.gif",
    "patterns.png",
    "denoiser.keras",
    "samples.png",
    "denoised.png",
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


def define_workdir_flags(app_name: str) -> None:
    """--workdir, --overwrite, --resume."""
    flags.DEFINE_string(
        "workdir", None, f"Where results go. Default: a new runs/{app_name}-DATE-TIME."
    )
    flags.DEFINE_bool("overwrite", False, "Replace the run that --workdir holds.")
    flags.DEFINE_bool("resume", False, "Continue the run that --workdir holds.")


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
    for name in ("tensorboard", "checkpoints"):
        shutil.rmtree(workdir / name, ignore_errors=True)


def write_run_flags(workdir) -> None:
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
    storage.write_text(pathlib.Path(workdir) / "run.flags", text)
