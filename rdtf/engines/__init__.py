"""Engines: many steps and their exact adjoint as compiled programs.

An engine is built for one step function and offers `forward`, `checkpointed`,
`backward` and `until_steady`; see `rdtf.engines.xla`.
"""

import importlib

from rdtf.status import InputError

ENGINES = {"xla": "rdtf.engines.xla"}


def resolve(name: str) -> str:
    """The engine that `name` stands for ("auto" picks the fastest installed)."""
    if name == "auto":
        return "xla"
    if name not in ENGINES:
        raise InputError(
            f"Expected an engine among auto, {', '.join(ENGINES)}, got {name!r}."
        )
    return name


def create(name: str, model, grid, scheme, time_step):
    """Builds the engine of that resolved name."""
    module = importlib.import_module(ENGINES[name])
    return module.Engine(model, grid, scheme, time_step)
