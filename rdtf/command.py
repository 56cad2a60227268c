"""The command `rdtf APP --FLAG=VALUE ...`: the programs of `apps`, from any directory.

A wheel has them as `rdtf.apps`, and the flag files in `rdtf/flags`. In a checkout they
are the folders `apps` and `flags` beside `rdtf`.
"""

import difflib
import importlib.util
import pathlib
import re
import sys
import textwrap
from collections.abc import Sequence

from rdtf import __version__

TASKS = {
    "fit from pictures": ("fit", "rank_models"),
    "make patterns and data sets": ("generate",),
    "long runs": ("simulate",),
    "analysis and regimes": ("analyze", "regimes", "traverse"),
    "score models": ("train_score", "sample", "evaluate"),
    "dynamics": ("identify", "train_flow", "train_equilibrium", "evaluate_flow"),
    "cells": ("cells",),
    "pictures": ("animate", "heatmap"),
    "checks": ("certify", "check_float64"),
}
_HERE = pathlib.Path(__file__).resolve().parent
_IN_WHEEL = (_HERE / "apps" / "__init__.py").exists()
_APPS = (_HERE if _IN_WHEEL else _HERE.parent) / "apps"
_FLAGS = (_HERE / "flags",) if _IN_WHEEL else (_HERE.parent, _HERE.parent / "flags")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs an app as `python -m apps.APP` does, which exits by itself, or lists them.

    Args:
      arguments: default: those of the process.

    Returns:
      The exit code: 0 after --help and --version, 2 after one line on bad input.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("--help", "-h"):
        print(_help())
        return 0
    if name == "--version":
        print(f"rdtf {__version__}")
        return 0
    apps = [app for group in TASKS.values() for app in group]
    if name not in apps:
        near = ", ".join(difflib.get_close_matches(name, apps))
        hint = f"near is {near}; " if near else ""
        return _refuse(f"Expected an app, got {name!r}: {hint}rdtf --help lists them.")
    package = "rdtf.apps" if _IN_WHEEL else "apps"
    found = importlib.util.find_spec(package)
    folder = found and pathlib.Path(found.origin or "nowhere").resolve().parent
    if folder != _APPS:
        return _refuse(
            f"Expected the apps in {_APPS}, got {folder or 'none'}: call "
            f"python -m rdtf in {_APPS.parent}."
        )
    _run(f"{package}.{name}", [f"rdtf {name}", *_with_paths(rest)])
    return 0


def _refuse(message):
    print(f"error: {message}", file=sys.stderr)
    return 2


def _run(module_name, argv):
    """Runs a module as `python -m` does, but under the name that argv[0] gives it."""
    spec = importlib.util.find_spec(module_name)
    module = importlib.util.module_from_spec(spec)
    module.__name__ = "__main__"
    sys.modules["__main__"], sys.argv = module, argv
    exec(spec.loader.get_code(module_name), vars(module))  # noqa: S102 - our own app


def _with_paths(arguments):
    """Arguments in which flag files that come with rdtf have their whole path."""
    found = []
    for i, argument in enumerate(arguments):
        if argument == "--":
            return found + arguments[i:]
        flag, equals, name = argument.partition("=")
        if equals and flag in ("--flagfile", "-flagfile"):
            found.append(f"{flag}={_flag_file(name)}")
        elif i and arguments[i - 1] in ("--flagfile", "-flagfile"):
            found.append(_flag_file(argument))
        else:
            found.append(argument)
    return found


def _flag_file(name):
    """A file that is there, or else one that comes with rdtf, such as "gs.flags"."""
    path = pathlib.Path(name.strip())
    if path.expanduser().exists() or path.parent.as_posix() not in (".", "flags"):
        return name
    ours = (folder / path.name for folder in _FLAGS)
    return next((str(file) for file in ours if file.is_file()), name)


def _help():
    width = max(len(app) for group in TASKS.values() for app in group)
    lines = [f"rdtf {__version__}: a differentiable reaction-diffusion laboratory", ""]
    lines += ["  rdtf APP --FLAG=VALUE ...", "  rdtf APP --help", ""]
    for task, apps in TASKS.items():
        lines.append(f"{task}:")
        lines += [f"  {app:{width}}  {_summary(app)}" for app in apps]
    names = sorted(file.name for folder in _FLAGS for file in folder.glob("*.flags"))
    text = (
        f"--flagfile=NAME reads flags from a file, or from one of {', '.join(names)}."
    )
    return "\n".join([*lines, "", *textwrap.wrap(text, 88)])


def _summary(app):
    """The first line of an app's docstring, which says what the app does."""
    with open(_APPS / f"{app}.py", encoding="utf-8") as file:
        return re.match(r'r?"""([^"\n]+)', file.readline())[1]
