"""Docstrings name what there is: parameters, fields, results, modules and functions."""

import ast
import contextlib
import importlib
import pathlib
import re

import pytest

import rdtf

ROOM = pathlib.Path(rdtf.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))
ENTRY = re.compile(r"((?:\*{0,2}\w+)(?:, \*{0,2}\w+)*): ?")
REFERENCE = re.compile(r"`(rdtf(?:\.\w+)+)")
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
CLASSES = {
    node.name: node
    for tree in TREES.values()
    for node in tree.body
    if isinstance(node, ast.ClassDef)
}


def entries(docstring: str, section: str) -> list[str]:
    """The names that a section of a docstring describes, in order."""
    lines = docstring.splitlines()
    if section + ":" not in [line.strip() for line in lines]:
        return []
    first = [line.strip() for line in lines].index(section + ":")
    margin = len(lines[first]) - len(lines[first].lstrip())
    names = []
    for line in lines[first + 1 :]:
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if indent <= margin:
            break
        if indent == margin + 2:
            found = ENTRY.match(line.strip())
            assert found, f"not NAME: ... or NAME, NAME: ...: {line.strip()!r}"
            names += [name.lstrip("*") for name in found[1].split(", ")]
    return names


def parameters(node: ast.FunctionDef) -> set[str]:
    """The names of a function's parameters."""
    args = node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {argument.arg for argument in every if argument is not None}


def fields(node: ast.ClassDef) -> set[str]:
    """The names of what a class has: annotated, assigned, set on self, properties."""
    found = set()
    for item in node.body:
        if isinstance(item, ast.AnnAssign):
            found.add(item.target.id)
        elif isinstance(item, ast.Assign):
            found |= {target.id for target in item.targets}
        elif isinstance(item, ast.FunctionDef):
            found.add(item.name)
            found |= {
                target.attr
                for target in ast.walk(item)
                if isinstance(target, ast.Attribute)
                and isinstance(target.ctx, ast.Store)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
            }
    return found


def constructor(node: ast.ClassDef) -> set[str]:
    """The names that a class is made with: of __init__ or __new__, else its fields.

    Where it hands **kwargs on, those of the classes of `rdtf` below it, too.
    """
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name in ("__init__", "__new__"):
            below = [
                CLASSES.get(ast.unparse(base).split(".")[-1]) for base in node.bases
            ]
            handed_on = [constructor(base) for base in below if base is not None]
            return parameters(item).union(*(handed_on if item.args.kwarg else ()))
    return fields(node)


def wrong(tree: ast.Module) -> list[str]:
    """What the docstrings of a module name that is not there."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        docstring = ast.get_docstring(node, clean=True) or ""
        is_class = isinstance(node, ast.ClassDef)
        known = constructor(node) if is_class else parameters(node)
        for name in entries(docstring, "Args"):
            if name not in known:
                found.append(f"{node.name}: no parameter {name}")
        if is_class:
            for name in entries(docstring, "Attributes"):
                if name not in fields(node):
                    found.append(f"{node.name}: no field {name}")
        elif "Returns:" in docstring.split() and not returns(node):
            found.append(f"{node.name}: returns nothing")
    return found


def returns(node: ast.FunctionDef) -> bool:
    """Whether a function, not one inside it, returns a value.

    One of a docstring alone is a declaration of a Protocol, which says so by its type.
    """
    if len(node.body) == 1 and ast.get_docstring(node):
        return node.returns is not None and ast.unparse(node.returns) != "None"
    nodes = list(node.body)
    while nodes:
        item = nodes.pop()
        if isinstance(item, ast.Return) and item.value is not None:
            return True
        if not isinstance(item, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            nodes += ast.iter_child_nodes(item)
    return False


def resolves(name: str) -> bool:
    """Whether `rdtf.a.b` can be imported, or read off what can."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        with contextlib.suppress(ImportError):
            found = importlib.import_module(".".join(parts[:count]))
            for part in parts[count:]:
                if not hasattr(found, part):
                    return False
                found = getattr(found, part)
            return True
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_docstrings_name_what_there_is(path):
    assert not wrong(TREES[path])


def test_references_lead_somewhere():
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    names = {(name, path) for path in FILES for name in REFERENCE.findall(texts[path])}
    assert len(names) > 50
    names = {(n, p) for n, p in names if n != "rdtf.apps"}  # there in wheels alone
    assert not {f"{path}: {name}" for name, path in names if not resolves(name)}
    assert not resolves("rdtf.no_such_module") and not resolves("rdtf.grids.NoGrid")


GOOD = """
class Base:
    def __init__(self, shape, **kwargs):
        self.level = 1


class Sub(Base):
    '''Text.

    Args:
      size, shape: a: b.
      *rest: more.

    Attributes:
      level: known.
      area: a property.
    '''

    def __init__(self, size, *rest, **kwargs):
        self.level = 2

    @property
    def area(self):
        '''Text.

        Returns:
          Something.
        '''
        return 1
"""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("size, shape: a", "size, form: a", ["Sub: no parameter form"]),
        ("level: known", "rate: unknown", ["Sub: no field rate"]),
        ("return 1", "pass", ["area: returns nothing"]),
        ("", "", []),
    ],
)
def test_what_counts_as_wrong(old, new, found, monkeypatch):
    tree = ast.parse(GOOD.replace(old, new) if old else GOOD)
    monkeypatch.setitem(CLASSES, "Base", tree.body[0])
    assert wrong(tree) == found
