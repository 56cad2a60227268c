"""Names of a package that are loaded when they are first used (PEP 562)."""

import importlib
import sys
from collections.abc import Mapping


def attributes(package: str, names: Mapping[str, str]):
    """(`__getattr__`, `__dir__`) of a package.

    Every public module in the directory of the package is an attribute, so that none
    can be forgotten.

    Args:
      package: its name.
      names: of other attributes -> the module that has them.
    """

    def get(name):
        if name in names:
            return getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        module = f"{package}.{name}"
        if not name.startswith("_"):
            try:
                return importlib.import_module(module)
            except ModuleNotFoundError as error:
                if error.name != module:  # it is there, but not what it imports
                    raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names_of():
        import pkgutil  # ten times the rest of `import rdtf`

        own = vars(sys.modules[package])
        found = (module.name for module in pkgutil.iter_modules(own["__path__"]))
        return sorted({*own, *names, *(n for n in found if not n.startswith("_"))})

    return get, names_of
