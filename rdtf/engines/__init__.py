"""Engines: many steps and their exact adjoint as compiled programs.

An engine is built for one step; `rdtf.engines.base.Engine` says what it owes.
"""

import importlib
import importlib.util

from rdtf import grids, lazy
from rdtf.engines.base import Discretization, Engine, Segment
from rdtf.status import InputError

ENGINES = {"native": "rdtf.engines.native", "xla": "rdtf.engines.xla"}
_NATIVE_SCHEMES = ("forward_euler",)


def resolve(name: str, discretization: Discretization) -> str:
    """The engine that `name` stands for; InputError if it cannot serve.

    "auto" is native where that works, which is without a GPU, with Numba installed, by
    forward Euler, with the second-order Laplacian, periodic or without flux all round,
    one uniform diffusivity per species, and for reactions that SymPy can trace; else
    xla.
    """
    if name not in ("auto", *ENGINES):
        raise InputError(
            f"Expected an engine among auto, {', '.join(ENGINES)}, got {name!r}."
        )
    if name == "xla":
        return name
    obstacle = _obstacle(discretization)
    if name == "auto":
        return "xla" if obstacle or _has_gpu() else "native"
    if obstacle:
        raise InputError(f"Expected {obstacle} with engine native: use engine xla.")
    return name


def create(name: str, discretization: Discretization, time_step: float) -> Engine:
    """Builds the engine of that resolved name."""
    module = importlib.import_module(ENGINES[name])
    return module.Engine(discretization, time_step)


def _obstacle(discretization):
    """What native needs and does not find, or nothing."""
    d, model, boundary = (
        discretization,
        discretization.model,
        discretization.grid.boundary,
    )
    if importlib.util.find_spec("numba") is None:
        return "Numba (pip install 'rdtf[native]')"
    if d.scheme.name not in _NATIVE_SCHEMES:
        return f"scheme {', '.join(_NATIVE_SCHEMES)}, got {d.scheme.name},"
    if d.laplacian != "second_order":
        return f"laplacian second_order, got {d.laplacian},"
    if boundary not in grids.BOUNDARIES:
        return f"one boundary of {', '.join(grids.BOUNDARIES)}, got {boundary!r},"
    if d.varying:
        return f"no parameters that vary in space, got {', '.join(d.varying)},"
    if not model.is_plain:
        return f"one diffusivity per species, which {model.name} has not,"
    try:
        model.equations()
    except Exception:  # noqa: BLE001 - whatever it calls that SymPy cannot follow
        return f"a reaction that SymPy can trace, which that of {model.name} is not,"
    return None


def _has_gpu():
    tensorflow = importlib.import_module("tensorflow")
    return bool(tensorflow.config.list_physical_devices("GPU"))


__all__ = ["ENGINES", "Discretization", "Engine", "Segment", "create", "resolve"]

__getattr__, __dir__ = lazy.attributes(__name__, {})
