"""How often the house rebuilds one idea: counted from its source.

Each count is a rule on the syntax tree, so that anyone gets the same number; a module that
it names is a place to look at.
"""

import ast
import importlib.util
import json
import math
import pathlib
import subprocess
import sys

from benchmarks import house_style_counts

_LONG = 130  # lines of an app
_NOT_SYMPY = {"np", "numpy", "tf", "scipy", "derivatives"}


def show(root: pathlib.Path) -> None:
    """Prints the table."""
    modules = {
        p: ast.parse(p.read_text("utf-8")) for p in (root / "rdtf").rglob("*.py")
    }
    apps = {p: ast.parse(p.read_text("utf-8")) for p in (root / "apps").glob("*.py")}
    floors = _floors(root)
    graph = _imports(root, {**modules, **apps}, floors)
    upward = [
        line
        for path, tree in {**modules, **apps}.items()
        for line in floors.violations(
            floors.module_of(path), ast.unparse(tree), path.name == "__init__.py"
        )
    ]
    rows = {
        "modules that differentiate a model": _holding(modules, _differentiates, root),
        "modules with weights of a stencil": _holding(modules, _has_weights, root),
        "modules with a way to resume": _holding(modules, _resumes, root),
        "import circles": [" <-> ".join(sorted(c)) for c in _circles(graph)],
        "imports that run up": upward,
        f"apps' files over {_LONG} lines": [
            f"{p.name} {n}" for p in sorted(apps) if (n := _length(p)) > _LONG
        ],
        "public names out of reach of `import rdtf`": _unreachable(root, modules),
    }
    rows |= house_style_counts.rows(root)
    for name, places in rows.items():
        print(f"{len(places):4}  {name}", *places[:20], sep="\n        ")
    lines = house_style_counts.code_lines(root)
    print(f"{lines:,}  lines of code in rdtf, without docstrings, comments and blanks")


def _holding(modules, rule, root):
    found = [p for p, tree in modules.items() if rule(tree)]
    return sorted(p.relative_to(root).as_posix() for p in found)


def _length(path):
    """Lines of a file, without those that define flags: help texts may be long."""
    text = path.read_text("utf-8")
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    defined = [n for n in calls if ast.unparse(n.func).startswith("flags.DEFINE")]
    return len(text.splitlines()) - sum(n.end_lineno - n.lineno + 1 for n in defined)


def _calls(tree):
    """(what a method is called on, its name, the call) of every call of a method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr, node


def _differentiates(tree):
    """`x.diff(...)` of anything but an array, or a Jacobian of SymPy."""
    sympy = any("sympy" in ast.unparse(n) for n in ast.walk(tree) if _is_import(n))
    for owner, name, _ in _calls(tree):
        if owner in _NOT_SYMPY:
            continue
        if name == "diff":
            return True
        if name == "jacobian" and sympy:
            return True
    return False


def _is_import(node):
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _has_weights(tree):
    """Numbers that are the weights of a second difference, or its symbol in cosines."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Tuple, ast.List)) and _is_stencil(_numbers(node)):
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            text = ast.unparse(node)
            if "cos(" in text and text.startswith(("2.0 *", "16 *", "2 *")):
                return True
    diagonal = any(
        name == "diag" and "-2.0 *" in ast.unparse(call)
        for _, name, call in _calls(tree)
    )
    text = ast.unparse(tree)
    return diagonal or ("roll(" in text and "- 4.0 *" in text)


def _numbers(node):
    try:
        values = [eval(compile(ast.Expression(e), "", "eval"), {}) for e in node.elts]
    except Exception:  # noqa: BLE001 - not numbers alone
        return []
    return values if all(isinstance(v, (int, float)) for v in values) else []


def _is_stencil(values):
    """Whether values are all weights (1, -2, 1) or those of one side (-2, 1)."""
    if len(values) < 2 or len(set(values)) < 2 or max(map(abs, values)) < 2:
        return False
    size = max(map(abs, values))
    whole = len(values) % 2 and values == values[::-1] and len(values) > 2
    both = sum(values) if whole else values[0] + 2.0 * sum(values[1:])
    centre = values[len(values) // 2] if whole else values[0]
    return centre == -size and math.isclose(both, 0.0, abs_tol=1e-12 * size)


def _resumes(tree):
    """Writes by itself what a killed run goes on from, rather than through another."""
    text = ast.unparse(tree)
    marks = (
        "CheckpointManager(" in text,
        "write_json(self._path" in text and "json.loads" in text,
        "checkpoint" in text.lower() and ".savez(" in text,
        "os.fsync(" in text,
        "['written'][place] = 1" in text and "transaction(" not in text,
        "'a', encoding=" in text,
    )
    return any(marks)


def _floors(root):
    """The table of rooms and the checker of tests/floors_test.py."""
    path = root / "tests" / "floors_test.py"
    spec = importlib.util.spec_from_file_location("floors", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _imports(root, trees, floors):
    """module -> modules that it imports, in functions too; packages are left out."""
    known = {floors.module_of(p) for p in trees if p.name != "__init__.py"}
    graph = {}
    for path, tree in trees.items():
        name = floors.module_of(path)
        if name not in known:
            continue
        graph[name] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                graph[name] |= {a.name for a in node.names} & known
            elif isinstance(node, ast.ImportFrom):
                parts = name.split(".")[: -node.level] if node.level else []
                base = ".".join([*parts, *([node.module] if node.module else [])])
                found = {base, *(f"{base}.{a.name}" for a in node.names)}
                graph[name] |= found & known - {name}
    return graph


def _circles(graph):
    """Strongly connected sets of more than one module: what reaches each other."""
    reached = {}
    for start in graph:
        seen, stack = set(), [start]
        while stack:
            new = graph.get(stack.pop(), set()) - seen
            seen |= new
            stack += new
        reached[start] = seen
    circles = {
        frozenset({b for b in reached[a] if a in reached.get(b, ())} | {a})
        for a in graph
        if a in reached[a]
    }
    return sorted(circles, key=sorted)


_PROBE = """
import json, sys, rdtf
lost = []
for name in json.load(sys.stdin):
    place = rdtf
    try:
        for part in name.split(".")[1:]:
            place = getattr(place, part)
    except AttributeError:
        lost.append(name)
print("\\n" + json.dumps(lost))
"""


def _unreachable(root, modules):
    """Public functions and classes that attributes of `rdtf` do not lead to."""
    names = []
    for path, tree in modules.items():
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if any(part.startswith("_") for part in parts):
            continue
        names += [
            ".".join([*parts, node.name])
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            and not node.name.startswith("_")
        ]
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE], input=json.dumps(names), cwd=root, text=True,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(probe.stdout.splitlines()[-1])
