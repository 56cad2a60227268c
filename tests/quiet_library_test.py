"""The library never prints: it reports through callbacks, log records and values."""

import ast
import pathlib

import pytest

import rdtf

ROOM = pathlib.Path(rdtf.__file__).parent
BARS = {"tqdm", "Progbar", "ProgbarLogger"}


def _spoken(tree):
    """What in a module writes to the console, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "print":
            yield f"print in line {node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"}:
            yield f"{node.attr} in line {node.lineno}"
        names = {getattr(node, key, None) for key in ("id", "attr", "module", "name")}
        if names & BARS:
            yield f"a progress bar in line {node.lineno}"
        silent = isinstance(node, ast.keyword) and ast.unparse(node.value) == "0"
        if isinstance(node, ast.keyword) and node.arg == "verbose" and not silent:
            yield f"verbose in line {node.value.lineno}"


ALOUD = {
    ROOM / "command.py",  # a program
    ROOM / "inverse" / "reporting" / "progress.py",  # off with rdtf.fit(progress=False)
}
MODULES = sorted(set(ROOM.rglob("*.py")) - ALOUD)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_no_module_prints(path):
    assert not list(_spoken(ast.parse(path.read_text(encoding="utf-8"))))


def test_what_counts_as_printing():
    for line in (
        "print(1)",
        "import sys; sys.stderr.write('x')",
        "from tqdm import tqdm",
        "import tqdm",
        "keras.utils.Progbar(3)",
        "model.fit(x, verbose=2)",
        "model.fit(x, verbose=verbose)",
    ):
        assert list(_spoken(ast.parse(line))), line
    assert not list(_spoken(ast.parse("model.predict(x, verbose=0)")))
