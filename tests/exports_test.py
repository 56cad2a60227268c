"""Every public function and class of rdtf is an attribute away from `import rdtf`."""

import ast
import importlib
import importlib.util
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
NEEDS = {"rdtf.recording.lazy": "xarray"}  # modules of extras -> what they import
NEEDS |= dict.fromkeys(("rdtf.cells", "rdtf.engines.native"), "numba")


def _module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _can_be_imported(module):
    return all(
        importlib.util.find_spec(library)
        for name, library in NEEDS.items()
        if f"{module}.".startswith(f"{name}.")
    )


def _public():
    """ "rdtf.module.name" of all that is defined without an underscore, unimported."""
    for path in sorted((ROOT / "rdtf").rglob("*.py")):
        module = _module_of(path)
        if path.stem == "__main__" or not _can_be_imported(module):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            if isinstance(node, kinds) and not node.name.startswith("_"):
                yield f"{module}.{node.name}"


def _fresh(code, *arguments):
    """What a new process prints that has imported rdtf and nothing else."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys, rdtf\n{code}"],
        input="\n".join(arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_all_is_reached_from_import_rdtf():
    """Its modules are found by path alone, so no function may hide one."""
    names = list(_public())
    assert len(names) > 700
    assert "rdtf.dynamics.low_dimensional.data.make" in names
    missed = _fresh(
        "for name in sys.stdin.read().split():\n"
        "    found = rdtf\n"
        "    for part in name.split('.')[1:]:\n"
        "        found = getattr(found, part, None)\n"
        "    parent, _, own = name.rpartition('.')\n"
        "    if getattr(found, '__module__', None) != parent: print(name)",
        *names,
    )
    assert missed == []


def test_what_dir_lists_is_there():
    """A lazy table may name what is gone, and nobody would see it."""
    packages = {_module_of(p) for p in (ROOT / "rdtf").rglob("__init__.py")}
    for name in sorted(filter(_can_be_imported, packages)):
        package = importlib.import_module(name)
        for own in filter(lambda own: _can_be_imported(f"{name}.{own}"), dir(package)):
            getattr(package, own)


def test_dir_lists_modules_and_main_names_before_they_are_loaded():
    found = _fresh("print(*dir(rdtf.generative)); print('tensorflow' in sys.modules)")
    assert {"networks", "samplers", "Denoiser", "train"} <= set(found)
    assert found[-1] == "False"


def test_what_is_not_there_is_an_attribute_error():
    found = _fresh("print(hasattr(rdtf, 'nothing'), hasattr(rdtf.models, '_nothing'))")
    assert found == ["False", "False"]


def test_a_missing_library_is_not_a_missing_module():
    """Without xarray `rdtf.recording.lazy` says that xarray is what is missing."""
    found = _fresh(
        "sys.modules['xarray.backends'] = None\n"
        "try: rdtf.recording.lazy\n"
        "except ModuleNotFoundError as error: print(error.name)"
    )
    assert found == ["xarray.backends"] or not _can_be_imported("rdtf.recording.lazy")
