"""Names of a package that are loaded when they are first used (PEP 562)."""

import importlib
import sys
from collections.abc import Mapping, Sequence


def attributes(package: str, modules: Sequence[str], names: Mapping[str, str]):
    """(`__getattr__`, `__dir__`) of a package.

    Args:
      package: its name.
      modules: names of its modules.
      names: of other attributes -> the module that has them.
    """

    def get(name):
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name in names:
            return getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names_of():
        return sorted({*vars(sys.modules[package]), *modules, *names})

    return get, names_of
