"""How often the house breaks its own rules of style, counted from its source.

Compiled kernels are set aside where arguments are counted: Numba wants them one by one,
and each that is packed into a tuple costs time. Kernels are the functions below
decorators of Numba, and what is handed to such functions in the files of `_COMPILED`.
"""

import ast
import io
import pathlib
import re
import tokenize

_MOST_PARAMETERS = 7
_MOST_POSITIONAL = 5
_LONGEST_FUNCTION = 60
_WIDEST = 88  # columns
_WIDE_SIGNATURE = 4  # parameters, from which on a docstring lists them
_COMPILED = (
    *(
        f"rdtf/engines/native/{name}.py"
        for name in ("drivers", "passes", "thread_pool", "work_sharing", "intrinsics")
    ),
    "rdtf/cells/kernels.py",
)
_DRIVERS = ("forward", "backward", "steady")  # called through `build.drivers()`
_NUMBA = ("njit", "jit", "cfunc", "intrinsic", "vectorize", "guvectorize")
_WORDS = re.compile(
    r"\b(left[- ]?overs?|leav(e|es|ing) over|sick|fell ill|falls? ill|rungs?|rivals?"
    r"|crews?)\b",
    re.IGNORECASE,
)
_SPOKEN = ("__init__", "__call__")  # by the docstring of the class, and as a verb
_RUNGS = "continuation"  # where a rung is what it says: a snake has rungs


def rows(root: pathlib.Path) -> dict[str, list[str]]:
    """What is counted -> the places."""
    code = [p for room in ("rdtf", "apps") for p in sorted((root / room).rglob("*.py"))]
    trees = {
        p.relative_to(root).as_posix(): ast.parse(p.read_text("utf-8")) for p in code
    }
    texts = [*code, *sorted((root / "docs").glob("*.md")), root / "README.md"]
    functions = [
        (name, node)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
    return {
        f"functions with more than {_MOST_PARAMETERS} parameters": [
            f"{name} {f.name} {len(_parameters(f))}"
            for name, f in functions
            if len(_parameters(f)) > _MOST_PARAMETERS and not _is_kernel(name, f)
        ],
        f"calls with more than {_MOST_POSITIONAL} positional arguments": [
            f"{name}:{call.lineno} {ast.unparse(call.func)[:40]} {len(call.args)}"
            for name, tree in trees.items()
            for call in ast.walk(tree)
            if isinstance(call, ast.Call)
            and len(call.args) > _MOST_POSITIONAL
            and not _calls_kernel(name, call)
        ],
        f"functions over {_LONGEST_FUNCTION} lines": [
            f"{name} {f.name} {length}"
            for name, f in functions
            if (length := f.end_lineno - f.lineno + 1) > _LONGEST_FUNCTION
        ],
        f"public functions of {_WIDE_SIGNATURE} or more parameters without Args": [
            f"{name} {place}"
            for name, tree in trees.items()
            for place in _without_args(name, tree.body)
        ],
        f"lines over {_WIDEST} columns": [
            f"{p.relative_to(root).as_posix()}:{number}"
            for p in code
            for number, line in enumerate(p.read_text("utf-8").splitlines(), start=1)
            if len(line) > _WIDEST
        ],
        "words that the glossary replaces": [
            f"{p.relative_to(root).as_posix()}:{number} {match[0]}"
            for p in texts
            for number, line in enumerate(p.read_text("utf-8").splitlines(), start=1)
            for match in _WORDS.finditer(line)
            if not (match[0].lower().startswith("rung") and _RUNGS in p.as_posix())
        ],
    }


def code_lines(root: pathlib.Path) -> int:
    """Lines of `rdtf` that hold code: no docstrings, no comments, no blank lines."""
    files = (root / "rdtf").rglob("*.py")
    return sum(len(_code_lines(path.read_text("utf-8"))) for path in files)


def _code_lines(text):
    """The numbers of the lines of code of a file."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    nothing = (
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT),
        *(tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER),
    )
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in nothing:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return lines - docstrings


def _parameters(function):
    args = function.args
    every = (*args.posonlyargs, *args.args, *args.kwonlyargs)
    return [a.arg for a in every if a.arg not in ("self", "cls")]


def _is_kernel(name, function):
    """Whether Numba compiles a function, or it is handed to one that Numba compiles."""
    if name in _COMPILED:
        return True
    decorators = " ".join(ast.unparse(d) for d in function.decorator_list)
    return any(re.search(rf"\b{kind}\b", decorators) for kind in _NUMBA)


def _calls_kernel(name, call):
    """Whether a call is one inside compiled code, or one of a driver of it."""
    called = ast.unparse(call.func)
    return name in _COMPILED or called in [f"build.drivers().{d}" for d in _DRIVERS]


def _without_args(name, body, owner=None):
    """Public functions and methods whose docstring does not list their parameters."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _without_args(name, node.body, node)
        if not isinstance(node, ast.FunctionDef):
            continue
        is_public = not node.name.startswith("_") or node.name in _SPOKEN
        wide = len(_parameters(node)) >= _WIDE_SIGNATURE
        if is_public and wide and not _is_kernel(name, node):
            docstring = ast.get_docstring(node) or ""
            if node.name == "__init__" and owner is not None:
                docstring += ast.get_docstring(owner) or ""
            if "Args:" not in docstring:
                yield f"{owner.name}.{node.name}" if owner else node.name
