"""The right-hand side of an equation: from text to R + ∇²Q + ∇⁴P.

The text is parsed as a Python expression and its tree is read node by node against a
closed list; nothing of it is ever executed.
"""

import ast
import dataclasses
import keyword
import re
import warnings

from rdtf.models.expressions import FUNCTIONS, Program
from rdtf.status import InputError

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_LARGEST_DEPTH, _LARGEST_EXPONENT = 100, 100
ONLY = f"numbers, names, + - * / **, parentheses, {' '.join(FUNCTIONS)} and lap"


@dataclasses.dataclass(frozen=True)
class Sides:
    """R, and the terms of Q and P as (coefficient, argument), in steps of a program."""

    plain: int | None = None
    laps: tuple[tuple[int, int], ...] = ()
    bilaps: tuple[tuple[int, int], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it has no Laplacian."""
        return not self.laps and not self.bilaps


def shorten(text: str) -> str:
    """The text as one quoted line of bounded length."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else line[:57] + "...")


def parse(text: str) -> ast.expr:
    """The tree of an expression, in which ^ is a power; not yet checked.

    Raises:
      InputError: if it is no expression, or uses a keyword of Python as a name.
    """
    for word in re.findall(r"[^\W\d]\w*", text):
        if keyword.iskeyword(word):
            raise InputError(
                f"Expected {ONLY}, got the Python keyword {word!r} in {shorten(text)}: "
                f"call it {word}_ if it is a name."
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a compiler, on what we refuse anyway
            return ast.parse(text.replace("^", "**").strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(
            f"Expected an expression of {ONLY}, got {shorten(text)}."
        ) from None


def unparse(node: ast.AST) -> str:
    """A tree as text again."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return type(node).__name__


class Reader:
    """Reads trees into one program.

    Args:
      program: what expressions are added to.
      species: names that are fields; all others are parameters.
    """

    def __init__(self, program: Program, species: tuple[str, ...]):
        self._program, self._species = program, set(species)

    def read(self, node: ast.expr, depth: int = 0) -> Sides:
        """The sides of a tree; raises InputError if it is not of the closed list."""
        if depth > _LARGEST_DEPTH:
            raise InputError(
                f"Expected at most {_LARGEST_DEPTH} operations inside one another: "
                "split the equation into fewer terms."
            )
        read = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.Call: self._call,
        }.get(type(node))
        if read is None:
            raise InputError(f"Expected only {ONLY}, got {shorten(unparse(node))}.")
        try:
            return read(node, depth + 1)
        except ArithmeticError as error:
            raise InputError(f"{error}, got {shorten(unparse(node))}.") from None

    def _constant(self, node, depth):
        if type(node.value) not in (int, float):
            raise InputError(f"Expected real numbers, got {shorten(unparse(node))}.")
        return Sides(self._program.number(node.value))

    def _name(self, node, depth):
        check_name(node.id)
        return Sides(self._program.name(node.id))

    def _unary(self, node, depth):
        side = self.read(node.operand, depth)
        if isinstance(node.op, ast.UAdd):
            return side
        if not isinstance(node.op, ast.USub):
            raise InputError(f"Expected only {ONLY}, got {shorten(unparse(node))}.")
        return self._negative(side)

    def _negative(self, side):
        if side.is_plain:
            return Sides(self._program.apply("neg", side.plain))
        return self._scaled(side, "*", self._program.number(-1))

    def _binary(self, node, depth):
        operation = _BINARY.get(type(node.op))
        if operation is None:
            raise InputError(f"Expected only {ONLY}, got {shorten(unparse(node))}.")
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        if operation in "+-":
            return self._sum(left, right if operation == "+" else self._negative(right))
        if left.is_plain and right.is_plain:
            self._check_exponent(operation, right.plain, node)
            return Sides(self._program.apply(operation, left.plain, right.plain))
        if operation == "*" and left.is_plain:
            left, right = right, left
        if operation in "*/" and right.is_plain and self._is_uniform(right.plain):
            return self._scaled(left, operation, right.plain)
        raise InputError(
            "Expected lap(...) to be multiplied by parameters only, got "
            f"{shorten(unparse(node))}."
        )

    def _is_uniform(self, index):
        """Whether an expression is one of parameters alone."""
        return not self._species.intersection(self._program.names(index))

    def _check_exponent(self, operation, exponent, node):
        number = self._program.constant(exponent) if operation == "**" else None
        if number is not None and abs(number) > _LARGEST_EXPONENT:
            raise InputError(
                f"Expected exponents up to {_LARGEST_EXPONENT}, got "
                f"{shorten(unparse(node))}."
            )

    def _sum(self, left, right):
        both = [s.plain for s in (left, right) if s.plain is not None]
        plain = self._program.apply("+", *both) if len(both) == 2 else None
        return Sides(
            plain if len(both) == 2 else next(iter(both), None),
            left.laps + right.laps,
            left.bilaps + right.bilaps,
        )

    def _scaled(self, side, operation, factor):
        apply, plain = self._program.apply, side.plain
        return Sides(
            None if plain is None else apply(operation, plain, factor),
            tuple((apply(operation, c, factor), x) for c, x in side.laps),
            tuple((apply(operation, c, factor), x) for c, x in side.bilaps),
        )

    def _call(self, node, depth):
        function = node.func.id if isinstance(node.func, ast.Name) else None
        simple = len(node.args) == 1 and not node.keywords
        if not simple or function not in (*FUNCTIONS, "lap"):
            raise InputError(
                f"Expected functions among {', '.join(FUNCTIONS)} and lap, each of one "
                f"argument, got {shorten(unparse(node))}."
            )
        side = self.read(node.args[0], depth)
        if function == "lap":
            return self._laplacian(side, node)
        if not side.is_plain:
            raise InputError(
                "Expected lap(...) to be multiplied by parameters only, got "
                f"{shorten(unparse(node))}."
            )
        return Sides(self._program.apply(function, side.plain))

    def _laplacian(self, side, node):
        if side.bilaps:
            raise InputError(
                f"Expected at most lap(lap(...)), got {shorten(unparse(node))}."
            )
        laps = ()
        if side.plain is not None:
            if self._is_uniform(side.plain):
                raise InputError(
                    f"Expected a species inside lap(...), got {shorten(unparse(node))}."
                )
            laps = ((self._program.number(1), side.plain),)
        return Sides(None, laps, side.laps)


def check_name(name: str) -> None:
    """Raises InputError unless a species or parameter can be called so."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise InputError(
            "Expected names of letters and digits that are no Python keyword, got "
            f"{shorten(name)}: rename it."
        )
    if name in (*FUNCTIONS, "lap"):
        raise InputError(
            f"Expected {name} to be used as a function, {name}(...), got it as a name: "
            "rename it."
        )
