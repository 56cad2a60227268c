"""The rooms of the house: imports run down only, and `import rdtf` stays light.

The table below is the design. A file of `rdtf` that is not in it fails, an import that
runs up fails, and so does one between rooms of the same floor, unless NEIGHBOURS names
it. Imports inside functions count too; so do the names of modules in string constants,
as they are imported by name, and what is read off `rdtf` itself.

Modules import one another in no circle, of functions neither. A package is its `__init__`:
what a module takes from it by the name of a module (`from rdtf.losses import pixels`,
`from rdtf.losses.pixels import flatten`) is an import of that module alone, although Python
runs `__init__` first, and any other name (`from rdtf.losses import per_pixel`) is an import
of `__init__`, which itself imports what it hands on. So a package may hand on its modules'
names to others, but a module that asks its own package for what a sibling has is a circle.
"""

import ast
import pathlib
import subprocess
import sys

import pytest

import rdtf

ROOT = pathlib.Path(__file__).resolve().parents[1]

FLOORS = {
    "types": 0,
    "status": 0,
    "math": 0,
    "lazy": 0,
    "command": 0,  # starts apps, and imports none
    "__main__": 1,
    "names": 0,
    "grids": 1,
    "models": 1,
    "storage": 1,
    "images": 1,
    "operators": 2,
    "homogeneous": 2,
    "initial_conditions": 2,
    "schemes": 3,
    "engines": 4,
    "simulation": 5,
    "gradients": 6,
    "losses": 6,
    "constraints": 6,
    "recording": 6,
    "analysis": 7,
    "inverse": 8,
}
# (importer, imported) on one floor.
NEIGHBOURS = {
    ("images", "storage"),  # pictures become targets
    ("initial_conditions", "homogeneous"),  # patches on a uniform state
}
# Wings stand beside the house. They may import any floor, but viz only floors 0 and 1;
# floors 7 and up may import viz, and only viz.
WINGS = {"viz", "patterns", "generative", "dynamics", "cells"}
BETWEEN_WINGS = {
    ("patterns", "viz"),
    ("generative", "viz"),
    ("generative", "patterns"),
    ("dynamics", "viz"),
    ("dynamics", "patterns"),
    ("dynamics", "generative"),
    ("cells", "viz"),
}
LIBRARY = sorted((ROOT / "rdtf").rglob("*.py"))
APPS = sorted((ROOT / "apps").rglob("*.py"))


def may_import(importer: str, imported: str) -> bool:
    """Whether a room may import a room; rooms are as in the table, or `apps`."""
    if importer in ("apps", imported):
        return True
    if imported not in FLOORS and imported not in WINGS:
        return False  # apps, or a room that the table does not know
    if importer in WINGS and imported in WINGS:
        return (importer, imported) in BETWEEN_WINGS
    if importer in WINGS:
        return importer != "viz" or FLOORS[imported] <= 1
    if importer not in FLOORS:
        # rdtf/__init__.py is light; the rest are unknown rooms.
        return (importer, imported) == ("__init__", "lazy")
    if imported in WINGS:
        return imported == "viz" and FLOORS[importer] >= 7
    return FLOORS[imported] < FLOORS[importer] or (importer, imported) in NEIGHBOURS


def room_of(module: str) -> str:
    """`rdtf.losses.spectra` -> losses; `rdtf` -> __init__; `apps.fit` -> apps."""
    package, _, rest = module.partition(".")
    return package if package == "apps" else (rest.partition(".")[0] or "__init__")


def module_of(path: pathlib.Path) -> str:
    """rdtf/losses/__init__.py -> rdtf.losses."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(module: str, source: str, is_package: bool = False):
    """Yields (line, module) for every import of rdtf or apps in a source text.

    A name that `rdtf` hands on (`rdtf.Grid`) counts as its room (`rdtf.grids`); its
    version does not count. `rdtf.*` stands for an import of everything.
    """
    tree = ast.parse(source)
    aliases = {
        alias.asname or "rdtf"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "rdtf" or (alias.name.startswith("rdtf.") and not alias.asname)
    }
    for node in ast.walk(tree):
        found = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names if alias.name != "rdtf"]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node, is_package)
            found = list(dict.fromkeys(_named(base, a.name) for a in node.names))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in aliases:
                found = [_handed_on(node.attr)]
        elif isinstance(node, ast.Constant) and _is_module(node.value):
            found = [node.value]
        for name in found:
            if name.partition(".")[0] in ("rdtf", "apps") and name != "rdtf":
                yield node.lineno, name


def _named(base, name):
    """What `from base import name` imports: a module, or the one that has the name."""
    if base == "rdtf":
        return _handed_on(name)
    return f"{base}.{name}" if _is_module(f"{base}.{name}") else base


def _absolute(module, node, is_package):
    if not node.level:
        return node.module
    parts = module.split(".") + (["__init__"] if is_package else [])
    return ".".join(parts[: -node.level] + ([node.module] if node.module else []))


def _handed_on(name):
    if name in ("__version__", "__name__", "__doc__"):
        return "rdtf"
    return f"rdtf.{rdtf._NAMES.get(name, name)}"


def _is_module(text):
    """Whether a constant names a module of this tree, such as "rdtf.engines.xla"."""
    if not isinstance(text, str) or "." not in text:
        return False
    if not all(part.isidentifier() for part in text.split(".")):
        return False
    path = ROOT.joinpath(*text.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def violations(module: str, source: str, is_package: bool = False) -> list[str]:
    """One line for each import that the table forbids."""
    importer = room_of(module)
    return [
        f"{module}:{line}: {importer} may not import {name}"
        for line, name in imported_modules(module, source, is_package)
        if not may_import(importer, room_of(name))
    ]


@pytest.mark.parametrize(
    "path", LIBRARY + APPS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_imports_run_down(path):
    source = path.read_text(encoding="utf-8")
    assert not violations(module_of(path), source, path.name == "__init__.py")


def test_every_room_has_a_floor():
    rooms = {room_of(module_of(path)) for path in LIBRARY} - {"__init__"}
    assert rooms and APPS
    assert not rooms - set(FLOORS) - WINGS, "give new rooms a floor in FLOORS"


def test_every_directory_is_a_package():
    for directory in {path.parent for path in LIBRARY + APPS}:
        assert (directory / "__init__.py").exists(), "a wheel would leave it out"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rdtf.grids", "from rdtf import simulation"),
        ("rdtf.grids", "from rdtf import Simulation"),
        ("rdtf.grids", "from rdtf.simulation import Simulation"),
        ("rdtf.grids", "import rdtf.simulation"),
        ("rdtf.grids", "import rdtf.simulation as simulation"),
        ("rdtf.grids", "import rdtf\n\ndef f():\n    return rdtf.Simulation"),
        ("rdtf.grids", "import rdtf as lab\nlab.simulation"),
        ("rdtf.grids", "from .simulation import Simulation"),
        ("rdtf.grids", "from . import simulation"),
        ("rdtf.grids", "from rdtf import *"),
        ("rdtf.grids", "def f():\n    from rdtf import simulation"),
        ("rdtf.grids", "import_module('rdtf.simulation')"),
        ("rdtf.grids", "from rdtf import models"),
        ("rdtf.models.base", "from ..schemes import get"),
        ("rdtf.homogeneous", "from rdtf import initial_conditions"),
        ("rdtf.simulation", "from rdtf import viz"),
        ("rdtf.viz.frames", "from rdtf import schemes"),
        ("rdtf.patterns.targets", "from rdtf import generative"),
        ("rdtf.inverse.trainer", "from rdtf import patterns"),
        ("rdtf.inverse.trainer", "from apps import common"),
        ("rdtf.newcomer", "from rdtf import status"),
        ("rdtf.inverse.trainer", "from rdtf import newcomer"),
        ("rdtf", "from rdtf import status"),
    ],
)
def test_checker_catches(module, source):
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rdtf.grids", "import numpy\nfrom rdtf.status import InputError"),
        ("rdtf.grids", "import rdtf\nrdtf.__version__"),
        ("rdtf.models.base", "from .gray_scott import GRAY_SCOTT"),
        ("rdtf.models.base", "'''see rdtf.simulation'''"),
        ("rdtf.initial_conditions", "from rdtf import homogeneous"),
        ("rdtf.inverse.trainer", "from rdtf import Simulation, losses, viz"),
        ("rdtf.generative.flow", "from rdtf import patterns, simulation, viz"),
        ("rdtf.viz.frames", "from rdtf import grids"),
        ("apps.fit", "import rdtf\nfrom apps import common\nrdtf.inverse"),
    ],
)
def test_checker_lets_pass(module, source):
    assert not violations(module, source)


def test_checker_resolves_a_package_s_own_relative_imports():
    source = "from . import pixels\nfrom .. import inverse"
    assert len(violations("rdtf.losses", source, is_package=True)) == 1


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach one another, given what each imports."""

    def reached(module):
        found, waiting = set(), [module]
        while waiting:
            new = imports.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    reach = {module: reached(module) for module in imports}
    groups = {
        frozenset(m for m in reach[module] if module in reach[m])
        for module in imports
        if module in reach[module]
    }
    return sorted(map(sorted, groups))


def _imports_of(sources: dict[str, str], packages=()) -> dict[str, set[str]]:
    return {
        module: {
            name
            for _, name in imported_modules(module, source, module in packages)
            if name != module
        }
        for module, source in sources.items()
    }


def test_no_import_circles():
    paths = {module_of(path): path for path in LIBRARY + APPS}
    sources = {m: path.read_text(encoding="utf-8") for m, path in paths.items()}
    packages = {m for m, path in paths.items() if path.name == "__init__.py"}
    imports = _imports_of(sources, packages)
    assert sum(map(len, imports.values())) > len(imports)
    assert not circles(imports)


@pytest.mark.parametrize(
    ("pixels", "package", "expected"),
    [
        ("from rdtf.losses import spectra", "", True),
        ("def f():\n    from rdtf.losses.spectra import power_spectrum", "", True),
        ("import rdtf.losses.spectra", "", True),
        ("from . import spectra", "", True),
        ("import_module('rdtf.losses.spectra')", "", True),
        ("from rdtf.losses import LOSSES", "from rdtf.losses import pixels", True),
        ("from rdtf.losses import LOSSES", "", False),
        ("from rdtf.losses import summaries", "from rdtf.losses import pixels", False),
        ("from rdtf import grids", "from rdtf.losses.pixels import flatten", False),
    ],
)
def test_circles_are_found(pixels, package, expected):
    sources = {
        "rdtf.losses": package,
        "rdtf.losses.pixels": pixels,
        "rdtf.losses.spectra": "from rdtf.losses.pixels import flatten",
        "rdtf.losses.summaries": "import numpy",
        "rdtf.grids": "",
    }
    assert bool(circles(_imports_of(sources, {"rdtf.losses"}))) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "import rdtf",
        "from rdtf import grids, images, math, models, names, status, storage, types",
    ],
)
def test_import_is_light(statement):
    heavy = (
        "import sys; print(*sorted({'tensorflow', 'tensorflow_probability', 'tf_keras', "
        "'keras', 'sympy', 'scipy', 'matplotlib', 'numba', 'PIL', 'imageio'} "
        "& set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{statement}; {heavy}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == ""
