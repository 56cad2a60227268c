"""Engines: many steps and their exact adjoint as compiled programs.

An engine is built for one step function and offers `forward`, `checkpointed`,
`backward`, `tangents` and `until_steady`; see `rdtf.engines.xla`.
"""

import importlib
import importlib.util

from rdtf import grids, lazy
from rdtf.status import InputError

ENGINES = {"native": "rdtf.engines.native", "xla": "rdtf.engines.xla"}
_NATIVE_SCHEMES = ("forward_euler",)


def resolve(
    name: str, model, grid, scheme, laplacian: str = "second_order", varying=()
) -> str:
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
    obstacle = _obstacle(model, grid, scheme, laplacian, varying)
    if name == "auto":
        return "xla" if obstacle or _has_gpu() else "native"
    if obstacle:
        raise InputError(f"Expected {obstacle} with engine native: use engine xla.")
    return name


def create(name: str, model, grid, scheme, laplacian, varying, time_step):
    """Builds the engine of that resolved name."""
    module = importlib.import_module(ENGINES[name])
    return module.Engine(model, grid, scheme, laplacian, varying, time_step)


def _obstacle(model, grid, scheme, laplacian, varying):
    """What native needs and does not find, or nothing."""
    if importlib.util.find_spec("numba") is None:
        return "Numba (pip install 'rdtf[native]')"
    if scheme.name not in _NATIVE_SCHEMES:
        return f"scheme {', '.join(_NATIVE_SCHEMES)}, got {scheme.name},"
    if laplacian != "second_order":
        return f"laplacian second_order, got {laplacian},"
    if grid.boundary not in grids.BOUNDARIES:
        return f"one boundary of {', '.join(grids.BOUNDARIES)}, got {grid.boundary!r},"
    if varying:
        return f"no parameters that vary in space, got {', '.join(varying)},"
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


__getattr__, __dir__ = lazy.attributes(__name__, {})
